/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setname_np() */
#endif

#include "base/thread.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_STACK_SIZE (512 * 1024)
#define NAME_SIZE 16 /* Linux's limit, NUL included */

/* Sanitizers put red zones around every variable on the stack. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_FACTOR 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define STACK_FACTOR 4
#endif
#endif
#ifndef STACK_FACTOR
#define STACK_FACTOR 1
#endif

struct start {
    void (*run)(void *argument);
    void *argument;
    char name[NAME_SIZE];
};

_Thread_local char bly_thread_mark BLY_FAST_TLS;

static void
name_self(const char *name)
{
#if defined(__linux__)
    pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
    pthread_setname_np(name);
#else
    (void)name;
#endif
}

static void *
start_routine(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    name_self(start.name);
    start.run(start.argument);
    return NULL;
}

static struct start *
start_new(const char *name, void (*run)(void *argument), void *argument)
{
    struct start *start = malloc(sizeof *start);
    if (!start)
        return NULL;
    *start = (struct start){ .run = run, .argument = argument };
    strncpy(start->name, name, NAME_SIZE - 1);
    return start;
}

/* The size to ask for: whole pages, the system's minimum at least, and the guard page, which some
 * systems take out of the stack. */
static size_t
whole_stack_size(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t minimum = (size_t)PTHREAD_STACK_MIN;
    if (size == 0)
        size = DEFAULT_STACK_SIZE;
    if (size < minimum)
        size = minimum;
    if (size > SIZE_MAX / STACK_FACTOR - 2 * page)
        return SIZE_MAX / page * page; /* refused by the system */
    size *= STACK_FACTOR;
    return (size + page - 1) / page * page + page;
}

static bool
set_attributes(pthread_attr_t *attributes, size_t stack_size, bool detached)
{
    struct sched_param parameters = { .sched_priority = 0 };
    int state = detached ? PTHREAD_CREATE_DETACHED : PTHREAD_CREATE_JOINABLE;
    return pthread_attr_setdetachstate(attributes, state) == 0
           && pthread_attr_setguardsize(attributes, (size_t)sysconf(_SC_PAGESIZE)) == 0
           && pthread_attr_setstacksize(attributes, whole_stack_size(stack_size)) == 0
           && pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED) == 0
           && pthread_attr_setschedpolicy(attributes, SCHED_OTHER) == 0
           && pthread_attr_setschedparam(attributes, &parameters) == 0;
}

/* All but those that a fault of the thread itself raises: blocked, they would end the process without
 * the program's crash handler. */
static void
fill_mask(sigset_t *mask)
{
    static const int faults[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP };
    sigfillset(mask);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(mask, faults[i]);
}

void
bly_thread_block_signals(sigset_t *before)
{
    sigset_t mask;
    fill_mask(&mask);
    pthread_sigmask(SIG_SETMASK, &mask, before); /* fails only where it is misused */
}

/* The new thread inherits the mask of its creator, who has the signals blocked meanwhile. */
static bool
create_blocked(pthread_t *thread, const pthread_attr_t *attributes, struct start *start)
{
    sigset_t before;
    bly_thread_block_signals(&before);
    int error = pthread_create(thread, attributes, start_routine, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

bool
bly_thread_start(pthread_t *thread, const char *name, size_t stack_size, void (*run)(void *argument),
                 void *argument)
{
    pthread_attr_t attributes;
    pthread_t created;
    struct start *start = start_new(name, run, argument);
    if (!start)
        return false;
    if (pthread_attr_init(&attributes) != 0) {
        free(start);
        return false;
    }
    bool done = set_attributes(&attributes, stack_size, !thread)
                && create_blocked(&created, &attributes, start);
    pthread_attr_destroy(&attributes);
    if (!done)
        free(start);
    else if (thread)
        *thread = created;
    return done;
}
