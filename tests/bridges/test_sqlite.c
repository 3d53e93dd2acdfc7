/* SPDX-License-Identifier: MIT */
/* SQLite: a query that would never end is interrupted, in both ways. */
#include "bridges/bench.h"

#include <sqlite3.h>

/* ---- The bridge, with a registration that takes its time ---------------------------------------------- */

static void
open_gate(belay_context *context, void *argument)
{
    (void)context;
    gate_open(argument);
}

/* For a call that has ended, returns when the function has run: before what is to be stopped has begun. */
static belay_code
register_slowly(belay_context *context, belay_cancel_function function, void *argument,
                belay_cancel_callback **callback)
{
    belay_code code = belay_on_cancel(context, function, argument, callback);
    if (code == BELAY_OK && belay_context_cancelled(context)) {
        gate has_run;
        belay_cancel_callback *second;
        gate_init(&has_run, "the second callback runs after the first");
        CU_ASSERT_EQUAL_FATAL(belay_on_cancel(context, open_gate, &has_run, &second), BELAY_OK);
        gate_wait(&has_run);
        belay_cancel_callback_remove(second);
        gate_fini(&has_run);
    }
    return code;
}

#define belay_on_cancel register_slowly
#include <bridges/sqlite.c>
#undef belay_on_cancel

/* ---- Tests -------------------------------------------------------------------------------------------- */

#define ENDLESS \
    "WITH RECURSIVE n(i) AS (SELECT entered(?1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

static const bridge_handler ways[] = {ask_sqlite, ask_sqlite_watched};
#define WAYS 2

static gate entered; /* by a query, which runs then */

/* What a query calls to be seen. */
static void
enter(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    gate_open(&entered);
    sqlite3_result_int(context, 1);
}

static int
add_entered(sqlite3 *database, char **error, const struct sqlite3_api_routines *api)
{
    (void)error, (void)api;
    return sqlite3_create_function(database, "entered", 1, SQLITE_UTF8, NULL, enter, NULL, NULL);
}

static void
open_endless(bench *b, bridge_handler way, bool own_clock)
{
    gate_init(&entered, "a query runs");
    bench_open(b, way, (bridge_settings){":memory:", ENDLESS}, own_clock);
}

static void
close_endless(bench *b)
{
    bench_close(b);
    gate_fini(&entered);
}

static void
test_a_query_is_answered(void)
{
    for (int i = 0; i < WAYS; i++) {
        bench b;
        bench_open(&b, ways[i], (bridge_settings){":memory:", "SELECT upper(?1)"}, false);
        bench_expect_answer(&b, "ahoy", "AHOY");
        bench_close(&b);
    }
}

static void
test_a_wrong_query_is_an_error_that_says_why(void)
{
    for (int i = 0; i < WAYS; i++) {
        bench b;
        bench_open(&b, ways[i], (bridge_settings){":memory:", "SELECT ?1 FROM nowhere"}, false);
        ending end = finish(bench_ask(&b, "", BELAY_FOREVER));
        CU_ASSERT_EQUAL(end.code, BELAY_INTERNAL);
        CU_ASSERT_STRING_EQUAL(end.message, "no such table: nowhere");
        bench_close(&b);
    }
}

static void
test_a_query_ends_when_the_client_cancels(void)
{
    for (int i = 0; i < WAYS; i++) {
        bench b;
        open_endless(&b, ways[i], false);
        belay_call *call = bench_ask(&b, "", BELAY_FOREVER);
        gate_wait(&entered);
        bench_expect_cancelled(&b, call);
        close_endless(&b);
    }
}

static void
test_a_query_ends_at_the_deadline(void)
{
    for (int i = 0; i < WAYS; i++) {
        bench b;
        open_endless(&b, ways[i], true);
        belay_call *call = bench_ask(&b, "", BENCH_TIMEOUT);
        gate_wait(&entered);
        bench_expect_too_late(&b, call);
        close_endless(&b);
    }
}

/* The interrupt comes before the first step then: it must not be lost. */
static void
test_a_query_ends_that_begins_when_nobody_waits_any_more(void)
{
    for (int i = 0; i < WAYS; i++) {
        bench b;
        open_endless(&b, ways[i], false);
        b.after_end = true;
        belay_call *call = bench_ask(&b, "", BELAY_FOREVER);
        fixture_await_blocked(&b.fixture, 1);
        bench_expect_cancelled(&b, call);
        close_endless(&b);
    }
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_query_is_answered),
        TEST(a_wrong_query_is_an_error_that_says_why),
        TEST(a_query_ends_when_the_client_cancels),
        TEST(a_query_ends_at_the_deadline),
        TEST(a_query_ends_that_begins_when_nobody_waits_any_more),
        CU_TEST_INFO_NULL,
    };
    sqlite3_auto_extension((void (*)(void))add_entered);
    int result = suite_run("bridges/sqlite", tests, argc, argv);
    sqlite3_reset_auto_extension();
    sqlite3_shutdown();
    return result;
}
