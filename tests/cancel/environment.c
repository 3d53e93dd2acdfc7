/* SPDX-License-Identifier: MIT */
#include "cancel/environment.h"

#include <CUnit/CUnit.h>
#include <stdlib.h>

#include "wire/metadata.h"

#define START UINT64_C(1000000)

static int blocked; /* atomic: threads that said so */

typedef struct fake_timer {
    bly_link link; /* guarded by the environment's lock */
    belay_context *context; /* weak */
    uint64_t at;
} fake_timer;

static fake_environment *
fake_of(bly_context_environment *environment)
{
    return BLY_CONTAINER_OF(environment, fake_environment, environment);
}

static uint64_t
now(void *argument)
{
    fake_environment *fake = argument;
    return __atomic_load_n(&fake->now, __ATOMIC_RELAXED);
}

static void
retain(bly_context_environment *environment)
{
    __atomic_add_fetch(&fake_of(environment)->references, 1, __ATOMIC_RELAXED);
}

static void
release(bly_context_environment *environment)
{
    __atomic_sub_fetch(&fake_of(environment)->references, 1, __ATOMIC_RELAXED);
}

static void *
arm(bly_context_environment *environment, belay_context *context, uint64_t at)
{
    fake_environment *fake = fake_of(environment);
    fake_timer *timer = fake->arm_fails ? NULL : malloc(sizeof *timer);
    if (timer == NULL)
        return NULL;
    *timer = (fake_timer){.context = context, .at = at};
    pthread_mutex_lock(&fake->lock);
    bly_link_init(&timer->link);
    bly_list_append(&fake->timers, &timer->link);
    fake->armed++;
    pthread_mutex_unlock(&fake->lock);
    return timer;
}

static void
disarm(bly_context_environment *environment, void *handle)
{
    fake_environment *fake = fake_of(environment);
    fake_timer *timer = handle;
    pthread_mutex_lock(&fake->lock);
    bly_list_remove(&timer->link);
    pthread_mutex_unlock(&fake->lock);
    free(timer);
}

static void
blocked_begin(void)
{
    __atomic_add_fetch(&blocked, 1, __ATOMIC_SEQ_CST);
}

static void
blocked_end(void)
{
    __atomic_sub_fetch(&blocked, 1, __ATOMIC_SEQ_CST);
}

int
environment_blocked(void)
{
    return __atomic_load_n(&blocked, __ATOMIC_SEQ_CST);
}

void
environment_init(fake_environment *fake)
{
    *fake = (fake_environment){.now = START};
    fake->clock = (bly_clock){.now = now, .argument = fake};
    fake->environment = (bly_context_environment){
        .clock = &fake->clock,
        .notifier = bly_notifier_new("notifier"),
        .copy_metadata = bly_metadata_copy,
        .retain = retain,
        .release = release,
        .arm = arm,
        .disarm = disarm,
        .blocked_begin = blocked_begin,
        .blocked_end = blocked_end,
    };
    pthread_mutex_init(&fake->lock, NULL);
    bly_list_init(&fake->timers);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fake->environment.notifier);
}

void
environment_settle(fake_environment *fake)
{
    bly_notifier_free(fake->environment.notifier);
    fake->environment.notifier = NULL;
}

void
environment_fini(fake_environment *fake)
{
    environment_settle(fake);
    CU_ASSERT_EQUAL(__atomic_load_n(&fake->references, __ATOMIC_RELAXED), 0);
    CU_ASSERT_TRUE(bly_list_is_empty(&fake->timers));
    pthread_mutex_destroy(&fake->lock);
}

/* The context of the first timer that is due, with a reference, or NULL. The timer is then out of the list;
 * its memory is the context's. */
static belay_context *
take_due(fake_environment *fake)
{
    belay_context *due = NULL;
    pthread_mutex_lock(&fake->lock);
    for (bly_link *link = fake->timers.next, *next; link != &fake->timers && due == NULL; link = next) {
        fake_timer *timer = BLY_LIST_ENTRY(link, fake_timer, link);
        next = link->next;
        if (timer->at > now(fake))
            continue;
        bly_list_remove(link);
        if (bly_context_try_ref(timer->context))
            due = timer->context;
    }
    pthread_mutex_unlock(&fake->lock);
    return due;
}

void
environment_pass(fake_environment *fake, uint64_t duration_ns)
{
    belay_context *due;
    __atomic_add_fetch(&fake->now, duration_ns, __ATOMIC_RELAXED);
    while ((due = take_due(fake)) != NULL) {
        bly_context_end(due, BELAY_CAUSE_DEADLINE, NULL);
        belay_context_unref(due);
    }
}

int
environment_timers(fake_environment *fake)
{
    int count = 0;
    pthread_mutex_lock(&fake->lock);
    for (bly_link *link = fake->timers.next; link != &fake->timers; link = link->next)
        count++;
    pthread_mutex_unlock(&fake->lock);
    return count;
}

belay_context *
environment_root(fake_environment *fake)
{
    belay_context *context = bly_context_make(&fake->environment, NULL, BELAY_FOREVER, false, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    return context;
}
