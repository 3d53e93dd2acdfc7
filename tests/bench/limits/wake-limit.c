/* SPDX-License-Identifier: MIT */
/* The floor of a cancellation: what remains when HTTP/2 and gRPC are taken away.
 *
 *     wake-limit HOPS CALLS [STEPS] [BUSY]
 *
 * HOPS loopback connections one behind the other, with a thread at each that sleeps in epoll, reads the 13
 * bytes of an RST_STREAM and passes them on. The last one raises a flag that a computing thread looks at
 * every STEPS steps, as a Spin handler does. BUSY more threads compute beside it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "bench/limits/loopback.h"
#include "bench/samples.h"

#define MAX_HOPS 8
#define MAX_BUSY 64
#define MESSAGE_SIZE 13
#define STEPS 1000

typedef struct hop {
    int from;
    int to; /* -1: the last one */
} hop;

static uint64_t steps = STEPS;
static atomic_int flag;
static atomic_int computing;
static int64_t seen; /* written before computing is cleared, read after */

static void *
pass_on(void *argument)
{
    const hop *self = argument;
    struct epoll_event event = {.events = EPOLLIN};
    char message[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, self->from, &event) != 0)
        loopback_fail("epoll");
    for (;;) {
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        ssize_t size = read(self->from, message, sizeof message);
        if (size <= 0)
            return NULL;
        if (self->to < 0)
            atomic_store_explicit(&flag, 1, memory_order_relaxed);
        else if (write(self->to, message, (size_t)size) != size)
            loopback_fail("write");
    }
}

static uint64_t
compute(uint64_t x)
{
    for (uint64_t i = 0; i < steps; i++)
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return x;
}

static void *
spin(void *unused)
{
    static atomic_ulong sink;
    uint64_t x = 1;
    (void)unused;
    for (;;) {
        while (!atomic_load(&computing))
            usleep(500);
        do
            x = compute(x);
        while (!atomic_load_explicit(&flag, memory_order_relaxed));
        seen = loopback_clock(CLOCK_MONOTONIC);
        atomic_store(&sink, x);
        atomic_store(&computing, 0);
    }
    return NULL;
}

static void *
be_busy(void *unused)
{
    volatile uint64_t x = 1;
    (void)unused;
    for (;;)
        x = x * 3 + 1;
    return NULL;
}

static void
start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argument) != 0)
        loopback_fail("pthread_create");
    pthread_detach(thread);
}

/* Returns where the first hop is written to. */
static int
start_hops(hop *hops, int count)
{
    int first = -1;
    for (int i = 0; i < count; i++) {
        int ends[2];
        loopback_pair(ends);
        hops[i].from = ends[1];
        hops[i].to = -1;
        if (i == 0)
            first = ends[0];
        else
            hops[i - 1].to = ends[0];
    }
    for (int i = 0; i < count; i++)
        start(pass_on, &hops[i]);
    return first;
}

static int64_t
cancel_once(int first)
{
    static const char message[MESSAGE_SIZE];
    atomic_store(&flag, 0);
    atomic_store(&computing, 1);
    /* Until it computes, and at no fixed phase of anything. */
    usleep(4000 + (useconds_t)(rand() % 2000));
    int64_t begin = loopback_clock(CLOCK_MONOTONIC);
    if (write(first, message, sizeof message) != sizeof message)
        loopback_fail("write");
    while (atomic_load(&computing))
        usleep(200);
    return seen - begin;
}

int
main(int argc, char **argv)
{
    static hop hops[MAX_HOPS];
    sample_list samples = {0};
    int hop_count = argc > 2 ? atoi(argv[1]) : 0;
    int calls = argc > 2 ? atoi(argv[2]) : 0;
    int busy = argc > 4 ? atoi(argv[4]) : 0;
    if (hop_count < 1 || hop_count > MAX_HOPS || calls < 1 || busy < 0 || busy > MAX_BUSY) {
        fprintf(stderr, "usage: wake-limit HOPS CALLS [STEPS] [BUSY]\n");
        return 2;
    }
    if (argc > 3)
        steps = strtoull(argv[3], NULL, 10);
    int first = start_hops(hops, hop_count);
    start(spin, NULL);
    for (int i = 0; i < busy; i++)
        start(be_busy, NULL);
    for (int i = 0; i < calls; i++)
        samples_add(&samples, cancel_once(first));
    samples_print("flag-seen", &samples, 0);
    samples_free(&samples);
    return 0;
}
