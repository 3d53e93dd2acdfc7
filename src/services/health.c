/* SPDX-License-Identifier: MIT */
/*
 * The service grpc.health.v1.Health. Its calls are attended on the I/O threads (rpc/attended.h). Who watches stands in
 * a list of the service's entry; a change asks for a turn of each, which sends what is the status by then: a slow
 * reader misses what was in between.
 */
#include <belay/health.h>

#include <stdlib.h>
#include <string.h>

#include "server/extension.h"
#include "services/grpc/health/v1/health.belay.h"

#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN
#define NOTHING_SENT (-1)
#define NAME_LIMIT 1024 /* of what is watched: a peer is not to have its bytes kept here */

/* One service that has a status, or that somebody watches. */
typedef struct entry {
    bly_link link; /* guarded by the health's lock, as all of it */
    int status;    /* SERVICE_UNKNOWN: was never set */
    bly_list watchers;
    char name[];
} entry;

typedef struct bly_health {
    bly_extension extension;

    bly_mutex lock; /* before those of calls */
    /* guarded by lock */
    bly_list entries;
    bool draining;
} bly_health;

/* A Watch; in the call's arena. */
typedef struct watcher {
    /* const after creation */
    bly_server_call *server;
    entry *entry;
    /* guarded by the health's lock */
    bly_link link;
    /* I/O thread only */
    int sent; /* status, or NOTHING_SENT */
} watcher;

/* ---- Entries ---------------------------------------------------------------------------------------- */

static entry *
find_locked(bly_health *health, const char *name)
{
    BLY_ASSERT_HELD(&health->lock);
    for (bly_link *link = health->entries.next; link != &health->entries; link = link->next) {
        entry *found = BLY_LIST_ENTRY(link, entry, link);
        if (strcmp(found->name, name) == 0)
            return found;
    }
    return NULL;
}

/* Finds or makes it; NULL without memory. */
static entry *
take_locked(bly_health *health, const char *name)
{
    entry *taken = find_locked(health, name);
    size_t size = strlen(name) + 1;
    if (taken != NULL || (taken = malloc(sizeof *taken + size)) == NULL)
        return taken;
    taken->status = SERVICE_UNKNOWN;
    bly_list_init(&taken->watchers);
    bly_link_init(&taken->link);
    memcpy(taken->name, name, size);
    bly_list_append(&health->entries, &taken->link);
    return taken;
}

/* Names that were only asked for do not stay. */
static void
drop_if_unused_locked(entry *unused)
{
    if (unused->status != SERVICE_UNKNOWN || !bly_list_is_empty(&unused->watchers))
        return;
    bly_list_remove(&unused->link);
    free(unused);
}

static void
change_locked(entry *changed, int status)
{
    changed->status = status;
    for (bly_link *link = changed->watchers.next; link != &changed->watchers; link = link->next)
        bly_attended_ask(&BLY_LIST_ENTRY(link, watcher, link)->server->call);
}

/* ---- Calls ------------------------------------------------------------------------------------------ */

/* The request, or NULL when the call was finished for want of one. */
static Grpc__Health__V1__HealthCheckRequest *
take_request(bly_server_call *server)
{
    ProtobufCMessage *message = NULL;
    belay_code code =
        bly_attended_receive(server, &grpc__health__v1__health_check_request__descriptor, &message);
    if (code != BELAY_OK)
        bly_attended_finish(server, code, NULL);
    return (Grpc__Health__V1__HealthCheckRequest *)message;
}

static void
check(bly_server_call *server, void *data)
{
    bly_health *health = data;
    const Grpc__Health__V1__HealthCheckRequest *request = take_request(server);
    Grpc__Health__V1__HealthCheckResponse reply = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    if (request == NULL)
        return;
    bly_mutex_lock(&health->lock);
    const entry *found = find_locked(health, request->service);
    int status = found != NULL ? found->status : (int)SERVICE_UNKNOWN;
    bly_mutex_unlock(&health->lock);
    if (status == SERVICE_UNKNOWN) {
        belay_code code = belay_fail(&server->call, BELAY_NOT_FOUND, "unknown service \"%s\"", request->service);
        bly_attended_finish(server, code, NULL);
        return;
    }
    reply.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    bly_attended_finish(server, BELAY_OK, &reply.base);
}

/* One line of a List's reply, with what it points to. */
typedef struct line {
    Grpc__Health__V1__HealthListResponse__StatusesEntry pair;
    Grpc__Health__V1__HealthCheckResponse value;
} line;

/* Copied, because names may go once the lock is given back; NULL: no memory. */
static char *
write_line(belay_call *call, const entry *from, line *to)
{
    grpc__health__v1__health_list_response__statuses_entry__init(&to->pair);
    grpc__health__v1__health_check_response__init(&to->value);
    to->value.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)from->status;
    to->pair.value = &to->value;
    return to->pair.key = belay_printf(call, "%s", from->name);
}

static size_t
count_locked(const bly_health *health)
{
    size_t count = 0;
    for (bly_link *link = health->entries.next; link != &health->entries; link = link->next)
        count++;
    return count;
}

static belay_code
list_locked(bly_health *health, belay_call *call, Grpc__Health__V1__HealthListResponse *reply)
{
    size_t room = count_locked(health) + 1;
    line *lines = belay_alloc(call, room * sizeof *lines);
    reply->statuses = belay_alloc(call, room * sizeof *reply->statuses);
    if (lines == NULL || reply->statuses == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    for (bly_link *link = health->entries.next; link != &health->entries; link = link->next) {
        const entry *from = BLY_LIST_ENTRY(link, entry, link);
        if (from->status == SERVICE_UNKNOWN)
            continue;
        line *to = &lines[reply->n_statuses];
        if (write_line(call, from, to) == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        reply->statuses[reply->n_statuses++] = &to->pair;
    }
    return BELAY_OK;
}

static void
list(bly_server_call *server, void *data)
{
    bly_health *health = data;
    Grpc__Health__V1__HealthListResponse reply = GRPC__HEALTH__V1__HEALTH_LIST_RESPONSE__INIT;
    bly_mutex_lock(&health->lock);
    belay_code code = list_locked(health, &server->call, &reply);
    bly_mutex_unlock(&health->lock);
    bly_attended_finish(server, code, code == BELAY_OK ? &reply.base : NULL);
}

/* ---- Watching ---------------------------------------------------------------------------------------- */

/* Enters the call into the list of a service; false without memory. */
static bool
enter(bly_server_call *server, bly_health *health, const char *name)
{
    watcher *begun = belay_alloc(&server->call, sizeof *begun);
    bly_mutex_lock(&health->lock);
    entry *watched = begun != NULL ? take_locked(health, name) : NULL;
    if (watched != NULL) {
        *begun = (watcher){.server = server, .entry = watched, .sent = NOTHING_SENT};
        bly_link_init(&begun->link);
        bly_list_append(&watched->watchers, &begun->link);
        server->attendance = begun;
    }
    bly_mutex_unlock(&health->lock);
    return watched != NULL;
}

/* NULL: the call was finished. */
static watcher *
begin_watch(bly_server_call *server, bly_health *health)
{
    const Grpc__Health__V1__HealthCheckRequest *request = take_request(server);
    belay_code code = BELAY_OK;
    if (request == NULL)
        return NULL;
    if (strlen(request->service) > NAME_LIMIT)
        code = belay_fail(&server->call, BELAY_INVALID_ARGUMENT, "the name is longer than %d bytes", NAME_LIMIT);
    else if (!enter(server, health, request->service))
        code = BELAY_RESOURCE_EXHAUSTED;
    if (code != BELAY_OK)
        bly_attended_finish(server, code, NULL);
    else
        bly_arena_fini(&server->call.message); /* the request is not to stay as long as the call */
    return server->attendance;
}

static void
watch(bly_server_call *server, void *data)
{
    bly_health *health = data;
    watcher *own = server->attendance != NULL ? server->attendance : begin_watch(server, health);
    Grpc__Health__V1__HealthCheckResponse reply = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    if (own == NULL)
        return;
    bly_mutex_lock(&health->lock);
    int status = own->entry->status;
    bool draining = health->draining;
    bly_mutex_unlock(&health->lock);
    belay_code code = BELAY_OK;
    if (status != own->sent && (draining || bly_attended_is_idle(server))) {
        own->sent = status;
        reply.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
        code = bly_attended_send(server, &reply.base);
    }
    if (code == BELAY_OK && draining)
        code = belay_fail(&server->call, BELAY_UNAVAILABLE, "the server shuts down");
    if (code != BELAY_OK)
        bly_attended_finish(server, code, NULL);
}

static void
leave_watch(bly_server_call *server, void *data)
{
    bly_health *health = data;
    watcher *own = server->attendance;
    if (own == NULL)
        return;
    bly_mutex_lock(&health->lock);
    bly_list_remove(&own->link);
    drop_if_unused_locked(own->entry);
    bly_mutex_unlock(&health->lock);
    server->attendance = NULL;
}

/* ---- With the server ---------------------------------------------------------------------------------- */

static bly_health *
of_extension(bly_extension *extension)
{
    return BLY_CONTAINER_OF(extension, bly_health, extension);
}

/* Names that are only watched too: they are not served, whatever they would have been. */
static void
drain(bly_extension *extension)
{
    bly_health *health = of_extension(extension);
    bly_mutex_lock(&health->lock);
    health->draining = true;
    for (bly_link *link = health->entries.next; link != &health->entries; link = link->next)
        change_locked(BLY_LIST_ENTRY(link, entry, link), BELAY_HEALTH_NOT_SERVING);
    bly_mutex_unlock(&health->lock);
}

static void
destroy(bly_extension *extension)
{
    bly_health *health = of_extension(extension);
    bly_link *link;
    while ((link = bly_list_take_first(&health->entries)) != NULL)
        free(BLY_LIST_ENTRY(link, entry, link));
    bly_mutex_fini(&health->lock);
    free(health);
}

static const bly_extension_kind kind = {.draining = drain, .destroy = destroy};

static bly_health *
make(belay_server *server)
{
    bly_health *health = calloc(1, sizeof *health);
    if (health == NULL)
        return NULL;
    bly_mutex_init(&health->lock);
    bly_list_init(&health->entries);
    bly_server_extend(server, &health->extension, &kind);
    return health;
}

static belay_code
attend(belay_server *server)
{
    static const bly_attendant attendants[] = {{check, NULL}, {list, NULL}, {watch, leave_watch}};
    static const char *const paths[] = {
        "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/List", "/grpc.health.v1.Health/Watch"};
    belay_code code = BELAY_OK;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && code == BELAY_OK; i++)
        code = bly_server_attend_method(server, paths[i], &attendants[i]);
    return code;
}

belay_code
belay_health_add(belay_server *server)
{
    static const grpc_health_v1_health_handlers attended = {NULL}; /* none is called */
    if (server == NULL)
        return BELAY_INVALID_ARGUMENT;
    if (!bly_server_is_new(server))
        return BELAY_FAILED_PRECONDITION;
    if (bly_server_extension(server, &kind) != NULL)
        return BELAY_ALREADY_EXISTS;
    bly_health *health = make(server);
    if (health == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = grpc_health_v1_health_add(server, &attended, health);
    if (code == BELAY_OK)
        code = attend(server);
    return code == BELAY_OK ? belay_health_set(server, "", BELAY_HEALTH_SERVING) : code;
}

belay_code
belay_health_set(belay_server *server, const char *service, belay_health status)
{
    if (server == NULL || service == NULL || (unsigned int)status > BELAY_HEALTH_NOT_SERVING)
        return BELAY_INVALID_ARGUMENT;
    bly_extension *extension = bly_server_extension(server, &kind);
    if (extension == NULL)
        return BELAY_FAILED_PRECONDITION;
    bly_health *health = of_extension(extension);
    belay_code code = BELAY_FAILED_PRECONDITION;
    bly_mutex_lock(&health->lock);
    if (!health->draining) {
        entry *set = take_locked(health, service);
        code = set != NULL ? BELAY_OK : BELAY_RESOURCE_EXHAUSTED;
        if (set != NULL)
            change_locked(set, (int)status);
    }
    bly_mutex_unlock(&health->lock);
    return code;
}
