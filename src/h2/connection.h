/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/2 connection: an nghttp2 session on a byte stream, with flow control of our own, one write
 * per turn of the loop, and the abuse budgets. Knows nothing of gRPC. I/O thread only, all of it.
 *
 * The floor above embeds a bly_h2_stream in each of its calls and is called through bly_h2_ops. Ops
 * are called with no lock held; those marked (in receive) come from inside nghttp2's receive
 * functions: they may submit, reset and write on streams, but must not free the connection.
 *
 * Life: a connection is closed once (by the peer, by an error, by bly_h2_connection_close()); then
 * each of its streams gets `closed`, then the connection gets `closed`, then its memory goes at the
 * end of the turn. Between `stream_begin` (or bly_h2_stream_open()) and its `closed`, a stream is
 * known to the session and its memory must stay.
 */
#ifndef BLY_H2_CONNECTION_H
#define BLY_H2_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "io/loop.h"
#include "transport/stream.h"

typedef struct bly_h2_connection bly_h2_connection;

/* HTTP/2 error codes that the floors above use (RFC 9113, 7). */
enum {
    BLY_H2_NO_ERROR = 0,
    BLY_H2_PROTOCOL_ERROR = 1,
    BLY_H2_INTERNAL_ERROR = 2,
    BLY_H2_FLOW_CONTROL_ERROR = 3,
    BLY_H2_STREAM_CLOSED = 5,
    BLY_H2_FRAME_SIZE_ERROR = 6,
    BLY_H2_REFUSED_STREAM = 7,
    BLY_H2_CANCEL = 8,
    BLY_H2_COMPRESSION_ERROR = 9,
    BLY_H2_CONNECT_ERROR = 10,
    BLY_H2_ENHANCE_YOUR_CALM = 11,
    BLY_H2_INADEQUATE_SECURITY = 12,
    /* Not on the wire: the connection closed under the stream. Codes that no RFC names arrive as
     * INTERNAL_ERROR, so that no peer can send this one. */
    BLY_H2_CONNECTION_LOST = 0x100
};

/* One header to send. Static strings are not copied; they must outlive the connection. */
typedef struct bly_h2_header {
    const char *name;
    const char *value;
    size_t name_size;
    size_t value_size;
    bool is_static;   /* name and value both */
    bool never_index; /* secrets, and values that do not repeat */
} bly_h2_header;

#define BLY_H2_STATIC_HEADER(n, v) \
    ((bly_h2_header){.name = (n), .value = (v), .name_size = sizeof(n) - 1, .value_size = sizeof(v) - 1, \
                     .is_static = true})

/* What has moved at a look, and how often it had not since. */
typedef struct bly_h2_stall {
    uint64_t moved;
    unsigned int looks;
} bly_h2_stall;

typedef struct bly_h2_stream {
    int32_t id; /* 0: not open */
    bly_h2_connection *connection;
    bly_link link;          /* the connection's streams */
    bly_link delivery_link; /* those whose last bytes wait for the kernel */
    bly_link drained_link;  /* those whose `drained` is due */
    bool in_session;        /* nghttp2 knows it; `closed` may come some time after it forgot it */
    bool reset_by_peer;     /* its RST_STREAM was read; nghttp2 may not have seen it yet */

    /* sending */
    bly_bytes_queue out;          /* complete gRPC frames, prefix included */
    size_t out_offset;            /* bytes of the first that have left */
    uint64_t out_needed_to;       /* of the connection's output: up to there it has pieces of the first */
    bly_h2_header *trailers;      /* copied, or NULL */
    size_t trailer_count;
    const bly_h2_header *static_trailers;
    bool out_ended;               /* nothing follows `out` but the trailers */
    bool out_deferred;            /* nghttp2 waits for bly_h2_stream_write */
    bool out_started;             /* headers were submitted with a body */
    bool headers_sent;            /* a client's request is on its way */
    bool headers_failed;          /* and cannot be: no use in another try */
    bool sent_end;                /* END_STREAM was handed to the socket's buffer */
    bool reset_sent;
    bool finishing;               /* trailers wait for the body to leave */
    bly_h2_stall stall;           /* of its body, meanwhile */
    uint64_t end_offset;          /* of the connection's output, where END_STREAM lies */
    bly_bytes_queue sent;         /* small messages that have left: `drained` takes them */
    bly_bytes_queue kept;         /* messages that have left, for another try */
    size_t keep_limit;            /* of their bytes; 0: none are kept */
    uint64_t kept_needed_to;      /* as out_needed_to, of them */

    /* receiving */
    int64_t receive_window; /* what the peer may still send, as far as we told it */
    bool received_final;    /* headers that were not informational have come */
    bool received_end;
    bool provoked;              /* our reset answers what the peer did wrong */
    uint32_t empty_frames;      /* DATA in a row */
} bly_h2_stream;

/* Why a connection closed. */
typedef enum bly_h2_reason {
    BLY_H2_CLOSED_BY_US,
    BLY_H2_CLOSED_BY_PEER,   /* end of file, or after GOAWAY */
    BLY_H2_CLOSED_BROKEN,    /* reset, write error, keepalive */
    BLY_H2_CLOSED_BY_PROTOCOL /* the peer broke the rules, or says that we did */
} bly_h2_reason;

/* Kinds of header blocks. */
typedef enum bly_h2_block {
    BLY_H2_REQUEST,
    BLY_H2_INFORMATIONAL, /* 1xx */
    BLY_H2_RESPONSE,
    BLY_H2_TRAILERS
} bly_h2_block;

/* What the floor above is told. A slot that its side never needs may be NULL (a server: streams_available;
 * a client: stream_begin; either: cancelled, delivered, connection_ready, goaway, idle, grace_over). */
typedef struct bly_h2_ops {
    /* A server's peer opens a stream (in receive). Returns the stream, embedded in a new call, zeroed or
     * not; NULL refuses it with REFUSED_STREAM. */
    bly_h2_stream *(*stream_begin)(void *owner, bly_h2_connection *connection);

    /* One header of a block (in receive). Strings are valid during the call only and end with a NUL.
     * false: drop the rest of the block (the op has reset the stream, or remembers). */
    bool (*header)(bly_h2_stream *stream, bly_h2_block block, const char *name, size_t name_size,
                   const char *value, size_t value_size);

    /* A block is complete (in receive). `oversized`: the header list went over its limits; what is
     * beyond was dropped. */
    void (*headers_done)(bly_h2_stream *stream, bly_h2_block block, bool oversized);

    /* Body bytes (in receive). The connection's window is given back at the end of the read; the
     * stream's is the callee's to give with bly_h2_stream_set_window(). */
    void (*data)(bly_h2_stream *stream, const uint8_t *data, size_t size);

    /* The peer sends nothing more on this stream (in receive). */
    void (*end)(bly_h2_stream *stream);

    /* The peer cancels the stream: a server's is told this before all else, where it can be; `closed` follows. Work
     * that is posted and deferred here is done at once. */
    void (*cancelled)(bly_h2_stream *stream);

    /* The stream is gone from the session. error: the code of the RST_STREAM of either side, NO_ERROR
     * for a regular end, CONNECTION_LOST when the connection closed first. by_peer: the peer's reset.
     * Called once; may free the stream: nothing is called for it afterwards. unprocessed: the peer's
     * GOAWAY or REFUSED_STREAM says that nothing ran, or the request never left (stream->headers_sent); if the
     * stream keeps what it sends, the op takes that back. Often (in receive). */
    void (*closed)(bly_h2_stream *stream, uint32_t error, bool by_peer, bool unprocessed);

    /* Bytes of `out` have left: out.total is smaller. Takes what is in `sent`. Once per stream and turn at most. */
    void (*drained)(bly_h2_stream *stream);

    /* The kernel has accepted this side's END_STREAM. Comes at most once, and before `closed`, which is
     * delayed until then when this side's END_STREAM was the last thing missing. A reset that comes
     * first, or a connection that breaks, is a `closed` without it. */
    void (*delivered)(bly_h2_stream *stream);

    /* The peer's first SETTINGS have come: streams may be opened up to its limit. */
    void (*connection_ready)(void *owner, bly_h2_connection *connection);

    /* More streams may be opened than before. */
    void (*streams_available)(void *owner, bly_h2_connection *connection);

    /* The peer sent GOAWAY (in receive): open no more streams on it. debug: its words, NUL-terminated. Those
     * of our streams that it will not process get `closed` after this. */
    void (*goaway)(void *owner, bly_h2_connection *connection, uint32_t error, const char *debug);

    /* There has been no stream for options.idle_ns; said again after as long again. */
    void (*idle)(void *owner, bly_h2_connection *connection);

    /* It was drained because of its age, and options.grace_ns later streams are left; said again each second. */
    void (*grace_over)(void *owner, bly_h2_connection *connection);

    /* The peer reached a limit; what had to be done is done (often in receive). NULL: nobody wants to know. */
    void (*limit_reached)(void *owner, bly_h2_connection *connection, belay_limit limit);

    /* The connection is closed; all its streams have had `closed`. detail: words for people. It must
     * not be used after this returns. */
    void (*connection_closed)(void *owner, bly_h2_connection *connection, bly_h2_reason reason,
                              const char *detail);
} bly_h2_ops;

typedef struct bly_h2_options {
    uint32_t max_concurrent_streams; /* advertised */
    uint32_t stream_window;          /* at start */
    uint32_t connection_window;
    uint32_t max_header_list_bytes; /* name + value + 32 a field, counted by us: `oversized` */
    uint32_t max_header_fields;
    uint32_t hard_header_list_bytes; /* not below the first; beyond it the connection is closed */
    uint64_t preface_timeout_ns;     /* for the peer's preface and SETTINGS */
    uint32_t frames_waiting; /* answers to the peer's frames that are kept while it does not read; then it is closed */
    bly_linger_count *lingering; /* counts the socket while it lingers after the end; NULL: nobody does */
    /* Of the times, UINT64_MAX: none. */
    uint64_t keepalive_ns;          /* after so long without a sign of life a PING is sent */
    uint64_t keepalive_timeout_ns;  /* and after so long without an answer the connection is lost */
    bool keepalive_without_streams; /* a client too; a server always does */
    uint64_t ping_interval_ns;      /* at least, between the PINGs of a server's peer; 0: any */
    uint64_t idle_ping_interval_ns; /* the same while there is no stream */
    unsigned int ping_strikes;      /* so many that come too early are forgiven */
    uint64_t idle_ns;               /* after so long without a stream the owner is told */
    uint64_t age_ns;                /* after so long it is drained */
    uint64_t grace_ns;              /* and so long after that the owner is told */

    /* budget.c, stall.c: as the limits of these names */
    uint32_t max_acks;
    uint32_t max_settings;
    uint32_t max_continuations;
    uint32_t empty_frames;
    uint32_t provoked_errors;
    uint32_t provoked_rate;
    uint32_t window_updates;
    uint32_t window_update_rate;
    uint32_t streams_per_read;
    uint32_t tls_messages;
    uint64_t stall_ns;
} bly_h2_options;

void bly_h2_options_defaults(bly_h2_options *options);

/* Takes over the limits that are HTTP/2's. */
void bly_h2_options_limit(bly_h2_options *options, const bly_limits *limits);

/* Takes over a stream and begins to read. The peer's frames arrive from the next turn on. NULL without
 * memory; then `stream` is closed. */
bly_h2_connection *bly_h2_connection_new(bly_loop *loop, bly_stream *stream, bool is_server,
                                         const bly_h2_options *options, const bly_h2_ops *ops, void *owner,
                                         bly_log *log);

/* Closes it now, without a GOAWAY: streams and owner are told as for any close, before this returns,
 * except from inside an op: then when the receive or the flush that called it is over. The socket of a connection that
 * is neither broken nor ended by its peer lingers after that, whoever closed it, and is the loop's. */
void bly_h2_connection_close(bly_h2_connection *connection, const char *detail);

/* Withholds the connection's window from the peer, or gives what was withheld: for whoever holds too much that
 * came by it. */
void bly_h2_connection_withhold(bly_h2_connection *connection, bool withhold);

/* Whether a block of headers is within what the peer says it takes, and the 64 KiB that are sent at most. */
bool bly_h2_connection_takes(const bly_h2_connection *connection, const bly_h2_header *headers, size_t count);

/* Begins a graceful end (RFC 9113, 6.8): GOAWAY with 2^31-1 and a PING; when the PING has come back (or
 * after a second), GOAWAY with the last stream that was taken; new streams are refused from then on;
 * closes when the last stream is gone. A client's side sends GOAWAY and closes when its streams are gone. */
void bly_h2_connection_drain(bly_h2_connection *connection);

const char *bly_h2_connection_peer(const bly_h2_connection *connection);
size_t bly_h2_connection_stream_count(const bly_h2_connection *connection);

/* Why it closed, in words for people; empty while it is open. */
const char *bly_h2_connection_detail(const bly_h2_connection *connection);

/* Clients: true when the numbers of streams are used up: it opens no stream any more, and should be drained. */
bool bly_h2_connection_is_spent(const bly_h2_connection *connection);

/* Clients: true when another stream may be opened now. */
bool bly_h2_connection_can_open(const bly_h2_connection *connection);

/* Clients: opens a stream with request headers. end: nothing follows. The stream is zeroed by this.
 * False when it cannot be had (then nothing was called). */
bool bly_h2_stream_open(bly_h2_connection *connection, bly_h2_stream *stream, const bly_h2_header *headers,
                        size_t count, bool end);

/* Servers: sends the response's headers; a body follows with bly_h2_stream_write/_end. False without
 * memory: then the stream is reset. */
bool bly_h2_stream_respond(bly_h2_stream *stream, const bly_h2_header *headers, size_t count);

/* Servers: sends headers with END_STREAM and nothing else (gRPC's Trailers-Only). If the peer has not
 * ended its side, RST_STREAM(NO_ERROR) follows. */
bool bly_h2_stream_respond_only(bly_h2_stream *stream, const bly_h2_header *headers, size_t count);

/* Queues body bytes; takes ownership of all in the queue. They leave at the end of the turn, as windows
 * allow. Nothing (freed) on a stream that is gone. */
void bly_h2_stream_write(bly_h2_stream *stream, bly_bytes_queue *bytes);

/* Ends this side after what is queued: a client with an empty DATA frame (or on the last one), a server
 * with trailers. Trailers are copied unless every one of them is static and `headers` itself is too
 * (copy false). After a server's trailers, when the peer has not ended its side, RST_STREAM(NO_ERROR)
 * follows. */
bool bly_h2_stream_end(bly_h2_stream *stream, const bly_h2_header *trailers, size_t count, bool copy);

/* Resets it: drops what is queued, sends RST_STREAM once, never on a stream that both sides have ended.
 * `closed` follows, not before this returns. */
void bly_h2_stream_reset(bly_h2_stream *stream, uint32_t error);

/* Clients: keeps what leaves on the stream, up to so many bytes in all; when it is more, nothing is kept. */
void bly_h2_stream_keep(bly_h2_stream *stream, size_t limit);

/* There will be no other try: frees what is kept. */
void bly_h2_stream_let_go(bly_h2_stream *stream);

/* Gives all that was written on the stream so far; in `closed` only. False when it is not there any more; what
 * `messages` has is the caller's in any case. */
bool bly_h2_stream_take_back(bly_h2_stream *stream, bly_bytes_queue *messages);

/* Lets the peer send up to `window` bytes more from here (a smaller value than what it has already is
 * no error and changes nothing). WINDOW_UPDATE frames are sent when it is worth one: tell again whenever
 * bytes have come, so that what is not worth one now is sent before the peer runs dry. */
void bly_h2_stream_set_window(bly_h2_stream *stream, uint32_t window);

/* True while queued body bytes have not left: a status could not get past them. */
bool bly_h2_stream_has_unsent(const bly_h2_stream *stream);

#endif
