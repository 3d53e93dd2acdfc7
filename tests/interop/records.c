/* SPDX-License-Identifier: MIT */
#include "interop/records.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_COUNT 10000u

typedef struct record {
    uint64_t number; /* 0: not used */
    uint64_t run;
    size_t hops_left;
    uint64_t started_ns;
    uint64_t cancelled_ns;
    uint64_t noticed_ns;
    uint64_t returned_ns;
    belay_cause cause;
    char *reason;           /* or NULL */
    belay_context *context; /* a reference until its end was noted */
} record;

struct records {
    pthread_mutex_t lock;
    /* guarded by lock */
    uint64_t last; /* number given last */
    record ring[RECORD_COUNT];
};

records *
records_new(void)
{
    records *all = calloc(1, sizeof *all);
    if (all != NULL)
        pthread_mutex_init(&all->lock, NULL);
    return all;
}

static void
clear(record *one)
{
    belay_context_unref(one->context);
    free(one->reason);
    memset(one, 0, sizeof *one);
}

void
records_free(records *all)
{
    if (all == NULL)
        return;
    for (size_t i = 0; i < RECORD_COUNT; i++)
        clear(&all->ring[i]);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

/* Notes how the handler's context ended, once it has. */
static void
settle(record *one)
{
    if (one->context == NULL || belay_context_cause(one->context) == BELAY_CAUSE_NONE)
        return;
    belay_cause cause = belay_context_cause(one->context);
    if (cause != BELAY_CAUSE_FINISHED) {
        one->cause = cause;
        one->cancelled_ns = belay_context_end_time(one->context);
        one->reason = strdup(belay_context_reason(one->context));
    }
    one->context = belay_context_unref(one->context);
}

/* Finds a record that may have made room for a younger one meanwhile. */
static record *
find(records *all, uint64_t number)
{
    record *one = &all->ring[number % RECORD_COUNT];
    return one->number == number ? one : NULL;
}

uint64_t
records_begin(records *all, uint64_t run, size_t hops_left, uint64_t started_ns, belay_context *context)
{
    pthread_mutex_lock(&all->lock);
    uint64_t number = ++all->last;
    record *one = &all->ring[number % RECORD_COUNT];
    clear(one);
    one->number = number;
    one->run = run;
    one->hops_left = hops_left;
    one->started_ns = started_ns;
    one->context = belay_context_ref(context);
    pthread_mutex_unlock(&all->lock);
    return number;
}

void
records_noticed(records *all, uint64_t number)
{
    uint64_t now = belay_now();
    pthread_mutex_lock(&all->lock);
    record *one = find(all, number);
    if (one != NULL && one->noticed_ns == 0)
        one->noticed_ns = now;
    pthread_mutex_unlock(&all->lock);
}

void
records_returned(records *all, uint64_t number)
{
    uint64_t now = belay_now();
    pthread_mutex_lock(&all->lock);
    record *one = find(all, number);
    if (one != NULL)
        one->returned_ns = now;
    pthread_mutex_unlock(&all->lock);
}

/* ---- Telling ------------------------------------------------------------------------------------ */

static Belay__Testing__HandlerRecord *
describe(const record *one, belay_call *call)
{
    Belay__Testing__HandlerRecord *told = belay_alloc(call, sizeof *told);
    if (told == NULL)
        return NULL;
    belay__testing__handler_record__init(told);
    told->hops_left = (uint32_t)one->hops_left;
    told->started_ns = (int64_t)one->started_ns;
    told->cancelled_ns = (int64_t)one->cancelled_ns;
    told->noticed_ns = (int64_t)one->noticed_ns;
    told->returned_ns = (int64_t)one->returned_ns;
    told->cause = (Belay__Testing__Cause)one->cause; /* the same numbers */
    if (one->reason != NULL)
        told->reason = belay_printf(call, "%s", one->reason);
    return told->reason != NULL ? told : NULL;
}

static size_t
count_run(const records *all, uint64_t run)
{
    size_t count = 0;
    for (size_t i = 0; i < RECORD_COUNT; i++)
        count += all->ring[i].number != 0 && all->ring[i].run == run;
    return count;
}

static belay_code
list_locked(records *all, uint64_t run, belay_call *call, Belay__Testing__SeenReply *reply)
{
    size_t count = count_run(all, run);
    if (count == 0)
        return BELAY_OK;
    reply->record = belay_alloc(call, count * sizeof reply->record[0]);
    if (reply->record == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    for (uint64_t i = 1; i <= RECORD_COUNT; i++) {
        record *one = &all->ring[(all->last + i) % RECORD_COUNT];
        if (one->number == 0 || one->run != run)
            continue;
        settle(one);
        Belay__Testing__HandlerRecord *told = describe(one, call);
        if (told == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        reply->record[reply->n_record++] = told;
    }
    return BELAY_OK;
}

belay_code
records_list(records *all, uint64_t run, belay_call *call, Belay__Testing__SeenReply *reply)
{
    pthread_mutex_lock(&all->lock);
    belay_code code = list_locked(all, run, call, reply);
    pthread_mutex_unlock(&all->lock);
    return code;
}
