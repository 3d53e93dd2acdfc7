/* SPDX-License-Identifier: MIT */
/*
 * The server's side of a call.
 *
 *   HEADERS ──▶ refused ──▶ status at once
 *      │
 *   receiving ──complete──▶ waiting (held by the host, or in the pool's queue)
 *                             │            └──cancelled──▶ over, never ran
 *                          running ──returns──▶ over ──▶ status sent, unless cancelled
 *
 * server_call.c is the I/O thread's part (request in, status out, cancel) but for the headers, which are
 * request.c's; handler.c is the worker's.
 */
#ifndef BLY_RPC_SERVER_CALL_H
#define BLY_RPC_SERVER_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include <belay/service.h>
#include <belay/tls.h>

#include "base/arena.h"
#include "base/list.h"
#include "pool/pool.h"
#include "rpc/call.h"
#include "rpc/draining.h"
#include "rpc/method_stats.h"
#include "rpc/method_time.h"
#include "rpc/scope.h"
#include "rpc/watchdog.h"

typedef struct bly_attendant bly_attendant;

/* One method that is served. */
typedef struct bly_registration {
    /* const after creation */
    const belay_method *method;
    const void *handlers;
    void *data;
    bool reserved; /* runs on reserved workers, and is counted nowhere */
    const bly_attendant *attendant; /* answers on the I/O thread (rpc/attended.h); NULL: a worker does */
    unsigned int doors; /* bits of the host's: by which of its addresses it can be called */

    bly_method_time time;   /* its own headings */
    bly_method_stats stats; /* any thread */
} bly_registration;

/* Totals of a server. */
typedef struct bly_server_totals {
    /* atomic, relaxed: they order nothing */
    uint64_t handlers_started;
    uint64_t handlers_running;
    uint64_t calls_cancelled;
    uint64_t dropped_in_queue;
    uint64_t calls_refused;
    uint64_t handlers_ignoring_cancel;
    uint64_t dropped_late;
    uint64_t handshakes_failed;
} bly_server_totals;

/* What the host sets for its calls. */
typedef struct bly_server_limits {
    const bly_draining *draining;
    bly_limit_record *record;
    uint32_t receive_size;
    uint32_t send_mark;
    uint32_t stream_window;
    belay_compression compression; /* of answers */
    uint64_t watchdog_ns; /* how long a handler may ignore its cancel unreported; BELAY_FOREVER: for ever */
} bly_server_limits;

/* What a call needs from the floor above. `host` is the connection it came on. */
typedef struct bly_server_host_ops {
    /* I/O thread, no lock held, inside nghttp2's receive (these three): */
    /* The registration of a path, or NULL; *service_known tells whether any method of its service is
     * there. */
    bly_registration *(*find)(void *host, const char *path, size_t size, bool *service_known);
    /* The call is ready to be run: the host takes over, and must see to it that the job is run or
     * withdrawn. */
    void (*dispatch)(void *host, belay_call *call);
    /* The call's stream has ended; the host must not use it any more. */
    void (*gone)(void *host, belay_call *call);

    /* I/O thread, no lock held: takes back a call that the host still holds itself. True: it never runs. */
    bool (*withdraw)(void *host, belay_call *call);
    /* I/O thread, no lock held: a call that was dispatched is over. Its slot is free. */
    void (*over)(void *host, belay_call *call);
    /* Any thread, the call's lock held: takes the job out of the pool's queue. True: it never runs. */
    bool (*dequeue)(void *host, belay_call *call);
    /* Any thread, while a handler runs: who the client is, or NULL. */
    const belay_peer_identity *(*identity)(void *host);
} bly_server_host_ops;

typedef enum bly_run_state {
    BLY_RUN_RECEIVING, /* not dispatched */
    BLY_RUN_WAITING,   /* dispatched, no worker has it */
    BLY_RUN_RUNNING,
    BLY_RUN_OVER /* returned, or never runs */
} bly_run_state;

typedef struct bly_server_call {
    belay_call call; /* first: the flag is the first word; last in it is what is the I/O thread's, which goes on here */

    /* I/O thread only */
    int refused_http;             /* HTTP status of a refusal, or 0 */
    belay_code refused_code;      /* gRPC status of a refusal, or BELAY_OK */
    char refused_message[128];
    bool is_head;                 /* of a refused request: its answer has no body */
    bool refusal_waits;           /* for the end of the request */
    bool dispatched;
    bool headers_sent;
    bool status_sent;
    bool cancel_handled;
    bool outcome_known;
    size_t refused_size;          /* bytes of body while it does */
    unsigned int headers_seen;    /* bits of the request headers that must come once */
    unsigned int messages;
    bly_loop_deferred after_flush; /* what a cancel sends when replies were on their way */
    void *attendance; /* the attendant's, for this call */

    /* the host's, I/O thread */
    bly_link held_link;
    bly_link connection_link;
    bly_link closed_link; /* its stream is gone, and it is yet to hear of it: why */
    uint32_t closed_error;
    bool batched;     /* in the turn's batch */
    bool has_slot;
    bool is_counted; /* against what may be admitted */
    bool is_gone;
    bool is_over;

    /* const after creation */
    const bly_server_host_ops *ops;
    void *host;
    bly_server_totals *totals;
    const bly_draining *draining;
    const char *peer; /* the host's, which a dispatched call keeps */
    belay_compression compression; /* of its answer, if the client takes it and the handler says nothing */

    /* const after the headers */
    bly_registration *registration;
    belay_metadata *metadata;
    uint64_t timeout_ns;

    bly_job job;       /* the pool's */

    /* guarded by the call's lock */
    bly_run_state run_state;
    bool over_due;    /* the I/O thread has not been told that it is over */
    bool headers_due; /* the handler wants its headers sent */
    bool final_ready; /* the handler decided the status: the next three are const */
    belay_code final_code;
    char *final_message; /* percent-encoded, or NULL */
    size_t final_message_size;
    belay_code spoiled_code; /* of a message that could not be inflated: what ends the call; BELAY_OK */

    /* handler's thread; `headers` and `trailers` the I/O thread's once they are due */
    bool blocking;      /* between belay_blocking_begin() and _end() */
    belay_code fail_code;
    belay_code unread_code; /* of a message that could not be unpacked: what its receiver got; BELAY_OK */
    char *fail_message; /* in the arena */
    const ProtobufCMessageDescriptor *unread; /* what it should have been */
    struct bly_details *details; /* in the arena, or NULL */
    belay_metadata *headers;
    belay_metadata *trailers;
    bly_arena arena;
    ProtobufCAllocator allocator;
    bly_scope scope;    /* client calls opened with the own context, groups */

    bly_watch watch; /* its own headings */
} bly_server_call;

static inline bly_server_call *
bly_server_call_of(belay_call *call)
{
    return BLY_CONTAINER_OF(call, bly_server_call, call);
}

/* Makes a call for a stream that a client opens; NULL without memory. `peer` lives as long as the host,
 * `holding` until the call leaves it.
 * I/O thread. */
belay_call *bly_server_call_new(belay_runtime *runtime, bly_loop *loop, const bly_server_host_ops *ops, void *host,
                                bly_server_totals *totals, const bly_server_limits *limits,
                                bly_holding *holding, const char *peer);

/* The stream ops of bly_h2_ops. I/O thread. */
bool bly_server_call_header(bly_h2_stream *stream, bly_h2_block block, const char *name, size_t name_size,
                            const char *value, size_t value_size);
void bly_server_call_headers_done(bly_h2_stream *stream, bly_h2_block block, bool oversized);
void bly_server_call_data(bly_h2_stream *stream, const uint8_t *data, size_t size);
void bly_server_call_end(bly_h2_stream *stream);
void bly_server_call_cancelled(bly_h2_stream *stream);
void bly_server_call_closed(bly_h2_stream *stream, uint32_t error, bool by_peer, bool unprocessed);
void bly_server_call_delivered(bly_h2_stream *stream);
void bly_server_call_drained(bly_h2_stream *stream);

/* Refuses a call that was dispatched and has not run, with a status. I/O thread. */
void bly_server_call_refuse(belay_call *call, belay_code code, const char *message);

/* Runs the handler: what the pool's job does. Worker. */
void bly_server_call_run(bly_job *job);

/* Fetches what worker and I/O thread share of a call, all but what is the I/O thread's alone, before one of them goes on
 * where the other left off. */
void bly_server_call_fetch(const bly_server_call *server);

/* Whether its handler runs, in this moment. Any thread, the call's lock not held. */
bool bly_server_call_is_running(bly_server_call *server);

/* A message of its client's could not be unpacked: what to tell the client should the handler return that code without
 * words of its own. BELAY_OK: it went on to the next. The receiving thread. */
void bly_server_call_note_unread(bly_server_call *server, belay_code code,
                                 const ProtobufCMessageDescriptor *descriptor);

/* The end of a handler, in the order of DESIGN 5; `reply` may be NULL. Its thread. */
void bly_server_call_finish(bly_server_call *server, uint64_t begun_at, belay_code code,
                            const ProtobufCMessage *reply);

/* Notes a refusal; the first stays. */
void bly_request_refuse(bly_server_call *server, int http_status, belay_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* After the last header: whether the request may go on. */
bool bly_request_check(bly_server_call *server, bool oversized);

/* Counts a call that was cancelled before a worker took it / one whose handler the watchdog reports. Any thread. */
void bly_server_call_count_dropped(bly_server_call *server);
void bly_server_call_count_ignoring(bly_server_call *server);

/* Adds what the handler added to its status to the trailers. message: or NULL. Handler's thread. */
void bly_server_call_pack_details(bly_server_call *server, belay_code code, const char *message);

/* Marks a call over. Lock held. */
void bly_server_call_over_locked(bly_server_call *server);

#endif
