/* SPDX-License-Identifier: MIT */
/*
 * gRPC over HTTP/2 by hand: a client or a server that sends exactly the frames that a test asks for, in that
 * order, gives no window that it was not told to give, and writes down what the other side does.
 *
 * raw_sync() tells that the other side has dealt with everything sent before: it acknowledges SETTINGS after
 * that. (A PING would do as well, but servers count those.)
 *
 * One thread; reading blocks, under the suite's guard against hanging.
 */
#ifndef TESTS_SUPPORT_RAW_PEER_H
#define TESTS_SUPPORT_RAW_PEER_H

#include <nghttp2/nghttp2.h>

#include "h2/raw.h"

#define RAW_PEER_STREAMS 256

/* Of the codes of HTTP/2, those that the tests send. */
enum {
    RAW_NO_ERROR = 0,
    RAW_PROTOCOL_ERROR = 1,
    RAW_INTERNAL_ERROR = 2,
    RAW_SETTINGS_TIMEOUT = 4,
    RAW_REFUSED_STREAM = 7,
    RAW_CANCEL = 8,
    RAW_ENHANCE_YOUR_CALM = 11,
    RAW_INADEQUATE_SECURITY = 12
};

/* What the other side did on a stream. */
typedef struct raw_stream {
    unsigned int blocks; /* of headers */
    int http_status;     /* 0: none */
    int grpc_status;     /* -1: none */
    char grpc_message[128];
    char path[64];
    char timeout[16]; /* grpc-timeout, or "" */
    char fields[1024]; /* of all blocks, as "name: value\n"; what does not fit is left out */
    char encoding[16]; /* grpc-encoding, or "" */
    char accept_encoding[32];
    uint8_t flag; /* of the first message: whether it is compressed */
    size_t body;      /* bytes */
    uint64_t given;   /* by its WINDOW_UPDATEs */
    bool ended;       /* END_STREAM */
    unsigned int resets;
    uint32_t reset_code;
    bool reset_after_end; /* RST_STREAM on a stream that both sides had ended */
    bool we_ended;
} raw_stream;

typedef struct raw_peer {
    int descriptor;
    nghttp2_hd_inflater *inflater;
    bool lost;    /* the other side has closed the connection */
    bool no_pong; /* PINGs are answered by raw_pong() only */
    uint8_t ping[8];
    unsigned int pongs;
    unsigned int pings;    /* of the other side */
    unsigned int settings; /* sent */
    unsigned int settings_acknowledged;
    unsigned int goaways;
    uint32_t goaway_last;
    uint32_t goaway_error;
    char goaway_words[64]; /* of the last that had some */
    raw_stream streams[RAW_PEER_STREAMS];
    raw_frame frame;
} raw_peer;

/* Settings that a peer sends; 0: not sent. */
typedef struct raw_settings {
    bool has_window; /* then `window` is sent, 0 too */
    uint32_t window; /* for each stream */
    bool has_streams;
    uint32_t streams; /* at a time */
} raw_settings;

/* ---- Life ---- */

/* Connects to "127.0.0.1:port"; both sides' SETTINGS are in force when it returns. */
void raw_connect(raw_peer *peer, const char *address, raw_settings settings);

/* Connects, and says nothing. */
bool raw_connect_silent(raw_peer *peer, const char *address);

/* Listens on 127.0.0.1 and tells where. Returns the descriptor. */
int raw_listen(char address[32]);

/* Accepts a client; both sides' SETTINGS are in force when it returns. */
void raw_accept(raw_peer *peer, int listener, raw_settings settings);

void raw_close(raw_peer *peer); /* as a process that ends: what it has not read breaks the connection */
void raw_break(raw_peer *peer); /* with a reset of the connection */

/* ---- Sending ---- */

void raw_sync(raw_peer *peer);
void raw_ping(raw_peer *peer); /* returns when it was answered, or the connection has ended */
void raw_pong(raw_peer *peer); /* to the last PING */
void raw_window(raw_peer *peer, uint32_t id, uint32_t bytes);
void raw_reset(raw_peer *peer, uint32_t id, uint32_t code);
void raw_goaway(raw_peer *peer, uint32_t last, uint32_t code);
void raw_goaway_saying(raw_peer *peer, uint32_t last, uint32_t code, const char *words);
void raw_set_streams(raw_peer *peer, uint32_t streams); /* SETTINGS again; in force when it returns */
void raw_set_window(raw_peer *peer, uint32_t window);
void raw_data(raw_peer *peer, uint32_t id, const void *data, size_t size, bool end);

/* One Note whose payload has `size` bytes, as a whole gRPC frame; size 0: an empty Note. */
void raw_message(raw_peer *peer, uint32_t id, size_t size, bool end);

/* The first `part` bytes of such a frame, and nothing more. */
void raw_part(raw_peer *peer, uint32_t id, size_t size, size_t part, bool end);

/* A client's request headers for a method of Probe; timeout: "100m", or NULL for none. */
void raw_call(raw_peer *peer, uint32_t id, const char *method, const char *timeout, bool end);

/* The whole of a unary request. */
void raw_unary(raw_peer *peer, uint32_t id, const char *timeout);

/* A server's headers; its status, as trailers or alone. message: NULL for none. */
void raw_respond(raw_peer *peer, uint32_t id);
void raw_status(raw_peer *peer, uint32_t id, int code, const char *message);
void raw_status_only(raw_peer *peer, uint32_t id, int code, const char *message);

/* A block of headers: name, value, name, value, NULL; up to 16 KiB. */
void raw_headers(raw_peer *peer, uint32_t id, const char *const *fields, bool end);

/* ---- What came ---- */

raw_stream *raw_of(raw_peer *peer, uint32_t id);

/* Whether a field came, with that value; value: NULL for any. */
bool raw_has_field(const raw_stream *stream, const char *name, const char *value);

/* Read on until so; false when the connection ends before. */
bool raw_await_headers(raw_peer *peer, uint32_t id);
bool raw_await_body(raw_peer *peer, uint32_t id, size_t size);
bool raw_await_end(raw_peer *peer, uint32_t id);   /* END_STREAM, or a reset */
bool raw_await_reset(raw_peer *peer, uint32_t id); /* a reset */
bool raw_await_goaway(raw_peer *peer, unsigned int count);
bool raw_await_ping(raw_peer *peer, unsigned int count);
void raw_await_lost(raw_peer *peer);

#endif
