/* SPDX-License-Identifier: MIT */
/* The floor of a client with blocking calls on one channel: what remains when HTTP/2 and gRPC are taken away.
 *
 *     hand-limit THREADS CALLS
 *
 * THREADS threads hand tokens to one that sleeps in epoll. It writes all it has, in one system call, to a loopback
 * connection, at whose other end a process sends them back, and wakes the threads of all that it reads, by one system
 * call for each 32 threads. CPU is that of the threads, not of the process that echoes. */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/limits/loopback.h"
#include "bench/samples.h"

#define MAX_THREADS 64
#define ROW 32 /* so many bits has a futex call */

/* As long as a small request of gRPC whose headers are in the table. */
typedef struct token {
    uint32_t thread;
    char rest[28];
} token;

typedef struct caller {
    pthread_t thread;
    uint32_t number;
    atomic_int waiting; /* for an answer */
    struct caller *next; /* in `handed` */
    sample_list latency;
} caller;

static caller callers[MAX_THREADS];
/* The futexes: how often callers of a row were woken. */
static atomic_uint wakes[MAX_THREADS / ROW];
static atomic_long calls_left;
/* Callers that have handed in a token, the latest first. */
static _Atomic(caller *) handed;
/* The I/O thread sleeps, or is about to: whoever clears it rings. */
static atomic_int asleep;
static atomic_int over;
static int bell;
static int connection;

/* ---- The threads that call ----------------------------------------------------------------------- */

static void
await_answer(caller *self)
{
    atomic_uint *row = &wakes[self->number / ROW];
    for (;;) {
        unsigned int seen = atomic_load(row); /* before the look: then no wake-up is missed */
        if (!atomic_load(&self->waiting))
            return;
        syscall(SYS_futex, row, FUTEX_WAIT_BITSET_PRIVATE, seen, NULL, NULL, 1u << self->number % ROW);
    }
}

static void
call_once(caller *self)
{
    const uint64_t one = 1;
    atomic_store(&self->waiting, 1);
    self->next = atomic_load(&handed);
    while (!atomic_compare_exchange_weak(&handed, &self->next, self))
        continue;
    if (atomic_load(&asleep) && atomic_exchange(&asleep, 0) && write(bell, &one, sizeof one) != sizeof one)
        loopback_fail("eventfd");
    await_answer(self);
}

static void *
make_calls(void *argument)
{
    caller *self = argument;
    while (atomic_fetch_sub(&calls_left, 1) > 0) {
        int64_t begin = loopback_clock(CLOCK_MONOTONIC);
        call_once(self);
        samples_add(&self->latency, loopback_clock(CLOCK_MONOTONIC) - begin);
    }
    return NULL;
}

/* ---- The thread between them and the connection ---------------------------------------------------- */

static void
send_handed(void)
{
    static token tokens[MAX_THREADS];
    size_t count = 0;
    for (caller *next, *one = atomic_exchange(&handed, NULL); one != NULL; one = next) {
        next = one->next; /* its thread may be back as soon as the token has left */
        tokens[count++].thread = one->number;
    }
    if (count > 0 && write(connection, tokens, count * sizeof(token)) != (ssize_t)(count * sizeof(token)))
        loopback_fail("write");
}

static void
wake_callers(size_t row, uint32_t bits)
{
    if (bits == 0)
        return;
    atomic_fetch_add(&wakes[row], 1);
    syscall(SYS_futex, &wakes[row], FUTEX_WAKE_BITSET_PRIVATE, __builtin_popcount(bits), NULL, NULL, bits);
}

static void
take_answers(void)
{
    static token tokens[MAX_THREADS];
    static size_t have;
    ssize_t size = read(connection, (char *)tokens + have, sizeof tokens - have);
    if (size == 0 && atomic_load(&over))
        return;
    if (size <= 0)
        loopback_fail("read");
    have += (size_t)size;
    size_t count = have / sizeof(token);
    uint32_t bits[MAX_THREADS / ROW] = {0};
    for (size_t i = 0; i < count; i++) {
        atomic_store(&callers[tokens[i].thread].waiting, 0);
        bits[tokens[i].thread / ROW] |= 1u << tokens[i].thread % ROW;
    }
    for (size_t row = 0; row < MAX_THREADS / ROW; row++)
        wake_callers(row, bits[row]);
    have -= count * sizeof(token);
    memmove(tokens, tokens + count, have);
}

static void *
carry(void *unused)
{
    struct epoll_event events[2] = {{.events = EPOLLIN, .data.fd = bell}, {.events = EPOLLIN, .data.fd = connection}};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    (void)unused;
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &events[0]) != 0 ||
        epoll_ctl(epoll, EPOLL_CTL_ADD, connection, &events[1]) != 0)
        loopback_fail("epoll");
    for (;;) {
        atomic_store(&asleep, 1);
        int count = epoll_wait(epoll, events, 2, atomic_load(&handed) != NULL ? 0 : -1);
        atomic_store(&asleep, 0);
        for (int i = 0; i < count; i++) {
            uint64_t rings;
            if (events[i].data.fd == connection)
                take_answers();
            else if (read(bell, &rings, sizeof rings) != sizeof rings)
                loopback_fail("eventfd");
        }
        send_handed();
    }
    return NULL;
}

/* ---- The other end ------------------------------------------------------------------------------- */

static void
echo(int from)
{
    char bytes[MAX_THREADS * sizeof(token)];
    ssize_t size = 0;
    do
        size = read(from, bytes, sizeof bytes);
    while (size > 0 && write(from, bytes, (size_t)size) == size);
    _exit(size == 0 ? 0 : 1);
}

/* Returns the process that echoes. */
static pid_t
connect_to_echo(void)
{
    int ends[2];
    loopback_pair(ends);
    pid_t child = fork();
    if (child < 0)
        loopback_fail("fork");
    if (child == 0) {
        close(ends[0]);
        echo(ends[1]);
    }
    close(ends[1]);
    connection = ends[0];
    return child;
}

static void
measure(int threads, long calls)
{
    sample_list latency = {0};
    int64_t cpu = loopback_clock(CLOCK_PROCESS_CPUTIME_ID);
    int64_t begin = loopback_clock(CLOCK_MONOTONIC);
    for (int i = 0; i < threads; i++)
        if (pthread_create(&callers[i].thread, NULL, make_calls, &callers[i]) != 0)
            loopback_fail("pthread_create");
    for (int i = 0; i < threads; i++)
        pthread_join(callers[i].thread, NULL);
    double seconds = (double)(loopback_clock(CLOCK_MONOTONIC) - begin) / 1e9;
    cpu = loopback_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    for (int i = 0; i < threads; i++)
        samples_move(&latency, &callers[i].latency);
    printf("hand threads=%d calls=%ld rate=%.0f/s cpu_s_per_100k=%.3f\n", threads, calls, (double)calls / seconds,
           (double)cpu / 1e9 / (double)calls * 1e5);
    samples_print("latency", &latency, 0);
    samples_free(&latency);
}

int
main(int argc, char **argv)
{
    int threads = argc == 3 ? atoi(argv[1]) : 0;
    long calls = argc == 3 ? atol(argv[2]) : 0;
    pthread_t io;
    if (threads < 1 || threads > MAX_THREADS || calls < 1) {
        fprintf(stderr, "usage: hand-limit THREADS CALLS\n");
        return 2;
    }
    pid_t child = connect_to_echo();
    bell = eventfd(0, EFD_CLOEXEC);
    if (bell < 0 || pthread_create(&io, NULL, carry, NULL) != 0)
        loopback_fail("start");
    pthread_detach(io);
    for (int i = 0; i < threads; i++)
        callers[i].number = (uint32_t)i;
    atomic_store(&calls_left, calls);
    measure(threads, calls);
    fflush(stdout);
    atomic_store(&over, 1);
    if (kill(child, SIGKILL) != 0 || waitpid(child, NULL, 0) != child)
        loopback_fail("the process that echoes");
    _exit(0);
}
