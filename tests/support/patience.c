/* SPDX-License-Identifier: MIT */
#include "support/patience.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWDOWN 5u
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLOWDOWN 5u
#endif
#endif
#ifndef SLOWDOWN
#define SLOWDOWN 1u
#endif

bool
is_sanitized(void)
{
    return SLOWDOWN > 1;
}

unsigned int
patience_seconds(unsigned int seconds)
{
    return seconds * SLOWDOWN;
}

struct timespec
patience_deadline(unsigned int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += (time_t)patience_seconds(seconds);
    return deadline;
}

void
patience_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void
patience_lost(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}
