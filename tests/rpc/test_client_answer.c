/* SPDX-License-Identifier: MIT */
/*
 * Answers of every kind, good and bad, from a server written by hand: what the caller learns, and that the
 * stream is left as HTTP/2 wants it: reset once when the other side still uses it, never when both sides have
 * ended it.
 */
#include <string.h>
#include <unistd.h>

#include "rpc/client_scene.h"

/* ---- Statuses ------------------------------------------------------------------------------------ */

static void
expect_end(client_scene *s, belay_code code, const char *message, bool is_local)
{
    ending end = client_finish(s);
    CU_ASSERT_EQUAL(end.code, code);
    CU_ASSERT_EQUAL(end.is_local, is_local);
    if (message != NULL)
        CU_ASSERT_STRING_EQUAL(end.message, message);
}

static void
expect_no_reset(client_scene *s)
{
    client_sync(s);
    CU_ASSERT_EQUAL(heard(s)->resets, 0);
}

static void
test_each_status_arrives(void)
{
    for (int code = BELAY_CANCELLED; code <= BELAY_UNAUTHENTICATED; code++) {
        client_scene s;
        client_open(&s, OPEN, UNARY, BELAY_FOREVER);
        raw_status_only(&s.server, 1, code, "so it is%21");
        expect_end(&s, (belay_code)code, "so it is!", false);
        expect_no_reset(&s);
        client_close(&s);
    }
}

static void
answer_with(client_scene *s, const char *const *fields, bool end)
{
    raw_headers(&s->server, 1, fields, end);
}

static void
test_status_that_is_no_number_is_unknown(void)
{
    static const char *const statuses[] = {"", "x", "-1", "00", "17", "99999999999999999999"};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        client_scene s;
        client_open(&s, OPEN, UNARY, BELAY_FOREVER);
        const char *const fields[] = {":status",     "200",       "content-type", "application/grpc",
                                      "grpc-status", statuses[i], NULL};
        answer_with(&s, fields, true);
        expect_end(&s, BELAY_UNKNOWN, NULL, false);
        client_close(&s);
    }
}

/* ---- Answers that are no gRPC -------------------------------------------------------------------- */

static void
expect_http(const char *http, belay_code code, bool body)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    const char *const fields[] = {":status", http, "content-type", "text/html", NULL};
    answer_with(&s, fields, !body);
    if (body)
        raw_data(&s.server, 1, "<html>sorry</html>", 18, true);
    expect_end(&s, code, NULL, true);
    client_sync(&s);
    CU_ASSERT(heard(&s)->resets <= 1);
    if (!body) /* both sides had ended the stream before the client could say a word */
        CU_ASSERT_EQUAL(heard(&s)->resets, 0);
    client_close(&s);
}

static void
test_http_status_tells_when_there_is_no_grpc_status(void)
{
    static const struct {
        const char *http;
        belay_code code;
    } table[] = {
        {"400", BELAY_INTERNAL},    {"401", BELAY_UNAUTHENTICATED}, {"403", BELAY_PERMISSION_DENIED},
        {"404", BELAY_UNIMPLEMENTED}, {"429", BELAY_UNAVAILABLE},   {"502", BELAY_UNAVAILABLE},
        {"503", BELAY_UNAVAILABLE}, {"504", BELAY_UNAVAILABLE},     {"418", BELAY_UNKNOWN},
        {"200", BELAY_UNKNOWN},     {"500", BELAY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        expect_http(table[i].http, table[i].code, true);
        expect_http(table[i].http, table[i].code, false);
    }
}

/* A page that goes on is cut off. */
static void
test_answer_that_is_no_grpc_is_reset(void)
{
    static const char *const fields[] = {":status", "503", "content-type", "text/html", NULL};
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    answer_with(&s, fields, false);
    expect_end(&s, BELAY_UNAVAILABLE, NULL, true);
    CU_ASSERT(raw_await_reset(&s.server, 1));
    CU_ASSERT_EQUAL(heard(&s)->reset_code, RAW_CANCEL);
    raw_data(&s.server, 1, "<html>", 6, false);
    client_sync(&s);
    CU_ASSERT_EQUAL(heard(&s)->resets, 1);
    client_close(&s);
}

static void
test_grpc_status_counts_whatever_the_http_status(void)
{
    static const char *const fields[] = {":status", "503", "grpc-status", "5", NULL};
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    answer_with(&s, fields, true);
    expect_end(&s, BELAY_NOT_FOUND, "", false);
    expect_no_reset(&s);
    client_close(&s);
}

/* An HTTP error that says it is gRPC's: the status may come in trailers. Without, HTTP's tells. */
static void
expect_late_status(const char *const *trailers, size_t body, belay_code code, bool is_local)
{
    static const char *const fields[] = {":status", "503", "content-type", "application/grpc", NULL};
    client_scene s;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    answer_with(&s, fields, false);
    raw_message(&s.server, 1, body, trailers == NULL);
    if (trailers != NULL)
        answer_with(&s, trailers, true);
    expect_end(&s, code, NULL, is_local);
    client_close(&s);
}

static void
test_grpc_status_in_trailers_counts_whatever_the_http_status(void)
{
    static const char *const not_found[] = {"grpc-status", "5", NULL};
    static const char *const nothing[] = {"x-note", "nothing", NULL};
    expect_late_status(not_found, 10, BELAY_NOT_FOUND, false);
    expect_late_status(nothing, 10, BELAY_UNAVAILABLE, true);
    expect_late_status(NULL, 10, BELAY_UNAVAILABLE, true);
}

/* A page without end is not waited for. */
static void
test_body_of_an_http_error_is_not_read_for_ever(void)
{
    static const char *const fields[] = {":status", "404", "content-type", "application/grpc", NULL};
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    answer_with(&s, fields, false);
    raw_message(&s.server, 1, 70000, false);
    expect_end(&s, BELAY_UNIMPLEMENTED, "unexpected HTTP status 404", true);
    CU_ASSERT(raw_await_reset(&s.server, 1));
    client_close(&s);
}

static void
test_informational_answers_are_passed_over(void)
{
    static const char *const fields[] = {":status", "103", NULL};
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    answer_with(&s, fields, false);
    answer_with(&s, fields, false);
    raw_status_only(&s.server, 1, BELAY_NOT_FOUND, NULL);
    expect_end(&s, BELAY_NOT_FOUND, "", false);
    client_close(&s);
}

/* ---- Answers that end in the wrong place --------------------------------------------------------- */

static void
test_end_without_a_status(void)
{
    client_scene s;
    client_open(&s, ANSWERING, CHAT, BELAY_FOREVER);
    raw_data(&s.server, 1, "", 0, true);
    expect_end(&s, BELAY_UNKNOWN, "the server ended the call without a status", true);
    client_close(&s);
}

static void
test_trailers_without_a_status(void)
{
    static const char *const fields[] = {"x-note", "nothing", NULL};
    client_scene s;
    client_open(&s, ANSWERING, UNARY, BELAY_FOREVER);
    answer_with(&s, fields, true);
    expect_end(&s, BELAY_UNKNOWN, "the server ended the call without a status", true);
    client_close(&s);
}

static void
test_ok_inside_a_message_is_no_ok(void)
{
    client_scene s;
    client_open(&s, ANSWERING, UNARY, BELAY_FOREVER);
    raw_status(&s.server, 1, BELAY_OK, NULL);
    expect_end(&s, BELAY_INTERNAL, "the answer ended inside a message", true);
    client_close(&s);
}

static void
test_failure_inside_a_message_is_that_failure(void)
{
    client_scene s;
    client_open(&s, ANSWERING, UNARY, BELAY_FOREVER);
    raw_status(&s.server, 1, BELAY_ABORTED, "half way");
    expect_end(&s, BELAY_ABORTED, "half way", false);
    client_close(&s);
}

static void
test_ok_without_the_one_reply_is_no_ok(void)
{
    client_scene s;
    Belay__Test__Note *reply = NULL;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_status_only(&s.server, 1, BELAY_OK, NULL);
    CU_ASSERT_EQUAL(belay_test_probe_unary_finish(s.call, &reply, NULL), BELAY_UNIMPLEMENTED);
    CU_ASSERT_PTR_NULL(reply);
    s.call = NULL;
    client_close(&s);
}

/* A second reply is told at once: its sender may never end, and what waits for nobody takes up window. */
static void
test_second_reply_where_one_is_expected_is_refused(void)
{
    client_scene s;
    Belay__Test__Note *reply = NULL;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_respond(&s.server, 1);
    raw_message(&s.server, 1, 10, false);
    raw_message(&s.server, 1, 10, false);
    CU_ASSERT_EQUAL(belay_test_probe_unary_finish(s.call, &reply, NULL), BELAY_UNIMPLEMENTED);
    CU_ASSERT_PTR_NULL(reply);
    s.call = NULL;
    CU_ASSERT(raw_await_reset(&s.server, 1));
    CU_ASSERT_EQUAL(heard(&s)->reset_code, RAW_CANCEL);
    client_close(&s);
}

static void
test_data_after_the_end_is_ignored(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_status_only(&s.server, 1, BELAY_NOT_FOUND, NULL);
    raw_data(&s.server, 1, "late", 4, false);
    expect_end(&s, BELAY_NOT_FOUND, "", false);
    client_close(&s);
}

/* ---- Frames that are none ------------------------------------------------------------------------ */

static void
expect_bad_frame(const void *data, size_t size, belay_code code)
{
    client_scene s;
    client_open(&s, OPEN, CHAT, BELAY_FOREVER);
    raw_respond(&s.server, 1);
    raw_data(&s.server, 1, data, size, false);
    CU_ASSERT(raw_await_reset(&s.server, 1));
    CU_ASSERT_EQUAL(heard(&s)->reset_code, RAW_CANCEL);
    CU_ASSERT_FALSE(heard(&s)->ended);
    expect_end(&s, code, NULL, true);
    client_close(&s);
}

static void
test_frames_that_are_none(void)
{
    expect_bad_frame("\1\0\0\0\1x", 6, BELAY_INTERNAL);         /* compressed */
    expect_bad_frame("\7\0\0\0\1x", 6, BELAY_INTERNAL);         /* no such flag */
    expect_bad_frame("\0\x7f\0\0\0", 5, BELAY_RESOURCE_EXHAUSTED); /* too large */
}

/* The same on the last frame of the answer: both sides have ended the stream, no reset. */
static void
test_bad_frame_with_the_end_of_both_sides(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_respond(&s.server, 1);
    raw_data(&s.server, 1, "\7\0\0\0\1x", 6, true);
    expect_end(&s, BELAY_INTERNAL, NULL, true);
    expect_no_reset(&s);
    client_close(&s);
}

/* What breaks HTTP/2 on one stream only: this side resets it, and says whose fault it was. */
static void
test_answer_that_breaks_http2(void)
{
    static const char *const no_status[] = {"content-type", "application/grpc", NULL};
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    answer_with(&s, no_status, false);
    expect_end(&s, BELAY_INTERNAL, NULL, true);
    CU_ASSERT(raw_await_reset(&s.server, 1));
    CU_ASSERT_EQUAL(heard(&s)->reset_code, RAW_PROTOCOL_ERROR);
    client_close(&s);
}

/* ---- Resets -------------------------------------------------------------------------------------- */

static void
test_reset_codes_become_statuses(void)
{
    static const struct {
        uint32_t error;
        belay_code code;
    } table[] = {
        {RAW_NO_ERROR, BELAY_INTERNAL},      {RAW_PROTOCOL_ERROR, BELAY_INTERNAL},
        {RAW_INTERNAL_ERROR, BELAY_INTERNAL}, {3, BELAY_INTERNAL},
        {5, BELAY_UNKNOWN}, /* STREAM_CLOSED, for which there is no status */
        {6, BELAY_INTERNAL},                 {RAW_CANCEL, BELAY_CANCELLED},
        {9, BELAY_INTERNAL},
        {10, BELAY_INTERNAL},                {RAW_ENHANCE_YOUR_CALM, BELAY_RESOURCE_EXHAUSTED},
        {RAW_INADEQUATE_SECURITY, BELAY_PERMISSION_DENIED},
        {0x100, BELAY_INTERNAL},             {0xffffffff, BELAY_INTERNAL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        client_scene s;
        client_open(&s, OPEN, i % 2 == 0 ? UNARY : CHAT, BELAY_FOREVER);
        raw_reset(&s.server, 1, table[i].error);
        expect_end(&s, table[i].code, NULL, true);
        expect_no_reset(&s);
        client_close(&s);
    }
}

static void
take_line(void *argument, belay_log_level level, const char *text)
{
    (void)level;
    if (strstr(text, "STREAM_CLOSED") != NULL)
        gate_open(argument);
}

/* The server takes for closed what is open here: no status tells what that means. */
static void
test_reset_of_a_stream_as_closed_is_told_in_the_log(void)
{
    gate told;
    char address[32];
    raw_peer server;
    belay_call *call = NULL;
    belay_runtime_options *options = belay_runtime_options_new();
    gate_init(&told, "the log told of the reset");
    belay_runtime_options_set_log(options, take_line, &told, BELAY_LOG_WARNING);
    belay_runtime *runtime = belay_runtime_new(options);
    belay_runtime_options_free(options);
    int listener = raw_listen(address);
    belay_channel *channel = belay_channel_new(runtime, address, NULL);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_start(channel, NULL, NULL, &call), BELAY_OK);
    raw_accept(&server, listener, (raw_settings){0});
    CU_ASSERT(raw_await_headers(&server, 1));
    raw_reset(&server, 1, 5);
    CU_ASSERT_EQUAL(belay_call_finish(call, NULL), BELAY_UNKNOWN);
    gate_wait(&told);
    raw_close(&server);
    close(listener);
    belay_channel_free(channel);
    belay_runtime_unref(runtime);
    gate_fini(&told);
}

/* ---- An answer before the request has ended ------------------------------------------------------ */

/* The server does not want the rest: the client stops, and holds nothing back for it. */
static void
expect_rest_dropped(kind which)
{
    client_scene s;
    client_open(&s, HALF_SENT, which, BELAY_FOREVER);
    raw_status_only(&s.server, 1, BELAY_RESOURCE_EXHAUSTED, "enough");
    expect_end(&s, BELAY_RESOURCE_EXHAUSTED, "enough", false);
    CU_ASSERT(raw_await_reset(&s.server, 1));
    CU_ASSERT_EQUAL(heard(&s)->reset_code, RAW_NO_ERROR);
    CU_ASSERT_FALSE(heard(&s)->ended);
    client_close(&s);
}

static void
test_early_answer_ends_a_stream_of_requests(void)
{
    expect_rest_dropped(CHAT);
}

/* The end of a unary request was queued with it, behind bytes that cannot leave. */
static void
test_early_answer_ends_a_request_that_is_stuck(void)
{
    expect_rest_dropped(UNARY);
}

/* ---- The connection ------------------------------------------------------------------------------ */

static void
expect_unavailable(stage where, bool by_reset)
{
    client_scene s;
    client_open(&s, where, UNARY, BELAY_FOREVER);
    if (by_reset)
        raw_break(&s.server);
    else
        raw_close(&s.server);
    s.server_gone = true;
    expect_end(&s, BELAY_UNAVAILABLE, NULL, true);
    client_close(&s);
}

static void
test_lost_connection_is_unavailable(void)
{
    static const stage stages[] = {OPEN, HALF_SENT, ANSWERING};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        expect_unavailable(stages[i], false);
        expect_unavailable(stages[i], true);
    }
}

/* Calls above the last stream of a GOAWAY never ran and go elsewhere; those below go on. */
static void
test_goaway_sends_what_was_not_taken_elsewhere(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    belay_call *second = client_call(&s, NULL, UNARY, BELAY_FOREVER);
    CU_ASSERT(raw_await_end(&s.server, 3));
    raw_goaway(&s.server, 1, RAW_NO_ERROR);
    raw_peer elsewhere;
    raw_accept(&elsewhere, s.listener, (raw_settings){0});
    CU_ASSERT(raw_await_end(&elsewhere, 1));
    raw_status_only(&elsewhere, 1, BELAY_ABORTED, NULL);
    CU_ASSERT_EQUAL(finish(second).code, BELAY_ABORTED);
    raw_status_only(&s.server, 1, BELAY_NOT_FOUND, NULL);
    expect_end(&s, BELAY_NOT_FOUND, "", false);
    raw_await_lost(&s.server);
    raw_close(&elsewhere);
    client_close(&s);
}

/* A call that waits for a stream goes to the next connection. */
static void
test_goaway_sends_waiting_calls_elsewhere(void)
{
    client_scene s;
    client_open(&s, WAITING, UNARY, BELAY_FOREVER);
    raw_goaway(&s.server, 1, RAW_NO_ERROR);
    raw_peer second;
    raw_accept(&second, s.listener, (raw_settings){0});
    CU_ASSERT(raw_await_end(&second, 1));
    raw_status_only(&second, 1, BELAY_NOT_FOUND, NULL);
    expect_end(&s, BELAY_NOT_FOUND, "", false);
    raw_status_only(&s.server, 1, BELAY_OK, NULL);
    CU_ASSERT_EQUAL(finish(s.other).code, BELAY_OK);
    s.other = NULL;
    raw_close(&second);
    client_close(&s);
}

static void
test_garbage_ends_the_connection(void)
{
    client_scene s;
    client_open(&s, OPEN, UNARY, BELAY_FOREVER);
    raw_send(s.server.descriptor, RAW_DATA, 0, 0, "on stream 0", 11);
    expect_end(&s, BELAY_UNAVAILABLE, NULL, true);
    client_close(&s);
}

#define TEST(name) {#name, name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(test_each_status_arrives),
        TEST(test_status_that_is_no_number_is_unknown),
        TEST(test_http_status_tells_when_there_is_no_grpc_status),
        TEST(test_answer_that_is_no_grpc_is_reset),
        TEST(test_grpc_status_counts_whatever_the_http_status),
        TEST(test_grpc_status_in_trailers_counts_whatever_the_http_status),
        TEST(test_body_of_an_http_error_is_not_read_for_ever),
        TEST(test_informational_answers_are_passed_over),
        TEST(test_end_without_a_status),
        TEST(test_trailers_without_a_status),
        TEST(test_ok_inside_a_message_is_no_ok),
        TEST(test_failure_inside_a_message_is_that_failure),
        TEST(test_ok_without_the_one_reply_is_no_ok),
        TEST(test_second_reply_where_one_is_expected_is_refused),
        TEST(test_data_after_the_end_is_ignored),
        TEST(test_frames_that_are_none),
        TEST(test_bad_frame_with_the_end_of_both_sides),
        TEST(test_answer_that_breaks_http2),
        TEST(test_reset_codes_become_statuses),
        TEST(test_reset_of_a_stream_as_closed_is_told_in_the_log),
        TEST(test_early_answer_ends_a_stream_of_requests),
        TEST(test_early_answer_ends_a_request_that_is_stuck),
        TEST(test_lost_connection_is_unavailable),
        TEST(test_goaway_sends_what_was_not_taken_elsewhere),
        TEST(test_goaway_sends_waiting_calls_elsewhere),
        TEST(test_garbage_ends_the_connection),
        CU_TEST_INFO_NULL,
    };
    return suite_run("client_answer", tests, argc, argv);
}
