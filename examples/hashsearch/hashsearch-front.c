/* SPDX-License-Identifier: MIT */
/*
 * hashsearch-front [--port=N] --back=HOST:PORT [--back=HOST:PORT ...]: splits searches among back servers.
 *
 * Look here for several calls in flight from one plain blocking handler, where the first answer wins. The
 * calls are opened with the handler's own context: when the client cancels or goes away, they are cancelled
 * with it.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <belay/wait.h>

#include "hashsearch.belay.h"

#define BACKS_MAX 16
#define NUMBERS UINT64_C(1000000000000000000) /* are tried, from 0 */

typedef struct front {
    belay_channel *backs[BACKS_MAX]; /* one connection to each, shared by all searches */
    size_t back_count;

    pthread_mutex_t lock;
    uint32_t running; /* guarded by lock, as what follows */
    uint64_t noticed_ns;
    const char *cause;
} front;

/* ---- Search -------------------------------------------------------------------------------------- */

/* Starts a search of its own part of the numbers on each back server. None of these waits for anything. */
static belay_code
start_all(belay_call *call, const front *self, const Hashsearch__Task *task, belay_call **calls)
{
    uint64_t share = NUMBERS / self->back_count;
    for (size_t i = 0; i < self->back_count; i++) {
        Hashsearch__Range range = HASHSEARCH__RANGE__INIT;
        range.task = (Hashsearch__Task *)task;
        range.first = i * share;
        range.end = range.first + share;
        belay_code code = hashsearch_back_search_start(self->backs[i], belay_call_context(call), &range, NULL,
                                                       &calls[i]);
        if (code != BELAY_OK)
            return code;
    }
    return BELAY_OK;
}

/* Frees the calls that are still open; freeing a call that has not ended cancels it. */
static void
free_all(belay_call **calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        belay_call_free(calls[i]);
        calls[i] = NULL;
    }
}

/* Tells the client how far back server i is. */
static belay_code
pass_on(belay_call *call, size_t i, Hashsearch__Report *report, uint64_t decided_ns)
{
    Hashsearch__Progress progress = HASHSEARCH__PROGRESS__INIT;
    progress.back = (uint32_t)i;
    progress.report = report;
    progress.decided_ns = decided_ns;
    return hashsearch_front_search_send_reply(call, &progress);
}

/* Back server i has the number: the others need not go on. */
static belay_code
take_hit(belay_call *call, size_t i, Hashsearch__Report *report, belay_call **calls, size_t count)
{
    belay_call *winner = calls[i];
    uint64_t now = belay_now();
    calls[i] = NULL;
    free_all(calls, count);
    belay_call_finish(winner, NULL);
    return pass_on(call, i, report, now);
}

/* A call has no more replies: its back server has searched its range in vain, or failed. */
static belay_code
take_end(belay_call *call, size_t i, belay_call **calls)
{
    belay_status *status = NULL;
    belay_code code = belay_call_finish(calls[i], &status);
    calls[i] = NULL;
    if (code != BELAY_OK)
        return belay_fail(call, code, "back server %zu: %s", i + 1, belay_status_message(status));
    return BELAY_OK;
}

/* Waits for whichever call has something, until one has the number. */
static belay_code
first_wins(belay_call *call, belay_call **calls, size_t count)
{
    for (size_t open = count; open > 0;) {
        size_t i;
        belay_code code = belay_wait_any(belay_call_context(call), calls, count, &i);
        if (code != BELAY_OK)
            return code; /* our own caller has gone, or its deadline has passed */

        Hashsearch__Report *report; /* lives as long as our own call: nothing to free */
        if (hashsearch_back_search_recv_reply(calls[i], &report) != BELAY_OK) {
            code = take_end(call, i, calls);
            open--;
        } else if (report->found) {
            return take_hit(call, i, report, calls, count);
        } else {
            code = pass_on(call, i, report, 0);
        }
        if (code != BELAY_OK)
            return code;
    }
    return belay_fail(call, BELAY_NOT_FOUND, "no number does it");
}

static void
count_running(front *self, belay_call *call, int change)
{
    pthread_mutex_lock(&self->lock);
    self->running += (uint32_t)change;
    if (change < 0 && belay_cancelled(call)) {
        self->noticed_ns = belay_now();
        self->cause = belay_cause_name(belay_context_cause(belay_call_context(call)));
    }
    pthread_mutex_unlock(&self->lock);
}

static belay_code
search(belay_call *call, const Hashsearch__Task *task)
{
    front *self = belay_call_data(call);
    belay_call *calls[BACKS_MAX] = {NULL};
    count_running(self, call, +1);
    belay_code code = start_all(call, self, task, calls);
    if (code == BELAY_OK)
        code = first_wins(call, calls, self->back_count);
    count_running(self, call, -1);
    free_all(calls, self->back_count); /* belay would, after our return */
    return code;
}

/* ---- Seen ---------------------------------------------------------------------------------------- */

/* Asks all back servers at once and waits for all. A call that an error leaves open is belay's to free. */
static belay_code
ask_backs(belay_call *call, const front *self, Hashsearch__Sighting **backs)
{
    belay_call *calls[BACKS_MAX];
    Hashsearch__Nothing nothing = HASHSEARCH__NOTHING__INIT;
    belay_code code = BELAY_OK;
    for (size_t i = 0; i < self->back_count && code == BELAY_OK; i++)
        code = hashsearch_back_seen_start(self->backs[i], belay_call_context(call), &nothing, NULL,
                                          &calls[i]);
    for (size_t i = 0; i < self->back_count && code == BELAY_OK; i++)
        code = hashsearch_back_seen_finish(calls[i], &backs[i], NULL);
    return code;
}

static belay_code
seen(belay_call *call, const Hashsearch__Nothing *request, Hashsearch__Sightings *reply)
{
    (void)request;
    front *self = belay_call_data(call);
    reply->front = belay_alloc(call, sizeof *reply->front);
    reply->backs = belay_alloc(call, self->back_count * sizeof *reply->backs);
    if (reply->front == NULL || reply->backs == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    hashsearch__sighting__init(reply->front);

    pthread_mutex_lock(&self->lock);
    reply->front->running = self->running;
    reply->front->noticed_ns = self->noticed_ns;
    reply->front->cause = belay_printf(call, "%s", self->cause);
    pthread_mutex_unlock(&self->lock);

    belay_code code = ask_backs(call, self, reply->backs);
    if (code == BELAY_OK)
        reply->n_backs = self->back_count;
    return code;
}

/* ---- The program --------------------------------------------------------------------------------- */

/* The channels live on the server's runtime, so that a cancel that comes in goes out in the same turn of its
 * I/O thread. */
static belay_code
open_channels(front *self, belay_runtime *runtime, char *const *targets)
{
    for (size_t i = 0; i < self->back_count; i++) {
        self->backs[i] = belay_channel_new(runtime, targets[i], NULL);
        if (self->backs[i] == NULL)
            return BELAY_INVALID_ARGUMENT;
    }
    return BELAY_OK;
}

static belay_code
serve(belay_server *server, front *self, int port, char *const *targets)
{
    hashsearch_front_handlers handlers = {.search = search, .seen = seen};
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    belay_code code = open_channels(self, belay_server_runtime(server), targets);
    if (code == BELAY_OK)
        code = hashsearch_front_add(server, &handlers, self);
    if (code == BELAY_OK)
        code = belay_server_listen(server, address, NULL);
    if (code == BELAY_OK) {
        printf("listening on %s\n", belay_server_address(server, 0));
        fflush(stdout);
        code = belay_server_run(server); /* until SIGTERM */
    }
    return code;
}

static int
make_server(front *self, int port, char *const *targets)
{
    belay_server_options *options = belay_server_options_new();
    if (options != NULL) /* on SIGTERM, searches get two seconds more */
        belay_server_options_set_drain(options, BELAY_SECONDS(2), BELAY_SECONDS(10));
    belay_server *server = belay_server_new(NULL, options);
    belay_server_options_free(options);
    belay_code code = server != NULL ? serve(server, self, port, targets) : BELAY_RESOURCE_EXHAUSTED;
    if (code != BELAY_OK)
        fprintf(stderr, "hashsearch-front: %s\n", belay_code_name(code));
    belay_server_free(server); /* waits for the handlers, which use the channels */
    for (size_t i = 0; i < self->back_count; i++)
        belay_channel_free(self->backs[i]);
    return code == BELAY_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'}, {"back", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
    static front self = {.lock = PTHREAD_MUTEX_INITIALIZER, .cause = ""};
    char *targets[BACKS_MAX];
    int port = 0, option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'p')
            port = atoi(optarg);
        else if (option == 'b' && self.back_count < BACKS_MAX)
            targets[self.back_count++] = optarg;
        else
            self.back_count = BACKS_MAX + 1;
    }
    if (self.back_count == 0 || self.back_count > BACKS_MAX) {
        fprintf(stderr, "usage: hashsearch-front [--port=N] --back=HOST:PORT [--back=HOST:PORT ...]\n");
        return 2;
    }
    return make_server(&self, port, targets);
}
