/* SPDX-License-Identifier: MIT */
#include "bench/limits/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct call_list {
    limit_call *first;
    limit_call **last;
} call_list;

/* const after the start */
static wake_mode mode;
static int done_event;

/* I/O thread only: what this turn of the loop has received */
static call_list turn = {.last = &turn.first};

/* guarded by queue_lock */
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static call_list queue = {.last = &queue.first};
static unsigned int idle;

/* guarded by done_lock */
static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static call_list done = {.last = &done.first};

static void
append(call_list *list, limit_call *call)
{
    call->next = NULL;
    *list->last = call;
    list->last = &call->next;
}

static limit_call *
detach(call_list *list)
{
    limit_call *first = list->first;
    list->first = NULL;
    list->last = &list->first;
    return first;
}

/* Waits for a call. The signal of a chain is given after the lock was dropped, like all of them here. */
static limit_call *
take(void)
{
    pthread_mutex_lock(&queue_lock);
    while (queue.first == NULL) {
        idle++;
        pthread_cond_wait(&queue_filled, &queue_lock);
        idle--;
    }
    limit_call *call = queue.first;
    queue.first = call->next;
    if (queue.first == NULL)
        queue.last = &queue.first;
    bool wake_another = mode == WAKE_CHAIN && queue.first != NULL && idle != 0;
    pthread_mutex_unlock(&queue_lock);
    if (wake_another)
        pthread_cond_signal(&queue_filled);
    return call;
}

static void
give_back(limit_call *call)
{
    pthread_mutex_lock(&done_lock);
    bool was_empty = done.first == NULL;
    append(&done, call);
    pthread_mutex_unlock(&done_lock);
    const uint64_t one = 1;
    if (was_empty && write(done_event, &one, sizeof one) < 0)
        abort();
}

static void *
work(void *unused)
{
    (void)unused;
    for (;;) {
        limit_call *call = take();
        call_run(call);
        give_back(call);
    }
    return NULL;
}

void
workers_give(limit_call *call)
{
    if (mode != WAKE_EACH) {
        append(&turn, call);
        return;
    }
    pthread_mutex_lock(&queue_lock);
    append(&queue, call);
    pthread_mutex_unlock(&queue_lock);
    pthread_cond_signal(&queue_filled);
}

void
workers_end_of_turn(void)
{
    if (turn.first == NULL)
        return;
    pthread_mutex_lock(&queue_lock);
    *queue.last = turn.first;
    queue.last = turn.last;
    bool wake = idle != 0;
    pthread_mutex_unlock(&queue_lock);
    (void)detach(&turn);
    if (wake)
        pthread_cond_signal(&queue_filled);
}

limit_call *
workers_take_done(void)
{
    pthread_mutex_lock(&done_lock);
    limit_call *first = detach(&done);
    pthread_mutex_unlock(&done_lock);
    return first;
}

bool
workers_start(unsigned int count, wake_mode how, int event)
{
    mode = how;
    done_event = event;
    for (unsigned int i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            return false;
        pthread_detach(thread);
    }
    return true;
}
