/* SPDX-License-Identifier: MIT */
/*
 * hashsearch-back [--port=N]: searches the ranges that a front server gives it.
 *
 * Look here for a compute loop that can be cancelled: it asks belay_cancelled(), which is one load from
 * memory, and returns. Nothing else is needed, whether the client cancelled, was killed, or its deadline
 * passed.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "hashsearch.belay.h"
#include "puzzle.h"

#define HASHES_BETWEEN_LOOKS 256 /* some 60 microseconds */
#define REPORT_EVERY BELAY_MILLISECONDS(100)

/* What Seen tells. Many searches may run at once, each on a thread of its own. */
typedef struct sightings {
    pthread_mutex_t lock;
    uint32_t running;
    uint64_t hashes;
    uint64_t noticed_ns;
    const char *cause;
} sightings;

static void
search_began(sightings *record)
{
    pthread_mutex_lock(&record->lock);
    record->running++;
    pthread_mutex_unlock(&record->lock);
}

static void
count_hashes(sightings *record, uint64_t more)
{
    __atomic_fetch_add(&record->hashes, more, __ATOMIC_RELAXED);
}

/* noticed_ns: when the search saw that it was cancelled, or 0. */
static void
search_ended(sightings *record, belay_call *call, uint64_t noticed_ns)
{
    pthread_mutex_lock(&record->lock);
    record->running--;
    if (noticed_ns != 0) {
        record->noticed_ns = noticed_ns;
        record->cause = belay_cause_name(belay_context_cause(belay_call_context(call)));
    }
    pthread_mutex_unlock(&record->lock);
}

/* The loop. Fills the report that goes out last. */
static belay_code
try_range(belay_call *call, const Hashsearch__Range *range, puzzle *tried, Hashsearch__Report *report)
{
    uint64_t reported = belay_now();
    for (uint64_t number = range->first; number < range->end; number++) {
        int zero_bits = puzzle_try(tried);
        if (zero_bits < 0)
            return belay_fail(call, BELAY_INTERNAL, "SHA-256 failed");
        report->hashes++;
        if ((uint32_t)zero_bits >= range->task->zero_bits) {
            report->found = true;
            report->number = number;
            return BELAY_OK;
        }
        if (report->hashes % HASHES_BETWEEN_LOOKS != 0)
            continue;

        if (belay_cancelled(call))
            return BELAY_CANCELLED; /* nobody waits for the answer any more */
        count_hashes(belay_call_data(call), HASHES_BETWEEN_LOOKS);
        uint64_t now = belay_now();
        if (now - reported >= REPORT_EVERY) {
            reported = now;
            belay_code code = hashsearch_back_search_send_reply(call, report);
            if (code != BELAY_OK)
                return code;
        }
    }
    return BELAY_OK;
}

static belay_code
search(belay_call *call, const Hashsearch__Range *range)
{
    if (range->task == NULL)
        return belay_fail(call, BELAY_INVALID_ARGUMENT, "a range without a task");

    Hashsearch__Report report = HASHSEARCH__REPORT__INIT;
    puzzle tried;
    search_began(belay_call_data(call));
    belay_code code;
    if (puzzle_init(&tried, range->task->text, range->first))
        code = try_range(call, range, &tried, &report);
    else
        code = belay_fail(call, BELAY_INVALID_ARGUMENT, "the text is longer than %d bytes", PUZZLE_TEXT_MAX);
    puzzle_fini(&tried);
    if (code == BELAY_OK)
        code = hashsearch_back_search_send_reply(call, &report);
    search_ended(belay_call_data(call), call, belay_cancelled(call) ? belay_now() : 0);
    return code;
}

static belay_code
seen(belay_call *call, const Hashsearch__Nothing *request, Hashsearch__Sighting *reply)
{
    (void)request;
    sightings *record = belay_call_data(call);
    pthread_mutex_lock(&record->lock);
    reply->running = record->running;
    reply->hashes = __atomic_load_n(&record->hashes, __ATOMIC_RELAXED);
    reply->noticed_ns = record->noticed_ns;
    reply->cause = belay_printf(call, "%s", record->cause);
    pthread_mutex_unlock(&record->lock);
    return BELAY_OK;
}

static belay_code
serve(belay_server *server, sightings *record, int port)
{
    hashsearch_back_handlers handlers = {.search = search, .seen = seen};
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    belay_code code = hashsearch_back_add(server, &handlers, record);
    if (code == BELAY_OK) /* Seen answers also when searches hold all workers */
        code = belay_server_reserve_method(server, "/hashsearch.Back/Seen");
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
make_server(int port)
{
    static sightings record = {.lock = PTHREAD_MUTEX_INITIALIZER, .cause = ""};
    belay_server_options *options = belay_server_options_new();
    if (options != NULL) /* on SIGTERM, searches get two seconds more */
        belay_server_options_set_drain(options, BELAY_SECONDS(2), BELAY_SECONDS(10));
    belay_server *server = belay_server_new(NULL, options);
    belay_server_options_free(options);
    belay_code code = server != NULL ? serve(server, &record, port) : BELAY_RESOURCE_EXHAUSTED;
    if (code != BELAY_OK)
        fprintf(stderr, "hashsearch-back: %s\n", belay_code_name(code));
    belay_server_free(server);
    return code == BELAY_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
    int port = 0, option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'p') {
            fprintf(stderr, "usage: hashsearch-back [--port=N]\n");
            return 2;
        }
        port = atoi(optarg);
    }
    return make_server(port);
}
