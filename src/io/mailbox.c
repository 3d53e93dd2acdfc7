/* SPDX-License-Identifier: MIT */
#include "io/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif

#include "base/assert.h"

#if defined(__linux__)

static bool
open_descriptors(bly_mailbox *mailbox)
{
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0)
        return false;
    mailbox->wake_reader = descriptor;
    mailbox->wake_writer = descriptor;
    return true;
}

#else

static bool
make_quiet(int descriptor)
{
    return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0;
}

static bool
open_descriptors(bly_mailbox *mailbox)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    if (!make_quiet(ends[0]) || !make_quiet(ends[1])) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    mailbox->wake_reader = ends[0];
    mailbox->wake_writer = ends[1];
    return true;
}

#endif

bool
bly_mailbox_init(bly_mailbox *mailbox)
{
    mailbox->newest = NULL;
    mailbox->asleep = false;
    mailbox->idle = false;
    mailbox->owner = NULL;
    return open_descriptors(mailbox);
}

void
bly_mailbox_fini(bly_mailbox *mailbox)
{
    BLY_ASSERT(bly_mailbox_is_empty(mailbox));
    bly_parker_unref(mailbox->owner);
    close(mailbox->wake_reader);
    if (mailbox->wake_writer != mailbox->wake_reader)
        close(mailbox->wake_writer);
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
    /* Eight bytes suit an eventfd and a pipe alike. A full one (EAGAIN) is readable, which is all
     * that is wanted. */
    uint64_t one = 1;
    while (write(mailbox->wake_writer, &one, sizeof one) < 0 && errno == EINTR)
        ;
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
    uint64_t wakeups[8];
    while (read(mailbox->wake_reader, wakeups, sizeof wakeups) < 0 && errno == EINTR)
        ;
}
