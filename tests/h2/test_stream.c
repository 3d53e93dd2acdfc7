/* SPDX-License-Identifier: MIT */
#include "h2/recorder.h"

#include "h2/raw.h"

#define MIB (1024 * 1024)

static void
until_closed_on_both(h2_record *one, h2_record *other)
{
    until_event(one, 'C');
    until_event(other, 'C');
}

/* ---- regular ends ---- */

static void
test_request_and_response(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'E');
    respond(served);
    send_body(served, 5, 5);
    end_body(served);
    until_closed_on_both(call, served);
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT(events_are(call, "LRDTEC"));
    CU_ASSERT(fields_are(served, ":method=POST;:scheme=http;:path=/s/m;:authority=test;"));
    CU_ASSERT(fields_are(call, ":status=200;content-type=application/grpc;grpc-status=0;"));
    CU_ASSERT_EQUAL(call->error, BLY_H2_NO_ERROR);
    CU_ASSERT_EQUAL(served->error, BLY_H2_NO_ERROR);
    CU_ASSERT(!call->by_peer && !call->unprocessed && !served->by_peer && !served->unprocessed);
    CU_ASSERT(call->body_size == 5 && !call->body_corrupt);
    pair_close(&both);
}

static void
test_bodies_in_pieces_both_ways(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    respond(served);
    for (int i = 0; i < 50; i++) {
        send_body(call, 1000, 7);
        send_body(served, 2000, 333);
    }
    end_body(call);
    until_event(served, 'E');
    end_body(served);
    until_closed_on_both(call, served);
    CU_ASSERT(served->body_size == 50000 && !served->body_corrupt);
    CU_ASSERT(call->body_size == 100000 && !call->body_corrupt);
    CU_ASSERT(served->drained > 0);
    pair_close(&both);
}

static void
test_trailers_only(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'E');
    respond_only(served);
    until_closed_on_both(call, served);
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT(events_are(call, "LREC"));
    CU_ASSERT(fields_are(call, ":status=200;grpc-status=12;"));
    pair_close(&both);
}

static void
test_answer_without_a_body(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    respond(served);
    end_body(served);
    until_closed_on_both(call, served);
    CU_ASSERT(events_are(call, "LRTEC"));
    pair_close(&both);
}

static void
test_empty_body_is_ended_late(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'H');
    end_body(call);
    until_event(served, 'E');
    respond(served);
    until_event(call, 'R');
    end_body(served);
    until_closed_on_both(call, served);
    CU_ASSERT(events_are(served, "HELC"));
    pair_close(&both);
}

static void
test_early_trailers_are_followed_by_a_reset_without_error(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    respond_only(served);
    until_closed_on_both(call, served);
    CU_ASSERT(events_are(served, "HLC"));
    CU_ASSERT(events_are(call, "REC"));
    CU_ASSERT(served->error == BLY_H2_NO_ERROR && !served->by_peer);
    CU_ASSERT(call->error == BLY_H2_NO_ERROR && call->by_peer && !call->unprocessed);
    pair_close(&both);
}

static void
test_early_trailers_after_a_body(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    send_body(call, 100, 100);
    until_event(served, 'D');
    respond(served);
    send_body(served, 100, 100);
    end_body(served);
    until_closed_on_both(call, served);
    CU_ASSERT(events_are(served, "HDLC"));
    CU_ASSERT(events_are(call, "RDTEC"));
    CU_ASSERT(served->error == BLY_H2_NO_ERROR);
    pair_close(&both);
}

/* ---- resets ---- */

static void
check_reset(h2_record *by, h2_record *to, uint32_t error)
{
    until_closed_on_both(by, to);
    CU_ASSERT(by->error == error && !by->by_peer);
    CU_ASSERT(to->error == error && to->by_peer);
}

static h2_record *reset_unsent; /* of the next function: I/O thread, then the test */

static void
open_and_reset(void *argument)
{
    h2_owner *client = argument;
    reset_unsent = request(client, false);
    send_body(reset_unsent, 100, 100);
    reset(reset_unsent, BLY_H2_CANCEL);
    send_body(reset_unsent, 100, 100); /* freed */
}

static void
test_request_reset_before_it_left_is_closed_and_never_seen(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    on_loop(&both.client, open_and_reset, &both.client);
    until_event(reset_unsent, 'C');
    CU_ASSERT(events_are(reset_unsent, "C"));
    CU_ASSERT(reset_unsent->error == BLY_H2_CANCEL && !reset_unsent->by_peer && reset_unsent->unprocessed);
    h2_record *second = request(&both.client, true);
    until_event(record_at(&both.server, 0), 'E');
    respond_only(record_at(&both.server, 0));
    until_event(second, 'C');
    CU_ASSERT_EQUAL(both.server.count, 1);
    pair_close(&both);
}

static void
test_client_resets_after_its_headers(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'H');
    reset(call, BLY_H2_CANCEL);
    check_reset(call, served, BLY_H2_CANCEL);
    CU_ASSERT(events_are(served, "HC"));
    CU_ASSERT(!call->unprocessed);
    pair_close(&both);
}

static void
test_client_resets_half_sent(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    send_body(call, MIB, MIB);
    until_body(served, 256 * 1024); /* then the window is used up */
    reset(call, BLY_H2_CANCEL);
    check_reset(call, served, BLY_H2_CANCEL);
    CU_ASSERT(events_are(served, "HDC"));
    CU_ASSERT_EQUAL(served->body_size, 256 * 1024);
    pair_close(&both);
}

static void
test_client_resets_after_its_end(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'E');
    reset(call, BLY_H2_CANCEL);
    check_reset(call, served, BLY_H2_CANCEL);
    CU_ASSERT(events_are(served, "HEC"));
    pair_close(&both);
}

static void
test_client_resets_during_the_response(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    respond(served);
    send_body(served, MIB, MIB);
    until_body(call, 1000);
    reset(call, BLY_H2_CANCEL);
    check_reset(call, served, BLY_H2_CANCEL);
    CU_ASSERT(!has_event(served, 'L'));
    pair_close(&both);
}

static void
test_server_resets_before_its_response(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, false);
    h2_record *served = record_at(&both.server, 0);
    reset(served, BLY_H2_INTERNAL_ERROR);
    check_reset(served, call, BLY_H2_INTERNAL_ERROR);
    CU_ASSERT(events_are(call, "C"));
    CU_ASSERT(!call->unprocessed);
    pair_close(&both);
}

static void
test_server_resets_half_sent(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    respond(served);
    send_body(served, MIB, MIB);
    end_body(served);
    until_body(call, 256 * 1024);
    reset(served, BLY_H2_CANCEL);
    check_reset(served, call, BLY_H2_CANCEL);
    CU_ASSERT(!has_event(served, 'L'));
    CU_ASSERT(!has_event(call, 'E'));
    pair_close(&both);
}

static void
respond_end_and_reset(void *argument)
{
    h2_record *served = argument;
    respond(served);
    send_body(served, 100, 100);
    end_body(served);
    reset(served, BLY_H2_CANCEL);
}

static void
test_reset_overtakes_an_answer_that_has_not_left(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    on_loop(&both.server, respond_end_and_reset, served);
    check_reset(served, call, BLY_H2_CANCEL);
    CU_ASSERT(events_are(call, "LC"));
    CU_ASSERT(!has_event(served, 'L'));
    pair_close(&both);
}

static void
reset_at_headers(h2_record *stream, char event)
{
    if (event == 'H')
        reset(stream, BLY_H2_ENHANCE_YOUR_CALM);
}

static void
test_stream_reset_while_its_headers_are_received(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    call_at_events(&both.server, reset_at_headers);
    h2_record *call = request(&both.client, false);
    send_body(call, 1000, 1000);
    end_body(call);
    h2_record *served = record_at(&both.server, 0);
    check_reset(served, call, BLY_H2_ENHANCE_YOUR_CALM);
    CU_ASSERT(events_are(served, "HC"));
    pair_close(&both);
}

static void
reset_at_data(h2_record *stream, char event)
{
    if (event == 'D')
        reset(stream, BLY_H2_CANCEL);
}

static void
test_stream_reset_while_its_body_is_received(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    call_at_events(&both.server, reset_at_data);
    h2_record *call = request(&both.client, false);
    send_body(call, 100000, 100000);
    end_body(call);
    h2_record *served = record_at(&both.server, 0);
    check_reset(served, call, BLY_H2_CANCEL);
    CU_ASSERT(events_are(served, "HDC"));
    pair_close(&both);
}

/* ---- what the peer sees of resets ---- */

static void
reset_twice(void *argument)
{
    reset(argument, BLY_H2_CANCEL);
    reset(argument, BLY_H2_INTERNAL_ERROR);
}

static void
test_reset_is_sent_once(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    on_loop(&raw.owner, reset_twice, lone_request(&raw, 0, false));
    CU_ASSERT(raw_read_until(raw.peer, RAW_RST_STREAM, 1, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), BLY_H2_CANCEL);
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT(raw_read(raw.peer, &frame));
    CU_ASSERT_EQUAL(frame.type, RAW_PING);
    lone_close(&raw);
}

static void
test_unknown_codes_of_a_peer_are_internal_errors(void)
{
    lone raw;
    lone_open_ready(&raw, true, NULL);
    h2_record *served = lone_request(&raw, 0, false);
    raw_send_number(raw.peer, RAW_RST_STREAM, 1, BLY_H2_CONNECTION_LOST);
    until_event(served, 'C');
    CU_ASSERT_EQUAL(served->error, BLY_H2_INTERNAL_ERROR);
    CU_ASSERT(served->by_peer);
    lone_close(&raw);
}

/* ---- what is on its way ---- */

typedef struct output_view {
    h2_record *record;
    bool has_unsent;
} output_view;

static void
look_at_output(void *argument)
{
    output_view *view = argument;
    view->has_unsent = bly_h2_stream_has_unsent(&view->record->carrier->stream);
}

static bool
is_idle(void *argument)
{
    h2_record *stream = argument;
    return !bly_h2_stream_has_unsent(&stream->carrier->stream);
}

static void
test_half_sent_messages_are_known(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    output_view view = {.record = served};
    respond(served);
    until_event(call, 'R');
    on_loop(&both.server, look_at_output, &view);
    CU_ASSERT(!view.has_unsent);
    send_body(served, MIB, MIB);
    until_body(call, 256 * 1024);
    on_loop(&both.server, look_at_output, &view);
    CU_ASSERT(view.has_unsent);
    set_window(call, MIB);
    until(&both.server, is_idle, served, "all has left");
    on_loop(&both.server, look_at_output, &view);
    CU_ASSERT(!view.has_unsent);
    pair_close(&both);
}

static void
test_messages_that_wait_for_a_window_are_known(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    output_view view = {.record = served};
    respond(served);
    send_body(served, 256 * 1024, 1024); /* ends where the window does */
    until_body(call, 256 * 1024);
    send_body(served, 1024, 1024);
    on_loop(&both.server, look_at_output, &view);
    CU_ASSERT(view.has_unsent);
    pair_close(&both);
}

static const CU_TestInfo tests[] = {
    {"request and response", test_request_and_response},
    {"bodies in pieces both ways", test_bodies_in_pieces_both_ways},
    {"trailers only", test_trailers_only},
    {"answer without a body", test_answer_without_a_body},
    {"empty body is ended late", test_empty_body_is_ended_late},
    {"early trailers are followed by a reset without error",
     test_early_trailers_are_followed_by_a_reset_without_error},
    {"early trailers after a body", test_early_trailers_after_a_body},
    {"request reset before it left is closed and never seen",
     test_request_reset_before_it_left_is_closed_and_never_seen},
    {"client resets after its headers", test_client_resets_after_its_headers},
    {"client resets half sent", test_client_resets_half_sent},
    {"client resets after its end", test_client_resets_after_its_end},
    {"client resets during the response", test_client_resets_during_the_response},
    {"server resets before its response", test_server_resets_before_its_response},
    {"server resets half sent", test_server_resets_half_sent},
    {"reset overtakes an answer that has not left", test_reset_overtakes_an_answer_that_has_not_left},
    {"stream reset while its headers are received", test_stream_reset_while_its_headers_are_received},
    {"stream reset while its body is received", test_stream_reset_while_its_body_is_received},
    {"reset is sent once", test_reset_is_sent_once},
    {"unknown codes of a peer are internal errors", test_unknown_codes_of_a_peer_are_internal_errors},
    {"half sent messages are known", test_half_sent_messages_are_known},
    {"messages that wait for a window are known", test_messages_that_wait_for_a_window_are_known},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/stream", tests, argc, argv);
}
