/* SPDX-License-Identifier: MIT */
#include "cancel/context.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cancel/environment.h"
#include "support/suite.h"

static belay_context *
derive(belay_context *parent, uint64_t timeout_ns)
{
    belay_context *child = belay_context_derive(parent, timeout_ns);
    CU_ASSERT_PTR_NOT_NULL_FATAL(child);
    return child;
}

static void
start(pthread_t *thread, void *(*run)(void *), void *argument)
{
    CU_ASSERT_EQUAL_FATAL(pthread_create(thread, NULL, run, argument), 0);
}

/* ---- The record ---------------------------------------------------------------------------------- */

static void
test_a_new_context_is_live(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    CU_ASSERT_FALSE(belay_context_cancelled(context));
    CU_ASSERT_EQUAL(belay_context_cause(context), BELAY_CAUSE_NONE);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(context), "");
    CU_ASSERT_EQUAL(belay_context_end_time(context), 0);
    CU_ASSERT_EQUAL(belay_context_deadline(context), BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_context_time_left(context), BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_context_code(context), BELAY_OK);
    belay_context_unref(context);
    environment_fini(&fake);
}

static void
test_the_end_is_recorded_with_cause_reason_and_time(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    char reason[] = "no longer wanted";
    environment_pass(&fake, 77);
    uint64_t now = fake.now;
    CU_ASSERT_TRUE(bly_context_end(context, BELAY_CAUSE_OPERATOR, reason));
    reason[0] = '#'; /* it was copied */
    environment_pass(&fake, 1);
    CU_ASSERT_TRUE(belay_context_cancelled(context));
    CU_ASSERT_EQUAL(belay_context_cause(context), BELAY_CAUSE_OPERATOR);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(context), "no longer wanted");
    CU_ASSERT_EQUAL(belay_context_end_time(context), now);
    CU_ASSERT_EQUAL(belay_context_code(context), BELAY_CANCELLED);
    belay_context_unref(context);
    environment_fini(&fake);
}

static void
test_every_cause_has_its_code_and_its_name(void)
{
    static const struct {
        belay_cause cause;
        belay_code code;
        const char *name;
    } table[] = {
        {BELAY_CAUSE_PEER_CANCELLED, BELAY_CANCELLED, "peer cancelled"},
        {BELAY_CAUSE_DEADLINE, BELAY_DEADLINE_EXCEEDED, "deadline"},
        {BELAY_CAUSE_CONNECTION_LOST, BELAY_CANCELLED, "connection lost"},
        {BELAY_CAUSE_SHUTDOWN, BELAY_CANCELLED, "shutdown"},
        {BELAY_CAUSE_PARENT, BELAY_CANCELLED, "parent"},
        {BELAY_CAUSE_APPLICATION, BELAY_CANCELLED, "application"},
        {BELAY_CAUSE_OPERATOR, BELAY_CANCELLED, "operator"},
        {BELAY_CAUSE_LIMIT, BELAY_CANCELLED, "limit"},
        {BELAY_CAUSE_FINISHED, BELAY_CANCELLED, "finished"},
    };
    fake_environment fake;
    environment_init(&fake);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        belay_context *context = environment_root(&fake);
        bly_context_end(context, table[i].cause, NULL);
        CU_ASSERT_EQUAL(belay_context_cause(context), table[i].cause);
        CU_ASSERT_EQUAL(belay_context_code(context), table[i].code);
        CU_ASSERT_STRING_EQUAL(belay_cause_name(table[i].cause), table[i].name);
        CU_ASSERT_STRING_EQUAL(belay_context_reason(context), "");
        belay_context_unref(context);
    }
    CU_ASSERT_STRING_EQUAL(belay_cause_name(BELAY_CAUSE_NONE), "none");
    CU_ASSERT_STRING_EQUAL(belay_cause_name((belay_cause)99), "unknown");
    CU_ASSERT_STRING_EQUAL(belay_cause_name((belay_cause)-1), "unknown");
    environment_fini(&fake);
}

static void
test_the_first_cause_stays(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    CU_ASSERT_TRUE(bly_context_end(context, BELAY_CAUSE_LIMIT, "first"));
    uint64_t ended = belay_context_end_time(context);
    environment_pass(&fake, 1);
    CU_ASSERT_FALSE(bly_context_end(context, BELAY_CAUSE_APPLICATION, "second"));
    CU_ASSERT_FALSE(bly_context_end(context, BELAY_CAUSE_FINISHED, NULL));
    CU_ASSERT_EQUAL(belay_context_cause(context), BELAY_CAUSE_LIMIT);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(context), "first");
    CU_ASSERT_EQUAL(belay_context_end_time(context), ended);
    belay_context_unref(context);
    environment_fini(&fake);
}

#define CANCELLERS 8

static const struct {
    belay_cause cause;
    const char *reason;
} wishes[CANCELLERS] = {
    {BELAY_CAUSE_PEER_CANCELLED, "peer"}, {BELAY_CAUSE_DEADLINE, "deadline"},
    {BELAY_CAUSE_SHUTDOWN, "shutdown"},   {BELAY_CAUSE_APPLICATION, "application"},
    {BELAY_CAUSE_OPERATOR, "operator"},   {BELAY_CAUSE_LIMIT, "limit"},
    {BELAY_CAUSE_FINISHED, "finished"},   {BELAY_CAUSE_CONNECTION_LOST, "lost"},
};

typedef struct canceller {
    belay_context *context;
    pthread_barrier_t *begin;
    int number;
    /* what it found when it was back */
    bool won;
    int flag;
    belay_cause cause;
    const char *reason;
    uint64_t time;
} canceller;

static void *
cancel_in_thread(void *argument)
{
    canceller *self = argument;
    pthread_barrier_wait(self->begin);
    self->won = bly_context_end(self->context, wishes[self->number].cause, wishes[self->number].reason);
    self->flag = belay_context_cancelled(self->context);
    self->cause = belay_context_cause(self->context);
    self->reason = belay_context_reason(self->context);
    self->time = belay_context_end_time(self->context);
    return NULL;
}

static void
race_cancellers(belay_context *context)
{
    canceller cancellers[CANCELLERS];
    pthread_t threads[CANCELLERS];
    pthread_barrier_t begin;
    int winner = -1, winners = 0;
    pthread_barrier_init(&begin, NULL, CANCELLERS);
    for (int i = 0; i < CANCELLERS; i++) {
        cancellers[i] = (canceller){.context = context, .begin = &begin, .number = i};
        start(&threads[i], cancel_in_thread, &cancellers[i]);
    }
    for (int i = 0; i < CANCELLERS; i++) {
        pthread_join(threads[i], NULL);
        if (cancellers[i].won) {
            winner = i;
            winners++;
        }
    }
    pthread_barrier_destroy(&begin);
    CU_ASSERT_EQUAL_FATAL(winners, 1);
    for (int i = 0; i < CANCELLERS; i++) {
        CU_ASSERT_TRUE(cancellers[i].flag);
        CU_ASSERT_EQUAL(cancellers[i].cause, wishes[winner].cause);
        CU_ASSERT_STRING_EQUAL(cancellers[i].reason, wishes[winner].reason);
        CU_ASSERT_NOT_EQUAL(cancellers[i].time, 0);
    }
}

static void
test_one_of_many_cancellers_wins_and_all_return_after_it_can_be_read(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < 100; round++) {
        belay_context *context = environment_root(&fake);
        race_cancellers(context);
        belay_context_unref(context);
    }
    environment_fini(&fake);
}

/* ---- Waits --------------------------------------------------------------------------------------- */

/* More than are woken in one go after the unlock, so that both ways of waking are seen. */
#define SLEEPERS 20

typedef struct sleeper {
    belay_context *context;
    gate *asleep;
    int flag; /* what it saw when it was woken */
    belay_cause cause;
} sleeper;

static void *
sleep_once(void *argument)
{
    sleeper *self = argument;
    bly_wait wait = {.parker = bly_parker_current()};
    if (!bly_context_wait_begin(self->context, &wait))
        return NULL;
    gate_open(self->asleep);
    bly_parker_park(wait.parker); /* nothing else wakes this thread */
    self->flag = belay_context_cancelled(self->context);
    self->cause = belay_context_cause(self->context);
    bly_context_wait_end(self->context, &wait);
    return NULL;
}

static void
test_the_flag_is_visible_before_a_wait_returns(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < 10; round++) {
        belay_context *context = environment_root(&fake);
        sleeper sleepers[SLEEPERS];
        pthread_t threads[SLEEPERS];
        gate asleep;
        gate_init(&asleep, "all sleep");
        for (int i = 0; i < SLEEPERS; i++) {
            sleepers[i] = (sleeper){.context = context, .asleep = &asleep};
            start(&threads[i], sleep_once, &sleepers[i]);
        }
        gate_wait_count(&asleep, SLEEPERS);
        bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
        for (int i = 0; i < SLEEPERS; i++) {
            pthread_join(threads[i], NULL);
            CU_ASSERT_TRUE(sleepers[i].flag);
            CU_ASSERT_EQUAL(sleepers[i].cause, BELAY_CAUSE_APPLICATION);
        }
        gate_fini(&asleep);
        belay_context_unref(context);
    }
    environment_fini(&fake);
}

static void
test_nobody_begins_to_wait_on_an_ended_context(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    bly_wait wait = {.parker = bly_parker_current()};
    bly_context_end(context, BELAY_CAUSE_DEADLINE, NULL);
    CU_ASSERT_FALSE(bly_context_wait_begin(context, &wait));
    bly_context_wait_end(context, &wait); /* harmless */
    belay_context_unref(context);
    environment_fini(&fake);
}

/* ---- The owner ----------------------------------------------------------------------------------- */

typedef struct watching_owner {
    bly_context_owner owner;
    int calls;
    bool held;
    belay_cause cause;
    int flag;
    int mirror; /* what it was in `ended` */
    int flag_copy;
} watching_owner;

static void
owner_ended(bly_context_owner *owner, belay_context *context)
{
    watching_owner *self = BLY_CONTAINER_OF(owner, watching_owner, owner);
    self->calls++;
    self->held = bly_mutex_is_held(&context->lock);
    self->cause = belay_context_cause(context);
    self->flag = belay_context_cancelled(context);
    self->mirror = __atomic_load_n(&self->flag_copy, __ATOMIC_RELAXED);
}

static belay_context *
make_owned(fake_environment *fake, belay_context *parent, watching_owner *owner)
{
    *owner = (watching_owner){.owner.ended = owner_ended};
    belay_context *context =
        bly_context_make(&fake->environment, parent, BELAY_FOREVER, false, &owner->owner, &owner->flag_copy);
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    return context;
}

static void
test_the_owner_is_told_once_under_the_lock_with_flag_and_mirror_up(void)
{
    fake_environment fake;
    environment_init(&fake);
    watching_owner owner;
    belay_context *context = make_owned(&fake, NULL, &owner);
    bly_context_end(context, BELAY_CAUSE_FINISHED, NULL);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    CU_ASSERT_EQUAL(owner.calls, 1);
    CU_ASSERT_TRUE(owner.held);
    CU_ASSERT_EQUAL(owner.cause, BELAY_CAUSE_FINISHED);
    CU_ASSERT_TRUE(owner.flag);
    CU_ASSERT_TRUE(owner.mirror);
    belay_context_unref(context);
    environment_fini(&fake);
}

static void
test_an_owner_that_let_go_is_not_told(void)
{
    fake_environment fake;
    environment_init(&fake);
    watching_owner owner;
    belay_context *context = make_owned(&fake, NULL, &owner);
    bly_context_disown(context);
    bly_context_end(context, BELAY_CAUSE_APPLICATION, NULL);
    CU_ASSERT_EQUAL(owner.calls, 0);
    CU_ASSERT_FALSE(owner.flag_copy);
    belay_context_unref(context);
    environment_fini(&fake);
}

static void
test_the_owner_of_a_child_of_an_ended_parent_is_told_before_it_is_made(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    bly_context_end(parent, BELAY_CAUSE_DEADLINE, NULL);
    watching_owner owner;
    belay_context *child = make_owned(&fake, parent, &owner);
    CU_ASSERT_EQUAL(owner.calls, 1);
    CU_ASSERT_EQUAL(owner.cause, BELAY_CAUSE_PARENT);
    CU_ASSERT_TRUE(owner.flag_copy);
    belay_context_unref(child);
    belay_context_unref(parent);
    environment_fini(&fake);
}

/* ---- The propagation table ----------------------------------------------------------------------- */

static void
test_the_end_reaches_children_and_grandchildren_with_code_and_reason(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    belay_context *child = derive(root, BELAY_FOREVER);
    belay_context *sibling = derive(root, BELAY_FOREVER);
    belay_context *grandchild = derive(child, BELAY_FOREVER);
    belay_context *below[] = {child, sibling, grandchild};
    CU_ASSERT_EQUAL(bly_context_child_count(root), 2);
    bly_context_end(root, BELAY_CAUSE_APPLICATION, "found");
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(belay_context_cancelled(below[i]));
        CU_ASSERT_EQUAL(belay_context_cause(below[i]), BELAY_CAUSE_PARENT);
        CU_ASSERT_STRING_EQUAL(belay_context_reason(below[i]), "found");
        CU_ASSERT_EQUAL(belay_context_code(below[i]), BELAY_CANCELLED);
        CU_ASSERT_EQUAL(belay_context_end_time(below[i]), belay_context_end_time(root));
    }
    CU_ASSERT_EQUAL(bly_context_child_count(root), 0);
    for (size_t i = 0; i < 3; i++)
        belay_context_unref(below[i]);
    belay_context_unref(root);
    environment_fini(&fake);
}

static void
test_a_deadline_above_is_deadline_exceeded_below(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    belay_context *limited = derive(root, 1000);
    belay_context *child = derive(limited, BELAY_FOREVER);
    belay_context *grandchild = derive(child, BELAY_FOREVER);
    environment_pass(&fake, 1000);
    CU_ASSERT_EQUAL(belay_context_cause(limited), BELAY_CAUSE_DEADLINE);
    CU_ASSERT_EQUAL(belay_context_cause(child), BELAY_CAUSE_PARENT);
    CU_ASSERT_EQUAL(belay_context_code(child), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(belay_context_cause(grandchild), BELAY_CAUSE_PARENT);
    CU_ASSERT_EQUAL(belay_context_code(grandchild), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_FALSE(belay_context_cancelled(root));
    /* And below what is made afterwards. */
    belay_context *late = derive(grandchild, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_context_code(late), BELAY_DEADLINE_EXCEEDED);
    belay_context_unref(late);
    belay_context_unref(grandchild);
    belay_context_unref(child);
    belay_context_unref(limited);
    belay_context_unref(root);
    environment_fini(&fake);
}

static void
test_a_child_of_an_ended_parent_is_made_ended(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    bly_context_end(parent, BELAY_CAUSE_SHUTDOWN, "closing time");
    belay_context *child = derive(parent, BELAY_FOREVER);
    CU_ASSERT_TRUE(belay_context_cancelled(child));
    CU_ASSERT_EQUAL(belay_context_cause(child), BELAY_CAUSE_PARENT);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(child), "closing time");
    CU_ASSERT_EQUAL(bly_context_child_count(parent), 0);
    belay_context_unref(child);
    belay_context_unref(parent);
    environment_fini(&fake);
}

/* An owner that keeps the end from coming down. */
typedef struct slow_owner {
    bly_context_owner owner;
    gate told;
    gate resume;
    belay_context *context;
} slow_owner;

static void
hold_the_end(bly_context_owner *owner, belay_context *context)
{
    slow_owner *self = BLY_CONTAINER_OF(owner, slow_owner, owner);
    (void)context;
    gate_open(&self->told);
    gate_wait(&self->resume);
}

static void *
end_slowly(void *argument)
{
    slow_owner *self = argument;
    bly_context_end(self->context, BELAY_CAUSE_DEADLINE, "slowly");
    return NULL;
}

static void
test_a_descendant_catches_up_with_an_end_that_has_not_come_down(void)
{
    fake_environment fake;
    environment_init(&fake);
    slow_owner self = {.owner = {hold_the_end}};
    gate_init(&self.told, "the flag is raised");
    gate_init(&self.resume, "the end may come down");
    self.context = bly_context_make(&fake.environment, NULL, BELAY_FOREVER, false, &self.owner, NULL);
    belay_context *child = derive(self.context, BELAY_FOREVER);
    belay_context *grandchild = derive(child, BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_context_catch_up(grandchild), BELAY_OK);
    pthread_t thread;
    start(&thread, end_slowly, &self);
    gate_wait(&self.told);
    CU_ASSERT_FALSE(belay_context_cancelled(child));
    CU_ASSERT_EQUAL(bly_context_catch_up(grandchild), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(belay_context_cause(child), BELAY_CAUSE_PARENT);
    CU_ASSERT_EQUAL(belay_context_cause(grandchild), BELAY_CAUSE_PARENT);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(grandchild), "slowly");
    gate_open(&self.resume);
    pthread_join(thread, NULL);
    belay_context_unref(grandchild);
    belay_context_unref(child);
    bly_context_leave(self.context);
    environment_fini(&fake);
    gate_fini(&self.told);
    gate_fini(&self.resume);
}

static void
test_the_end_of_a_child_touches_neither_parent_nor_siblings(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    belay_context *child = derive(parent, BELAY_FOREVER);
    belay_context *sibling = derive(parent, BELAY_FOREVER);
    bly_context_end(child, BELAY_CAUSE_APPLICATION, NULL);
    CU_ASSERT_FALSE(belay_context_cancelled(parent));
    CU_ASSERT_FALSE(belay_context_cancelled(sibling));
    /* And its cause is its own, whatever comes from above. */
    bly_context_end(parent, BELAY_CAUSE_SHUTDOWN, NULL);
    CU_ASSERT_EQUAL(belay_context_cause(child), BELAY_CAUSE_APPLICATION);
    CU_ASSERT_EQUAL(belay_context_cause(sibling), BELAY_CAUSE_PARENT);
    belay_context_unref(child);
    belay_context_unref(sibling);
    belay_context_unref(parent);
    environment_fini(&fake);
}

static void
test_a_finished_parent_ends_its_children(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    belay_context *child = derive(parent, BELAY_FOREVER);
    bly_context_end(parent, BELAY_CAUSE_FINISHED, NULL);
    CU_ASSERT_EQUAL(belay_context_cause(child), BELAY_CAUSE_PARENT);
    CU_ASSERT_EQUAL(belay_context_code(child), BELAY_CANCELLED);
    belay_context_unref(child);
    belay_context_unref(parent);
    environment_fini(&fake);
}

static void
test_a_child_keeps_its_parent_and_unlinks_itself(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    belay_context *child = derive(parent, BELAY_FOREVER);
    belay_context *sibling = derive(parent, BELAY_FOREVER);
    belay_context_unref(sibling);
    CU_ASSERT_EQUAL(bly_context_child_count(parent), 1);
    belay_context_unref(parent);
    CU_ASSERT_EQUAL(fake.references, 2); /* it is still there */
    belay_context_unref(child);
    environment_fini(&fake);
}

/* ---- Deep and wide ------------------------------------------------------------------------------- */

#define DEPTH 100000

static belay_context *chain[DEPTH];

static void
make_chain(fake_environment *fake)
{
    chain[0] = environment_root(fake);
    for (int i = 1; i < DEPTH; i++)
        chain[i] = derive(chain[i - 1], BELAY_FOREVER);
}

static int
count_ended(void)
{
    int ended = 0;
    for (int i = 0; i < DEPTH; i++)
        ended += belay_context_cancelled(chain[i]);
    return ended;
}

static void *
cancel_and_free_a_long_chain(void *argument)
{
    fake_environment *fake = argument;
    make_chain(fake);
    bly_context_end(chain[0], BELAY_CAUSE_APPLICATION, "all of you");
    CU_ASSERT_EQUAL(count_ended(), DEPTH);
    CU_ASSERT_STRING_EQUAL(belay_context_reason(chain[DEPTH - 1]), "all of you");
    for (int i = 0; i < DEPTH; i++) /* the last one frees them all */
        belay_context_unref(chain[i]);
    return NULL;
}

static void *
free_a_long_chain_that_lives(void *argument)
{
    make_chain(argument);
    for (int i = 0; i < DEPTH; i++)
        belay_context_unref(chain[i]);
    return NULL;
}

/* Nobody but the canceller holds what it walks: it frees the chain while it ends it. */
static void *
cancel_a_long_chain_that_only_its_end_holds(void *argument)
{
    make_chain(argument);
    for (int i = 1; i < DEPTH - 1; i++)
        belay_context_unref(chain[i]);
    bly_context_end(chain[0], BELAY_CAUSE_APPLICATION, NULL);
    CU_ASSERT_TRUE(belay_context_cancelled(chain[DEPTH - 1]));
    belay_context_unref(chain[0]);
    belay_context_unref(chain[DEPTH - 1]);
    return NULL;
}

/* A stack that a few frames to each context would overflow. */
static void
run_on_a_small_stack(void *(*run)(void *))
{
    fake_environment fake;
    pthread_t thread;
    pthread_attr_t attributes;
    environment_init(&fake);
    pthread_attr_init(&attributes);
    CU_ASSERT_EQUAL_FATAL(pthread_attr_setstacksize(&attributes, 256u << 10), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, &attributes, run, &fake), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    environment_fini(&fake);
}

static void
test_a_chain_of_100000_is_cancelled_and_freed_on_a_small_stack(void)
{
    run_on_a_small_stack(cancel_and_free_a_long_chain);
    run_on_a_small_stack(free_a_long_chain_that_lives);
    run_on_a_small_stack(cancel_a_long_chain_that_only_its_end_holds);
}

static void
test_all_of_many_children_are_ended(void)
{
    enum { MANY = 10000 };
    fake_environment fake;
    environment_init(&fake);
    belay_context *parent = environment_root(&fake);
    for (int i = 0; i < MANY; i++)
        chain[i] = derive(parent, BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_context_child_count(parent), MANY);
    bly_context_end(parent, BELAY_CAUSE_APPLICATION, NULL);
    int ended = 0;
    for (int i = 0; i < MANY; i++) {
        ended += belay_context_cause(chain[i]) == BELAY_CAUSE_PARENT;
        belay_context_unref(chain[i]);
    }
    CU_ASSERT_EQUAL(ended, MANY);
    belay_context_unref(parent);
    environment_fini(&fake);
}

/* ---- Races in the table -------------------------------------------------------------------------- */

#define ROUNDS 300
#define FAMILY 16

typedef struct family {
    belay_context *parent;
    belay_context *children[FAMILY];
    belay_context *grandchildren[FAMILY];
    pthread_barrier_t begin;
} family;

static void
family_init(family *f, fake_environment *fake)
{
    f->parent = environment_root(fake);
    for (int i = 0; i < FAMILY; i++)
        f->children[i] = derive(f->parent, BELAY_FOREVER);
    memset(f->grandchildren, 0, sizeof f->grandchildren);
    pthread_barrier_init(&f->begin, NULL, 2);
}

static void *
cancel_parent(void *argument)
{
    family *f = argument;
    pthread_barrier_wait(&f->begin);
    bly_context_end(f->parent, BELAY_CAUSE_APPLICATION, "over");
    return NULL;
}

static void
test_children_may_be_freed_while_their_parent_is_cancelled(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        family f;
        pthread_t thread;
        family_init(&f, &fake);
        start(&thread, cancel_parent, &f);
        pthread_barrier_wait(&f.begin);
        for (int i = 0; i < FAMILY; i++)
            belay_context_unref(f.children[i]);
        pthread_join(thread, NULL);
        CU_ASSERT_EQUAL(bly_context_child_count(f.parent), 0);
        belay_context_unref(f.parent);
        pthread_barrier_destroy(&f.begin);
    }
    environment_fini(&fake);
}

static void
test_no_child_that_is_made_while_its_parent_is_cancelled_is_missed(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        family f;
        pthread_t thread;
        int ended = 0;
        family_init(&f, &fake);
        start(&thread, cancel_parent, &f);
        pthread_barrier_wait(&f.begin);
        for (int i = 0; i < FAMILY; i++)
            f.grandchildren[i] = derive(f.children[i], BELAY_FOREVER);
        pthread_join(thread, NULL);
        for (int i = 0; i < FAMILY; i++) {
            ended += belay_context_cause(f.grandchildren[i]) == BELAY_CAUSE_PARENT &&
                     strcmp(belay_context_reason(f.grandchildren[i]), "over") == 0;
            belay_context_unref(f.grandchildren[i]);
            belay_context_unref(f.children[i]);
        }
        CU_ASSERT_EQUAL(ended, FAMILY);
        belay_context_unref(f.parent);
        pthread_barrier_destroy(&f.begin);
    }
    environment_fini(&fake);
}

static void *
cancel_children(void *argument)
{
    family *f = argument;
    pthread_barrier_wait(&f->begin);
    for (int i = FAMILY - 1; i >= 0; i--)
        bly_context_end(f->children[i], BELAY_CAUSE_DEADLINE, NULL);
    return NULL;
}

static void
test_parent_and_children_may_be_cancelled_at_once(void)
{
    fake_environment fake;
    environment_init(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        family f;
        pthread_t thread;
        int odd = 0;
        family_init(&f, &fake);
        for (int i = 0; i < FAMILY; i++)
            f.grandchildren[i] = derive(f.children[i], BELAY_FOREVER);
        start(&thread, cancel_children, &f);
        pthread_barrier_wait(&f.begin);
        bly_context_end(f.parent, BELAY_CAUSE_APPLICATION, NULL);
        pthread_join(thread, NULL);
        for (int i = 0; i < FAMILY; i++) {
            belay_cause cause = belay_context_cause(f.children[i]);
            odd += cause != BELAY_CAUSE_DEADLINE && cause != BELAY_CAUSE_PARENT;
            /* Below, the code is that of the cause above. */
            odd += belay_context_code(f.grandchildren[i]) != belay_context_code(f.children[i]);
            belay_context_unref(f.grandchildren[i]);
            belay_context_unref(f.children[i]);
        }
        CU_ASSERT_EQUAL(odd, 0);
        belay_context_unref(f.parent);
        pthread_barrier_destroy(&f.begin);
    }
    environment_fini(&fake);
}

/* ---- Deadlines ----------------------------------------------------------------------------------- */

static void
test_the_earlier_of_two_deadlines_holds(void)
{
    fake_environment fake;
    environment_init(&fake);
    uint64_t now = fake.now;
    belay_context *root = environment_root(&fake);
    belay_context *parent = derive(root, 1000);
    belay_context *earlier = derive(parent, 300);
    belay_context *later = derive(parent, 5000);
    belay_context *none = derive(parent, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_context_deadline(parent), now + 1000);
    CU_ASSERT_EQUAL(belay_context_deadline(earlier), now + 300);
    CU_ASSERT_EQUAL(belay_context_deadline(later), now + 1000);
    CU_ASSERT_EQUAL(belay_context_deadline(none), now + 1000);
    CU_ASSERT_EQUAL(environment_timers(&fake), 2); /* the parent's end is the others' */
    environment_pass(&fake, 299);
    CU_ASSERT_FALSE(belay_context_cancelled(earlier));
    CU_ASSERT_EQUAL(belay_context_time_left(earlier), 1);
    environment_pass(&fake, 1);
    CU_ASSERT_EQUAL(belay_context_cause(earlier), BELAY_CAUSE_DEADLINE);
    CU_ASSERT_EQUAL(belay_context_time_left(earlier), 0);
    CU_ASSERT_FALSE(belay_context_cancelled(later));
    CU_ASSERT_EQUAL(belay_context_time_left(later), 700);
    environment_pass(&fake, 700);
    CU_ASSERT_EQUAL(belay_context_cause(parent), BELAY_CAUSE_DEADLINE);
    CU_ASSERT_EQUAL(belay_context_cause(later), BELAY_CAUSE_PARENT);
    CU_ASSERT_EQUAL(belay_context_code(later), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(belay_context_code(none), BELAY_DEADLINE_EXCEEDED);
    CU_ASSERT_EQUAL(belay_context_time_left(none), 0);
    belay_context_unref(earlier);
    belay_context_unref(later);
    belay_context_unref(none);
    belay_context_unref(parent);
    belay_context_unref(root);
    environment_fini(&fake);
}

static void
test_a_timeout_beyond_the_clock_is_none(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    belay_context *child = derive(root, BELAY_FOREVER - 1);
    CU_ASSERT_EQUAL(belay_context_deadline(child), BELAY_FOREVER);
    CU_ASSERT_EQUAL(environment_timers(&fake), 0);
    belay_context_unref(child);
    belay_context_unref(root);
    environment_fini(&fake);
}

static void
test_a_context_with_a_far_deadline_goes_when_its_user_lets_go(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    belay_context *child = derive(root, BELAY_SECONDS(86400));
    CU_ASSERT_EQUAL(environment_timers(&fake), 1);
    belay_context_unref(child);
    CU_ASSERT_EQUAL(environment_timers(&fake), 0);
    CU_ASSERT_EQUAL(fake.references, 1); /* the root's */
    belay_context_unref(root);
    environment_fini(&fake);
}

typedef struct dropper {
    belay_context *context;
    pthread_barrier_t begin;
} dropper;

static void *
drop_context(void *argument)
{
    dropper *self = argument;
    pthread_barrier_wait(&self->begin);
    belay_context_unref(self->context);
    return NULL;
}

static void
test_a_deadline_may_pass_while_its_context_goes(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    for (int round = 0; round < ROUNDS; round++) {
        dropper d = {.context = derive(root, 10)};
        pthread_t thread;
        pthread_barrier_init(&d.begin, NULL, 2);
        start(&thread, drop_context, &d);
        pthread_barrier_wait(&d.begin);
        environment_pass(&fake, 10);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&d.begin);
    }
    CU_ASSERT_EQUAL(fake.references, 1);
    belay_context_unref(root);
    environment_fini(&fake);
}

static void
test_without_memory_for_its_timer_there_is_no_context(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    fake.arm_fails = true;
    CU_ASSERT_PTR_NULL(belay_context_derive(root, 10));
    CU_ASSERT_PTR_NULL(belay_context_detached(root, 10));
    belay_context *unlimited = derive(root, BELAY_FOREVER);
    CU_ASSERT_EQUAL(bly_context_child_count(root), 1);
    belay_context_unref(unlimited);
    belay_context_unref(root);
    environment_fini(&fake);
}

/* ---- Detached contexts, metadata ----------------------------------------------------------------- */

static belay_metadata *
one_pair(const char *key, const char *value)
{
    belay_metadata *list = belay_metadata_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    CU_ASSERT_EQUAL(belay_metadata_add(list, key, value, strlen(value)), BELAY_OK);
    return list;
}

static const char *
metadata_of(const belay_context *context, const char *key)
{
    const belay_metadata_entry *entry = NULL;
    if (context->metadata != NULL)
        entry = belay_metadata_get(context->metadata->list, key);
    return entry != NULL ? entry->value : "";
}

static void
test_a_detached_context_outlives_the_one_it_came_from(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    belay_context *limited = derive(root, 100);
    belay_context *detached = belay_context_detached(limited, BELAY_FOREVER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(detached);
    CU_ASSERT_EQUAL(belay_context_deadline(detached), BELAY_FOREVER);
    environment_pass(&fake, 100);
    bly_context_end(root, BELAY_CAUSE_APPLICATION, NULL);
    CU_ASSERT_FALSE(belay_context_cancelled(detached));
    belay_context_unref(limited);
    belay_context_unref(root);
    CU_ASSERT_EQUAL(fake.references, 1); /* it pins none of them */
    bly_context_end(detached, BELAY_CAUSE_APPLICATION, "now");
    CU_ASSERT_EQUAL(belay_context_cause(detached), BELAY_CAUSE_APPLICATION);
    belay_context_unref(detached);
    environment_fini(&fake);
}

static void
test_a_detached_context_has_the_deadline_it_is_given(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *root = environment_root(&fake);
    belay_context *limited = derive(root, 100);
    bly_context_end(limited, BELAY_CAUSE_APPLICATION, NULL);
    belay_context *detached = belay_context_detached(limited, 500);
    CU_ASSERT_PTR_NOT_NULL_FATAL(detached);
    CU_ASSERT_FALSE(belay_context_cancelled(detached)); /* made from an ended one, and lives */
    CU_ASSERT_EQUAL(belay_context_time_left(detached), 500);
    environment_pass(&fake, 500);
    CU_ASSERT_EQUAL(belay_context_cause(detached), BELAY_CAUSE_DEADLINE);
    belay_context_unref(detached);
    belay_context_unref(limited);
    belay_context_unref(root);
    environment_fini(&fake);
}

static void
test_contexts_made_from_one_have_its_metadata(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_metadata *list = one_pair("user", "ada");
    belay_context *root = environment_root(&fake);
    belay_context *before = derive(root, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_context_set_metadata(root, list), BELAY_OK);
    belay_metadata_free(list); /* it was copied */
    belay_context *child = derive(root, BELAY_FOREVER);
    belay_context *grandchild = derive(child, BELAY_FOREVER);
    belay_context *detached = belay_context_detached(child, BELAY_FOREVER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(detached);
    CU_ASSERT_STRING_EQUAL(metadata_of(before, "user"), "");
    belay_context_unref(before);
    belay_context_unref(root);
    belay_context_unref(child);
    CU_ASSERT_STRING_EQUAL(metadata_of(grandchild, "user"), "ada");
    belay_context_unref(grandchild);
    CU_ASSERT_STRING_EQUAL(metadata_of(detached, "user"), "ada");
    belay_context_unref(detached);
    environment_fini(&fake);
}

static void
test_metadata_of_a_child_replaces_what_it_inherited(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_metadata *first = one_pair("user", "ada");
    belay_metadata *second = one_pair("tenant", "blue");
    belay_context *root = environment_root(&fake);
    CU_ASSERT_EQUAL(belay_context_set_metadata(root, first), BELAY_OK);
    belay_context *child = derive(root, BELAY_FOREVER);
    CU_ASSERT_EQUAL(belay_context_set_metadata(child, second), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(metadata_of(child, "user"), "");
    CU_ASSERT_STRING_EQUAL(metadata_of(child, "tenant"), "blue");
    CU_ASSERT_STRING_EQUAL(metadata_of(root, "user"), "ada");
    CU_ASSERT_EQUAL(belay_context_set_metadata(child, NULL), BELAY_OK);
    CU_ASSERT_PTR_NULL(child->metadata);
    belay_metadata_free(first);
    belay_metadata_free(second);
    belay_context_unref(child);
    belay_context_unref(root);
    environment_fini(&fake);
}

/* ---- Handlers, arguments ------------------------------------------------------------------------- */

static void *
ask_for_handler(void *context)
{
    return bly_context_handler(context);
}

static void
test_a_handler_is_seen_on_its_own_thread_only(void)
{
    fake_environment fake;
    environment_init(&fake);
    belay_context *context = environment_root(&fake);
    int handler;
    pthread_t thread;
    void *seen;
    CU_ASSERT_PTR_NULL(bly_context_handler(context));
    bly_context_set_handler(context, &handler);
    CU_ASSERT_PTR_EQUAL(bly_context_handler(context), &handler);
    start(&thread, ask_for_handler, context);
    pthread_join(thread, &seen);
    CU_ASSERT_PTR_NULL(seen);
    bly_context_set_handler(context, NULL);
    CU_ASSERT_PTR_NULL(bly_context_handler(context));
    belay_context_unref(context);
    environment_fini(&fake);
}

static void
test_nothing_comes_of_nothing(void)
{
    CU_ASSERT_PTR_NULL(belay_context_derive(NULL, BELAY_FOREVER));
    CU_ASSERT_PTR_NULL(belay_context_detached(NULL, BELAY_FOREVER));
    CU_ASSERT_PTR_NULL(belay_context_unref(NULL));
    CU_ASSERT_EQUAL(belay_context_set_metadata(NULL, NULL), BELAY_INVALID_ARGUMENT);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_new_context_is_live),
        TEST(the_end_is_recorded_with_cause_reason_and_time),
        TEST(every_cause_has_its_code_and_its_name),
        TEST(the_first_cause_stays),
        TEST(one_of_many_cancellers_wins_and_all_return_after_it_can_be_read),
        TEST(the_flag_is_visible_before_a_wait_returns),
        TEST(nobody_begins_to_wait_on_an_ended_context),
        TEST(the_owner_is_told_once_under_the_lock_with_flag_and_mirror_up),
        TEST(an_owner_that_let_go_is_not_told),
        TEST(the_owner_of_a_child_of_an_ended_parent_is_told_before_it_is_made),
        TEST(the_end_reaches_children_and_grandchildren_with_code_and_reason),
        TEST(a_deadline_above_is_deadline_exceeded_below),
        TEST(a_child_of_an_ended_parent_is_made_ended),
        TEST(a_descendant_catches_up_with_an_end_that_has_not_come_down),
        TEST(the_end_of_a_child_touches_neither_parent_nor_siblings),
        TEST(a_finished_parent_ends_its_children),
        TEST(a_child_keeps_its_parent_and_unlinks_itself),
        TEST(a_chain_of_100000_is_cancelled_and_freed_on_a_small_stack),
        TEST(all_of_many_children_are_ended),
        TEST(children_may_be_freed_while_their_parent_is_cancelled),
        TEST(no_child_that_is_made_while_its_parent_is_cancelled_is_missed),
        TEST(parent_and_children_may_be_cancelled_at_once),
        TEST(the_earlier_of_two_deadlines_holds),
        TEST(a_timeout_beyond_the_clock_is_none),
        TEST(a_context_with_a_far_deadline_goes_when_its_user_lets_go),
        TEST(a_deadline_may_pass_while_its_context_goes),
        TEST(without_memory_for_its_timer_there_is_no_context),
        TEST(a_detached_context_outlives_the_one_it_came_from),
        TEST(a_detached_context_has_the_deadline_it_is_given),
        TEST(contexts_made_from_one_have_its_metadata),
        TEST(metadata_of_a_child_replaces_what_it_inherited),
        TEST(a_handler_is_seen_on_its_own_thread_only),
        TEST(nothing_comes_of_nothing),
        CU_TEST_INFO_NULL,
    };
    return suite_run("context", tests, argc, argv);
}
