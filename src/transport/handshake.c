/* SPDX-License-Identifier: MIT */
/*
 * A handshake goes between two loops by messages: begin to the own loop, done back. A cancel may cross
 * `done`: it is answered for itself, and the end is told when all that was asked is answered. Whoever is
 * told may free the loop, after bly_tls_leave(), which waits until the own loop is through with posting
 * the last answer.
 */
#include "transport/handshake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <belay/time.h>

#include "base/assert.h"
#include "io/timer.h"
#include "transport/address.h"
#include "transport/secure.h"
#include "transport/tls_inside.h"

struct bly_handshake {
    /* const after creation */
    belay_tls *tls; /* the user's reference */
    bly_loop *own;  /* the belay_tls's */
    bly_loop *loop; /* the stream's */
    bly_tls_target *target;
    uint64_t timeout_ns;
    bly_handshake_function function;
    void *argument;
    char peer[BLY_ADDRESS_TEXT_SIZE];

    /* the own loop, from begin to done */
    bly_watch *watch;
    bly_timer timer; /* needs no reference: it is armed, disarmed and fired on one thread */
    bool is_over;
    /* the own loop until done, then the stream's */
    int descriptor; /* -1: closed */
    bly_secure *secure;
    char error[BLY_ADDRESS_TEXT_SIZE + 320]; /* empty: it went well */

    /* messages: to the own loop, and back */
    bly_loop_task begin;
    bly_loop_task cancel;
    bly_loop_task done;
    bly_loop_task cancelled;

    /* the stream's loop */
    bool cancel_asked;
    unsigned int unanswered; /* messages that an answer is to come for */
};

/* ---- The own loop -------------------------------------------------------------------------------- */

static void
finish(bly_handshake *handshake, const char *error)
{
    handshake->is_over = true;
    bly_timer_disarm(handshake->own, &handshake->timer);
    bly_watch_free(handshake->watch);
    handshake->watch = NULL;
    if (error != NULL) {
        bool is_client = handshake->target != NULL; /* a server's log names the peer by itself */
        snprintf(handshake->error, sizeof handshake->error, "%s%sTLS handshake: %s",
                 is_client ? handshake->peer : "", is_client ? ": " : "", error);
        bly_secure_free(handshake->secure); /* may still say something to the socket */
        handshake->secure = NULL;
        close(handshake->descriptor);
        handshake->descriptor = -1;
    }
    bly_loop_post(handshake->loop, &handshake->done);
}

static void
go_on(void *argument, unsigned int events)
{
    bly_handshake *handshake = argument;
    (void)events;
    int result = bly_secure_handshake(handshake->secure);
    if (result == BLY_STREAM_AGAIN)
        bly_watch_set(handshake->watch,
                      BLY_WATCH_READ | (bly_secure_is_waiting(handshake->secure) ? BLY_WATCH_WRITE : 0));
    else
        finish(handshake, result == 0 ? NULL : bly_secure_error(handshake->secure));
}

static void
take_too_long(bly_timer *timer)
{
    bly_handshake *handshake = BLY_CONTAINER_OF(timer, bly_handshake, timer);
    char words[80];
    snprintf(words, sizeof words, "not done within %" PRIu64 " ms", handshake->timeout_ns / 1000000);
    finish(handshake, words);
}

static bool
arm(bly_handshake *handshake)
{
    uint64_t now = bly_clock_now(bly_loop_clock(handshake->own));
    return handshake->timeout_ns == BELAY_FOREVER ||
           bly_timer_arm(handshake->own, &handshake->timer, bly_clock_after(now, handshake->timeout_ns));
}

static void
begin(bly_loop_task *task)
{
    bly_handshake *handshake = BLY_CONTAINER_OF(task, bly_handshake, begin);
    handshake->secure = bly_secure_new(handshake->tls, handshake->target, handshake->descriptor);
    handshake->watch = bly_watch_new(handshake->own, handshake->descriptor, go_on, handshake);
    if (handshake->secure == NULL || handshake->watch == NULL || !arm(handshake))
        finish(handshake, "no memory");
    else
        go_on(handshake, 0);
}

static void
cancel(bly_loop_task *task)
{
    bly_handshake *handshake = BLY_CONTAINER_OF(task, bly_handshake, cancel);
    if (!handshake->is_over)
        finish(handshake, "given up");
    bly_loop_post(handshake->loop, &handshake->cancelled);
}

/* ---- The stream's loop --------------------------------------------------------------------------- */

static bly_stream *
make_stream(bly_handshake *handshake)
{
    if (handshake->error[0] != '\0')
        return NULL;
    bly_stream *stream =
        bly_stream_new_secure(handshake->loop, handshake->descriptor, handshake->peer, handshake->secure);
    if (stream == NULL)
        snprintf(handshake->error, sizeof handshake->error, "no memory for a connection with %s",
                 handshake->peer);
    return stream;
}

static void
answered(bly_handshake *handshake)
{
    if (--handshake->unanswered > 0)
        return;
    bly_stream *stream = make_stream(handshake);
    handshake->function(handshake->argument, stream, stream == NULL ? handshake->error : NULL);
    bly_tls_target_unref(handshake->target);
    free(handshake);
}

static void
done(bly_loop_task *task)
{
    answered(BLY_CONTAINER_OF(task, bly_handshake, done));
}

static void
cancelled(bly_loop_task *task)
{
    answered(BLY_CONTAINER_OF(task, bly_handshake, cancelled));
}

bly_handshake *
bly_handshake_start(const bly_tls_user *user, bly_tls_target *target, bly_loop *loop, int descriptor,
                    const char *peer, bly_handshake_function function, void *argument)
{
    BLY_ASSERT(bly_loop_is_current(loop));
    bly_handshake *handshake = calloc(1, sizeof *handshake);
    if (handshake == NULL) {
        close(descriptor);
        return NULL;
    }
    handshake->tls = user->tls;
    handshake->own = bly_tls_loop(user->tls);
    handshake->loop = loop;
    handshake->target = target != NULL ? bly_tls_target_ref(target) : NULL;
    handshake->timeout_ns = bly_tls_timeout(user->tls);
    handshake->function = function;
    handshake->argument = argument;
    handshake->descriptor = descriptor;
    snprintf(handshake->peer, sizeof handshake->peer, "%s", peer);
    bly_timer_init(&handshake->timer, take_too_long);
    handshake->begin.run = begin;
    handshake->cancel.run = cancel;
    handshake->done.run = done;
    handshake->cancelled.run = cancelled;
    handshake->unanswered = 1;
    bly_loop_post(handshake->own, &handshake->begin);
    return handshake;
}

void
bly_handshake_cancel(bly_handshake *handshake)
{
    BLY_ASSERT(bly_loop_is_current(handshake->loop));
    if (handshake->cancel_asked)
        return;
    handshake->cancel_asked = true;
    handshake->unanswered++;
    bly_loop_post(handshake->own, &handshake->cancel);
}
