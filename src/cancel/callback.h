/* SPDX-License-Identifier: MIT */
/*
 * Cancel callbacks from the inside. A callback is armed, then queued at the notifier, then running, then
 * done; removing it takes it out of any state but running, which is waited for.
 *
 * Two hold a callback: the program (its handle, until it removes it) and the context's list, whose hold goes
 * to the notifier when the context ends. A handle keeps the context too, and so does the notifier while it
 * has the callback; the list does not, so that a context whose callbacks have no handle can be dropped.
 */
#ifndef BLY_CANCEL_CALLBACK_H
#define BLY_CANCEL_CALLBACK_H

#include "cancel/context.h"

/* The context has just ended: queues its callbacks at the notifier, or drops them when it finished. */
void bly_callbacks_queue_locked(belay_context *context, belay_cause cause);

#endif
