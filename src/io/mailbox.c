/* SPDX-License-Identifier: MIT */
#include "io/mailbox.h"

#include <stddef.h>

#include "base/assert.h"

bool
bly_mailbox_init(bly_mailbox *mailbox)
{
    mailbox->newest = NULL;
    mailbox->asleep = false;
    mailbox->idle = false;
    mailbox->owner = NULL;
    return bly_bell_init(&mailbox->bell);
}

void
bly_mailbox_fini(bly_mailbox *mailbox)
{
    BLY_ASSERT(bly_mailbox_is_empty(mailbox));
    bly_parker_unref(mailbox->owner);
    bly_bell_fini(&mailbox->bell);
}

void
bly_mailbox_set_owner(bly_mailbox *mailbox, bly_parker *parker)
{
    mailbox->owner = parker != NULL ? bly_parker_ref(parker) : NULL;
}

void
bly_mailbox_push(bly_mailbox *mailbox, bly_loop_task *task)
{
    bly_loop_task *newest = __atomic_load_n(&mailbox->newest, __ATOMIC_RELAXED);
    do {
        task->next = newest;
    } while (!__atomic_compare_exchange_n(&mailbox->newest, &newest, task, true, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
}

void
bly_mailbox_post(bly_mailbox *mailbox, bly_loop_task *task)
{
    bly_mailbox_push(mailbox, task);
    /* The task may have run and be gone by now. */
    bly_mailbox_wake(mailbox);
}

void
bly_mailbox_wake(bly_mailbox *mailbox)
{
    if (!__atomic_load_n(&mailbox->asleep, __ATOMIC_SEQ_CST))
        return;
    if (!__atomic_exchange_n(&mailbox->asleep, false, __ATOMIC_SEQ_CST))
        return; /* another poster writes */
    if (__atomic_load_n(&mailbox->idle, __ATOMIC_SEQ_CST)) {
        bly_parker_wake(mailbox->owner);
        return;
    }
    bly_bell_ring(&mailbox->bell);
}

bly_loop_task *
bly_mailbox_take(bly_mailbox *mailbox)
{
    bly_loop_task *newest = __atomic_exchange_n(&mailbox->newest, NULL, __ATOMIC_ACQUIRE);
    bly_loop_task *oldest = NULL;
    while (newest != NULL) {
        bly_loop_task *before = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = before;
    }
    return oldest;
}

bool
bly_mailbox_is_empty(const bly_mailbox *mailbox)
{
    return __atomic_load_n(&mailbox->newest, __ATOMIC_SEQ_CST) == NULL;
}

void
bly_mailbox_say_asleep(bly_mailbox *mailbox)
{
    __atomic_store_n(&mailbox->asleep, true, __ATOMIC_SEQ_CST);
}

void
bly_mailbox_say_awake(bly_mailbox *mailbox)
{
    /* Relaxed: a poster that still sees ASLEEP only writes once too often. */
    if (__atomic_load_n(&mailbox->asleep, __ATOMIC_RELAXED))
        __atomic_store_n(&mailbox->asleep, false, __ATOMIC_RELAXED);
}

void
bly_mailbox_drain(bly_mailbox *mailbox)
{
    bly_bell_silence(&mailbox->bell);
}
