/* SPDX-License-Identifier: MIT */
/* libcurl: the server sees that the transfer is given up. */
#include "bridges/bench.h"

#include <curl/curl.h>

#include "bridges/http.h"

/* The bridge, with a poll that only a descriptor ends, so that no timer of curl's helps it. */
static CURLMcode
poll_untimed(CURLM *multi, struct curl_waitfd *more, unsigned int count, int timeout_ms, int *ready)
{
    int found = 0;
    CURLMcode code = CURLM_OK;
    (void)ready;
    while (code == CURLM_OK && found == 0)
        code = curl_multi_poll(multi, more, count, timeout_ms, &found);
    return code;
}

#undef curl_multi_poll
#define curl_multi_poll poll_untimed
#include <bridges/curl.c>
#undef curl_multi_poll

/* ---- Tests -------------------------------------------------------------------------------------------- */

static void
open_both(bench *b, http *server, bool own_clock)
{
    static char url[80];
    http_open(server);
    snprintf(url, sizeof url, "%s/", server->url);
    bench_open(b, ask_curl, (bridge_settings){url, NULL}, own_clock);
}

static void
close_both(bench *b, http *server)
{
    bench_close(b);
    http_close(server);
}

static void
test_a_page_is_answered(void)
{
    bench b;
    http server;
    char url[100];
    http_open(&server);
    snprintf(url, sizeof url, "%s/whole/", server.url);
    bench_open(&b, ask_curl, (bridge_settings){url, NULL}, false);
    bench_expect_answer(&b, "ahoy", "ahoy");
    close_both(&b, &server);
}

static void
test_a_server_that_is_not_there_is_an_error(void)
{
    bench b;
    http server;
    http_open(&server);
    http_close(&server); /* its address was good a moment ago */
    bench_open(&b, ask_curl, (bridge_settings){server.url, NULL}, false);
    CU_ASSERT_EQUAL(finish(bench_ask(&b, "", BELAY_FOREVER)).code, BELAY_UNAVAILABLE);
    bench_close(&b);
}

static void
test_a_transfer_ends_when_the_client_cancels(void)
{
    bench b;
    http server;
    open_both(&b, &server, false);
    belay_call *call = bench_ask(&b, "endless", BELAY_FOREVER);
    gate_wait(&server.begun);
    bench_expect_cancelled(&b, call);
    gate_wait(&server.left);
    close_both(&b, &server);
}

static void
test_a_transfer_ends_at_the_deadline(void)
{
    bench b;
    http server;
    open_both(&b, &server, true);
    belay_call *call = bench_ask(&b, "endless", BENCH_TIMEOUT);
    gate_wait(&server.begun);
    bench_expect_too_late(&b, call);
    gate_wait(&server.left);
    close_both(&b, &server);
}

static void
test_a_transfer_ends_that_begins_when_nobody_waits_any_more(void)
{
    bench b;
    http server;
    open_both(&b, &server, false);
    b.after_end = true;
    belay_call *call = bench_ask(&b, "endless", BELAY_FOREVER);
    fixture_await_blocked(&b.fixture, 1);
    bench_expect_cancelled(&b, call);
    close_both(&b, &server);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(a_page_is_answered),
        TEST(a_server_that_is_not_there_is_an_error),
        TEST(a_transfer_ends_when_the_client_cancels),
        TEST(a_transfer_ends_at_the_deadline),
        TEST(a_transfer_ends_that_begins_when_nobody_waits_any_more),
        CU_TEST_INFO_NULL,
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    int result = suite_run("bridges/curl", tests, argc, argv);
    curl_global_cleanup();
    return result;
}
