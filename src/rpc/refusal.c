/* SPDX-License-Identifier: MIT */
#include "rpc/refusal.h"

#include <stdio.h>
#include <string.h>

#include "rpc/headers.h"

static bool
send_headers(bly_h2_stream *stream, int http_status, bool is_all)
{
    char status[8];
    int size = snprintf(status, sizeof status, "%d", http_status);
    bly_headers headers;
    bly_headers_init(&headers);
    bly_headers_add(&headers, (bly_h2_header){":status", status, 7, (size_t)size, false, false});
    bly_headers_add(&headers, BLY_H2_STATIC_HEADER("content-type", "text/plain"));
    if (http_status == 405)
        bly_headers_add(&headers, BLY_H2_STATIC_HEADER("allow", "POST"));
    bool sent = is_all ? bly_h2_stream_respond_only(stream, headers.list, headers.count)
                       : bly_h2_stream_respond(stream, headers.list, headers.count);
    bly_headers_fini(&headers);
    return sent;
}

static bool
send_words(bly_h2_stream *stream, const char *words)
{
    size_t size = strlen(words);
    bly_bytes *bytes = bly_bytes_new(size + 1);
    if (bytes == NULL)
        return false;
    memcpy(bytes->data, words, size);
    bytes->data[size] = '\n';
    bly_bytes_queue body;
    bly_bytes_queue_init(&body);
    bly_bytes_queue_push(&body, bytes);
    bly_h2_stream_write(stream, &body);
    return true;
}

static bool
send_status(bly_h2_stream *stream, belay_code code, const char *words)
{
    bly_headers trailers;
    bly_headers_init(&trailers);
    bly_headers_add_status(&trailers, code, words, strlen(words));
    bool sent = bly_h2_stream_end(stream, trailers.list, trailers.count, true);
    bly_headers_fini(&trailers);
    return sent;
}

bool
bly_refusal_send(bly_h2_stream *stream, int http_status, bool is_head, belay_code code, const char *words)
{
    if (is_head)
        return send_headers(stream, http_status, true);
    return send_headers(stream, http_status, false) && send_words(stream, words) && send_status(stream, code, words);
}
