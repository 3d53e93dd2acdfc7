/* SPDX-License-Identifier: MIT */
/*
 * The client's side of a call.
 *
 * It has a context of its own, a child of the one that it was opened with, and its whole end goes through
 * that: the status that came from the server, once noted, finishes the context; a cancel, a deadline or the
 * parent's end cancel it. Whoever ends the context first decides what the caller gets; what comes later is
 * dropped.
 *
 * start.c and finish.c are the caller's part, client_call.c the I/O thread's.
 */
#ifndef BLY_RPC_CLIENT_CALL_H
#define BLY_RPC_CLIENT_CALL_H

#include <stdbool.h>

#include <belay/channel.h>

#include "base/list.h"
#include "rpc/call.h"
#include "rpc/credentials.h"
#include "rpc/scope.h"

/* What a call needs from its channel. I/O thread, no lock held. */
typedef struct bly_client_host_ops {
    /* The call wants a connection: opens it with bly_client_call_open() now or later, or fails it. */
    void (*start)(void *host, belay_call *call);
    /* The call ended while it waited for a connection. */
    void (*withdraw)(void *host, belay_call *call);
    /* The call's stream has ended (inside nghttp2's receive). */
    void (*gone)(void *host, belay_call *call);
    /* Any thread, no lock held: the call's hold on the channel. */
    void (*retain)(void *host);
    void (*release)(void *host);
} bly_client_host_ops;

/* What start needs to know of a channel. */
typedef struct bly_client_host {
    /* const after creation */
    const bly_client_host_ops *ops;
    void *argument; /* the ops' */
    belay_runtime *runtime;
    bly_loop *loop;
    const char *target;
    const char *authority; /* outlives its connections */
    bly_limit_record *limits;
    bool is_secure;        /* TLS */
    uint32_t receive_size;
    uint32_t send_mark;
    uint32_t stream_window;
    belay_compression compression; /* of requests */
    bool accept_compression;       /* of replies: the server is told that it may */
} bly_client_host;

struct belay_call_options {
    uint64_t timeout_ns;
    bool wait_for_ready;
    bool has_compression; /* else the channel's */
    belay_compression compression;
    belay_metadata *metadata; /* or NULL */
    bly_credentials credentials;
};

typedef struct bly_client_call {
    belay_call call; /* first: the flag is the first word */

    /* const after creation */
    const bly_client_host *host;
    bly_scope *scope; /* of the handler or task whose context it was opened with, on its thread; or NULL */
    bool wait_for_ready;
    belay_metadata *metadata; /* of its options, then its credentials; or NULL */

    bly_link handler_link; /* in the scope's calls; its thread only */
    bly_link host_link;    /* the host's, I/O thread */

    /* guarded by the call's lock; const once the context is finished */
    bool has_result;
    bool result_is_local;
    belay_code result_code;
    char *result_message;
    belay_metadata *result_trailers;
    belay_metadata *headers; /* const once headers_ready; NULL: no metadata */
    bool headers_ready;
    bool spoiled;   /* a message could not be inflated: what is left of the stream is of no use */
    bool abandoned; /* nobody will finish it: the I/O thread holds the user's reference */

    /* receiving thread only */
    belay_code spoiled_code; /* what it ended with; BELAY_OK */
    const char *spoiled_words;

    const char *peer; /* atomic: release when set, acquire when read; the host's target, then one of these: */
    char peer_name[64];               /* the first that fits, const once it is not empty */
    struct bly_peer_name *peer_names; /* the others: a call may be tried at several addresses; I/O thread only */

    /* I/O thread only */
    bool started;
    bool waiting; /* the host holds it */
    bool end_handled;
    bool out_end_sent;
    bool tried_again; /* after a server had the headers */
    bool rejected; /* the answer is no gRPC: the rest is dropped */
    unsigned int messages;
    int http_status;
    bool has_grpc_status;
    bool may_be_all; /* the first block has a status: the whole answer, if the stream ends with it */
    bool has_grpc_content;
    bool has_trailers;
    size_t dropped;       /* bytes of body while it */
    bool awaits_trailers; /* the HTTP status is no success, and the content type gRPC's */
    belay_code grpc_status;
    char *grpc_message;
    belay_metadata *block; /* of the block that is being received */
} bly_client_call;

static inline bly_client_call *
bly_client_call_of(belay_call *call)
{
    return BLY_CONTAINER_OF(call, bly_client_call, call);
}

static inline belay_call *
bly_client_call_of_handler_link(bly_link *link)
{
    return &BLY_LIST_ENTRY(link, bly_client_call, handler_link)->call;
}

/* The I/O thread's side; for start. */
extern const bly_call_side bly_client_side;

/* Opens the stream of a started call; false when the connection takes no more (the call stays the host's; it has
 * failed already if its metadata is larger than the server takes). */
bool bly_client_call_open(belay_call *call, bly_h2_connection *connection);

/* Ends a call that the host holds, with a status of this side. message is copied. */
void bly_client_call_fail(belay_call *call, belay_code code, const char *message);

/* The stream ops of bly_h2_ops. I/O thread. */
bool bly_client_call_header(bly_h2_stream *stream, bly_h2_block block, const char *name, size_t name_size,
                            const char *value, size_t value_size);
void bly_client_call_headers_done(bly_h2_stream *stream, bly_h2_block block, bool oversized);
void bly_client_call_data(bly_h2_stream *stream, const uint8_t *data, size_t size);
void bly_client_call_end(bly_h2_stream *stream);
void bly_client_call_closed(bly_h2_stream *stream, uint32_t error, bool by_peer, bool unprocessed);
void bly_client_call_delivered(bly_h2_stream *stream);

/* Starts a call; what belay_call_start() does with a channel. announce: false when the caller waits for the end at
 * once, and says so there: the I/O thread need not be woken if the caller drives it. */
belay_code bly_client_call_start(const bly_client_host *host, belay_context *context, const belay_method *method,
                                 const ProtobufCMessage *request, const belay_call_options *options, bool announce,
                                 belay_call **call);

/* belay_call_finish_unary(); unannounced: started so. */
belay_code bly_client_call_finish_unary(belay_call *call, bool unannounced, ProtobufCMessage **reply,
                                        belay_status **status);

#endif
