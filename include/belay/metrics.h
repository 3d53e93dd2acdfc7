/* SPDX-License-Identifier: MIT */
/*
 * What a server's methods do, in numbers: how many calls, how long their handlers take, how many calls are
 * cancelled and why, and what a cancelled handler still costs before it returns.
 */
#ifndef BELAY_METRICS_H
#define BELAY_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <belay/code.h>
#include <belay/export.h>
#include <belay/server.h>

BELAY_BEGIN_DECLS

/* Bucket 0 counts the times below 1024 ns, bucket i those from 2^(9+i) ns to below 2^(10+i) ns, the last one
 * all that are longer (some 69 s). */
#define BELAY_TIME_BUCKETS 28

/* Times that were measured, in nanoseconds. */
typedef struct belay_time_stats {
    uint64_t count; /* the sum of all buckets */
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t buckets[BELAY_TIME_BUCKETS];
} belay_time_stats;

/* Room for the causes of belay/context.h and for those that may come. */
#define BELAY_METHOD_CAUSES 16

/* One method's totals, from the server's start. A snapshot: the numbers are read one after the other. */
typedef struct belay_method_stats {
    const char *path;          /* "/package.Service/Method"; the service's own string */
    uint64_t handlers_started; /* those that run now are these without handling.count */
    uint64_t dropped_in_queue; /* cancelled before a worker took them: their handlers never ran */
    uint64_t handlers_ignoring_cancel; /* those that the watchdog reported */
    /* Calls whose outcome is cancelled, by belay_cause; calls that a handler had answered but whose client
     * never took the answer, and those that were dropped from the queue, included. */
    uint64_t cancelled[BELAY_METHOD_CAUSES];
    /* From a handler's begin to its return, for each that has returned. */
    belay_time_stats handling;
    /* From the cancel to the handler's return, for each that was cancelled while it ran: how soon the program
     * notices. */
    belay_time_stats after_cancel;
    /* The processor time that the handler's own thread used in that time: work for nobody. Where the system
     * cannot tell one thread the time of another its count stays 0. */
    belay_time_stats after_cancel_cpu;
} belay_method_stats;

/*
 * Gives the number of a server's methods.
 *
 * server: a server, or NULL, which has none.
 * Returns how many were added with their services.
 * Threads: any after the start; before it those that may add services.
 */
BELAY_API size_t belay_server_method_count(const belay_server *server);

/*
 * Gives a method's totals. Methods that are reserved (belay_server_reserve_method()) are in the list, and
 * count nothing.
 *
 * server: a server.
 * index: 0 to belay_server_method_count() - 1, in the order of paths; a method keeps its index once the
 *     server was started.
 * stats, size: receives them; its size, so that later versions can add fields at the end. Untouched on
 *     failure.
 * Returns BELAY_OK; BELAY_NOT_FOUND for an index out of range; BELAY_INVALID_ARGUMENT without a server or
 *     stats.
 * Threads: any after the start; before it those that may add services.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_method_stats(const belay_server *server, size_t index,
                                                                 belay_method_stats *stats, size_t size);

BELAY_END_DECLS

#endif
