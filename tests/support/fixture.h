/* SPDX-License-Identifier: MIT */
/*
 * One server, one channel to it, and the runtime that both work with, in this process, over a real socket on
 * 127.0.0.1. At its end everything must have gone back to nothing by itself.
 *
 * Three ways to put things in an order:
 *   - gates of support/suite.h in handlers;
 *   - fixture_hold_io() stops the I/O thread between two turns of its mailbox: what other threads do
 *     meanwhile all lies there when it goes on;
 *   - a clock of its own, on which deadlines pass when the test says so.
 */
#ifndef TESTS_SUPPORT_FIXTURE_H
#define TESTS_SUPPORT_FIXTURE_H

#include <belay/belay.h>

#include "base/clock.h"
#include "io/loop.h"
#include "support/suite.h"
#include "probe.belay.h"

typedef struct fixture_options {
    belay_test_probe_handlers handlers;
    void *data;                           /* what belay_call_data() gives */
    const belay_server_options *server;   /* NULL: defaults */
    const belay_channel_options *channel; /* NULL: defaults */
    belay_tls *tls;                       /* the server's; NULL: plaintext */
    unsigned int io_threads;              /* 0: one */
    bool admin;                           /* listens for an operator: belay_admin_address(server, 0) */
    belay_log_function log;               /* takes warnings and errors; NULL: nobody does */
    void *log_argument;
    bool log_all;                         /* from BELAY_LOG_INFO on */
    void (*configure)(belay_server *server); /* called before the start; NULL: nothing */
    bool own_clock;                       /* deadlines pass only by fixture_advance() */
    belay_runtime *runtime;               /* NULL: one of its own; else shared with another fixture */
} fixture_options;

typedef struct fixture {
    /* const after fixture_open() */
    belay_runtime *runtime;
    belay_server *server;
    belay_channel *channel;
    const char *address;
    bool shares_runtime;
    bly_clock clock;

    uint64_t now; /* atomic, relaxed: the own clock's */
    gate held;    /* the I/O thread stands still */
    gate resume;
    bly_loop_task hold[2]; /* in turns */
    int holds;             /* how often */
} fixture;

/* Opens everything; the program ends when it cannot. */
void fixture_open(fixture *fixture, const fixture_options *options);

/* Frees the channel, waits until nothing runs and nothing is open, then frees the server and the runtime,
 * and waits until nothing refers to them. Raw peers must have been closed. Runtimes that are shared are
 * left out. */
void fixture_close(fixture *fixture);

/* ---- Order ---- */

void fixture_hold_io(fixture *fixture);
void fixture_release_io(fixture *fixture);

/* Lets the held I/O thread do what was posted until now, and holds it again before it comes to the end of
 * its turn: nothing of what was done has been flushed. */
void fixture_step_io(fixture *fixture);

/* Returns when the I/O thread has run what was posted before. */
void fixture_settle(fixture *fixture);

/* Moves the own clock on; timers that are due have fired when this returns. */
void fixture_advance(fixture *fixture, uint64_t ns);

/* ---- Looking ---- */

belay_server_counters fixture_counters(const fixture *fixture);

/* Waits until a counter is at a value: fixture_await(&f, offsetof(belay_server_counters,
 * handlers_running), 0). */
void fixture_await(const fixture *fixture, size_t offset, uint64_t value);
#define FIXTURE_AWAIT(fixture, counter, value) \
    fixture_await((fixture), offsetof(belay_server_counters, counter), (value))

/* Waits until as many jobs are in the pool's queue. */
void fixture_await_queued(const fixture *fixture, unsigned int count);

/* Waits until as many workers sleep in one of belay's waits. */
void fixture_await_blocked(const fixture *fixture, unsigned int count);

/* Waits until so many messages of a call wait to be received. */
void fixture_await_messages(belay_call *call, size_t count);

/* Waits until the server knows that no connection is left. */
void fixture_await_no_connection(const fixture *fixture);

/* ---- Messages and calls ---- */

/* A Note with a text, on the stack. */
#define NOTE(words) (&(Belay__Test__Note){PROTOBUF_C_MESSAGE_INIT(&belay__test__note__descriptor), \
                                           (char *)(words), {0, NULL}, 0, NULL})

/* A Note of at least `size` bytes, to be freed with free(). */
Belay__Test__Note *note_new(size_t size);

/* Start a call; the program ends when they cannot. A timeout of BELAY_FOREVER: none. */
belay_call *start_unary(fixture *fixture, belay_context *context, uint64_t timeout_ns);
belay_call *start_upload(fixture *fixture, belay_context *context, uint64_t timeout_ns);
belay_call *start_download(fixture *fixture, belay_context *context, uint64_t timeout_ns);
belay_call *start_chat(fixture *fixture, belay_context *context, uint64_t timeout_ns);

/* What a call ended with; the call is gone then. */
typedef struct ending {
    belay_code code;
    char message[256];
    bool is_local;
} ending;

ending finish(belay_call *call);

#endif
