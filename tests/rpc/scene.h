/* SPDX-License-Identifier: MIT */
/*
 * What the suites of a server call's life share: a raw client, a server whose handlers do what the test says,
 * and one call, the subject, that is brought to a place of its life. Then the test lets something happen to
 * it.
 */
#ifndef TESTS_RPC_SCENE_H
#define TESTS_RPC_SCENE_H

#include "support/fixture.h"
#include "support/raw_peer.h"

/* What the subject's handler does before it returns. */
typedef enum doing {
    RETURN,
    WAIT_GATE, /* deaf to its cancellation, until the test opens `go` */
    SPIN,      /* looks at the flag */
    RECEIVE,
    RECEIVE_AT_GATE, /* waits for `go` first */
    SEND,     /* until a send fails */
    SEND_ONE, /* a small message, then sleeps */
    SEND_AT_GATE, /* waits for `go`, sends a small message, opens `sent`, then sleeps */
    SLEEP,
    CHILD,    /* a call to a server that does not answer */
    WAIT_ANY, /* two of them */
    CANCEL    /* cancels itself with scene.reason, then waits for `go` */
} doing;

/* Places of a call's life. */
typedef enum place {
    RECEIVING, /* its message has not come */
    HALF_RECEIVED,
    QUEUED,    /* for a worker */
    HELD,      /* behind the limit of handlers of its connection */
    RUNNING,   /* its handler does what `doing` says */
    HALF_SENT, /* some bytes of a reply have left, and no more can */
    STUCK,     /* the handler has returned; the reply cannot leave */
    DELIVERED
} place;

#define SUBJECT 3 /* the subject's stream; 1 is taken by another call where the place needs one */

typedef struct scene {
    fixture f;
    raw_peer client;
    bool client_gone;
    doing doing;
    belay_code answer; /* what the handler returns */
    const char *reason;

    /* The subject's handler tells */
    gate entered;
    gate go;
    gate sent;
    gate left;
    int received;       /* messages */
    int runs;           /* atomic, relaxed */
    pthread_mutex_t lock; /* for handlers that end at the same time */
    belay_code seen;    /* what its wait returned */
    bool flag;          /* belay_cancelled() after it */
    belay_cause cause;
    char words[64];     /* belay_context_reason() */
    belay_context *context; /* the first one's own, kept */

    /* The other call's */
    gate other_entered;
    gate other_go;

    int silent; /* a listener that nobody accepts from */
    belay_channel *silent_channel;
} scene;

/* Opens a scene and brings the subject to a place. timeout: its grpc-timeout, on a clock that stands still
 * (fixture_advance()); NULL: none, on the real clock. */
void scene_open(scene *scene, place place, doing doing, const char *timeout);

/* Lets all handlers go, closes the client and the fixture. */
void scene_close(scene *scene);

/* What became of the subject on the wire. */
raw_stream *subject(scene *scene);

/* Waits until the subject's handler has returned. */
void scene_await_left(scene *scene);

/* The client is gone: closed, or with a reset of the connection. */
void scene_lose_client(scene *scene, bool by_reset);

/* Drains the server in a thread of its own. */
typedef struct drain {
    pthread_t thread;
    scene *scene;
    uint64_t grace_ns;
    belay_code code;
} drain;

void drain_begin(drain *drain, scene *scene, uint64_t grace_ns);
belay_code drain_join(drain *drain);

#endif
