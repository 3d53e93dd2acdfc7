/* SPDX-License-Identifier: MIT */
#include "server/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stack.h"
#include "base/trim.h"
#include "io/lend.h"
#include "server/activation.h"
#include "server/connection.h"
#include "server/extension.h"
#include "server/limits.h"

#define RESERVED_WORKERS 2
#define GROWTH_DELAY BELAY_MILLISECONDS(1)
#define WORKER_IDLE BELAY_SECONDS(1)

/* ---- The pool's growth --------------------------------------------------------------------------- */

static void
grow(bly_timer *timer)
{
    belay_server *server = BLY_CONTAINER_OF(timer, belay_server, growth_timer);
    __atomic_store_n(&server->growth_timer_armed, 0, __ATOMIC_RELEASE);
    bly_pool_tick(server->pool);
}

/* The pool's lock is held. */
static void
arm_growth(void *argument, uint64_t at)
{
    belay_server *server = argument;
    if (__atomic_exchange_n(&server->growth_timer_armed, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (!bly_timer_arm(server->loops[0].loop, &server->growth_timer, at))
        __atomic_store_n(&server->growth_timer_armed, 0, __ATOMIC_RELEASE);
}

/* ---- Making --------------------------------------------------------------------------------------- */

static unsigned int
default_workers(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors > 4 ? (unsigned int)processors : 4;
}

static void
resolve_options(belay_server *server, const belay_server_options *options)
{
    if (options != NULL)
        server->options = *options;
    else
        bly_server_options_init(&server->options);
    bly_server_limits_init(server);
    if (server->options.workers_minimum == 0)
        server->options.workers_minimum = default_workers();
    if (server->options.workers_maximum < server->options.workers_minimum)
        server->options.workers_maximum = server->options.workers_minimum;
    server->limits = (bly_server_limits){
        .draining = &server->draining,
        .record = &server->limit_record,
        .receive_size = bly_limits_u32(&server->options.limits, BELAY_LIMIT_RECEIVE_SIZE),
        .send_mark = server->options.send_mark,
        .stream_window = bly_limits_u32(&server->options.limits, BELAY_LIMIT_STREAM_WINDOW),
        .compression = server->options.compression,
        .watchdog_ns = server->options.watchdog_ns > 0 ? server->options.watchdog_ns : BELAY_FOREVER,
    };
}

static bool
make_loops(belay_server *server)
{
    unsigned int count = server->runtime->loop_count;
    server->loops = calloc(count, sizeof *server->loops);
    if (server->loops == NULL)
        return false;
    for (unsigned int i = 0; i < count; i++) {
        bly_server_loop *place = &server->loops[i];
        place->server = server;
        place->loop = server->runtime->loops[i];
        place->push.run = bly_server_push_batch;
        bly_list_init(&place->connections);
        bly_list_init(&place->batch);
        place->tell.run = bly_server_tell_closed;
        place->may_tell = BLY_SERVER_TELL_AT_ONCE;
        place->random = (uint64_t)(uintptr_t)place ^ belay_now();
        bly_list_init(&place->closed);
        bly_list_init(&place->withheld);
        bly_timer_init(&place->windows, bly_server_open_windows);
        bly_loop_keep(place->loop); /* clients are not to wait for a handler that drives */
    }
    return true;
}

/* A worker begins: opens it to those who ask for its stack. */
static void
worker_begun(void *argument)
{
    bly_stack_open(((belay_server *)argument)->options.watchdog_signal);
}

static bool
take_stack_signal(belay_server *server)
{
    int signo = server->options.watchdog_signal;
    server->has_stack_signal = signo != 0 && bly_stack_signal_take(signo);
    return signo == 0 || server->has_stack_signal;
}

static bly_pool_patience
patience(belay_batch_scheduling batch)
{
    switch (batch) {
    case BELAY_BATCH_NEVER:
        return BLY_POOL_NEVER_PATIENT;
    case BELAY_BATCH_ALWAYS:
        return BLY_POOL_ALWAYS_PATIENT;
    default:
        return BLY_POOL_PATIENT_WHEN_COMPUTING;
    }
}

static bool
make_pool(belay_server *server)
{
    bly_pool_options options = {
        .name = "belay-worker",
        .minimum = server->options.workers_minimum,
        .maximum = server->options.workers_maximum,
        .queue_capacity = bly_limits_u32(&server->options.limits, BELAY_LIMIT_QUEUE),
        .reserved_workers = RESERVED_WORKERS,
        .stack_size = server->options.stack_size,
        .patience = patience(server->options.batch_scheduling),
        .growth_delay_ns = GROWTH_DELAY,
        .idle_ns = WORKER_IDLE,
        .clock = server->runtime->environment.clock,
        .tick_at = arm_growth,
        .tick_argument = server,
        /* What thousands of blocked calls took is free then, but malloc keeps it: it is spread over the arenas of all
         * threads, and gives back by itself only what lies at an arena's end, where as often as not something small
         * stays, such as the thread-local storage of a stack that the C library keeps for the next thread. The stacks
         * themselves are no matter: it keeps 40 MB of addresses, of which two pages a stack are in use. */
        .shrunk = bly_memory_trim,
        .begun = server->has_stack_signal ? worker_begun : NULL,
        .begun_argument = server,
    };
    server->pool = bly_pool_new(&options);
    return server->pool != NULL;
}

/* Has no owner: whoever drains ends it. */
static bool
make_draining(belay_server *server)
{
    bly_context_environment *environment = &server->runtime->environment;
    server->draining.context = bly_context_make(environment, NULL, BELAY_FOREVER, false, NULL, NULL);
    return server->draining.context != NULL;
}

/* What is left when no thread works for the server any more. */
static void
destroy(belay_server *server)
{
    for (size_t i = 0; i < server->listener_count; i++)
        bly_listener_free(server->listeners[i].listener);
    free(server->listeners);
    bly_link *link;
    while ((link = bly_list_take_first(&server->tls_users)) != NULL)
        bly_tls_leave(BLY_LIST_ENTRY(link, bly_tls_user, owner_link));
    for (unsigned int i = 0; server->loops != NULL && i < server->runtime->loop_count; i++)
        bly_loop_let_go(server->loops[i].loop);
    free(server->loops);
    if (server->has_stack_signal)
        bly_stack_signal_give_back(server->options.watchdog_signal);
    bly_server_free_extensions(server);
    bly_registry_fini(&server->registry);
    belay_context_unref(server->draining.context);
    bly_linger_count_unref(server->lingering);
    bly_condition_fini(&server->changed);
    bly_mutex_fini(&server->lock);
    belay_runtime_unref(server->runtime);
    free(server);
}

belay_server *
belay_server_new(belay_runtime *runtime, const belay_server_options *options)
{
    belay_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    bly_mutex_init(&server->lock);
    bly_condition_init(&server->changed);
    bly_timer_init(&server->growth_timer, grow);
    bly_list_init(&server->extensions);
    server->drain_deadline = BELAY_FOREVER;
    server->cap_ns = BELAY_FOREVER;
    server->resident.show = bly_server_show;
    bly_link_init(&server->resident.link);
    bly_list_init(&server->tls_users);
    server->lingering = bly_linger_count_new();
    server->runtime = runtime != NULL ? belay_runtime_ref(runtime) : belay_runtime_new(NULL);
    if (server->runtime != NULL && server->lingering != NULL) {
        resolve_options(server, options);
        if (bly_runtime_usable(server->runtime) && make_loops(server) && take_stack_signal(server) &&
            make_draining(server) && make_pool(server)) {
            bly_resident_enter(&server->resident, server->runtime);
            return server;
        }
    }
    destroy(server);
    return NULL;
}

belay_runtime *
belay_server_runtime(const belay_server *server)
{
    return server->runtime;
}

bool
bly_server_is_new(belay_server *server)
{
    bly_mutex_lock(&server->lock);
    bool new = server->state == BLY_SERVER_NEW;
    bly_mutex_unlock(&server->lock);
    return new;
}

belay_code
belay_server_add_service(belay_server *server, const belay_service *service, const void *handlers, void *data)
{
    if (server == NULL || service == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (!bly_server_is_new(server))
        return BELAY_FAILED_PRECONDITION;
    return bly_registry_add(&server->registry, service, handlers, data);
}

/* A method that was added, while it may still be changed. */
static belay_code
find_method(belay_server *server, const char *path, bly_registration **registration)
{
    bool service_known;
    if (!bly_server_is_new(server))
        return BELAY_FAILED_PRECONDITION;
    *registration = bly_registry_find(&server->registry, path, strlen(path), &service_known);
    return *registration != NULL ? BELAY_OK : BELAY_NOT_FOUND;
}

belay_code
belay_server_reserve_method(belay_server *server, const char *path)
{
    bly_registration *registration;
    if (server == NULL || path == NULL)
        return BELAY_INVALID_ARGUMENT;
    belay_code code = find_method(server, path, &registration);
    if (code == BELAY_OK)
        registration->reserved = true;
    return code;
}

belay_code
bly_server_attend_method(belay_server *server, const char *path, const bly_attendant *attendant)
{
    bly_registration *registration;
    belay_code code = find_method(server, path, &registration);
    if (code == BELAY_OK) {
        registration->attendant = attendant;
        registration->reserved = true;
    }
    return code;
}

belay_code
bly_server_set_doors(belay_server *server, const char *path, unsigned int doors)
{
    bly_registration *registration;
    belay_code code = find_method(server, path, &registration);
    if (code == BELAY_OK)
        registration->doors = doors;
    return code;
}

/* ---- Listening ------------------------------------------------------------------------------------ */

/* Those of an operator are his alone. */
#define ADMIN_MODE 0600

bool
bly_server_reserve_listeners(belay_server *server, size_t count)
{
    bly_server_listener *listeners =
        realloc(server->listeners, (server->listener_count + count) * sizeof *listeners);
    if (listeners != NULL)
        server->listeners = listeners;
    return listeners != NULL;
}

void
bly_server_add_listener(belay_server *server, bly_listener *listener, unsigned int door)
{
    server->listeners[server->listener_count++] =
        (bly_server_listener){.listener = listener, .door = door, .server = server};
}

static belay_code
open_listeners(belay_server *server, const char *address, unsigned int door)
{
    bly_address parsed;
    char error[256];
    if (bly_activation_names(address))
        return bly_activation_open(server, address, door);
    if (!bly_address_parse(address, &parsed))
        return BELAY_INVALID_ARGUMENT;
    if (!bly_server_reserve_listeners(server, 1))
        return BELAY_RESOURCE_EXHAUSTED;
    mode_t mode = door == BLY_SERVER_ADMIN_DOOR ? ADMIN_MODE : 0;
    bly_listener *listener = bly_listener_open_mode(&parsed, mode, &server->runtime->log, error, sizeof error);
    if (listener == NULL) {
        bly_log_write(&server->runtime->log, BELAY_LOG_ERROR, "cannot listen on %s: %s", address, error);
        return BELAY_UNAVAILABLE;
    }
    bly_server_add_listener(server, listener, door);
    return BELAY_OK;
}

/* Those that were added, also by an open that failed half way: nobody is to be served in plaintext there. */
static void
secure_listeners(belay_server *server, size_t from, bly_tls_user *user)
{
    for (size_t i = from; i < server->listener_count; i++)
        server->listeners[i].tls = user;
    if (from < server->listener_count)
        bly_list_append(&server->tls_users, &user->owner_link);
    else
        bly_tls_leave(user);
}

belay_code
bly_server_open(belay_server *server, const char *address, unsigned int door, belay_tls *tls)
{
    bly_tls_user *user = NULL;
    if (!bly_server_is_new(server))
        return BELAY_FAILED_PRECONDITION;
    size_t before = server->listener_count;
    belay_code code = tls != NULL ? bly_tls_use_as_server(tls, &server->runtime->log, &user) : BELAY_OK;
    if (code == BELAY_OK)
        code = open_listeners(server, address, door);
    if (user != NULL)
        secure_listeners(server, before, user);
    return code;
}

belay_code
belay_server_listen(belay_server *server, const char *address, belay_tls *tls)
{
    if (server == NULL || address == NULL)
        return BELAY_INVALID_ARGUMENT;
    return bly_server_open(server, address, BLY_SERVER_FRONT_DOOR, tls);
}

const char *
bly_server_address(const belay_server *server, unsigned int door, size_t index)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].door == door && index-- == 0)
            return bly_listener_address(server->listeners[i].listener);
    }
    return NULL;
}

const char *
belay_server_address(const belay_server *server, size_t index)
{
    return bly_server_address(server, BLY_SERVER_FRONT_DOOR, index);
}

/* A connection on its way to the loop that it will live on. */
typedef struct arrival {
    bly_loop_task task;
    bly_server_loop *place;
    int descriptor;
    const bly_server_listener *listener;
    char peer[64];
} arrival;

/* Sockets that linger count: whoever is sent away again and again holds no more of them than whoever stays. An operator's
 * connections are not counted: they are for when nothing else works any more. */
static bool
has_room(belay_server *server, const char *peer, unsigned int door)
{
    if (door != BLY_SERVER_FRONT_DOOR)
        return true;
    size_t lingering = bly_linger_count_read(server->lingering);
    bly_mutex_lock(&server->lock);
    bool room = server->open_count + lingering < server->options.limits.values[BELAY_LIMIT_CONNECTIONS];
    bly_mutex_unlock(&server->lock);
    if (!room)
        bly_limit_reached(&server->limit_record, BELAY_LIMIT_CONNECTIONS, peer);
    return room;
}

static void
arrive(bly_server_loop *place, int descriptor, const char *peer, const bly_server_listener *listener)
{
    if ((place->closed_doors & listener->door) != 0 || !has_room(place->server, peer, listener->door))
        close(descriptor);
    else
        bly_server_connection_new(place, descriptor, peer, listener);
}

static void
arrive_posted(bly_loop_task *task)
{
    arrival *posted = BLY_CONTAINER_OF(task, arrival, task);
    arrive(posted->place, posted->descriptor, posted->peer, posted->listener);
    free(posted);
}

static void
accepted(void *argument, int descriptor, const char *peer)
{
    bly_server_listener *listener = argument;
    belay_server *server = listener->server;
    bly_server_loop *place = &server->loops[listener->next_loop];
    listener->next_loop = (listener->next_loop + 1) % server->runtime->loop_count;
    if (bly_loop_is_current(place->loop)) {
        arrive(place, descriptor, peer, listener);
        return;
    }
    arrival *posted = calloc(1, sizeof *posted);
    if (posted == NULL) {
        close(descriptor);
        return;
    }
    posted->task.run = arrive_posted;
    posted->place = place;
    posted->descriptor = descriptor;
    posted->listener = listener;
    strncpy(posted->peer, peer, sizeof posted->peer - 1);
    bly_loop_post(place->loop, &posted->task);
}

typedef struct start_request {
    belay_server *server;
    bool started;
} start_request;

static void
start_listeners(void *argument)
{
    start_request *request = argument;
    belay_server *server = request->server;
    for (size_t i = 0; i < server->listener_count; i++) {
        bly_server_listener *listener = &server->listeners[i];
        if (!bly_listener_start(listener->listener, server->loops[0].loop, accepted, listener))
            request->started = false;
    }
}

belay_code
belay_server_start(belay_server *server)
{
    if (server == NULL)
        return BELAY_INVALID_ARGUMENT;
    bly_mutex_lock(&server->lock);
    bool may_start = server->state == BLY_SERVER_NEW && server->listener_count > 0;
    if (may_start)
        server->state = BLY_SERVER_STARTED;
    bly_mutex_unlock(&server->lock);
    if (!may_start)
        return BELAY_FAILED_PRECONDITION;
    bly_server_settle_times(server);
    start_request request = {server, true};
    bly_loop_call(server->loops[0].loop, start_listeners, &request);
    return request.started ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
}

/* ---- Counting ------------------------------------------------------------------------------------- */

static size_t *
count_of_door_locked(belay_server *server, unsigned int door)
{
    BLY_ASSERT_HELD(&server->lock);
    return door == BLY_SERVER_ADMIN_DOOR ? &server->admin_count : &server->connection_count;
}

void
bly_server_connection_added(belay_server *server, unsigned int door)
{
    bly_mutex_lock(&server->lock);
    ++*count_of_door_locked(server, door);
    if (door == BLY_SERVER_FRONT_DOOR)
        server->open_count++;
    bly_mutex_unlock(&server->lock);
}

void
bly_server_connection_closed(belay_server *server, unsigned int door)
{
    if (door != BLY_SERVER_FRONT_DOOR)
        return;
    bly_mutex_lock(&server->lock);
    if (--server->open_count == 0)
        bly_condition_broadcast(&server->changed);
    bly_mutex_unlock(&server->lock);
}

void
bly_server_connection_removed(belay_server *server, unsigned int door)
{
    bly_mutex_lock(&server->lock);
    --*count_of_door_locked(server, door);
    bly_condition_broadcast(&server->changed);
    bly_mutex_unlock(&server->lock);
}

static uint64_t
read_total(const uint64_t *total)
{
    return __atomic_load_n(total, __ATOMIC_RELAXED);
}

void
belay_server_counters_read(const belay_server *server, belay_server_counters *counters, size_t size)
{
    belay_server *own = (belay_server *)server;
    bly_pool_counts pool;
    bly_pool_counts_read(own->pool, &pool);
    bly_mutex_lock(&own->lock);
    size_t connections = own->connection_count;
    bly_mutex_unlock(&own->lock);
    belay_server_counters all = {
        .handlers_started = read_total(&own->totals.handlers_started),
        .handlers_running = read_total(&own->totals.handlers_running),
        .calls_cancelled = read_total(&own->totals.calls_cancelled),
        .dropped_in_queue = read_total(&own->totals.dropped_in_queue),
        .calls_refused = read_total(&own->totals.calls_refused),
        .children_open = (uint64_t)__atomic_load_n(&own->runtime->calls_open, __ATOMIC_RELAXED),
        .connections = connections,
        .workers = pool.workers,
        .handlers_ignoring_cancel = read_total(&own->totals.handlers_ignoring_cancel),
        .dropped_late = read_total(&own->totals.dropped_late),
        .handshakes_failed = read_total(&own->totals.handshakes_failed),
    };
    memcpy(counters, &all, size < sizeof all ? size : sizeof all);
}

/* ---- Freeing -------------------------------------------------------------------------------------- */

typedef struct settling {
    const bly_server_loop *place;
    bool settled;
} settling;

/* Whatever the loop was doing for the server is done when this has run, but for what it has put off. */
static void
settle(void *argument)
{
    settling *asked = argument;
    asked->settled = !asked->place->push.pending && !asked->place->tell.pending;
}

static void
settle_loops(belay_server *server)
{
    for (unsigned int i = 0; i < server->runtime->loop_count; i++) {
        settling asked = {&server->loops[i], false};
        while (!asked.settled)
            bly_loop_call(server->loops[i].loop, settle, &asked);
    }
}

void
belay_server_free(belay_server *server)
{
    if (server == NULL)
        return;
    if (!bly_server_is_new(server))
        (void)!belay_server_drain(server, 0, BELAY_FOREVER);
    bly_server_join_drain(server);
    bly_resident_leave(&server->resident, server->runtime);
    /* No job is left that could have the pool grow: the timer is not armed again. */
    bly_timer_disarm(server->loops[0].loop, &server->growth_timer);
    for (unsigned int i = 0; i < server->runtime->loop_count; i++) /* nor is a connection, with windows to open */
        bly_timer_disarm(server->loops[i].loop, &server->loops[i].windows);
    settle_loops(server);
    bly_pool_free(server->pool);
    settle_loops(server);
    destroy(server);
}
