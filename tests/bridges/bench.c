/* SPDX-License-Identifier: MIT */
#include "bridges/bench.h"

#include <dirent.h>

static bench *opening; /* fixture_options.configure knows of no argument */

static int
open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return 0; /* no such system: the same before and after */
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* The last thread of a runtime may be about to close its own: none is left when it has. */
static bool
has_no_more(void *before)
{
    return open_descriptors() <= *(int *)before;
}

static belay_code
note_end(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    bench *b = belay_call_data(call);
    if (b->after_end)
        (void)!belay_sleep(belay_call_context(call), BELAY_FOREVER);
    b->code = b->handler(call, question, answer);
    b->cause = belay_context_cause(belay_call_context(call));
    gate_open(&b->returned);
    return b->code;
}

static void
add_bridge(belay_server *server)
{
    static const bridges_bridge_handlers handlers = {.ask = note_end};
    CU_ASSERT_EQUAL_FATAL(bridges_bridge_add(server, &handlers, opening), BELAY_OK);
}

/* What the process, or the thread that makes calls, opens once and keeps. */
static void
warm_up(void)
{
    static bool is_warm;
    fixture f;
    if (is_warm)
        return;
    is_warm = true;
    fixture_open(&f, &(fixture_options){.data = NULL});
    CU_ASSERT_EQUAL(finish(start_unary(&f, NULL, BELAY_FOREVER)).code, BELAY_UNIMPLEMENTED);
    fixture_close(&f);
}

void
bench_open(bench *b, bridge_handler handler, bridge_settings settings, bool own_clock)
{
    warm_up();
    *b = (bench){.settings = settings, .handler = handler, .descriptors = open_descriptors()};
    gate_init(&b->returned, "the bridge's handler has returned");
    opening = b;
    fixture_open(&b->fixture, &(fixture_options){.configure = add_bridge, .own_clock = own_clock});
}

void
bench_close(bench *b)
{
    fixture_close(&b->fixture);
    gate_fini(&b->returned);
    wait_until(has_no_more, &b->descriptors, "no descriptor is left");
}

belay_call *
bench_ask(bench *b, const char *text, uint64_t timeout_ns)
{
    belay_call *call = NULL;
    Bridges__Question question = BRIDGES__QUESTION__INIT;
    belay_call_options *options = belay_call_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    question.text = (char *)text;
    belay_call_options_set_timeout(options, timeout_ns);
    belay_code code = bridges_bridge_ask_start(b->fixture.channel, NULL, &question, options, &call);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    belay_call_options_free(options);
    return call;
}

void
bench_expect_answer(bench *b, const char *text, const char *answer)
{
    Bridges__Answer *received = NULL;
    belay_status *status = NULL;
    belay_code code = bridges_bridge_ask_finish(bench_ask(b, text, BELAY_FOREVER), &received, &status);
    CU_ASSERT_STRING_EQUAL(belay_status_message(status), "");
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    CU_ASSERT_STRING_EQUAL(received->text, answer);
    bridges__answer__free_unpacked(received, NULL);
    belay_status_free(status);
}

void
bench_expect_cancelled(bench *b, belay_call *call)
{
    belay_cancel(belay_call_context(call), "seen enough");
    ending end = finish(call);
    CU_ASSERT_EQUAL(end.code, BELAY_CANCELLED);
    CU_ASSERT_STRING_EQUAL(end.message, "seen enough");
    gate_wait(&b->returned);
    CU_ASSERT_EQUAL(b->code, BELAY_CANCELLED);
    CU_ASSERT_EQUAL(b->cause, BELAY_CAUSE_PEER_CANCELLED);
}

void
bench_expect_too_late(bench *b, belay_call *call)
{
    fixture_advance(&b->fixture, 2 * BENCH_TIMEOUT);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_DEADLINE_EXCEEDED);
    gate_wait(&b->returned);
    /* The client's reset may be faster than the server's own timer. */
    CU_ASSERT_TRUE(b->cause == BELAY_CAUSE_DEADLINE || b->cause == BELAY_CAUSE_PEER_CANCELLED);
    CU_ASSERT_EQUAL(b->code, b->cause == BELAY_CAUSE_DEADLINE ? BELAY_DEADLINE_EXCEEDED : BELAY_CANCELLED);
}
