/* SPDX-License-Identifier: MIT */
#include "bench/stream_service.h"

#include "bench/chunk.h"
#include "stream.belay.h"

/* What a handler returns that has received as much as there was. */
static belay_code
end_of_input(belay_code code)
{
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

static belay_code
echo(belay_call *call)
{
    Helloworld__Chunk *chunk;
    belay_code code;
    while ((code = helloworld_stream_echo_recv_request(call, &chunk)) == BELAY_OK) {
        code = helloworld_stream_echo_send_reply(call, chunk);
        if (code != BELAY_OK)
            return code;
    }
    return end_of_input(code);
}

static belay_code
pull(belay_call *call, const Helloworld__PullRequest *request)
{
    Helloworld__Chunk chunk = HELLOWORLD__CHUNK__INIT;
    belay_code code = BELAY_OK;
    if (request->size < CHUNK_LEAST || request->size > CHUNK_MOST)
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "chunks of %llu bytes",
                          (unsigned long long)request->size);
    chunk.data.len = (size_t)request->size;
    chunk.data.data = belay_alloc(call, chunk.data.len);
    if (chunk.data.data == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    memset(chunk.data.data, 'x', chunk.data.len);
    for (uint64_t i = 0; i < request->count && code == BELAY_OK; i++) {
        chunk_set_number(chunk.data.data, i);
        code = helloworld_stream_pull_send_reply(call, &chunk);
    }
    return code;
}

static belay_code
push(belay_call *call, Helloworld__PushReply *reply)
{
    Helloworld__Chunk *chunk;
    belay_code code;
    for (uint64_t i = 0; (code = helloworld_stream_push_recv_request(call, &chunk)) == BELAY_OK; i++) {
        reply->count += chunk_has_number(chunk, i);
        reply->bytes += chunk->data.len;
    }
    return end_of_input(code);
}

belay_code
stream_service_add(belay_server *server)
{
    static const helloworld_stream_handlers handlers = {.echo = echo, .pull = pull, .push = push};
    return helloworld_stream_add(server, &handlers, NULL);
}
