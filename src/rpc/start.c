/* SPDX-License-Identifier: MIT */
/*
 * The caller's part of a client call: starting it.
 */
#include <stdlib.h>

#include "base/blocks.h"
#include "rpc/client_call.h"
#include "wire/metadata.h"

/* ---- Options ---------------------------------------------------------------------------------------- */

static const belay_call_options default_options = {.timeout_ns = BELAY_FOREVER};

belay_call_options *
belay_call_options_new(void)
{
    belay_call_options *options = malloc(sizeof *options);
    if (options != NULL)
        *options = default_options;
    return options;
}

void
belay_call_options_free(belay_call_options *options)
{
    if (options == NULL)
        return;
    belay_metadata_free(options->metadata);
    free(options);
}

void
belay_call_options_set_timeout(belay_call_options *options, uint64_t timeout_ns)
{
    options->timeout_ns = timeout_ns;
}

void
belay_call_options_set_wait_for_ready(belay_call_options *options, bool wait)
{
    options->wait_for_ready = wait;
}

belay_code
belay_call_options_set_compression(belay_call_options *options, belay_compression compression)
{
    if (options == NULL || !bly_compression_is_valid(compression))
        return BELAY_INVALID_ARGUMENT;
    options->compression = compression;
    options->has_compression = true;
    return BELAY_OK;
}

belay_code
belay_call_options_add_metadata(belay_call_options *options, const char *key, const void *value, size_t value_size)
{
    if (options == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (options->metadata == NULL && (options->metadata = belay_metadata_new()) == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    return belay_metadata_add(options->metadata, key, value, value_size);
}

/* ---- Starting --------------------------------------------------------------------------------------- */

static belay_compression
compression_of(const bly_client_host *host, const belay_call_options *options)
{
    return options->has_compression ? options->compression : host->compression;
}

static bly_client_call *
make_call(const bly_client_host *host, const belay_method *method, const belay_call_options *options)
{
    bly_client_call *client = bly_blocks_new(sizeof *client);
    if (client == NULL)
        return NULL;
    bly_call_init(&client->call, &bly_client_side, false, host->runtime, host->loop, host->limits,
                  host->receive_size, host->send_mark, host->stream_window);
    client->call.method = method;
    client->host = host;
    client->wait_for_ready = options->wait_for_ready;
    client->call.compression.out = compression_of(host, options);
    client->peer = host->target;
    bly_link_init(&client->handler_link);
    bly_link_init(&client->host_link);
    host->ops->retain(host->argument);
    if (options->metadata != NULL) {
        client->metadata = bly_metadata_copy(options->metadata);
        if (client->metadata == NULL) {
            bly_call_unref(&client->call);
            return NULL;
        }
    }
    return client;
}

/* The call's own context, a child of the one it is opened with. From here on it can be cancelled; `posted`
 * keeps that from reaching the I/O thread before the call is whole. */
static bool
make_context(bly_client_call *client, belay_context *parent, uint64_t timeout_ns)
{
    belay_call *call = &client->call;
    bly_context_environment *environment = &call->runtime->environment;
    uint64_t deadline = BELAY_FOREVER;
    if (timeout_ns != BELAY_FOREVER)
        deadline = bly_clock_after(bly_clock_now(environment->clock), timeout_ns);
    call->posted = true;
    __atomic_fetch_add(&call->runtime->calls_open, 1, __ATOMIC_RELAXED);
    call->context = bly_context_make(environment, parent, deadline, false, &call->context_owner, &call->flag);
    if (call->context == NULL) {
        __atomic_fetch_sub(&call->runtime->calls_open, 1, __ATOMIC_RELAXED);
        return false;
    }
    if (belay_context_time_left(call->context) == 0)
        bly_context_end(call->context, BELAY_CAUSE_DEADLINE, NULL);
    return true;
}

static void
belong_to_scope(bly_client_call *client, belay_context *context)
{
    client->scope = context != NULL ? bly_context_handler(context) : NULL;
    if (client->scope != NULL)
        bly_list_append(&client->scope->calls, &client->handler_link);
}

/* A call that has no credentials, and was to have some, ends before it begins. Not posted yet: nobody else sees it. */
static void
add_credentials(bly_client_call *client, const bly_credentials *credentials)
{
    const bly_client_host *host = client->host;
    const belay_credentials_request request = {.authority = host->authority, .method = client->call.method->path};
    const char *words = NULL;
    belay_code code = bly_credentials_add(credentials, host->is_secure, &request, &client->metadata, &words);
    if (code != BELAY_OK)
        bly_client_call_fail(&client->call, code, words);
}

/* Tells whether a packed request is larger than may be sent; of one that will be compressed only that tells. */
static bool
is_too_large(const bly_client_host *host, const belay_call_options *options, const bly_bytes *frame)
{
    if (compression_of(host, options) != BELAY_COMPRESSION_NONE ||
        frame->size - BLY_FRAME_PREFIX <= host->limits->limits->values[BELAY_LIMIT_SEND_SIZE])
        return false;
    bly_limit_reached(host->limits, BELAY_LIMIT_SEND_SIZE, host->target);
    return true;
}

/* Compresses the request, if it is to be. One that is too large all the same ends its call; then NULL. */
static bly_bytes *
compress_request(bly_client_call *client, bly_bytes *frame)
{
    frame = bly_call_frame_compress(&client->call, frame);
    if (frame == NULL || belay_cancelled(&client->call) ||
        bly_call_may_send(&client->call, frame->size - BLY_FRAME_PREFIX))
        return frame;
    bly_bytes_free(frame);
    bly_client_call_fail(&client->call, BELAY_RESOURCE_EXHAUSTED, "the request is larger than the channel may send");
    return NULL;
}

belay_code
bly_client_call_start(const bly_client_host *host, belay_context *context, const belay_method *method,
                      const ProtobufCMessage *request, const belay_call_options *options, bool announce,
                      belay_call **out)
{
    bool one_request = (method->flags & BELAY_CLIENT_STREAMING) == 0;
    if (options == NULL)
        options = &default_options;
    if (one_request != (request != NULL) || !bly_runtime_usable(host->runtime))
        return BELAY_INVALID_ARGUMENT;
    bly_blocks_keep_here();
    bly_bytes *frame = one_request ? bly_call_frame_pack(request) : NULL;
    if (one_request && frame == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    if (one_request && is_too_large(host, options, frame)) {
        bly_bytes_free(frame);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    bly_client_call *client = make_call(host, method, options);
    if (client == NULL || !make_context(client, context, options->timeout_ns)) {
        bly_bytes_free(frame);
        if (client != NULL)
            bly_call_unref(&client->call);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    belay_call *call = &client->call;
    belong_to_scope(client, context);
    if (options->credentials.function != NULL && !belay_cancelled(call))
        add_credentials(client, &options->credentials);
    frame = compress_request(client, frame);
    bly_mutex_lock(&call->lock);
    if (frame != NULL)
        bly_bytes_queue_push(&call->out, frame);
    call->out_ended = one_request;
    bly_mutex_unlock(&call->lock);
    bly_call_ref(call); /* the posted task's */
    if (announce)
        bly_call_post(call);
    else
        bly_loop_post_unannounced(call->loop, &call->task);
    *out = call;
    return BELAY_OK;
}
