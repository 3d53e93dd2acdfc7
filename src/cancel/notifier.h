/* SPDX-License-Identifier: MIT */
/*
 * The notifier: a thread that runs the program's callbacks, so that a slow one delays neither I/O nor
 * handlers, and a second one that watches it. Items run in the order of posting, one at a time, until one
 * takes longer than BLY_NOTIFIER_SLOW_NS: then the other thread takes over the rest, and a new one watches
 * (up to BLY_NOTIFIER_MAX_THREADS). A thread which comes back from a slow item watches or leaves, so that
 * two are left in the end.
 */
#ifndef BLY_CANCEL_NOTIFIER_H
#define BLY_CANCEL_NOTIFIER_H

#include <stdbool.h>

#define BLY_NOTIFIER_SLOW_NS 10000000
#define BLY_NOTIFIER_MAX_THREADS 8

typedef struct bly_notifier bly_notifier;

/* Embedded in what is to be run; in the queue at most once at a time. */
typedef struct bly_notifier_item {
    struct bly_notifier_item *next; /* the notifier's while posted */
    void (*run)(struct bly_notifier_item *item); /* notifier, no lock held; may free or post the item */
} bly_notifier_item;

/* Starts the thread, which starts the second. NULL when it cannot be had. Any thread. */
bly_notifier *bly_notifier_new(const char *name);

/* Runs what was posted, ends the threads, joins them, frees it. Only items may still post. Any thread but its
 * own. NULL: nothing. */
void bly_notifier_free(bly_notifier *notifier);

/* Queues an item. Any thread, any lock held (its own lock is the last in the order and is not held while
 * items run). Never blocks on a callback. */
void bly_notifier_post(bly_notifier *notifier, bly_notifier_item *item);

/* True on a thread of this notifier. */
bool bly_notifier_is_current(const bly_notifier *notifier);

#endif
