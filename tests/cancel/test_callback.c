/* SPDX-License-Identifier: MIT */
#include "cancel/callback.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cancel/environment.h"
#include "support/suite.h"

/* A callback that notes how it was called, says so, and waits to be let go. */
typedef struct probe {
    fake_environment *fake;
    gate entered;
    gate *hold; /* NULL: does not wait */
    int runs;
    bool finished;
    bool on_notifier;
    pthread_t thread;
    belay_context *context;
    belay_cause cause;
    char reason[32];
} probe;

static void
probe_run(belay_context *context, void *argument)
{
    probe *self = argument;
    __atomic_add_fetch(&self->runs, 1, __ATOMIC_RELAXED);
    self->on_notifier = bly_notifier_is_current(self->fake->environment.notifier);
    self->thread = pthread_self();
    self->context = context;
    self->cause = belay_context_cause(context);
    strncpy(self->reason, belay_context_reason(context), sizeof self->reason - 1);
    gate_open(&self->entered);
    if (self->hold != NULL)
        gate_wait(self->hold);
    self->finished = true;
}

static void
probe_init(probe *p, fake_environment *fake, gate *hold)
{
    *p = (probe){.fake = fake, .hold = hold};
    gate_init(&p->entered, "callback entered");
}

static void
probe_fini(probe *p)
{
    gate_fini(&p->entered);
}

static belay_cancel_callback *
watch(belay_context *context, belay_cancel_function function, void *argument)
{
    belay_cancel_callback *callback = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_on_cancel(context, function, argument, &callback), BELAY_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(callback);
    return callback;
}

static void
watch_without_handle(belay_context *context, belay_cancel_function function, void *argument)
{
    CU_ASSERT_EQUAL_FATAL(belay_on_cancel(context, function, argument, NULL), BELAY_OK);
}

static void
start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    CU_ASSERT_EQUAL_FATAL(pthread_create(thread, NULL, run, argument), 0);
}

/* ---- Running ------------------------------------------------------------------------------------- */

static void
test_a_callback_runs_on_the_notifier_and_reads_cause_and_reason(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    belay_cancel_callback *callback = watch(context, probe_run, &p);
    bly_context_end(context, BELAY_CAUSE_OPERATOR, "by hand");
    gate_wait(&p.entered);
    CU_ASSERT_TRUE(belay_cancel_callback_remove(callback));
    CU_ASSERT_EQUAL(p.runs, 1);
    CU_ASSERT_TRUE(p.on_notifier);
    CU_ASSERT_FALSE(pthread_equal(p.thread, pthread_self()));
    CU_ASSERT_PTR_EQUAL(p.context, context);
    CU_ASSERT_EQUAL(p.cause, BELAY_CAUSE_OPERATOR);
    CU_ASSERT_STRING_EQUAL(p.reason, "by hand");
    belay_context_unref(context);
    environment_fini(&fake);
    probe_fini(&p);
}

static void
test_all_callbacks_run_once_however_often_it_is_cancelled(void)
{
    enum { COUNT = 5 };
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    probe probes[COUNT];
    for (int i = 0; i < COUNT; i++) {
        probe_init(&probes[i], &fake, NULL);
        watch_without_handle(context, probe_run, &probes[i]);
    }
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    belay_context_unref(context);
    environment_fini(&fake);
    for (int i = 0; i < COUNT; i++) {
        CU_ASSERT_EQUAL(probes[i].runs, 1);
        probe_fini(&probes[i]);
    }
}

static void
take_mutex(belay_context *context, void *argument)
{
    (void)context;
    pthread_mutex_lock(argument);
    pthread_mutex_unlock(argument);
}

static void
test_a_late_callback_runs_on_the_notifier_never_inside_its_registration(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    probe p;
    probe_init(&p, &fake, NULL);
    bly_context_end(context, BELAY_CAUSE_DEADLINE, NULL);
    pthread_mutex_lock(&mutex); /* inside, it would wait for itself */
    belay_cancel_callback *blocked = watch(context, take_mutex, &mutex);
    pthread_mutex_unlock(&mutex);
    belay_cancel_callback *callback = watch(context, probe_run, &p);
    gate_wait(&p.entered);
    CU_ASSERT_TRUE(p.on_notifier);
    CU_ASSERT_EQUAL(p.cause, BELAY_CAUSE_DEADLINE);
    CU_ASSERT_TRUE(belay_cancel_callback_remove(callback));
    (void)belay_cancel_callback_remove(blocked);
    belay_context_unref(context);
    environment_fini(&fake);
    probe_fini(&p);
}

/* A child's owner is told on the cancelling thread: waits there for the parent's callback. */
typedef struct waiting_owner {
    bly_context_owner owner;
    gate *parent_called;
} waiting_owner;

static void
wait_for_parents_callback(bly_context_owner *owner, belay_context *context)
{
    (void)context;
    gate_wait(BLY_CONTAINER_OF(owner, waiting_owner, owner)->parent_called);
}

static void
test_the_own_callbacks_are_queued_before_children_are_cancelled(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    waiting_owner owner = {.owner.ended = wait_for_parents_callback, .parent_called = &p.entered};
    belay_context *child =
        bly_context_make(&fake.environment, parent, BELAY_FOREVER, false, &owner.owner, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(child);
    watch_without_handle(parent, probe_run, &p);
    bly_context_end(parent, BELAY_CAUSE_APPLICATION, NULL);
    CU_ASSERT_TRUE(belay_context_cancelled(child));
    belay_context_unref(child);
    belay_context_unref(parent);
    environment_fini(&fake);
    CU_ASSERT_EQUAL(p.runs, 1);
    probe_fini(&p);
}

static void
test_callbacks_of_a_child_see_its_parents_reason(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    belay_context *child = belay_context_derive(parent, BELAY_FOREVER);
    probe p;
    probe_init(&p, &fake, NULL);
    watch_without_handle(child, probe_run, &p);
    bly_context_end(parent, BELAY_CAUSE_SHUTDOWN, "closing time");
    belay_context_unref(child);
    belay_context_unref(parent);
    environment_fini(&fake);
    CU_ASSERT_EQUAL(p.cause, BELAY_CAUSE_PARENT);
    CU_ASSERT_STRING_EQUAL(p.reason, "closing time");
    probe_fini(&p);
}

static void
test_a_function_is_needed(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    belay_cancel_callback *callback = NULL;
    CU_ASSERT_EQUAL(belay_on_cancel(context, NULL, NULL, &callback), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_on_cancel(NULL, probe_run, NULL, &callback), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_PTR_NULL(callback);
    CU_ASSERT_FALSE(belay_cancel_callback_remove(NULL));
    belay_context_unref(context);
    environment_fini(&fake);
}

/* ---- Finished contexts --------------------------------------------------------------------------- */

static void
test_callbacks_of_a_finished_context_never_run(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    probe before, late;
    probe_init(&before, &fake, NULL);
    probe_init(&late, &fake, NULL);
    belay_cancel_callback *kept = watch(context, probe_run, &before);
    watch_without_handle(context, probe_run, &before);
    bly_context_end(context, BELAY_CAUSE_FINISHED, NULL);
    belay_cancel_callback *kept_late = watch(context, probe_run, &late);
    watch_without_handle(context, probe_run, &late);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL); /* too late */
    CU_ASSERT_FALSE(belay_cancel_callback_remove(kept));
    CU_ASSERT_FALSE(belay_cancel_callback_remove(kept_late));
    belay_context_unref(context);
    environment_fini(&fake);
    CU_ASSERT_EQUAL(before.runs, 0);
    CU_ASSERT_EQUAL(late.runs, 0);
    probe_fini(&before);
    probe_fini(&late);
}

static void
test_dropped_callbacks_never_run_and_their_handles_stay_good(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    belay_cancel_callback *kept = watch(context, probe_run, &p);
    watch_without_handle(context, probe_run, &p);
    bly_context_drop_callbacks(context);
    bly_context_drop_callbacks(context);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    belay_context_unref(context);
    CU_ASSERT_FALSE(belay_cancel_callback_remove(kept));
    environment_fini(&fake);
    CU_ASSERT_EQUAL(p.runs, 0);
    probe_fini(&p);
}

/* With a callback at its end, or bare: then it is dropped without a look at the list. */
static void
test_a_finished_context_drops_what_it_had_and_takes_no_more(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int had = 0; had < 2; had++) {
        belay_context *context = environment_root(&fake);
        probe p;
        probe_init(&p, &fake, NULL);
        belay_cancel_callback *before = had ? watch(context, probe_run, &p) : NULL;
        bly_context_end(context, BELAY_CAUSE_FINISHED, NULL);
        bly_context_drop_callbacks(context);
        CU_ASSERT_TRUE(bly_list_is_empty(&context->callbacks));
        belay_cancel_callback *late = watch(context, probe_run, &p);
        watch_without_handle(context, probe_run, &p);
        CU_ASSERT_TRUE(bly_list_is_empty(&context->callbacks));
        bly_context_drop_callbacks(context);
        CU_ASSERT_FALSE(belay_cancel_callback_remove(before));
        CU_ASSERT_FALSE(belay_cancel_callback_remove(late));
        belay_context_unref(context);
        CU_ASSERT_EQUAL(p.runs, 0);
        probe_fini(&p);
    }
    environment_fini(&fake);
}

/* ---- Removing ------------------------------------------------------------------------------------ */

static void
test_a_callback_removed_before_the_end_never_runs(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    belay_cancel_callback *callback = watch(context, probe_run, &p);
    CU_ASSERT_FALSE(belay_cancel_callback_remove(callback));
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    belay_context_unref(context);
    environment_fini(&fake);
    CU_ASSERT_EQUAL(p.runs, 0);
    probe_fini(&p);
}

/* With all threads of the notifier held, what comes is queued and stays so. */
static void
test_a_queued_callback_that_is_removed_never_runs(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *busy = environment_root(&fake);
    belay_context *context = environment_root(&fake);
    probe holders[BLY_NOTIFIER_MAX_THREADS];
    probe p;
    gate hold;
    gate_init(&hold, "the notifier may go on");
    probe_init(&p, &fake, NULL);
    bly_context_end(busy, BELAY_CAUSE_APPLICATION, NULL);
    for (int i = 0; i < BLY_NOTIFIER_MAX_THREADS; i++) {
        probe_init(&holders[i], &fake, &hold);
        watch_without_handle(busy, probe_run, &holders[i]);
        gate_wait(&holders[i].entered);
    }
    belay_cancel_callback *callback = watch(context, probe_run, &p);
    belay_cancel_callback *dropped = watch(context, probe_run, &p);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    CU_ASSERT_FALSE(belay_cancel_callback_remove(callback));
    bly_context_drop_callbacks(context); /* the other way: a handler's end */
    CU_ASSERT_FALSE(belay_cancel_callback_remove(dropped));
    gate_open(&hold);
    belay_context_unref(busy);
    belay_context_unref(context);
    environment_fini(&fake);
    CU_ASSERT_EQUAL(p.runs, 0);
    for (int i = 0; i < BLY_NOTIFIER_MAX_THREADS; i++)
        probe_fini(&holders[i]);
    probe_fini(&p);
    gate_fini(&hold);
}

typedef struct remover {
    belay_cancel_callback *callback; /* or all of the context's, when NULL */
    belay_context *context;
    probe *watched;
    gate begun;
    bool ran;
    bool finished; /* the callback had returned */
} remover;

static void *
remove_in_thread(void *argument)
{
    remover *self = argument;
    gate_open(&self->begun);
    if (self->callback != NULL)
        self->ran = belay_cancel_callback_remove(self->callback);
    else
        bly_context_drop_callbacks(self->context);
    self->finished = self->watched->finished;
    return NULL;
}

static bool
is_blocked(void *argument)
{
    (void)argument;
    return environment_blocked() == 1;
}

/* One removes it by its handle, the other as the context's end does. */
static void
test_removing_waits_for_a_callback_that_runs(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int by_handle = 0; by_handle < 2; by_handle++) {
        belay_context *context = environment_root(&fake);
        gate hold;
        probe p;
        pthread_t thread;
        gate_init(&hold, "callback may return");
        probe_init(&p, &fake, &hold);
        belay_cancel_callback *callback = watch(context, probe_run, &p);
        remover r = {.callback = by_handle ? callback : NULL, .context = context, .watched = &p};
        gate_init(&r.begun, "removing begins");
        bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
        gate_wait(&p.entered);
        start(&thread, remove_in_thread, &r);
        gate_wait(&r.begun);
        wait_until(is_blocked, NULL, "who removes says that it is blocked");
        gate_open(&hold);
        pthread_join(thread, NULL);
        CU_ASSERT_EQUAL(environment_blocked(), 0);
        CU_ASSERT_TRUE(r.finished);
        CU_ASSERT_TRUE(by_handle ? r.ran : belay_cancel_callback_remove(callback));
        CU_ASSERT_EQUAL(p.runs, 1);
        belay_context_unref(context);
        gate_fini(&r.begun);
        gate_fini(&hold);
        probe_fini(&p);
    }
    environment_fini(&fake);
}

typedef struct self_remover {
    belay_cancel_callback *callback;
    gate registered;
    gate done;
    bool ran;
} self_remover;

static void
remove_oneself(belay_context *context, void *argument)
{
    self_remover *self = argument;
    (void)context;
    gate_wait(&self->registered);
    self->ran = belay_cancel_callback_remove(self->callback);
    gate_open(&self->done);
}

static void
drop_all_from_within(belay_context *context, void *argument)
{
    self_remover *self = argument;
    bly_context_drop_callbacks(context);
    gate_open(&self->done);
}

static void
test_a_callback_may_remove_itself(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int late = 0; late < 2; late++) {
        belay_context *context = environment_root(&fake);
        self_remover self = {.ran = false};
        gate_init(&self.registered, "the handle is there");
        gate_init(&self.done, "removed itself");
        if (late)
            bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
        self.callback = watch(context, remove_oneself, &self);
        gate_open(&self.registered);
        bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
        gate_wait(&self.done);
        CU_ASSERT_TRUE(self.ran);
        belay_context_unref(context);
        gate_fini(&self.registered);
        gate_fini(&self.done);
    }
    environment_fini(&fake);
}

static void
test_a_contexts_callbacks_may_be_dropped_from_one_of_them(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    self_remover self = {.ran = false};
    gate_init(&self.done, "dropped all");
    watch_without_handle(context, drop_all_from_within, &self);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    gate_wait(&self.done);
    belay_context_unref(context);
    environment_fini(&fake);
    gate_fini(&self.done);
}

typedef struct other_remover {
    belay_cancel_callback *victim;
    gate done;
    bool ran;
    bool finished;
    probe *watched;
} other_remover;

static void
remove_another(belay_context *context, void *argument)
{
    other_remover *self = argument;
    (void)context;
    self->ran = belay_cancel_callback_remove(self->victim);
    self->finished = self->watched->finished;
    gate_open(&self->done);
}

static void
test_a_callback_may_remove_another_that_has_not_run(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *first = environment_root(&fake);
    belay_context *second = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    other_remover self = {.victim = watch(second, probe_run, &p), .watched = &p};
    gate_init(&self.done, "removed the other");
    watch_without_handle(first, remove_another, &self);
    bly_context_end(first, BELAY_CAUSE_APPLICATION, NULL);
    gate_wait(&self.done);
    CU_ASSERT_FALSE(self.ran);
    bly_context_end(second, BELAY_CAUSE_APPLICATION, NULL);
    belay_context_unref(first);
    belay_context_unref(second);
    environment_fini(&fake);
    CU_ASSERT_EQUAL(p.runs, 0);
    gate_fini(&self.done);
    probe_fini(&p);
}

/* Of the same context, and running: the notifier's second thread waits for its first. */
static void
test_a_callback_may_wait_for_another_that_runs(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    gate hold;
    probe p;
    gate_init(&hold, "the other may return");
    probe_init(&p, &fake, &hold);
    other_remover self = {.victim = watch(context, probe_run, &p), .watched = &p};
    gate_init(&self.done, "removed the other");
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    gate_wait(&p.entered);
    watch_without_handle(context, remove_another, &self);
    gate_open(&hold);
    gate_wait(&self.done);
    CU_ASSERT_TRUE(self.ran);
    CU_ASSERT_TRUE(self.finished);
    belay_context_unref(context);
    environment_fini(&fake);
    gate_fini(&self.done);
    gate_fini(&hold);
    probe_fini(&p);
}

/* ---- Cancelling from a callback ------------------------------------------------------------------ */

static void
cancel_other(belay_context *context, void *argument)
{
    bly_context_end(context, BELAY_CAUSE_LIMIT, "again"); /* its own has ended */
    bly_context_end(argument, BELAY_CAUSE_APPLICATION, "from a callback");
}

static void
test_a_callback_may_cancel_its_own_and_other_contexts(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *first = environment_root(&fake);
    belay_context *second = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    watch_without_handle(first, cancel_other, second);
    watch_without_handle(second, probe_run, &p);
    bly_context_end(first, BELAY_CAUSE_OPERATOR, NULL);
    gate_wait(&p.entered);
    environment_settle(&fake);
    CU_ASSERT_EQUAL(belay_context_cause(first), BELAY_CAUSE_OPERATOR);
    CU_ASSERT_STRING_EQUAL(p.reason, "from a callback");
    belay_context_unref(first);
    belay_context_unref(second);
    environment_fini(&fake);
    probe_fini(&p);
}

/* ---- Contexts that are freed early --------------------------------------------------------------- */

static void
test_a_context_is_kept_until_its_callbacks_have_run(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    gate hold;
    probe first, second;
    gate_init(&hold, "callback may return");
    probe_init(&first, &fake, &hold);
    probe_init(&second, &fake, NULL);
    watch_without_handle(context, probe_run, &first);
    watch_without_handle(context, probe_run, &second);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, "good bye");
    belay_context_unref(context);
    gate_open(&hold);
    environment_fini(&fake);
    CU_ASSERT_STRING_EQUAL(first.reason, "good bye");
    CU_ASSERT_STRING_EQUAL(second.reason, "good bye");
    probe_fini(&first);
    probe_fini(&second);
    gate_fini(&hold);
}

static void
test_a_handle_keeps_its_context(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    belay_cancel_callback *callback = watch(context, probe_run, &p);
    belay_context_unref(context);
    CU_ASSERT_EQUAL(fake.references, 1);
    CU_ASSERT_FALSE(belay_cancel_callback_remove(callback));
    CU_ASSERT_EQUAL(fake.references, 0);
    environment_fini(&fake);
    probe_fini(&p);
}

static void
test_callbacks_without_handles_go_with_a_context_that_never_ends(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    probe p;
    probe_init(&p, &fake, NULL);
    for (int i = 0; i < 3; i++)
        watch_without_handle(context, probe_run, &p);
    belay_context_unref(context);
    CU_ASSERT_EQUAL(fake.references, 0);
    environment_fini(&fake);
    CU_ASSERT_EQUAL(p.runs, 0);
    probe_fini(&p);
}

/* ---- Races --------------------------------------------------------------------------------------- */

#define ROUNDS 200
#define CALLBACKS 8

typedef struct counted {
    int runs; /* atomic, relaxed */
    bool removed;
    bool ran_after_removal; /* what must not be */
} counted;

static void
count_run(belay_context *context, void *argument)
{
    counted *self = argument;
    (void)context;
    __atomic_add_fetch(&self->runs, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&self->removed, __ATOMIC_RELAXED))
        self->ran_after_removal = true;
}

typedef struct race {
    belay_context *context;
    pthread_barrier_t begin;
} race;

static void *
cancel_in_thread(void *argument)
{
    race *r = argument;
    pthread_barrier_wait(&r->begin);
    bly_context_end(r->context, BELAY_CAUSE_APPLICATION, NULL);
    return NULL;
}

static void
race_begin(race *r, belay_context *context, pthread_t *thread)
{
    r->context = context;
    pthread_barrier_init(&r->begin, NULL, 2);
    start(thread, cancel_in_thread, r);
}

static void
test_a_callback_registered_while_it_is_cancelled_runs_once(void)
{
    static counted all[ROUNDS][CALLBACKS];
    int wrong = 0;
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        race r;
        pthread_t thread;
        belay_context *context = environment_root(&fake);
        race_begin(&r, context, &thread);
        pthread_barrier_wait(&r.begin);
        for (int i = 0; i < CALLBACKS; i++)
            watch_without_handle(context, count_run, &all[round][i]);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&r.begin);
        belay_context_unref(context);
    }
    environment_fini(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CALLBACKS; i++)
            wrong += all[round][i].runs != 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void
test_removing_while_it_is_cancelled_tells_the_truth(void)
{
    int wrong = 0;
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        counted some[CALLBACKS];
        belay_cancel_callback *handles[CALLBACKS];
        race r;
        pthread_t thread;
        belay_context *context = environment_root(&fake);
        memset(some, 0, sizeof some);
        for (int i = 0; i < CALLBACKS; i++)
            handles[i] = watch(context, count_run, &some[i]);
        race_begin(&r, context, &thread);
        pthread_barrier_wait(&r.begin);
        for (int i = 0; i < CALLBACKS; i++) {
            bool ran = belay_cancel_callback_remove(handles[i]);
            wrong += ran != (__atomic_load_n(&some[i].runs, __ATOMIC_RELAXED) == 1);
            __atomic_store_n(&some[i].removed, true, __ATOMIC_RELAXED);
        }
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&r.begin);
        belay_context_unref(context);
        /* `some` goes out of scope: what would run now would be seen by the sanitizers. */
        for (int i = 0; i < CALLBACKS; i++)
            wrong += some[i].ran_after_removal;
    }
    environment_fini(&fake);
    CU_ASSERT_EQUAL(wrong, 0);
}

static void
test_a_context_may_finish_while_it_is_cancelled(void)
{
    int wrong = 0;
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        counted some[CALLBACKS];
        race r;
        pthread_t thread;
        belay_context *context = environment_root(&fake);
        memset(some, 0, sizeof some);
        for (int i = 0; i < CALLBACKS; i++)
            watch_without_handle(context, count_run, &some[i]);
        race_begin(&r, context, &thread);
        pthread_barrier_wait(&r.begin);
        bool finished = bly_context_end(context, BELAY_CAUSE_FINISHED, NULL);
        bly_context_drop_callbacks(context); /* the order of a handler's end */
        for (int i = 0; i < CALLBACKS; i++) {
            some[i].removed = true;
            wrong += finished && some[i].runs != 0;
        }
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&r.begin);
        belay_context_unref(context);
        for (int i = 0; i < CALLBACKS; i++)
            wrong += some[i].ran_after_removal;
    }
    environment_fini(&fake);
    CU_ASSERT_EQUAL(wrong, 0);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_callback_runs_on_the_notifier_and_reads_cause_and_reason),
        TEST(all_callbacks_run_once_however_often_it_is_cancelled),
        TEST(a_late_callback_runs_on_the_notifier_never_inside_its_registration),
        TEST(the_own_callbacks_are_queued_before_children_are_cancelled),
        TEST(callbacks_of_a_child_see_its_parents_reason),
        TEST(a_function_is_needed),
        TEST(callbacks_of_a_finished_context_never_run),
        TEST(dropped_callbacks_never_run_and_their_handles_stay_good),
        TEST(a_finished_context_drops_what_it_had_and_takes_no_more),
        TEST(a_callback_removed_before_the_end_never_runs),
        TEST(a_queued_callback_that_is_removed_never_runs),
        TEST(removing_waits_for_a_callback_that_runs),
        TEST(a_callback_may_remove_itself),
        TEST(a_contexts_callbacks_may_be_dropped_from_one_of_them),
        TEST(a_callback_may_remove_another_that_has_not_run),
        TEST(a_callback_may_wait_for_another_that_runs),
        TEST(a_callback_may_cancel_its_own_and_other_contexts),
        TEST(a_context_is_kept_until_its_callbacks_have_run),
        TEST(a_handle_keeps_its_context),
        TEST(callbacks_without_handles_go_with_a_context_that_never_ends),
        TEST(a_callback_registered_while_it_is_cancelled_runs_once),
        TEST(removing_while_it_is_cancelled_tells_the_truth),
        TEST(a_context_may_finish_while_it_is_cancelled),
        CU_TEST_INFO_NULL,
    };
    return suite_run("callback", tests, argc, argv);
}
