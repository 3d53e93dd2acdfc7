/* SPDX-License-Identifier: MIT */
/*
 * The service grpc.health.v1.Health. Its calls are attended on the I/O threads (rpc/attended.h). Who watches stands in
 * a list of the service's entry; a change asks for a turn of each, which sends what is the status by then: a slow
 * reader misses what was in between. Only the program makes entries: who watches what has none stands in a list of
 * their own, so that names that peers make up are nothing that others have to look through.
 */
#include <belay/health.h>

#include <stdlib.h>
#include <string.h>

#include "server/extension.h"
#include "services/own/grpc/health/v1/health.belay.h"

#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN
#define NOTHING_SENT (-1)
#define NAME_LIMIT 1024 /* of what is watched: a peer is not to have its bytes kept here */

/* One service that has a status; stays as long as the server. */
typedef struct entry {
    /* guarded by the health's lock */
    bly_link link;
    int status;
    bly_list watchers;
    /* const after creation */
    char name[];
} entry;

typedef struct bly_health {
    bly_extension extension;

    bly_mutex lock; /* before those of calls */
    /* guarded by lock */
    bly_list entries;
    bly_list strangers; /* watchers of what has no entry */
    bool draining;
} bly_health;

/* A Watch; in the call's arena. */
typedef struct watcher {
    /* const after creation */
    bly_server_call *server;
    const char *name;
    /* guarded by the health's lock */
    entry *entry; /* NULL: a stranger */
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

/* Those who waited for a service to be known. */
static void
adopt_locked(bly_health *health, entry *known)
{
    for (bly_link *link = health->strangers.next, *next; link != &health->strangers; link = next) {
        watcher *stranger = BLY_LIST_ENTRY(link, watcher, link);
        next = link->next;
        if (strcmp(stranger->name, known->name) != 0)
            continue;
        bly_list_remove(link);
        bly_list_append(&known->watchers, link);
        stranger->entry = known;
    }
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
    adopt_locked(health, taken);
    return taken;
}

static void
ask_all(const bly_list *watchers)
{
    for (bly_link *link = watchers->next; link != watchers; link = link->next)
        bly_attended_ask(&BLY_LIST_ENTRY(link, watcher, link)->server->call);
}

static void
change_locked(entry *changed, int status)
{
    changed->status = status;
    ask_all(&changed->watchers);
}

/* ---- Calls ------------------------------------------------------------------------------------------ */

/* The request, or NULL when the call was finished for want of one. */
static Grpc__Health__V1__HealthCheckRequest *
take_request(bly_server_call *server)
{
    ProtobufCMessage *message = NULL;
    belay_code code =
        bly_attended_receive(server, &bly_grpc__health__v1__health_check_request__descriptor, &message);
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

static void
write_line(entry *from, line *to)
{
    bly_grpc__health__v1__health_list_response__statuses_entry__init(&to->pair);
    bly_grpc__health__v1__health_check_response__init(&to->value);
    to->value.status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)from->status;
    to->pair.value = &to->value;
    to->pair.key = from->name;
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
        line *to = &lines[reply->n_statuses];
        write_line(BLY_LIST_ENTRY(link, entry, link), to);
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
    const char *copy = belay_printf(&server->call, "%s", name);
    if (begun == NULL || copy == NULL)
        return false;
    *begun = (watcher){.server = server, .name = copy, .sent = NOTHING_SENT};
    bly_link_init(&begun->link);
    bly_mutex_lock(&health->lock);
    begun->entry = find_locked(health, name);
    bly_list_append(begun->entry != NULL ? &begun->entry->watchers : &health->strangers, &begun->link);
    bly_mutex_unlock(&health->lock);
    server->attendance = begun;
    return true;
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

/* While it drains nothing is served that is not known either, whatever it would have been. */
static int
status_locked(const bly_health *health, const watcher *own)
{
    if (own->entry != NULL)
        return own->entry->status;
    return health->draining ? (int)BELAY_HEALTH_NOT_SERVING : (int)SERVICE_UNKNOWN;
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
    int status = status_locked(health, own);
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
    bly_mutex_unlock(&health->lock);
    server->attendance = NULL;
}

/* ---- With the server ---------------------------------------------------------------------------------- */

static bly_health *
of_extension(bly_extension *extension)
{
    return BLY_CONTAINER_OF(extension, bly_health, extension);
}

static void
drain(bly_extension *extension)
{
    bly_health *health = of_extension(extension);
    bly_mutex_lock(&health->lock);
    health->draining = true;
    for (bly_link *link = health->entries.next; link != &health->entries; link = link->next)
        change_locked(BLY_LIST_ENTRY(link, entry, link), BELAY_HEALTH_NOT_SERVING);
    ask_all(&health->strangers);
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
    bly_list_init(&health->strangers);
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
    static const bly_grpc_health_v1_health_handlers attended = {NULL}; /* none is called */
    belay_code code = bly_server_may_extend(server, &kind);
    if (code != BELAY_OK)
        return code;
    bly_health *health = make(server);
    if (health == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    code = bly_grpc_health_v1_health_add(server, &attended, health);
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
