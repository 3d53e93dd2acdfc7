/* SPDX-License-Identifier: MIT */
/*
 * Header blocks: those that come in are counted against the limits (nghttp2 announces a limit but does not
 * hold the peer to it), those that go out are put in nghttp2's form.
 */
#include <stdlib.h>
#include <string.h>

#include "h2/session.h"

/* What a field costs beyond its bytes (RFC 9113, 6.5.2). */
#define FIELD_OVERHEAD 32

/* ---- receiving ---- */

void
bly_h2_block_begin(bly_h2_connection *connection, bly_h2_stream *stream, bool is_request)
{
    connection->block = (bly_h2_block_state){.kind = BLY_H2_TRAILERS, .stream = stream};
    if (is_request)
        connection->block.kind = BLY_H2_REQUEST;
    else if (!connection->is_server && stream != NULL && !stream->received_final)
        connection->block.kind = BLY_H2_RESPONSE;
}

/* A response shows only by its status, always the first of its fields, that it is not the final one. */
static void
look_for_informational(bly_h2_block_state *block, const char *name, size_t name_size, const char *value,
                       size_t value_size)
{
    if (block->kind == BLY_H2_RESPONSE && name_size == 7 && memcmp(name, ":status", 7) == 0 &&
        value_size == 3 && value[0] == '1')
        block->kind = BLY_H2_INFORMATIONAL;
}

/* Over a limit the rest is dropped, and beyond the hard one the connection ends. */
static int
drop_oversized(bly_h2_connection *connection)
{
    bly_h2_block_state *block = &connection->block;
    block->oversized = true;
    if (block->bytes > connection->options.hard_header_list_bytes)
        bly_h2_calm(connection, BELAY_LIMIT_HEADER_LIST_HARD, "header list too large");
    return 0;
}

int
bly_h2_block_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                   const uint8_t *value, size_t value_size, uint8_t flags, void *user_data)
{
    bly_h2_connection *connection = user_data;
    bly_h2_block_state *block = &connection->block;
    const bly_h2_options *options = &connection->options;
    (void)session, (void)frame, (void)flags;
    block->bytes += name_size + value_size + FIELD_OVERHEAD;
    block->fields++;
    if (block->bytes > options->max_header_list_bytes || block->fields > options->max_header_fields)
        return drop_oversized(connection); /* and so for all that follow */
    if (block->stream == NULL || block->dropped || bly_h2_stream_is_reset(block->stream))
        return 0;
    look_for_informational(block, (const char *)name, name_size, (const char *)value, value_size);
    if (!connection->ops->header(block->stream, block->kind, (const char *)name, name_size, (const char *)value,
                                 value_size))
        block->dropped = true;
    return 0;
}

void
bly_h2_block_end(bly_h2_connection *connection, bly_h2_stream *stream)
{
    const bly_h2_block_state *block = &connection->block;
    if (block->kind != BLY_H2_INFORMATIONAL)
        stream->received_final = true;
    if (block->oversized)
        bly_h2_note_limit(connection, block->bytes > connection->options.max_header_list_bytes
                                          ? BELAY_LIMIT_HEADER_LIST : BELAY_LIMIT_HEADER_FIELDS);
    connection->ops->headers_done(stream, block->kind, block->oversized);
}

/* ---- sending ---- */

/* nghttp2 sends no larger block, whatever the peer says. */
#define MOST_SENT 65536u

bool
bly_h2_connection_takes(const bly_h2_connection *connection, const bly_h2_header *headers, size_t count)
{
    size_t most = nghttp2_session_get_remote_settings(connection->session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
    size_t size = count * FIELD_OVERHEAD;
    if (most > MOST_SENT)
        most = MOST_SENT;
    for (size_t i = 0; i < count && size <= most; i++)
        size += headers[i].name_size + headers[i].value_size;
    return size <= most;
}

static nghttp2_nv
field_of(const bly_h2_header *header)
{
    unsigned int flags = NGHTTP2_NV_FLAG_NONE;
    if (header->is_static)
        flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    if (header->never_index)
        flags |= NGHTTP2_NV_FLAG_NO_INDEX;
    return (nghttp2_nv){.name = (uint8_t *)header->name,
                        .value = (uint8_t *)header->value,
                        .namelen = header->name_size,
                        .valuelen = header->value_size,
                        .flags = (uint8_t)flags};
}

void
bly_h2_fields_init(bly_h2_fields *fields, const bly_h2_header *headers, size_t count)
{
    fields->count = count;
    fields->all = fields->few;
    if (count > sizeof fields->few / sizeof fields->few[0])
        fields->all = malloc(count * sizeof *fields->all);
    if (fields->all == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        fields->all[i] = field_of(&headers[i]);
}

void
bly_h2_fields_fini(bly_h2_fields *fields)
{
    if (fields->all != fields->few)
        free(fields->all);
}

static size_t
copied_size(const bly_h2_header *headers, size_t count)
{
    size_t size = count * sizeof *headers;
    for (size_t i = 0; i < count; i++) {
        if (!headers[i].is_static)
            size += headers[i].name_size + headers[i].value_size;
    }
    return size;
}

bly_h2_header *
bly_h2_headers_copy(const bly_h2_header *headers, size_t count)
{
    size_t size = copied_size(headers, count);
    bly_h2_header *copies = malloc(size > 0 ? size : 1);
    if (copies == NULL)
        return NULL;
    char *strings = (char *)(copies + count);
    for (size_t i = 0; i < count; i++) {
        copies[i] = headers[i];
        if (headers[i].is_static)
            continue;
        copies[i].name = memcpy(strings, headers[i].name, headers[i].name_size);
        strings += headers[i].name_size;
        copies[i].value = memcpy(strings, headers[i].value, headers[i].value_size);
        strings += headers[i].value_size;
    }
    return copies;
}
