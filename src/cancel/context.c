/* SPDX-License-Identifier: MIT */
#include "cancel/context.h"

#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "base/thread.h"
#include "cancel/callback.h"

/* ---- Making and freeing ------------------------------------------------------------------------ */

static void
link_to_parent(belay_context *context)
{
    belay_context *parent = context->parent;
    bly_mutex_lock(&parent->lock);
    bool parent_ended = parent->cause != BELAY_CAUSE_NONE;
    if (!parent_ended)
        bly_list_append(&parent->children, &context->sibling);
    bly_mutex_unlock(&parent->lock);
    if (parent_ended)
        bly_context_end(context, BELAY_CAUSE_PARENT, NULL);
}

belay_context *
bly_context_make(bly_context_environment *environment, belay_context *parent, uint64_t deadline, bool armed,
                 bly_context_owner *owner, int *mirror)
{
    belay_context *context = bly_blocks_new(sizeof *context);
    if (context == NULL)
        return NULL;
    bly_refcount_init(&context->refs);
    bly_mutex_init(&context->lock);
    bly_list_init(&context->children);
    bly_list_init(&context->waits);
    bly_list_init(&context->callbacks);
    bly_link_init(&context->sibling);
    context->environment = environment;
    context->deadline = deadline;
    context->owner = owner;
    context->is_call = owner != NULL;
    context->mirror = mirror;
    environment->retain(environment);
    if (parent != NULL) {
        context->parent = belay_context_ref(parent);
        if (parent->deadline < deadline)
            context->deadline = parent->deadline;
        context->metadata = parent->metadata;
        if (context->metadata != NULL)
            bly_refcount_take(&context->metadata->refs);
    }
    if (armed && context->deadline != BELAY_FOREVER) {
        context->timer = environment->arm(environment, context, context->deadline);
        if (context->timer == NULL) {
            belay_context_unref(context);
            return NULL;
        }
    }
    /* Last: from here on another thread may end it. */
    if (parent != NULL)
        link_to_parent(context);
    return context;
}

static void
release_metadata(bly_context_metadata *metadata)
{
    if (metadata == NULL || !bly_refcount_release(&metadata->refs))
        return;
    belay_metadata_free(metadata->list);
    free(metadata);
}

belay_code
belay_context_set_metadata(belay_context *context, const belay_metadata *list)
{
    if (context == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_context_metadata *metadata = NULL;
    if (list != NULL) {
        metadata = calloc(1, sizeof *metadata);
        if (metadata == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        bly_refcount_init(&metadata->refs);
        metadata->list = context->environment->copy_metadata(list);
        if (metadata->list == NULL) {
            free(metadata);
            return BELAY_RESOURCE_EXHAUSTED;
        }
    }
    release_metadata(context->metadata);
    context->metadata = metadata;
    return BELAY_OK;
}

static void
unlink_from_parent(belay_context *context)
{
    belay_context *parent = context->parent;
    bly_mutex_lock(&parent->lock);
    bly_list_remove(&context->sibling);
    bly_mutex_unlock(&parent->lock);
}

/* Frees a context whose last reference is gone, and gives back its reference to its parent: the caller's
 * to release, so that a long chain is freed in a loop. */
static belay_context *
destroy(belay_context *context)
{
    belay_context *parent = context->parent;
    if (parent != NULL)
        unlink_from_parent(context);
    if (context->timer != NULL)
        context->environment->disarm(context->environment, context->timer);
    BLY_ASSERT(bly_list_is_empty(&context->children));
    BLY_ASSERT(bly_list_is_empty(&context->waits));
    bly_context_drop_callbacks(context);
    release_metadata(context->metadata);
    bly_mutex_fini(&context->lock);
    bly_context_environment *environment = context->environment;
    free(context->reason);
    bly_blocks_free(context, sizeof *context);
    environment->release(environment);
    return parent;
}

belay_context *
belay_context_ref(belay_context *context)
{
    bly_refcount_take(&context->refs);
    return context;
}

bool
bly_context_try_ref(belay_context *context)
{
    return bly_refcount_try_take(&context->refs);
}

belay_context *
belay_context_unref(belay_context *context)
{
    while (context != NULL && bly_refcount_release(&context->refs))
        context = destroy(context);
    return NULL;
}

belay_context *
belay_context_derive(belay_context *parent, uint64_t timeout_ns)
{
    if (parent == NULL)
        return NULL;
    bly_context_environment *environment = parent->environment;
    uint64_t deadline = bly_clock_after(bly_clock_now(environment->clock), timeout_ns);
    /* A deadline that is not earlier than the parent's needs no timer: the parent's ends both. */
    return bly_context_make(environment, parent, deadline, deadline < parent->deadline, NULL, NULL);
}

belay_context *
belay_context_detached(belay_context *context, uint64_t timeout_ns)
{
    if (context == NULL)
        return NULL;
    bly_context_environment *environment = context->environment;
    uint64_t deadline = bly_clock_after(bly_clock_now(environment->clock), timeout_ns);
    belay_context *detached = bly_context_make(environment, NULL, deadline, true, NULL, NULL);
    if (detached != NULL && context->metadata != NULL) {
        bly_refcount_take(&context->metadata->refs);
        detached->metadata = context->metadata;
    }
    return detached;
}

/* ---- Ending ------------------------------------------------------------------------------------ */

/* Waits that are woken after the lock is dropped; more than these are woken under it. */
#define WAKE_BATCH 16

typedef struct wake_list {
    bly_parker *parkers[WAKE_BATCH];
    unsigned int count;
} wake_list;

static void
collect_waits_locked(belay_context *context, wake_list *wakes)
{
    BLY_ASSERT_HELD(&context->lock);
    for (bly_link *link = context->waits.next; link != &context->waits; link = link->next) {
        bly_wait *wait = BLY_LIST_ENTRY(link, bly_wait, link);
        if (wait->ended != NULL)
            wait->ended(wait);
        else if (wakes->count < WAKE_BATCH)
            wakes->parkers[wakes->count++] = bly_parker_ref(wait->parker);
        else
            bly_parker_wake(wait->parker);
    }
}

static void
wake_collected(wake_list *wakes)
{
    for (unsigned int i = 0; i < wakes->count; i++) {
        bly_parker_wake(wakes->parkers[i]);
        bly_parker_unref(wakes->parkers[i]);
    }
}

/* Takes the children that are still alive out of the table, with a reference to each, and appends them to
 * `work`. */
static void
detach_children_locked(belay_context *context, bly_list *work)
{
    BLY_ASSERT_HELD(&context->lock);
    bly_link *link;
    while ((link = bly_list_take_first(&context->children)) != NULL) {
        belay_context *child = BLY_LIST_ENTRY(link, belay_context, sibling);
        if (bly_context_try_ref(child))
            bly_list_append(work, link);
    }
}

static belay_code
code_of_cause(belay_cause cause)
{
    return cause == BELAY_CAUSE_DEADLINE ? BELAY_DEADLINE_EXCEEDED : BELAY_CANCELLED;
}

/* What a context ends with. Copied to every context of the tree below. */
typedef struct ending {
    belay_cause cause;
    belay_code code;
    const char *reason;
    uint64_t time;
} ending;

/* Ends one context and puts its children on `work`. False when it had ended before. */
static bool
end_one(belay_context *context, const ending *end, bly_list *work)
{
    wake_list wakes = {.count = 0};
    char *reason = end->reason != NULL && end->reason[0] != '\0' ? strdup(end->reason) : NULL;
    bly_mutex_lock(&context->lock);
    if (context->cause != BELAY_CAUSE_NONE) {
        bly_mutex_unlock(&context->lock);
        free(reason);
        return false;
    }
    context->reason = reason;
    context->end_time = end->time;
    context->code = end->code;
    __atomic_store_n(&context->cause, end->cause, __ATOMIC_RELAXED);
    __atomic_store_n(&context->flag, 1, __ATOMIC_RELEASE);
    if (context->mirror != NULL)
        __atomic_store_n(context->mirror, 1, __ATOMIC_RELEASE);
    collect_waits_locked(context, &wakes);
    if (context->owner != NULL)
        context->owner->ended(context->owner, context);
    bly_callbacks_queue_locked(context, end->cause);
    context->is_bare = end->cause == BELAY_CAUSE_FINISHED && bly_list_is_empty(&context->callbacks);
    detach_children_locked(context, work);
    __atomic_store_n(&context->settled, 1, __ATOMIC_RELEASE);
    bly_mutex_unlock(&context->lock);
    wake_collected(&wakes);
    return true;
}

/* below: the cause of all that hangs from it. */
static bool
end_all(belay_context *context, belay_cause cause, belay_cause below, const char *reason)
{
    BLY_ASSERT(cause != BELAY_CAUSE_NONE);
    /* Without the lock: most calls are ended twice, by their handler and by their stream. Not by the flag,
     * which is raised before the owner is told: a loser may drop the owner as soon as it is back. */
    if (__atomic_load_n(&context->settled, __ATOMIC_ACQUIRE) != 0)
        return false;
    ending end = {cause, code_of_cause(cause), reason, bly_clock_now(context->environment->clock)};
    if (cause == BELAY_CAUSE_PARENT && context->parent != NULL) {
        end.code = belay_context_code(context->parent);
        end.reason = belay_context_reason(context->parent);
    }
    bly_list work;
    bly_list_init(&work);
    if (!end_one(context, &end, &work))
        return false;
    /* Descendants keep the code and the reason: a deadline above is a deadline below. */
    end.cause = below;
    end.reason = context->reason;
    bly_link *link;
    while ((link = bly_list_take_first(&work)) != NULL) {
        belay_context *child = BLY_LIST_ENTRY(link, belay_context, sibling);
        (void)end_one(child, &end, &work);
        belay_context_unref(child);
    }
    return true;
}

bool
bly_context_end(belay_context *context, belay_cause cause, const char *reason)
{
    return end_all(context, cause, BELAY_CAUSE_PARENT, reason);
}

bool
bly_context_end_tree(belay_context *context, belay_cause cause, const char *reason)
{
    return end_all(context, cause, cause, reason);
}

static bool
is_live(const belay_context *context)
{
    return belay_context_cause(context) == BELAY_CAUSE_NONE;
}

belay_code
bly_context_catch_up(belay_context *context)
{
    while (is_live(context)) {
        belay_context *highest = context;
        while (highest->parent != NULL && is_live(highest->parent))
            highest = highest->parent;
        if (highest->parent == NULL)
            return BELAY_OK;
        bly_context_end(highest, BELAY_CAUSE_PARENT, NULL);
    }
    return belay_context_code(context);
}

void
bly_context_disown(belay_context *context)
{
    bly_mutex_lock(&context->lock);
    context->owner = NULL;
    context->mirror = NULL;
    bly_mutex_unlock(&context->lock);
}

void
bly_context_leave(belay_context *context)
{
    /* The only reference to a context without a parent: nobody else can end it. */
    bool is_sole = context->parent == NULL && __atomic_load_n(&context->refs.count, __ATOMIC_ACQUIRE) == 1;
    if (!is_sole)
        bly_context_disown(context);
    belay_context_unref(context);
}

void
bly_context_set_handler(belay_context *context, void *handler)
{
    context->handler = handler;
    __atomic_store_n(&context->handler_thread, handler != NULL ? bly_thread_self() : 0, __ATOMIC_RELAXED);
}

void *
bly_context_handler(const belay_context *context)
{
    if (__atomic_load_n(&context->handler_thread, __ATOMIC_RELAXED) != bly_thread_self())
        return NULL;
    return context->handler;
}

/* ---- Reading ----------------------------------------------------------------------------------- */

belay_cause
belay_context_cause(const belay_context *context)
{
    /* By the flag, so that a program which has seen that one finds the cause too. What it saw may be the call's
     * copy, which is raised after it: the fence keeps the two looks in order. */
#ifndef __SANITIZE_THREAD__ /* which knows no fences, and needs none: all of this is atomic */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
    if (__atomic_load_n(&context->flag, __ATOMIC_ACQUIRE) == 0)
        return BELAY_CAUSE_NONE;
    return __atomic_load_n(&context->cause, __ATOMIC_RELAXED);
}

const char *
belay_context_reason(const belay_context *context)
{
    if (belay_context_cause(context) == BELAY_CAUSE_NONE || context->reason == NULL)
        return "";
    return context->reason;
}

uint64_t
belay_context_end_time(const belay_context *context)
{
    return belay_context_cause(context) == BELAY_CAUSE_NONE ? 0 : context->end_time;
}

belay_code
belay_context_code(const belay_context *context)
{
    return belay_context_cause(context) == BELAY_CAUSE_NONE ? BELAY_OK : context->code;
}

uint64_t
belay_context_deadline(const belay_context *context)
{
    return context->deadline;
}

uint64_t
belay_context_time_left(const belay_context *context)
{
    if (context->deadline == BELAY_FOREVER)
        return BELAY_FOREVER;
    uint64_t now = bly_clock_now(context->environment->clock);
    return now >= context->deadline ? 0 : context->deadline - now;
}

uint64_t
bly_context_id(belay_context *context)
{
    static uint64_t newest; /* atomic, relaxed */
    uint64_t id = __atomic_load_n(&context->id, __ATOMIC_RELAXED);
    if (id != 0)
        return id;
    uint64_t made = __atomic_add_fetch(&newest, 1, __ATOMIC_RELAXED);
    bool mine = __atomic_compare_exchange_n(&context->id, &id, made, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return mine ? made : id;
}

belay_context *
bly_context_call_above(const belay_context *context)
{
    belay_context *above = context->parent;
    while (above != NULL && !above->is_call)
        above = above->parent;
    return above;
}

bool
bly_context_has_waits(belay_context *context)
{
    bly_mutex_lock(&context->lock);
    bool waits = !bly_list_is_empty(&context->waits);
    bly_mutex_unlock(&context->lock);
    return waits;
}

size_t
bly_context_child_count(belay_context *context)
{
    size_t count = 0;
    bly_mutex_lock(&context->lock);
    for (bly_link *link = context->children.next; link != &context->children; link = link->next)
        count++;
    bly_mutex_unlock(&context->lock);
    return count;
}

const char *
belay_cause_name(belay_cause cause)
{
    static const char *const names[] = {
        "none",   "peer cancelled", "deadline", "connection lost", "shutdown", "parent", "application",
        "operator", "limit", "finished",
    };
    if ((unsigned int)cause >= sizeof names / sizeof names[0])
        return "unknown";
    return names[cause];
}

/* ---- Waiting ----------------------------------------------------------------------------------- */

bool
bly_context_wait_begin(belay_context *context, bly_wait *wait)
{
    bly_mutex_lock(&context->lock);
    bool live = context->cause == BELAY_CAUSE_NONE;
    if (live)
        bly_list_append(&context->waits, &wait->link);
    else
        bly_link_init(&wait->link);
    bly_mutex_unlock(&context->lock);
    return live;
}

void
bly_context_wait_end(belay_context *context, bly_wait *wait)
{
    bly_mutex_lock(&context->lock);
    bly_list_remove(&wait->link);
    bly_mutex_unlock(&context->lock);
}

void
bly_context_wait_add(belay_context *context, bly_wait *wait)
{
    BLY_ASSERT(wait->ended != NULL);
    bly_mutex_lock(&context->lock);
    bly_list_append(&context->waits, &wait->link);
    if (context->cause != BELAY_CAUSE_NONE)
        wait->ended(wait);
    bly_mutex_unlock(&context->lock);
}

bly_wait *
bly_context_wait_take(belay_context *context, bool (*matches)(const bly_wait *wait, const void *argument),
                      const void *argument)
{
    bly_wait *found = NULL;
    bly_mutex_lock(&context->lock);
    for (bly_link *link = context->waits.next; link != &context->waits && found == NULL; link = link->next) {
        bly_wait *wait = BLY_LIST_ENTRY(link, bly_wait, link);
        if (matches(wait, argument))
            found = wait;
    }
    if (found != NULL)
        bly_list_remove(&found->link);
    bly_mutex_unlock(&context->lock);
    return found;
}
