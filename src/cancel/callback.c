/* SPDX-License-Identifier: MIT */
#include "cancel/callback.h"

#include <stdlib.h>

#include "base/thread.h"

typedef enum callback_state {
    CALLBACK_ARMED,   /* in the context's list */
    CALLBACK_QUEUED,  /* in the context's list and at the notifier */
    CALLBACK_RUNNING, /* in the context's list, its function called */
    CALLBACK_DONE,    /* has run */
    CALLBACK_DROPPED  /* never runs */
} callback_state;

struct belay_cancel_callback {
    bly_notifier_item item;
    bly_refcount refs;
    /* const after creation */
    belay_context *context; /* referenced by the handle, and while queued or running */
    belay_cancel_function function;
    void *argument;
    /* guarded by the context's lock */
    bly_link link;
    callback_state state;
    uintptr_t runner; /* the thread it runs on */
    bly_condition done;
};

static void
release(belay_cancel_callback *callback)
{
    if (!bly_refcount_release(&callback->refs))
        return;
    bly_condition_fini(&callback->done);
    free(callback);
}

/* The notifier's turn. It holds the reference that the context held, and one to the context. */
static void
run(bly_notifier_item *item)
{
    belay_cancel_callback *callback = BLY_CONTAINER_OF(item, belay_cancel_callback, item);
    belay_context *context = callback->context;
    bly_mutex *lock = &context->lock;
    bly_mutex_lock(lock);
    if (callback->state == CALLBACK_QUEUED) {
        callback->state = CALLBACK_RUNNING;
        callback->runner = bly_thread_self();
        bly_mutex_unlock(lock);
        callback->function(callback->context, callback->argument);
        bly_mutex_lock(lock);
        callback->state = CALLBACK_DONE;
        bly_list_remove(&callback->link);
        bly_condition_broadcast(&callback->done);
    }
    bly_mutex_unlock(lock);
    release(callback);
    belay_context_unref(context);
}

static void
queue_locked(belay_context *context, belay_cancel_callback *callback)
{
    BLY_ASSERT_HELD(&context->lock);
    callback->state = CALLBACK_QUEUED;
    belay_context_ref(context);
    bly_notifier_post(context->environment->notifier, &callback->item);
}

belay_code
belay_on_cancel(belay_context *context, belay_cancel_function function, void *argument,
                belay_cancel_callback **handle)
{
    if (context == NULL || function == NULL)
        return BELAY_INVALID_ARGUMENT;
    belay_cancel_callback *callback = calloc(1, sizeof *callback);
    if (callback == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    bly_refcount_init(&callback->refs);
    callback->item.run = run;
    callback->context = context;
    callback->function = function;
    callback->argument = argument;
    bly_link_init(&callback->link);
    bly_condition_init(&callback->done);
    if (handle != NULL) {
        bly_refcount_take(&callback->refs);
        belay_context_ref(context);
        *handle = callback;
    }

    bly_mutex_lock(&context->lock);
    belay_cause cause = context->cause;
    bool dropped = cause == BELAY_CAUSE_FINISHED;
    if (dropped)
        callback->state = CALLBACK_DROPPED;
    else
        bly_list_append(&context->callbacks, &callback->link);
    if (cause != BELAY_CAUSE_NONE && !dropped)
        queue_locked(context, callback);
    bly_mutex_unlock(&context->lock);
    if (dropped)
        release(callback);
    return BELAY_OK;
}

void
bly_callbacks_queue_locked(belay_context *context, belay_cause cause)
{
    BLY_ASSERT_HELD(&context->lock);
    if (cause == BELAY_CAUSE_FINISHED)
        return; /* they stay in the list; bly_context_drop_callbacks() or removal takes them */
    for (bly_link *link = context->callbacks.next; link != &context->callbacks; link = link->next)
        queue_locked(context, BLY_LIST_ENTRY(link, belay_cancel_callback, link));
}

/* Sleeps until a running callback has returned. The caller has a reference to it. Lock held, dropped meanwhile. */
static void
await_locked(belay_cancel_callback *callback)
{
    const bly_context_environment *environment = callback->context->environment;
    bly_mutex *lock = &callback->context->lock;
    bly_mutex_unlock(lock);
    environment->blocked_begin();
    bly_mutex_lock(lock);
    while (callback->state == CALLBACK_RUNNING)
        bly_condition_wait(&callback->done, lock);
    bly_mutex_unlock(lock);
    environment->blocked_end();
    bly_mutex_lock(lock);
}

/* Sees to it that a callback does not run after this. Tells whether it ran, and whether the list's reference
 * is the caller's to release now (that of a queued one went to the notifier). */
static bool
stop_locked(belay_cancel_callback *callback, bool *in_list)
{
    *in_list = callback->state == CALLBACK_ARMED;
    if (callback->state == CALLBACK_ARMED || callback->state == CALLBACK_QUEUED) {
        callback->state = CALLBACK_DROPPED;
        bly_list_remove(&callback->link);
    }
    if (callback->state == CALLBACK_RUNNING && callback->runner == bly_thread_self())
        return true;
    if (callback->state == CALLBACK_RUNNING)
        await_locked(callback);
    return callback->state == CALLBACK_DONE;
}

bool
belay_cancel_callback_remove(belay_cancel_callback *callback)
{
    if (callback == NULL)
        return false;
    belay_context *context = callback->context;
    bool in_list;
    bly_mutex_lock(&context->lock);
    bool ran = stop_locked(callback, &in_list);
    bly_mutex_unlock(&context->lock);
    if (in_list)
        release(callback);
    release(callback);
    belay_context_unref(context);
    return ran;
}

void
bly_context_drop_callbacks(belay_context *context)
{
    /* Without the lock: most calls finish like this. */
    if (__atomic_load_n(&context->settled, __ATOMIC_ACQUIRE) != 0 && context->is_bare)
        return;
    bly_mutex_lock(&context->lock);
    bly_link *link;
    while ((link = bly_list_take_first(&context->callbacks)) != NULL) {
        belay_cancel_callback *callback = BLY_LIST_ENTRY(link, belay_cancel_callback, link);
        bool in_list;
        bly_refcount_take(&callback->refs);
        (void)stop_locked(callback, &in_list);
        bly_mutex_unlock(&context->lock);
        if (in_list)
            release(callback);
        release(callback);
        bly_mutex_lock(&context->lock);
    }
    bly_mutex_unlock(&context->lock);
}
