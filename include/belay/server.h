/* SPDX-License-Identifier: MIT */
/*
 * Servers: listeners, services, and the pool of workers that their handlers run on.
 *
 * Order of use: new, add services, listen, then either belay_server_run() (which also handles
 * SIGTERM), or belay_server_start() and later belay_server_drain(); then free.
 */
#ifndef BELAY_SERVER_H
#define BELAY_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <belay/code.h>
#include <belay/export.h>
#include <belay/runtime.h>
#include <belay/service.h>
#include <belay/tls.h>

BELAY_BEGIN_DECLS

typedef struct belay_server belay_server;
typedef struct belay_server_options belay_server_options;

/* A server's totals, from its start. A snapshot: the numbers are read one after the other. */
typedef struct belay_server_counters {
    uint64_t handlers_started;
    uint64_t handlers_running;
    uint64_t calls_cancelled;  /* calls whose outcome is cancelled, whatever the cause */
    uint64_t dropped_in_queue; /* cancelled before a worker took them: their handlers never ran */
    uint64_t calls_refused;    /* answered without a handler: malformed, unknown method, full queue */
    uint64_t children_open;    /* client calls now open on the server's runtime, detached ones included */
    uint64_t connections;      /* now open */
    uint64_t workers;          /* threads now in the pool */
    uint64_t handlers_ignoring_cancel; /* those that the watchdog reported */
    uint64_t dropped_late; /* of dropped_in_queue: too little of their time was left to begin them */
    uint64_t handshakes_failed; /* connections that TLS came to nothing with; the log does not tell of all */
} belay_server_counters;

/*
 * Makes server options with their defaults.
 *
 * Returns the options, which the caller frees with belay_server_options_free(), or NULL without
 *     memory.
 * Threads: any; one options object is used by one thread at a time.
 */
BELAY_API belay_server_options *belay_server_options_new(void);

/*
 * Frees server options.
 *
 * options: from belay_server_options_new(), or NULL.
 * Threads: any.
 */
BELAY_API void belay_server_options_free(belay_server_options *options);

/*
 * Sets the bounds of the worker pool. The pool keeps `minimum` workers that are not blocked in one of
 * belay's waits as long as calls are queued, and never has more than `maximum` threads.
 *
 * options: to change.
 * minimum: default: the number of processors, at least 4.
 * maximum: default 256. Equal bounds make a fixed pool.
 * Returns BELAY_OK, or BELAY_INVALID_ARGUMENT when minimum is 0 or above maximum.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_options_set_workers(belay_server_options *options,
                                                                        unsigned int minimum,
                                                                        unsigned int maximum);

/*
 * Sets the stack size of workers.
 *
 * options: to change.
 * bytes: 512 KiB by default; at least 64 KiB. A guard page comes on top.
 * Returns BELAY_OK or BELAY_INVALID_ARGUMENT.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_options_set_stack_size(belay_server_options *options,
                                                                           size_t bytes);

/* Which workers are scheduled as batch work. */
typedef enum belay_batch_scheduling {
    BELAY_BATCH_WHEN_COMPUTING, /* those whose last handlers took milliseconds without waiting in anything of belay's,
                                   until one of theirs is short; the default */
    BELAY_BATCH_NEVER,
    BELAY_BATCH_ALWAYS
} belay_batch_scheduling;

/*
 * Sets which workers are scheduled as batch work (Linux: SCHED_BATCH, which needs no privilege): woken, they wait for
 * their turn instead of interrupting a thread that runs. This is for handlers that compute: cancels are then seen
 * sooner while every processor is busy, and a busy pool switches between its threads less. The price: beside other
 * programs that compute, a handler that was blocked, or is short, goes on up to a time slice (some milliseconds) later.
 * Workers reserved for health and the like never are.
 * A process that a handler forks, and belay's own threads, do not inherit it; programs that handlers start with
 * posix_spawn() or vfork(), and threads that they start, do unless their attributes say otherwise.
 *
 * options: to change.
 * batch: which ones. No effect where the system has no such class.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_batch_scheduling(belay_server_options *options,
                                                         belay_batch_scheduling batch);

/*
 * Sets how many calls may wait for a worker; the next is refused with BELAY_RESOURCE_EXHAUSTED.
 * Against floods of calls.
 *
 * options: to change.
 * calls: 1000 by default.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_queue(belay_server_options *options, unsigned int calls);

/*
 * Sets the largest message that handlers receive; a larger one ends its call with
 * BELAY_RESOURCE_EXHAUSTED. Against memory exhaustion by a client.
 *
 * options: to change.
 * bytes: 4 MiB by default.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_max_receive_size(belay_server_options *options, uint32_t bytes);

/*
 * Sets the bytes that may wait to be sent on a call before its handler's send blocks.
 *
 * options: to change.
 * bytes: 64 KiB by default. A larger message goes alone.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_send_mark(belay_server_options *options, uint32_t bytes);

/*
 * Sets how many handlers of one connection may be queued or running; further calls of it wait their
 * turn without a place in the queue. A call that was reset counts until its handler has returned.
 * Against rapid reset (CVE-2023-44487).
 *
 * options: to change.
 * calls: 100 by default.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_connection_handlers(belay_server_options *options,
                                                            unsigned int calls);

/*
 * Sets whether calls are dropped that a worker comes to when they can no longer be answered in time: their
 * handlers are not run, and the client gets BELAY_DEADLINE_EXCEEDED at once with a message that says so.
 * When more comes than can be done, the workers then do what still helps somebody. What a method takes is
 * measured, and a call is dropped when less is left to it than all but the fastest few in a hundred took.
 * Once in a while such a call is run all the same, so that a method which has become faster is found to be.
 * Only methods of one request and one reply; never a call without a deadline, or before a method has
 * answered a few times.
 *
 * options: to change.
 * drop: false by default.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_drop_late(belay_server_options *options, bool drop);

/*
 * Sets what belay_server_run() does on SIGTERM and SIGINT.
 *
 * options: to change.
 * grace_ns: how long calls may go on before they are cancelled; 10 s by default.
 * limit_ns: how long after that to wait for handlers that have not returned; 10 s by default.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_drain(belay_server_options *options, uint64_t grace_ns,
                                              uint64_t limit_ns);

/*
 * Sets the watchdog: a handler that has not returned some time after its call was cancelled, whatever the
 * cause, is reported once, by a line of level BELAY_LOG_WARNING through the runtime's log function. It names
 * method, peer, cause and reason, the times since the call came to the workers and since the cancel, and the
 * thread by its name and the system's number. Counted in belay_server_counters and belay_method_stats, but
 * for reserved methods. Calls that are not cancelled cost nothing.
 *
 * options: to change.
 * after_ns: from cancel to report, in nanoseconds; 1 s by default; 0 for no watchdog.
 * Threads: one at a time.
 */
BELAY_API void belay_server_options_set_watchdog(belay_server_options *options, uint64_t after_ns);

/*
 * Has the watchdog's report show where the handler is: the stack of its thread, which that thread collects in
 * the handler of a signal. The signal is the server's alone while it exists: belay installs its handler
 * (SA_RESTART, SA_SIGINFO) with the first server that uses it, restores what was there before with the last,
 * and opens workers to it, and no other thread. System calls that a signal interrupts in spite of SA_RESTART
 * (poll(), nanosleep() and their like) return EINTR in a handler that is reported. The thread has 100 ms to
 * answer; else the report does without.
 *
 * options: to change.
 * signo: SIGUSR2 or SIGRTMIN + n, say; 0 for no stacks, the default. Threads and programs that a handler
 *     starts inherit that it is not blocked.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT for what is no signal, cannot be caught, tells of a fault, or is
 *     SIGTERM or SIGINT; BELAY_UNIMPLEMENTED where the system has no backtrace().
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_options_set_watchdog_stacks(belay_server_options *options,
                                                                                int signo);

/*
 * Makes a server.
 *
 * runtime: what it works with; it takes a reference. NULL for a runtime of its own.
 * options: copied; NULL for the defaults.
 * Returns the server, to be freed with belay_server_free(), or NULL when memory or threads cannot be
 *     had.
 * Threads: any; before start a server is used by one thread at a time.
 */
BELAY_API belay_server *belay_server_new(belay_runtime *runtime, const belay_server_options *options);

/*
 * Frees a server. Calls still running are cancelled with BELAY_CAUSE_SHUTDOWN, and their handlers
 * waited for, however long they take.
 *
 * server: a server, or NULL.
 * Threads: any but a handler's or a callback's.
 */
BELAY_API void belay_server_free(belay_server *server);

/*
 * Gives the server's runtime, to make channels and contexts on.
 *
 * server: a server.
 * Returns the runtime, without a reference for the caller.
 * Threads: any.
 */
BELAY_API belay_runtime *belay_server_runtime(const belay_server *server);

/*
 * Adds a service; generated add functions call this.
 *
 * server: not started yet.
 * service: static description; not copied.
 * handlers: the table of handlers, service->handlers_size bytes; copied. Methods without a handler
 *     answer BELAY_UNIMPLEMENTED.
 * data: what belay_call_data() gives to the handlers; stays the caller's.
 * Returns BELAY_OK; BELAY_ALREADY_EXISTS when a method of it is there; BELAY_FAILED_PRECONDITION after
 *     the start; BELAY_INVALID_ARGUMENT; BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: one at a time, before the start.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_add_service(belay_server *server,
                                                                const belay_service *service,
                                                                const void *handlers, void *data);

/*
 * Has a method run on a few workers of its own, so that it answers when all others are busy (health,
 * counters, an admin's questions). Such calls are short, do not block, and are not counted.
 *
 * server: not started yet.
 * path: "/package.Service/Method" of a service that was added.
 * Returns BELAY_OK; BELAY_NOT_FOUND when no such method was added; BELAY_FAILED_PRECONDITION after the start;
 *     BELAY_INVALID_ARGUMENT.
 * Threads: one at a time, before the start.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_reserve_method(belay_server *server, const char *path);

/*
 * Caps how long calls may take. A call's deadline is the earlier of its client's and the cap, counted from
 * its headers; when the cap passes the call ends as by its own deadline, with BELAY_CAUSE_DEADLINE and the
 * status BELAY_DEADLINE_EXCEEDED. Against clients that set no deadline, or one far away. The cap of a method
 * goes before that of its service, and that before the server's, be they longer or shorter; setting one
 * again replaces it. Methods for operators have none but their own.
 *
 * server: not started yet.
 * path: "/package.Service/Method" or "/package.Service/", of a service that was added; NULL for the whole
 *     server, services that are added later included.
 * timeout_ns: in nanoseconds, not 0; BELAY_FOREVER for no cap (streams that stay open).
 * Returns BELAY_OK; BELAY_NOT_FOUND when nothing like that was added; BELAY_FAILED_PRECONDITION after the
 *     start; BELAY_INVALID_ARGUMENT.
 * Threads: one at a time, before the start.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_cap_deadline(belay_server *server, const char *path,
                                                                 uint64_t timeout_ns);

/*
 * Binds an address, or takes over sockets that were bound by somebody else. Connections are accepted after
 * the start.
 *
 * server: not started yet.
 * address: "host:port", "[ipv6]:port" or "unix:path"; port 0 picks one, belay_server_address() tells
 *     which. A unix socket that is left over from a server that is gone is replaced.
 *     "systemd": all sockets that systemd passed to this process (socket activation: $LISTEN_PID and
 *     $LISTEN_FDS); "systemd:NAME": those named NAME there (FileDescriptorName=). The variables stay set, so
 *     that several calls can ask for several names; child processes know by LISTEN_PID that they are not
 *     meant.
 *     "fd:N": descriptor N of this process.
 *     Such a socket must be a stream socket that listens. It is the server's from then on, which closes it
 *     when it drains; on failure it stays the caller's. The file of a unix socket is left in place.
 * tls: who the server is there, and whom it asks for what; it takes a reference. NULL: plaintext.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT for an address that cannot be read; BELAY_UNAVAILABLE when
 *     it cannot be bound, or is no socket that listens (the log says why); BELAY_NOT_FOUND when systemd
 *     passed none of that name, or the process was not started by it; BELAY_ALREADY_EXISTS when the server
 *     has that descriptor; BELAY_RESOURCE_EXHAUSTED without memory; BELAY_FAILED_PRECONDITION after the
 *     start, or when tls has no certificate, or is to ask clients for one and trusts nobody (the log says so).
 * Threads: one at a time, before the start.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_listen(belay_server *server, const char *address,
                                                           belay_tls *tls);

/*
 * Gives an address that the server listens on, with its port filled in.
 *
 * server: a server.
 * index: counts the addresses in the order of belay_server_listen(), from 0; one call with "systemd" may add
 *     several.
 * Returns the address, or NULL for an index out of range; lives as long as the server.
 * Threads: any.
 */
BELAY_API const char *belay_server_address(const belay_server *server, size_t index);

/*
 * Begins to accept connections, and returns.
 *
 * server: with at least one address.
 * Returns BELAY_OK; BELAY_FAILED_PRECONDITION without an address or when started before;
 *     BELAY_RESOURCE_EXHAUSTED without memory or threads.
 * Threads: one at a time.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_start(belay_server *server);

/*
 * Ends a server's work in order: tells clients to go elsewhere (GOAWAY), tells handlers
 * (belay_call_draining()), refuses new calls after a round trip, waits for the calls under way, those that
 * are queued included, cancels those that outlast the grace time, and waits for their handlers. Clients are
 * given up to a second to read how their calls ended, whatever the limit, and a tenth of one to close connections that
 * have ended. Called once more by another thread,
 * with a shorter grace time, it hurries the first.
 *
 * server: started.
 * grace_ns: how long calls may go on, in nanoseconds.
 * limit_ns: how long after that to wait for handlers that have not returned, in nanoseconds.
 * Returns BELAY_OK when all handlers have returned; BELAY_DEADLINE_EXCEEDED when some have not (the log
 *     lists them, and so does belay_server_each_handler(); the server's memory stays valid for them);
 *     BELAY_FAILED_PRECONDITION when not started.
 * Threads: any but a handler's or a callback's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_drain(belay_server *server, uint64_t grace_ns,
                                                          uint64_t limit_ns);

/* A handler that has not returned. */
typedef struct belay_handler_info {
    const char *method;    /* "/package.Service/Method" */
    const char *peer;      /* its client */
    uint64_t age_ns;       /* since the call came to the workers */
    uint64_t cancelled_ns; /* since its call was cancelled; 0 when it was not */
    belay_cause cause;     /* of that; BELAY_CAUSE_NONE */
} belay_handler_info;

/* Called for one handler; what it is given is valid until it returns. */
typedef void (*belay_handler_function)(const belay_handler_info *handler, void *argument);

/*
 * Tells the handlers that have not returned, at any time; after a drain that ended with
 * BELAY_DEADLINE_EXCEEDED, those that keep the server from ending. Methods that are reserved are left out.
 *
 * server: a server.
 * function, argument: called for each, on the calling thread, with no lock of belay's held.
 * Returns BELAY_OK, also when there is none; BELAY_INVALID_ARGUMENT; BELAY_RESOURCE_EXHAUSTED without memory:
 *     then the function was not called.
 * Threads: any but a callback's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_server_each_handler(belay_server *server,
                                                                 belay_handler_function function,
                                                                 void *argument);

/*
 * Runs a server until SIGTERM or SIGINT, then drains it. A second signal skips the grace time. Tells systemd
 * when it is ready and when it begins to stop (Type=notify): READY=1 and STOPPING=1, a datagram each to the
 * socket that $NOTIFY_SOCKET names, if it is set. The variable stays set.
 *
 * server: with at least one address; started if it was not.
 * Returns as belay_server_start() and belay_server_drain(), so that "return belay_server_run(server)"
 *     ends main() with 0 after a clean drain.
 * Threads: one in the process at a time; it takes over SIGTERM and SIGINT for as long as it runs, also when
 *     the caller had blocked them, so that none is missed between saying "ready" and this call.
 */
BELAY_API belay_code belay_server_run(belay_server *server);

/*
 * Gives the server's totals.
 *
 * server: a server.
 * counters, size: receives them; its size, so that later versions can add fields at the end.
 * Threads: any.
 */
BELAY_API void belay_server_counters_read(const belay_server *server, belay_server_counters *counters,
                                          size_t size);

BELAY_END_DECLS

#endif
