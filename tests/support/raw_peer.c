/* SPDX-License-Identifier: MIT */
#include "support/raw_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/patience.h"

#define FRAME_PREFIX 5
#define LARGEST_DATA 16384

static void
need(bool is_there, const char *what)
{
    if (!is_there)
        patience_lost("raw peer: %s", what);
}

/* ---- Life ---------------------------------------------------------------------------------------- */

static void
put_setting(uint8_t *to, uint16_t id, uint32_t value)
{
    to[0] = (uint8_t)(id >> 8);
    to[1] = (uint8_t)id;
    for (int i = 0; i < 4; i++)
        to[2 + i] = (uint8_t)(value >> (24 - 8 * i));
}

static void
send_settings(raw_peer *peer, raw_settings settings)
{
    uint8_t payload[12];
    size_t size = 0;
    if (settings.has_streams) {
        put_setting(payload + size, 3, settings.streams);
        size += 6;
    }
    if (settings.has_window) {
        put_setting(payload + size, 4, settings.window);
        size += 6;
    }
    raw_send(peer->descriptor, RAW_SETTINGS, 0, 0, payload, size);
    peer->settings++;
}

static void
begin(raw_peer *peer, int descriptor)
{
    int on = 1;
    memset(peer, 0, sizeof *peer);
    peer->descriptor = descriptor;
    need(descriptor >= 0, "no socket");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    need(nghttp2_hd_inflate_new(&peer->inflater) == 0, "no memory");
    for (int i = 0; i < RAW_PEER_STREAMS; i++)
        peer->streams[i].grpc_status = -1;
}

static struct sockaddr_in
loopback(unsigned int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool
raw_connect_silent(raw_peer *peer, const char *address)
{
    struct sockaddr_in to = loopback((unsigned int)atoi(strrchr(address, ':') + 1));
    begin(peer, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return connect(peer->descriptor, (struct sockaddr *)&to, sizeof to) == 0;
}

void
raw_connect(raw_peer *peer, const char *address, raw_settings settings)
{
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    need(raw_connect_silent(peer, address), "cannot connect");
    raw_write(peer->descriptor, magic, sizeof magic - 1);
    send_settings(peer, settings);
    raw_sync(peer);
}

int
raw_listen(char address[32])
{
    struct sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 16) == 0,
         "cannot listen");
    need(getsockname(listener, (struct sockaddr *)&at, &size) == 0, "no port");
    snprintf(address, 32, "127.0.0.1:%u", (unsigned int)ntohs(at.sin_port));
    return listener;
}

void
raw_accept(raw_peer *peer, int listener, raw_settings settings)
{
    begin(peer, accept(listener, NULL, NULL));
    raw_read_magic(peer->descriptor);
    send_settings(peer, settings);
    raw_sync(peer);
}

static void
end(raw_peer *peer)
{
    close(peer->descriptor);
    nghttp2_hd_inflate_del(peer->inflater);
    peer->descriptor = -1;
}

void
raw_close(raw_peer *peer)
{
    end(peer);
}

void
raw_break(raw_peer *peer)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(peer->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    end(peer);
}

/* ---- Reading ------------------------------------------------------------------------------------- */

raw_stream *
raw_of(raw_peer *peer, uint32_t id)
{
    uint32_t index = (id - 1) / 2;
    need(id % 2 == 1 && index < RAW_PEER_STREAMS, "a stream beyond the table");
    return &peer->streams[index];
}

static void
copy_text(char *to, size_t size, const nghttp2_nv *field)
{
    snprintf(to, size, "%.*s", (int)field->valuelen, (const char *)field->value);
}

static void
keep_field(raw_stream *stream, const nghttp2_nv *field)
{
    size_t used = strlen(stream->fields), room = sizeof stream->fields - used;
    if (field->namelen + field->valuelen + 4 > room)
        return;
    snprintf(stream->fields + used, room, "%.*s: %.*s\n", (int)field->namelen, (const char *)field->name,
             (int)field->valuelen, (const char *)field->value);
}

bool
raw_has_field(const raw_stream *stream, const char *name, const char *value)
{
    char wanted[512];
    snprintf(wanted, sizeof wanted, "\n%s: %s%s", name, value != NULL ? value : "", value != NULL ? "\n" : "");
    return strncmp(stream->fields, wanted + 1, strlen(wanted + 1)) == 0 || strstr(stream->fields, wanted) != NULL;
}

static void
note_field(raw_stream *stream, const nghttp2_nv *field)
{
    char name[64], number[16];
    keep_field(stream, field);
    snprintf(name, sizeof name, "%.*s", (int)field->namelen, (const char *)field->name);
    copy_text(number, sizeof number, field);
    if (strcmp(name, ":status") == 0)
        stream->http_status = atoi(number);
    else if (strcmp(name, "grpc-status") == 0)
        stream->grpc_status = atoi(number);
    else if (strcmp(name, "grpc-message") == 0)
        copy_text(stream->grpc_message, sizeof stream->grpc_message, field);
    else if (strcmp(name, ":path") == 0)
        copy_text(stream->path, sizeof stream->path, field);
    else if (strcmp(name, "grpc-timeout") == 0)
        copy_text(stream->timeout, sizeof stream->timeout, field);
    else if (strcmp(name, "grpc-encoding") == 0)
        copy_text(stream->encoding, sizeof stream->encoding, field);
    else if (strcmp(name, "grpc-accept-encoding") == 0)
        copy_text(stream->accept_encoding, sizeof stream->accept_encoding, field);
}

static void
note_headers(raw_peer *peer, raw_stream *stream)
{
    const uint8_t *in = peer->frame.payload;
    size_t left = peer->frame.size;
    need((peer->frame.flags & RAW_END_HEADERS) != 0, "CONTINUATION is not read here");
    need((peer->frame.flags & 0x28) == 0, "padding and priority are not read here");
    stream->blocks++;
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t taken = nghttp2_hd_inflate_hd2(peer->inflater, &field, &flags, in, left, 1);
        need(taken >= 0, "headers that HPACK cannot read");
        in += taken;
        left -= (size_t)taken;
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            note_field(stream, &field);
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    nghttp2_hd_inflate_end_headers(peer->inflater);
}

static void
note_stream_frame(raw_peer *peer)
{
    const raw_frame *frame = &peer->frame;
    raw_stream *stream = raw_of(peer, frame->stream);
    if (frame->type == RAW_HEADERS)
        note_headers(peer, stream);
    else if (frame->type == RAW_DATA) {
        if (stream->body == 0 && frame->size > 0)
            stream->flag = frame->payload[0];
        stream->body += frame->size;
    } else if (frame->type == RAW_WINDOW_UPDATE) {
        stream->given += raw_number(frame, 0);
    } else if (frame->type == RAW_RST_STREAM) {
        stream->reset_code = raw_number(frame, 0);
        if (stream->ended && stream->we_ended)
            stream->reset_after_end = true;
        stream->resets++;
    }
    if ((frame->type == RAW_HEADERS || frame->type == RAW_DATA) && (frame->flags & RAW_END_STREAM))
        stream->ended = true;
}

void
raw_pong(raw_peer *peer)
{
    raw_send(peer->descriptor, RAW_PING, RAW_ACK, 0, peer->ping, sizeof peer->ping);
}

static void
note_connection_frame(raw_peer *peer)
{
    const raw_frame *frame = &peer->frame;
    bool is_answer = (frame->flags & RAW_ACK) != 0;
    if (frame->type == RAW_SETTINGS && is_answer)
        peer->settings_acknowledged++;
    else if (frame->type == RAW_SETTINGS)
        raw_send(peer->descriptor, RAW_SETTINGS, RAW_ACK, 0, "", 0);
    else if (frame->type == RAW_PING && is_answer)
        peer->pongs++;
    else if (frame->type == RAW_PING) {
        peer->pings++;
        memcpy(peer->ping, frame->payload, sizeof peer->ping);
        if (!peer->no_pong)
            raw_pong(peer);
    } else if (frame->type == RAW_GOAWAY) {
        peer->goaways++;
        peer->goaway_last = raw_number(frame, 0);
        peer->goaway_error = raw_number(frame, 4);
        if (frame->size > 8)
            snprintf(peer->goaway_words, sizeof peer->goaway_words, "%.*s", (int)(frame->size - 8),
                     (const char *)frame->payload + 8);
    }
}

/* One frame; false when the connection has ended. */
static bool
read_on(raw_peer *peer)
{
    if (peer->lost || !raw_read(peer->descriptor, &peer->frame)) {
        peer->lost = true;
        return false;
    }
    if (peer->frame.stream == 0)
        note_connection_frame(peer);
    else
        note_stream_frame(peer);
    return true;
}

bool
raw_await_headers(raw_peer *peer, uint32_t id)
{
    while (raw_of(peer, id)->blocks == 0 && read_on(peer))
        continue;
    return raw_of(peer, id)->blocks > 0;
}

bool
raw_await_body(raw_peer *peer, uint32_t id, size_t size)
{
    while (raw_of(peer, id)->body < size && read_on(peer))
        continue;
    return raw_of(peer, id)->body >= size;
}

static bool
is_over(const raw_stream *stream)
{
    return stream->ended || stream->resets > 0;
}

bool
raw_await_end(raw_peer *peer, uint32_t id)
{
    while (!is_over(raw_of(peer, id)) && read_on(peer))
        continue;
    return is_over(raw_of(peer, id));
}

bool
raw_await_reset(raw_peer *peer, uint32_t id)
{
    while (raw_of(peer, id)->resets == 0 && read_on(peer))
        continue;
    return raw_of(peer, id)->resets > 0;
}

bool
raw_await_goaway(raw_peer *peer, unsigned int count)
{
    while (peer->goaways < count && read_on(peer))
        continue;
    return peer->goaways >= count;
}

bool
raw_await_ping(raw_peer *peer, unsigned int count)
{
    while (peer->pings < count && read_on(peer))
        continue;
    return peer->pings >= count;
}

void
raw_await_lost(raw_peer *peer)
{
    while (read_on(peer))
        continue;
}

/* ---- Sending ------------------------------------------------------------------------------------- */

void
raw_sync(raw_peer *peer)
{
    send_settings(peer, (raw_settings){.has_window = false});
    while (peer->settings_acknowledged < peer->settings && read_on(peer))
        continue;
}

void
raw_ping(raw_peer *peer)
{
    unsigned int before = peer->pongs;
    raw_send(peer->descriptor, RAW_PING, 0, 0, "are you?", 8);
    while (peer->pongs == before && read_on(peer))
        continue;
}

void
raw_window(raw_peer *peer, uint32_t id, uint32_t bytes)
{
    raw_send_number(peer->descriptor, RAW_WINDOW_UPDATE, id, bytes);
}

void
raw_reset(raw_peer *peer, uint32_t id, uint32_t code)
{
    raw_send_number(peer->descriptor, RAW_RST_STREAM, id, code);
}

void
raw_goaway_saying(raw_peer *peer, uint32_t last, uint32_t code, const char *words)
{
    uint8_t payload[8 + 64];
    size_t size = strlen(words);
    need(size <= sizeof payload - 8, "too many words");
    for (int i = 0; i < 4; i++) {
        payload[i] = (uint8_t)(last >> (24 - 8 * i));
        payload[4 + i] = (uint8_t)(code >> (24 - 8 * i));
    }
    memcpy(payload + 8, words, size);
    raw_send(peer->descriptor, RAW_GOAWAY, 0, 0, payload, 8 + size);
}

void
raw_goaway(raw_peer *peer, uint32_t last, uint32_t code)
{
    raw_goaway_saying(peer, last, code, "");
}

void
raw_set_streams(raw_peer *peer, uint32_t streams)
{
    send_settings(peer, (raw_settings){.has_streams = true, .streams = streams});
    raw_sync(peer);
}

void
raw_set_window(raw_peer *peer, uint32_t window)
{
    send_settings(peer, (raw_settings){.has_window = true, .window = window});
    raw_sync(peer);
}

/* Noted before it is sent: afterwards the other side may have answered already. */
static uint8_t
end_flag(raw_peer *peer, uint32_t id, bool is_end)
{
    if (is_end)
        raw_of(peer, id)->we_ended = true;
    return is_end ? RAW_END_STREAM : 0;
}

void
raw_data(raw_peer *peer, uint32_t id, const void *data, size_t size, bool is_end)
{
    const uint8_t *bytes = data;
    while (size > LARGEST_DATA) {
        raw_send(peer->descriptor, RAW_DATA, 0, id, bytes, LARGEST_DATA);
        bytes += LARGEST_DATA;
        size -= LARGEST_DATA;
    }
    raw_send(peer->descriptor, RAW_DATA, end_flag(peer, id, is_end), id, bytes, size);
}

/* A Note in its gRPC frame: tag and length of the payload, then the payload. Returns its size. */
static size_t
put_note(uint8_t *to, size_t size)
{
    uint8_t head[16];
    size_t head_size = 0;
    if (size > 0) {
        head[head_size++] = 0x12;
        for (size_t rest = size; rest > 0; rest >>= 7)
            head[head_size++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    }
    size_t total = head_size + size;
    to[0] = 0;
    for (int i = 0; i < 4; i++)
        to[1 + i] = (uint8_t)(total >> (24 - 8 * i));
    memcpy(to + FRAME_PREFIX, head, head_size);
    memset(to + FRAME_PREFIX + head_size, 'n', size);
    return FRAME_PREFIX + total;
}

void
raw_part(raw_peer *peer, uint32_t id, size_t size, size_t part, bool is_end)
{
    uint8_t *frame = malloc(size + 32);
    need(frame != NULL, "no memory");
    size_t whole = put_note(frame, size);
    raw_data(peer, id, frame, part < whole ? part : whole, is_end);
    free(frame);
}

void
raw_message(raw_peer *peer, uint32_t id, size_t size, bool is_end)
{
    raw_part(peer, id, size, SIZE_MAX, is_end);
}

void
raw_headers(raw_peer *peer, uint32_t id, const char *const *fields, bool is_end)
{
    uint8_t block[16384];
    size_t size = 0;
    for (; fields[0] != NULL; fields += 2) {
        need(size + strlen(fields[0]) + strlen(fields[1]) + 16 < sizeof block, "headers beyond the buffer");
        size += raw_field(block + size, fields[0], fields[1]);
    }
    uint8_t flags = (uint8_t)(RAW_END_HEADERS | end_flag(peer, id, is_end));
    raw_send(peer->descriptor, RAW_HEADERS, flags, id, block, size);
}

void
raw_call(raw_peer *peer, uint32_t id, const char *method, const char *timeout, bool is_end)
{
    char path[64];
    snprintf(path, sizeof path, "/belay.test.Probe/%s", method);
    const char *fields[] = {":method",      "POST", ":scheme",          "http", ":path",
                            path,           ":authority",               "test", "te",
                            "trailers",     "content-type",             "application/grpc",
                            "grpc-timeout", timeout,                    NULL};
    if (timeout == NULL)
        fields[12] = NULL;
    raw_headers(peer, id, fields, is_end);
}

void
raw_unary(raw_peer *peer, uint32_t id, const char *timeout)
{
    raw_call(peer, id, "Unary", timeout, false);
    raw_message(peer, id, 0, true);
}

void
raw_respond(raw_peer *peer, uint32_t id)
{
    static const char *const fields[] = {":status", "200", "content-type", "application/grpc", NULL};
    raw_headers(peer, id, fields, false);
}

static void
send_status(raw_peer *peer, uint32_t id, int code, const char *message, bool alone)
{
    char number[16];
    const char *fields[9];
    size_t count = 0;
    snprintf(number, sizeof number, "%d", code);
    if (alone) {
        fields[count++] = ":status";
        fields[count++] = "200";
        fields[count++] = "content-type";
        fields[count++] = "application/grpc";
    }
    fields[count++] = "grpc-status";
    fields[count++] = number;
    if (message != NULL) {
        fields[count++] = "grpc-message";
        fields[count++] = message;
    }
    fields[count] = NULL;
    raw_headers(peer, id, fields, true);
}

void
raw_status(raw_peer *peer, uint32_t id, int code, const char *message)
{
    send_status(peer, id, code, message, false);
}

void
raw_status_only(raw_peer *peer, uint32_t id, int code, const char *message)
{
    send_status(peer, id, code, message, true);
}
