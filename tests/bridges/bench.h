/* SPDX-License-Identifier: MIT */
/*
 * One handler of examples/bridges behind a real call, and what has become of it.
 */
#ifndef TESTS_BRIDGES_BENCH_H
#define TESTS_BRIDGES_BENCH_H

#include <bridges/bridges.h>

#include "support/fixture.h"

typedef struct bench {
    bridge_settings settings; /* first: what the handler finds */
    bridge_handler handler;
    bool after_end; /* the handler begins when its call has ended */
    fixture fixture;
    int descriptors; /* open before */
    gate returned;
    /* once it has: */
    belay_code code;
    belay_cause cause;
} bench;

/* own_clock: deadlines pass by fixture_advance(). */
void bench_open(bench *b, bridge_handler handler, bridge_settings settings, bool own_clock);

/* With the server and the channel, no descriptor may be left. */
void bench_close(bench *b);

/* A call; the program ends when it cannot be started. */
belay_call *bench_ask(bench *b, const char *text, uint64_t timeout_ns);

/* What the call was answered, which must be right; to be compared with a text. */
void bench_expect_answer(bench *b, const char *text, const char *answer);

/* Cancels the call with a reason, and sees the handler and the client end with that. */
void bench_expect_cancelled(bench *b, belay_call *call);

/* Has the deadline of a call pass, and sees both end with that. */
void bench_expect_too_late(bench *b, belay_call *call);

#define BENCH_TIMEOUT BELAY_SECONDS(100)

#endif
