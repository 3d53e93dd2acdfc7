/* SPDX-License-Identifier: MIT */
/*
 * The end of a server, step by step: no new connections, GOAWAY, tell the handlers, the grace time, cancel
 * what is left, let the clients read it, close what still stands, wait for the handlers. Each step is done on
 * the I/O threads; the draining thread only waits. An operator sees all that: his door is closed when it is
 * over.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "server/connection.h"
#include "server/extension.h"
#include "server/systemd.h"

/* ---- What is done on the I/O threads ---------------------------------------------------------------- */

typedef struct step {
    bly_server_loop *place;
    unsigned int door;
    void (*each)(bly_server_connection *connection);
} step;

static void
walk(void *argument)
{
    step *work = argument;
    bly_list *connections = &work->place->connections;
    /* A connection may go while it is dealt with; the next one cannot. */
    for (bly_link *link = connections->next, *next; link != connections; link = next) {
        next = link->next;
        bly_server_connection *connection = BLY_LIST_ENTRY(link, bly_server_connection, link);
        if (connection->door == work->door)
            work->each(connection);
    }
}

static void
for_each_of_door(belay_server *server, unsigned int door, void (*each)(bly_server_connection *connection))
{
    for (unsigned int i = 0; i < server->runtime->loop_count; i++) {
        step work = {&server->loops[i], door, each};
        bly_loop_call(server->loops[i].loop, walk, &work);
    }
}

static void
for_each_connection(belay_server *server, void (*each)(bly_server_connection *connection))
{
    for_each_of_door(server, BLY_SERVER_FRONT_DOOR, each);
}

typedef struct closing {
    belay_server *server;
    bly_server_loop *place;
    unsigned int door;
} closing;

static void
stop_listeners(void *argument)
{
    const closing *work = argument;
    for (size_t i = 0; i < work->server->listener_count; i++) {
        if (work->server->listeners[i].door == work->door)
            bly_listener_stop(work->server->listeners[i].listener);
    }
}

static void
stop_arrivals(void *argument)
{
    const closing *work = argument;
    work->place->closed_doors |= work->door;
}

static void
stop_accepting(belay_server *server, unsigned int door)
{
    closing work = {server, NULL, door};
    bly_loop_call(server->loops[0].loop, stop_listeners, &work);
    for (unsigned int i = 0; i < server->runtime->loop_count; i++) {
        work.place = &server->loops[i];
        bly_loop_call(server->loops[i].loop, stop_arrivals, &work);
    }
}

static void
cancel_for_shutdown(bly_server_connection *connection)
{
    bly_server_connection_cancel(connection, BELAY_CAUSE_SHUTDOWN, NULL);
}

static void
close_for_shutdown(bly_server_connection *connection)
{
    bly_server_connection_close(connection, "server shut down");
}

/* ---- Waiting ---------------------------------------------------------------------------------------- */

/* Waits until a number of connections, guarded by the server's lock, is 0; false at the deadline. */
static bool
wait_until_none(belay_server *server, const size_t *count, uint64_t deadline)
{
    bool in_time = true;
    bly_mutex_lock(&server->lock);
    while (*count > 0 && in_time)
        in_time = bly_condition_wait_until(&server->changed, &server->lock, deadline);
    bool gone = *count == 0;
    bly_mutex_unlock(&server->lock);
    return gone;
}

static bool
wait_until_gone(belay_server *server, uint64_t deadline)
{
    return wait_until_none(server, &server->connection_count, deadline);
}

/* The same until the grace time ends, which another thread may shorten. */
static bool
wait_for_grace(belay_server *server)
{
    bly_mutex_lock(&server->lock);
    while (server->connection_count > 0 && belay_now() < server->drain_deadline)
        (void)bly_condition_wait_until(&server->changed, &server->lock, server->drain_deadline);
    bool gone = server->connection_count == 0;
    bly_mutex_unlock(&server->lock);
    return gone;
}

/* Begins to drain, or hurries a drain that is under way. False when the server was not started. */
static bool
begin(belay_server *server, uint64_t grace_ns)
{
    uint64_t deadline = bly_clock_after(belay_now(), grace_ns);
    bly_mutex_lock(&server->lock);
    bool started = server->state != BLY_SERVER_NEW;
    if (started) {
        server->state = BLY_SERVER_DRAINING;
        if (deadline < server->drain_deadline)
            server->drain_deadline = deadline;
        bly_condition_broadcast(&server->changed);
    }
    bly_mutex_unlock(&server->lock);
    return started;
}

/* How long clients may take to read their last status before their connections are closed. */
#define FAREWELL BELAY_SECONDS(1)

/* And how long to read it from sockets that are closing. */
#define LAST_MOMENT BELAY_MILLISECONDS(100)

static belay_code
drain_front(belay_server *server, uint64_t limit_ns)
{
    /* Also when another thread does the same: neither may count connections before both steps are done. */
    stop_accepting(server, BLY_SERVER_FRONT_DOOR);
    bly_server_tell_extensions(server);
    for_each_connection(server, bly_server_connection_drain);
    bly_context_end(server->draining.context, BELAY_CAUSE_SHUTDOWN, NULL);
    if (wait_for_grace(server))
        return BELAY_OK;
    /* First: handlers that are cancelled free workers, which are not to take calls that are about to be. */
    __atomic_store_n(&server->draining.grace_over, 1, __ATOMIC_RELAXED);
    for_each_connection(server, cancel_for_shutdown);
    uint64_t now = belay_now();
    uint64_t limit = bly_clock_after(now, limit_ns);
    /* Whatever the limit, which is about handlers: no status is cut off on its way. */
    (void)wait_until_none(server, &server->open_count, bly_clock_after(now, FAREWELL));
    for_each_connection(server, close_for_shutdown);
    if (wait_until_gone(server, limit))
        return BELAY_OK;
    for_each_connection(server, bly_server_connection_report);
    bly_runtime_flush_log(server->runtime); /* the program may be about to exit */
    return BELAY_DEADLINE_EXCEEDED;
}

/* An operator who has just been answered gets his answer. The methods he calls do not last. */
static void
drain_admin(belay_server *server)
{
    stop_accepting(server, BLY_SERVER_ADMIN_DOOR);
    for_each_of_door(server, BLY_SERVER_ADMIN_DOOR, bly_server_connection_drain);
    if (wait_until_none(server, &server->admin_count, bly_clock_after(belay_now(), FAREWELL)))
        return;
    for_each_of_door(server, BLY_SERVER_ADMIN_DOOR, close_for_shutdown);
    (void)wait_until_none(server, &server->admin_count, BELAY_FOREVER);
}

belay_code
belay_server_drain(belay_server *server, uint64_t grace_ns, uint64_t limit_ns)
{
    if (server == NULL || !begin(server, grace_ns))
        return BELAY_FAILED_PRECONDITION;
    belay_code code = drain_front(server, limit_ns);
    drain_admin(server);
    /* The program may be about to exit, which would break what a client has not read yet. */
    (void)bly_linger_count_wait(server->lingering, bly_clock_after(belay_now(), LAST_MOMENT));
    return code;
}

/* ---- Running until a signal --------------------------------------------------------------------------- */

/* Where the signal handler writes. One server in the process runs at a time. */
static int signal_pipe[2] = {-1, -1};

/* Which one that is: for those who would have it drain as by a signal. A pthread_mutex_t because it needs no making. */
static pthread_mutex_t running_lock = PTHREAD_MUTEX_INITIALIZER;
static belay_server *running; /* guarded by running_lock; the pipe is open while it is set */

static void
set_running(belay_server *server)
{
    pthread_mutex_lock(&running_lock);
    running = server;
    pthread_mutex_unlock(&running_lock);
}

static void
on_signal(int number)
{
    int saved = errno;
    (void)number;
    (void)!write(signal_pipe[1], "s", 1);
    errno = saved;
}

typedef struct drain_thread {
    belay_server *server;
    belay_code code;
} drain_thread;

static void
drain_in_thread(void *argument)
{
    drain_thread *drain = argument;
    belay_server *server = drain->server;
    drain->code = belay_server_drain(server, server->options.drain_grace_ns, server->options.drain_limit_ns);
    (void)!write(signal_pipe[1], "d", 1);
}

/* The next byte of the pipe: 's' for a signal, 'd' when the drain is done. */
static char
next_event(void)
{
    char event;
    while (read(signal_pipe[0], &event, 1) != 1)
        continue; /* interrupted */
    return event;
}

static belay_code
wait_and_drain(belay_server *server)
{
    drain_thread drain = {server, BELAY_OK};
    pthread_t thread;
    while (next_event() != 's')
        continue;
    bly_systemd_notify(&server->runtime->log, "STOPPING=1");
    if (!bly_thread_start(&thread, "belay-drain", 0, drain_in_thread, &drain))
        return belay_server_drain(server, server->options.drain_grace_ns, server->options.drain_limit_ns);
    bool hurried = false;
    while (next_event() == 's') {
        if (!hurried)
            (void)begin(server, 0);
        hurried = true;
    }
    pthread_join(thread, NULL);
    return drain.code;
}

typedef struct saved_signals {
    struct sigaction term;
    struct sigaction interrupt;
    sigset_t mask;
} saved_signals;

/* The signals may be blocked: by a caller that does not want to be ended by one that comes just before. */
static void
take_signals(saved_signals *saved)
{
    struct sigaction action;
    sigset_t signals;
    fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK); /* a handler never waits: a full pipe says enough */
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, &saved->term);
    sigaction(SIGINT, &action, &saved->interrupt);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &signals, &saved->mask);
}

static void
give_back_signals(const saved_signals *saved)
{
    pthread_sigmask(SIG_SETMASK, &saved->mask, NULL);
    sigaction(SIGTERM, &saved->term, NULL);
    sigaction(SIGINT, &saved->interrupt, NULL);
}

belay_code
belay_server_run(belay_server *server)
{
    saved_signals saved;
    if (server == NULL || signal_pipe[0] != -1)
        return BELAY_FAILED_PRECONDITION;
    if (pipe2(signal_pipe, O_CLOEXEC) != 0) {
        bly_log_write(&server->runtime->log, BELAY_LOG_ERROR, "belay_server_run: no pipe for signals: %s",
                      strerror(errno));
        return BELAY_RESOURCE_EXHAUSTED;
    }
    take_signals(&saved);
    bly_mutex_lock(&server->lock);
    bool started = server->state != BLY_SERVER_NEW;
    bly_mutex_unlock(&server->lock);
    belay_code code = started ? BELAY_OK : belay_server_start(server);
    if (code == BELAY_OK) {
        set_running(server);
        bly_systemd_notify(&server->runtime->log, "READY=1");
        code = wait_and_drain(server);
        set_running(NULL);
    }
    give_back_signals(&saved);
    close(signal_pipe[0]);
    close(signal_pipe[1]);
    signal_pipe[0] = signal_pipe[1] = -1;
    return code;
}

/* ---- Draining because somebody asked for it ------------------------------------------------------------ */

static bool
signal_running(const belay_server *server)
{
    pthread_mutex_lock(&running_lock);
    bool runs = running == server;
    if (runs)
        (void)!write(signal_pipe[1], "s", 1);
    pthread_mutex_unlock(&running_lock);
    return runs;
}

static void
drain_alone(void *argument)
{
    belay_server *server = argument;
    (void)!belay_server_drain(server, server->options.drain_grace_ns, server->options.drain_limit_ns);
}

/* The first starts the thread, later ones hurry it. Lock held. */
static belay_code
start_drain_locked(belay_server *server)
{
    BLY_ASSERT_HELD(&server->lock);
    if (server->state == BLY_SERVER_NEW)
        return BELAY_FAILED_PRECONDITION;
    if (server->drains_in_thread) {
        server->drain_deadline = 0;
        bly_condition_broadcast(&server->changed);
        return BELAY_OK;
    }
    server->drains_in_thread = bly_thread_start(&server->drain_thread, "belay-drain", 0, drain_alone, server);
    return server->drains_in_thread ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

belay_code
bly_server_drain_soon(belay_server *server)
{
    if (signal_running(server))
        return BELAY_OK;
    bly_mutex_lock(&server->lock);
    belay_code code = start_drain_locked(server);
    bly_mutex_unlock(&server->lock);
    return code;
}

void
bly_server_join_drain(belay_server *server)
{
    bly_mutex_lock(&server->lock);
    bool drains = server->drains_in_thread;
    bly_mutex_unlock(&server->lock);
    if (drains)
        pthread_join(server->drain_thread, NULL);
}
