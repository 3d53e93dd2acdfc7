/* SPDX-License-Identifier: MIT */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "base/stack.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(HAVE_EXECINFO_H) && !defined(__APPLE__) /* which has no semaphores without a name */
#define HAS_STACKS 1
#include <execinfo.h>
#endif

#include "base/clock.h"
#include "base/mutex.h"

#define SIGNALS 65
#define NOBODY 0
#define WRITING 1 /* no thread's mark: those are addresses of words */

/* The two innermost frames are the signal's handler and what the system calls it by. */
#define OWN_FRAMES 2

/* Who uses which signal. */
static struct {
    bly_mutex lock;
    /* guarded by lock */
    bool prepared;
    unsigned int users[SIGNALS];
    struct sigaction before[SIGNALS];
} signals = {.lock = {.mutex = PTHREAD_MUTEX_INITIALIZER}};

/* The one question and its answer. */
static struct {
    bly_mutex turn;
    uintptr_t asked; /* the turn's holder: whom it asked */
    sem_t answered;  /* posted after each answer, also after one that nobody waits for any more */
    uintptr_t wanted; /* atomic: NOBODY (releases the answer), the mark of the asked thread, or WRITING */
    /* the asked thread's while WRITING, the turn's holder's otherwise */
    void *frames[BLY_STACK_FRAMES + OWN_FRAMES];
    int count;
} question = {.turn = {.mutex = PTHREAD_MUTEX_INITIALIZER}};

/* ---- The signal ------------------------------------------------------------------------------------- */

static int
collect(void **frames, int room)
{
#ifdef HAS_STACKS
    return backtrace(frames, room);
#else
    (void)frames;
    (void)room;
    return 0;
#endif
}

static void
on_signal(int signo, siginfo_t *info, void *machine)
{
    int saved = errno;
    uintptr_t self = bly_thread_self();
    (void)signo;
    (void)info;
    (void)machine;
    if (__atomic_compare_exchange_n(&question.wanted, &self, WRITING, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED)) {
        question.count = collect(question.frames, BLY_STACK_FRAMES + OWN_FRAMES);
        __atomic_store_n(&question.wanted, NOBODY, __ATOMIC_RELEASE);
        sem_post(&question.answered);
    }
    errno = saved;
}

bool
bly_stack_is_supported(void)
{
#ifdef HAS_STACKS
    return true;
#else
    return false;
#endif
}

bool
bly_stack_signal_is_usable(int signo)
{
    static const int taken[] = {SIGABRT, SIGBUS,  SIGFPE,  SIGILL, SIGSEGV, SIGSYS,
                                SIGTRAP, SIGKILL, SIGSTOP, SIGTERM, SIGINT};
    struct sigaction now;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (signo == taken[i])
            return false;
    }
    return signo > 0 && signo < SIGNALS && sigaction(signo, NULL, &now) == 0;
}

static bool
prepare_locked(void)
{
    BLY_ASSERT_HELD(&signals.lock);
    if (!signals.prepared && sem_init(&question.answered, 0, 0) == 0) {
        void *frame;
        (void)collect(&frame, 1);
        signals.prepared = true;
    }
    return signals.prepared;
}

static bool
install_locked(int signo)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_RESTART | SA_SIGINFO;
    sigfillset(&action.sa_mask);
    return sigaction(signo, &action, &signals.before[signo]) == 0;
}

bool
bly_stack_signal_take(int signo)
{
    if (!bly_stack_is_supported() || !bly_stack_signal_is_usable(signo))
        return false;
    bly_mutex_lock(&signals.lock);
    bool has = prepare_locked() && (signals.users[signo] > 0 || install_locked(signo));
    if (has)
        signals.users[signo]++;
    bly_mutex_unlock(&signals.lock);
    return has;
}

void
bly_stack_signal_give_back(int signo)
{
    bly_mutex_lock(&signals.lock);
    BLY_ASSERT(signals.users[signo] > 0);
    if (--signals.users[signo] == 0)
        sigaction(signo, &signals.before[signo], NULL);
    bly_mutex_unlock(&signals.lock);
}

void
bly_stack_open(int signo)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    bly_thread_identity_set_stack_signal(signo);
}

/* ---- Asking ----------------------------------------------------------------------------------------- */

void
bly_stack_begin(void)
{
    bly_mutex_lock(&question.turn);
}

bool
bly_stack_ask(const bly_thread_identity *thread)
{
    BLY_ASSERT_HELD(&question.turn);
    if (thread->stack_signal == 0 || __atomic_load_n(&question.wanted, __ATOMIC_ACQUIRE) != NOBODY)
        return false;
    while (sem_trywait(&question.answered) == 0)
        continue; /* what answers that came late have left */
    question.asked = thread->self;
    __atomic_store_n(&question.wanted, thread->self, __ATOMIC_RELEASE);
    if (pthread_kill(thread->thread, thread->stack_signal) == 0)
        return true;
    __atomic_store_n(&question.wanted, NOBODY, __ATOMIC_RELAXED);
    return false;
}

/* False when the time is over. */
static bool
wait_for_post(const struct timespec *until)
{
#if defined(HAVE_SEM_CLOCKWAIT)
    return sem_clockwait(&question.answered, CLOCK_MONOTONIC, until) == 0 || errno == EINTR;
#elif defined(HAS_STACKS)
    return sem_timedwait(&question.answered, until) == 0 || errno == EINTR;
#else
    (void)until;
    return false;
#endif
}

static struct timespec
patience(void)
{
#ifdef HAVE_SEM_CLOCKWAIT
    return bly_clock_timespec(bly_clock_now(&bly_clock_monotonic) + BLY_STACK_PATIENCE_NS);
#else
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + BLY_STACK_PATIENCE_NS;
    until.tv_sec += (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    return until;
#endif
}

/* Whether there is an answer. One that is being written when the time is over is left to itself. */
static bool
await_answer(void)
{
    struct timespec until = patience();
    while (__atomic_load_n(&question.wanted, __ATOMIC_ACQUIRE) != NOBODY) {
        if (wait_for_post(&until))
            continue;
        uintptr_t expected = question.asked;
        if (__atomic_compare_exchange_n(&question.wanted, &expected, NOBODY, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return false;
        return __atomic_load_n(&question.wanted, __ATOMIC_ACQUIRE) == NOBODY;
    }
    return true;
}

int
bly_stack_end(bool asked, void **frames)
{
    int count = 0;
    BLY_ASSERT_HELD(&question.turn);
    if (asked && await_answer() && question.count > OWN_FRAMES) {
        count = question.count - OWN_FRAMES;
        memcpy(frames, question.frames + OWN_FRAMES, (size_t)count * sizeof frames[0]);
    }
    bly_mutex_unlock(&question.turn);
    return count;
}

/* ---- In words --------------------------------------------------------------------------------------- */

static char **
name_frames(void *const *frames, int count)
{
#ifdef HAS_STACKS
    return backtrace_symbols(frames, count);
#else
    (void)frames;
    (void)count;
    return NULL;
#endif
}

char *
bly_stack_describe(void *const *frames, int count)
{
    static const char between[] = " < ";
    char **names = name_frames(frames, count);
    size_t size = 1;
    if (names == NULL)
        return NULL;
    for (int i = 0; i < count; i++)
        size += strlen(names[i]) + strlen(between);
    char *text = malloc(size);
    char *end = text;
    for (int i = 0; text != NULL && i < count; i++) {
        if (i > 0)
            end = stpcpy(end, between);
        end = stpcpy(end, names[i]);
    }
    if (text != NULL)
        *end = '\0';
    free(names);
    return text;
}
