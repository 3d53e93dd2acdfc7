/* SPDX-License-Identifier: MIT */
/*
 * What the suites of a client call's life share: a channel to a raw server, and one call, the subject,
 * brought to a stage of its life. Then the test lets something happen to it.
 */
#ifndef TESTS_RPC_CLIENT_SCENE_H
#define TESTS_RPC_CLIENT_SCENE_H

#include "support/fixture.h"
#include "support/raw_peer.h"

/* Stages of a call's life. */
typedef enum stage {
    UNCONNECTED, /* the server has not said a word */
    WAITING,     /* for one of the streams that the server allows */
    OPEN,        /* the server has its headers and what it has to say so far */
    HALF_SENT,   /* the server has some bytes of a message, and gives no window for more */
    ANSWERING,   /* the server's headers and half a message have come */
    ANSWERED     /* the server's status has come */
} stage;

typedef enum kind { UNARY, CHAT } kind;

typedef struct client_scene {
    fixture f; /* for its runtime; its server is not called */
    int listener;
    raw_peer server;
    bool server_gone;
    bool connected;
    belay_channel *channel;
    belay_context *context; /* the subject's parent */
    belay_call *call;       /* the subject; NULL once finished */
    belay_call *other;      /* has the only stream, while waiting */
    uint32_t id;            /* the subject's stream, or what it would be */
    Belay__Test__Note *large;
} client_scene;

/* Brings a call of one kind to a stage. timeout_ns: its own, on a clock that stands still; BELAY_FOREVER:
 * none, on the real clock. */
void client_open(client_scene *scene, stage stage, kind kind, uint64_t timeout_ns);

/* The same without a call: the channel has its connection. */
void client_open_idle(client_scene *scene, raw_settings settings, bool own_clock);

/* Starts a call. */
belay_call *client_call(client_scene *scene, belay_context *context, kind kind, uint64_t timeout_ns);

/* Finishes the subject, tells how it ended. */
ending client_finish(client_scene *scene);

/* Waits until the client has dealt with everything that was sent, and has sent what it had to. */
void client_sync(client_scene *scene);

/* Finishes what is left, and closes everything. */
void client_close(client_scene *scene);

/* What the server has of the subject. */
raw_stream *heard(client_scene *scene);

#endif
