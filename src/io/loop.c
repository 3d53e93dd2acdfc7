/* SPDX-License-Identifier: MIT */
#include "io/loop.h"

#include <sched.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/blocks.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "io/loop_inside.h"

/* How often a turn looks for work again before sockets get their turn. */
#define ROUNDS_PER_TURN 8

/* How often a round looks into the mailbox again before deferred work has its turn: what tasks post
 * should go out with the same flush, but busy posters must not put it off for ever. */
#define BATCHES_PER_ROUND 4

/* ---- one turn ---- */

static void
run_batch(bly_loop_task *task)
{
    while (task != NULL) {
        bly_loop_task *next = task->next; /* run may free the task or post it again */
        task->run(task);
        task = next;
    }
}

static void
run_mailbox(bly_loop *loop)
{
    for (int batch = 0; batch < BATCHES_PER_ROUND && !bly_mailbox_is_empty(&loop->mailbox); batch++)
        run_batch(bly_mailbox_take(&loop->mailbox));
}

/* Runs what is pending now; what is added meanwhile waits for the next round, after the mailbox. */
static void
run_deferred(bly_loop *loop)
{
    bly_loop_deferred *deferred = loop->first_deferred;
    loop->first_deferred = NULL;
    loop->last_deferred = &loop->first_deferred;
    while (deferred != NULL) {
        bly_loop_deferred *next = deferred->next;
        deferred->pending = false;
        deferred->run(deferred);
        deferred = next;
    }
}

bool
bly_loop_has_mail(const bly_loop *loop)
{
    return !bly_mailbox_is_empty(&loop->mailbox) || bly_timers_want_look(loop);
}

static bool
has_work(const bly_loop *loop)
{
    return bly_loop_has_mail(loop) || loop->first_deferred != NULL;
}

/* Others that are still open are a leak somewhere: better an abort here than a thread that never ends. */
static void
check_closing(uv_handle_t *handle, void *argument)
{
    (void)argument;
    BLY_ASSERT(uv_is_closing(handle));
}

/* Closes the loop's own handles, after which uv_run() finds nothing to wait for. */
static void
close_handles(bly_loop *loop)
{
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->straggler_alarm, NULL);
    bly_timers_close(loop);
    uv_walk(&loop->uv, check_closing, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->ended = true;
}

/* Waking a sleeper on another processor can take longer than all that a server has to do for a cancel. Whoever that was
 * sent to, if on this machine, runs here as soon as we let it. */
static void
give_way(bly_loop *loop)
{
    loop->gives_way = false;
    if (loop->wakes.count == 0)
        return;
    uint64_t before = bly_clock_now(&bly_clock_monotonic);
    if (!bly_way_is_free(&loop->way, before))
        return;
    sched_yield();
    uint64_t after = bly_clock_now(&bly_clock_monotonic);
    bly_way_note(&loop->way, after, after - before);
}

static bool
do_rounds(bly_loop *loop)
{
    bly_loop_say_awake(loop);
    for (int round = 0; round < ROUNDS_PER_TURN; round++) {
        bly_timers_run(loop);
        run_mailbox(loop);
        run_deferred(loop);
        if (loop->gives_way)
            give_way(loop);
        bly_wakes_carry_out(&loop->wakes);
        if (has_work(loop))
            continue;
        if (loop->stopping)
            return false;
        bly_mailbox_say_asleep(&loop->mailbox);
        if (!has_work(loop))
            return false;
        bly_loop_say_awake(loop);
    }
    return true; /* sockets have their turn; then on with the work */
}

bool
bly_loop_settle(bly_loop *loop)
{
    loop->may_hurry = false;
    bool more = do_rounds(loop);
    loop->may_hurry = true; /* from here on it is libuv that calls */
    return more;
}

static void
woken(uv_poll_t *wake, int status, int events)
{
    bly_loop *loop = wake->data;
    (void)status;
    (void)events;
    bly_loop_say_awake(loop);
    bly_mailbox_drain(&loop->mailbox); /* the tasks themselves run when the loop settles */
}

void
bly_loop_enter(bly_loop *loop)
{
    __atomic_store_n(&loop->self, bly_thread_self(), __ATOMIC_RELAXED);
    bly_parker_gather(&loop->wakes);
    /* libuv reckons how long to poll from the time that it noted last, which may be as old as nobody drove. */
    uv_update_time(&loop->uv);
}

void
bly_loop_leave(bly_loop *loop)
{
    bly_parker_gather(NULL);
    __atomic_store_n(&loop->self, 0, __ATOMIC_RELAXED);
}

static void
drive(bly_loop *loop)
{
    while (!loop->ended) {
        bool more = bly_loop_settle(loop);
        if (loop->stopping && !more && bly_stragglers_see_off(loop))
            close_handles(loop);
        else if (!loop->stopping && !more && bly_loop_may_lend(loop))
            bly_loop_lend(loop);
        else
            uv_run(&loop->uv, more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
}

static void
run_thread(void *argument)
{
    bly_loop *loop = argument;
    bly_thread_be_prompt();
    bly_blocks_begin();
    bly_mailbox_set_owner(&loop->mailbox, bly_parker_current());
    bly_loop_enter(loop);
    drive(loop);
    bly_loop_leave(loop);
    bly_blocks_end();
}

/* ---- beginning and end ---- */

static void
stop(bly_loop_task *task)
{
    bly_loop *loop = BLY_CONTAINER_OF(task, bly_loop, stop);
    loop->stopping = true;
}

/* Makes what libuv needs; false when it cannot be had, with nothing left behind. */
static bool
open_handles(bly_loop *loop)
{
    if (uv_loop_init(&loop->uv) != 0)
        return false;
    if (uv_poll_init(&loop->uv, &loop->wake, loop->mailbox.bell.reader) != 0) {
        uv_loop_close(&loop->uv);
        return false;
    }
    bly_timers_init(loop);
    uv_timer_init(&loop->uv, &loop->straggler_alarm);
    loop->straggler_alarm.data = loop;
    loop->wake.data = loop;
    uv_poll_start(&loop->wake, UV_READABLE, woken);
    return true;
}

static void
free_stopped(bly_loop *loop)
{
    int failed = uv_loop_close(&loop->uv);
    BLY_ASSERT(failed == 0);
    bly_timers_fini(loop);
    bly_mailbox_fini(&loop->mailbox);
    free(loop);
}

bly_loop *
bly_loop_new(const char *name, const bly_clock *clock)
{
    bly_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->clock = clock;
    loop->last_deferred = &loop->first_deferred;
    bly_list_init(&loop->stragglers);
    loop->stop.run = stop;
    if (!bly_mailbox_init(&loop->mailbox)) {
        free(loop);
        return NULL;
    }
    if (!open_handles(loop)) {
        bly_mailbox_fini(&loop->mailbox);
        free(loop);
        return NULL;
    }
    if (!bly_thread_start(&loop->thread, name, 0, run_thread, loop)) {
        close_handles(loop);
        free_stopped(loop);
        return NULL;
    }
    return loop;
}

void
bly_loop_free(bly_loop *loop)
{
    if (loop == NULL)
        return;
    BLY_ASSERT(!bly_loop_is_current(loop));
    bly_loop_post(loop, &loop->stop);
    pthread_join(loop->thread, NULL);
    free_stopped(loop);
}

/* ---- what others call ---- */

bool
bly_loop_is_current(const bly_loop *loop)
{
    return __atomic_load_n(&loop->self, __ATOMIC_RELAXED) == bly_thread_self();
}

const bly_clock *
bly_loop_clock(const bly_loop *loop)
{
    return loop->clock;
}

void
bly_loop_post(bly_loop *loop, bly_loop_task *task)
{
    bly_mailbox_post(&loop->mailbox, task);
}

void
bly_loop_post_unannounced(bly_loop *loop, bly_loop_task *task)
{
    bly_mailbox_push(&loop->mailbox, task);
}

void
bly_loop_announce(bly_loop *loop)
{
    bly_mailbox_wake(&loop->mailbox);
}

void
bly_loop_defer(bly_loop *loop, bly_loop_deferred *deferred)
{
    BLY_ASSERT_CURRENT(loop);
    if (deferred->pending)
        return;
    deferred->pending = true;
    deferred->next = NULL;
    *loop->last_deferred = deferred;
    loop->last_deferred = &deferred->next;
}

bool
bly_loop_may_hurry(const bly_loop *loop)
{
    BLY_ASSERT_CURRENT(loop);
    return loop->may_hurry;
}

void
bly_loop_hurry(bly_loop *loop)
{
    BLY_ASSERT_CURRENT(loop);
    BLY_ASSERT(loop->may_hurry);
    loop->may_hurry = false;
    run_mailbox(loop);
    run_deferred(loop);
}

void
bly_loop_give_way(bly_loop *loop)
{
    BLY_ASSERT_CURRENT(loop);
    loop->gives_way = true;
}

uint64_t
bly_loop_turn_ms(const bly_loop *loop)
{
    return uv_now(&loop->uv);
}

uint8_t *
bly_loop_buffer(bly_loop *loop)
{
    BLY_ASSERT_CURRENT(loop);
    return loop->buffer;
}

uint8_t *
bly_loop_scratch(bly_loop *loop)
{
    BLY_ASSERT_CURRENT(loop);
    return loop->scratch;
}

/* ---- calls ---- */

/* Lies on the caller's stack. */
typedef struct waiting_call {
    /* const after creation */
    bly_loop_task task;
    void (*function)(void *argument);
    void *argument;

    bly_mutex lock;
    bly_condition condition;
    /* guarded by lock */
    bool done;
} waiting_call;

static void
run_call(bly_loop_task *task)
{
    waiting_call *call = BLY_CONTAINER_OF(task, waiting_call, task);
    call->function(call->argument);
    /* Signalled with the lock held: the caller cannot return, and take its stack with it, before. */
    bly_mutex_lock(&call->lock);
    call->done = true;
    bly_condition_signal(&call->condition);
    bly_mutex_unlock(&call->lock);
}

void
bly_loop_call(bly_loop *loop, void (*function)(void *argument), void *argument)
{
    if (bly_loop_is_current(loop)) {
        function(argument);
        return;
    }
    waiting_call call = {.task.run = run_call, .function = function, .argument = argument};
    bly_mutex_init(&call.lock);
    bly_condition_init(&call.condition);
    bly_loop_post(loop, &call.task);
    bly_mutex_lock(&call.lock);
    while (!call.done)
        bly_condition_wait(&call.condition, &call.lock);
    bly_mutex_unlock(&call.lock);
    bly_condition_fini(&call.condition);
    bly_mutex_fini(&call.lock);
}
