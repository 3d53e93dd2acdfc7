/* SPDX-License-Identifier: MIT */
#include "rpc/deadline.h"

#include <stdlib.h>

#include "base/mutex.h"
#include "base/refcount.h"
#include "io/timer.h"

struct bly_deadline {
    bly_refcount refs; /* the handle's and the armed timer's */
    bly_loop *loop;    /* const after creation */
    bly_timer timer;
    bly_mutex lock;
    belay_context *context; /* guarded by lock; NULL once disarmed */
};

static void
release(bly_deadline *deadline)
{
    if (!bly_refcount_release(&deadline->refs))
        return;
    bly_mutex_fini(&deadline->lock);
    free(deadline);
}

static void
fire(bly_timer *timer)
{
    bly_deadline *deadline = BLY_CONTAINER_OF(timer, bly_deadline, timer);
    bly_mutex_lock(&deadline->lock);
    belay_context *context = deadline->context;
    if (context != NULL && !bly_context_try_ref(context))
        context = NULL;
    bly_mutex_unlock(&deadline->lock);
    if (context != NULL) {
        bly_context_end(context, BELAY_CAUSE_DEADLINE, NULL);
        belay_context_unref(context);
    }
    release(deadline);
}

bly_deadline *
bly_deadline_arm(bly_loop *loop, belay_context *context, uint64_t at)
{
    bly_deadline *deadline = calloc(1, sizeof *deadline);
    if (deadline == NULL)
        return NULL;
    bly_refcount_init(&deadline->refs);
    bly_refcount_take(&deadline->refs);
    bly_mutex_init(&deadline->lock);
    bly_timer_init(&deadline->timer, fire);
    deadline->loop = loop;
    deadline->context = context;
    if (!bly_timer_arm(loop, &deadline->timer, at)) {
        bly_mutex_fini(&deadline->lock);
        free(deadline);
        return NULL;
    }
    return deadline;
}

void
bly_deadline_disarm(bly_deadline *deadline)
{
    bly_mutex_lock(&deadline->lock);
    deadline->context = NULL;
    bly_mutex_unlock(&deadline->lock);
    if (bly_timer_disarm(deadline->loop, &deadline->timer))
        release(deadline);
    release(deadline);
}
