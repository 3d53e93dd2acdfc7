/* SPDX-License-Identifier: MIT */
/* PostgreSQL: what nobody waits for is gone from a real server. */
#include "bridges/bench.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENDLESS "SELECT $1, pg_sleep(100000)"
#define COMPUTING \
    "WITH RECURSIVE n(i) AS (SELECT length($1) UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"

/* ---- The server -------------------------------------------------------------------------------------- */

static char conninfo[200];
static PGconn *watcher; /* a connection of the test's own */

/* The script that runs it; it stops when its standard input ends. */
typedef struct keeper {
    pid_t id;
    int input;
} keeper;

static void
run_script(int input, int output)
{
    const char *top = getenv("top_srcdir");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/bridges/postgres.sh", top != NULL ? top : ".");
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execl("/bin/sh", "sh", path, (char *)NULL);
    _exit(99);
}

/* Gives 0, or what the program is to end with. */
static int
server_start(keeper *self)
{
    int input[2], output[2], status;
    char folder[100] = "";
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0 || (self->id = fork()) < 0)
        return 99;
    if (self->id == 0)
        run_script(input[0], output[1]);
    close(input[0]);
    close(output[1]);
    self->input = input[1];
    FILE *said = fdopen(output[0], "r");
    bool is_up = said != NULL && fscanf(said, "%99s", folder) == 1;
    fclose(said);
    if (!is_up) {
        waitpid(self->id, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    }
    snprintf(conninfo, sizeof conninfo, "host=%s user=belay dbname=postgres", folder);
    return 0;
}

static void
server_stop(const keeper *self)
{
    close(self->input);
    waitpid(self->id, NULL, 0);
}

/* How many other connections are at a query that the server has not ended. */
static bool
has_queries(int wanted)
{
    PGresult *result = PQexec(watcher, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                                       "backend_type = 'client backend' AND pid <> pg_backend_pid()");
    CU_ASSERT_EQUAL_FATAL(PQresultStatus(result), PGRES_TUPLES_OK);
    bool right = atoi(PQgetvalue(result, 0, 0)) == wanted;
    PQclear(result);
    return right;
}

static bool
is_working(void *unused)
{
    (void)unused;
    return has_queries(1);
}

static bool
is_idle(void *unused)
{
    (void)unused;
    return has_queries(0);
}

/* ---- Tests ------------------------------------------------------------------------------------------- */

static void
test_a_query_is_answered(void)
{
    bench b;
    bench_open(&b, ask_postgres, (bridge_settings){conninfo, "SELECT upper($1)"}, false);
    bench_expect_answer(&b, "ahoy", "AHOY");
    bench_close(&b);
}

static void
test_a_wrong_query_is_an_error_that_says_why(void)
{
    bench b;
    bench_open(&b, ask_postgres, (bridge_settings){conninfo, "SELECT $1 FROM nowhere"}, false);
    ending end = finish(bench_ask(&b, "", BELAY_FOREVER));
    CU_ASSERT_EQUAL(end.code, BELAY_INTERNAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(end.message, "\"nowhere\" does not exist"));
    bench_close(&b);
}

static void
test_a_server_that_is_not_there_is_an_error(void)
{
    bench b;
    bench_open(&b, ask_postgres, (bridge_settings){"host=/nowhere", "SELECT $1"}, false);
    CU_ASSERT_EQUAL(finish(bench_ask(&b, "", BELAY_FOREVER)).code, BELAY_UNAVAILABLE);
    bench_close(&b);
}

static void
cancel_query(const char *query)
{
    bench b;
    bench_open(&b, ask_postgres, (bridge_settings){conninfo, query}, false);
    belay_call *call = bench_ask(&b, "x", BELAY_FOREVER);
    wait_until(is_working, NULL, "the server works on the query");
    bench_expect_cancelled(&b, call);
    wait_until(is_idle, NULL, "the server has ended the query");
    bench_close(&b);
}

static void
test_a_query_is_gone_from_the_server_when_the_client_cancels(void)
{
    cancel_query(ENDLESS);
    cancel_query(COMPUTING);
}

static void
test_a_query_is_gone_from_the_server_at_the_deadline(void)
{
    bench b;
    bench_open(&b, ask_postgres, (bridge_settings){conninfo, ENDLESS}, true);
    belay_call *call = bench_ask(&b, "x", BENCH_TIMEOUT);
    wait_until(is_working, NULL, "the server works on the query");
    bench_expect_too_late(&b, call);
    wait_until(is_idle, NULL, "the server has ended the query");
    bench_close(&b);
}

static void
test_no_query_begins_when_nobody_waits_any_more(void)
{
    bench b;
    bench_open(&b, ask_postgres, (bridge_settings){conninfo, ENDLESS}, false);
    b.after_end = true;
    belay_call *call = bench_ask(&b, "x", BELAY_FOREVER);
    fixture_await_blocked(&b.fixture, 1);
    bench_expect_cancelled(&b, call);
    CU_ASSERT_TRUE(is_idle(NULL));
    bench_close(&b);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_query_is_answered),
        TEST(a_wrong_query_is_an_error_that_says_why),
        TEST(a_server_that_is_not_there_is_an_error),
        TEST(a_query_is_gone_from_the_server_when_the_client_cancels),
        TEST(a_query_is_gone_from_the_server_at_the_deadline),
        TEST(no_query_begins_when_nobody_waits_any_more),
        CU_TEST_INFO_NULL,
    };
    keeper server;
    int result = server_start(&server);
    if (result != 0) {
        printf(result == 77 ? "skipped: there is no PostgreSQL server here\n" : "no server\n");
        return result;
    }
    watcher = PQconnectdb(conninfo);
    result = suite_run("bridges/postgres", tests, argc, argv);
    PQfinish(watcher);
    server_stop(&server);
    return result;
}
