/* SPDX-License-Identifier: MIT */
/*
 * The graceful end, from both sides.
 */
#include <string.h>

#include "h2/raw.h"
#include "h2/recorder.h"
#include "support/fake_clock.h"

#define SECOND 1000000000ull
#define LAST_STREAM 0x7fffffffu

/* ---- two connections of ours ---- */

static void
test_idle_server_drains(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    drain(&both.server);
    until_closed(&both.server);
    until_closed(&both.client);
    CU_ASSERT(both.client.goaways >= 1);
    CU_ASSERT_EQUAL(both.client.goaway_error, BLY_H2_NO_ERROR);
    CU_ASSERT_EQUAL(both.client.reason, BLY_H2_CLOSED_BY_PEER);
    pair_close(&both);
}

static bool
has_goaway(void *argument)
{
    const h2_owner *owner = argument;
    return owner->goaways > 0;
}

static void
test_streams_end_before_a_drained_server_closes(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    until_event(served, 'E');
    drain(&both.server);
    drain(&both.server); /* no matter */
    until(&both.client, has_goaway, &both.client, "the client was told");
    CU_ASSERT_PTR_NULL(request(&both.client, true));
    answer(served, 1000);
    until_closed(&both.server);
    until_closed(&both.client);
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT(events_are(call, "LRDTEC"));
    CU_ASSERT(call->error == BLY_H2_NO_ERROR && call->body_size == 1000);
    pair_close(&both);
}

static void
test_idle_client_drains(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    drain(&both.client);
    until_closed(&both.client);
    until_closed(&both.server);
    CU_ASSERT_EQUAL(both.client.reason, BLY_H2_CLOSED_BY_US);
    CU_ASSERT_STRING_EQUAL(both.client.detail, "drained");
    pair_close(&both);
}

static void
test_streams_end_before_a_drained_client_closes(void)
{
    pair both;
    pair_open(&both, NULL, NULL);
    h2_record *call = request(&both.client, true);
    h2_record *served = record_at(&both.server, 0);
    drain(&both.client);
    CU_ASSERT_PTR_NULL(request(&both.client, true));
    until(&both.server, has_goaway, &both.server, "the server was told");
    answer(served, 1000);
    until_closed(&both.client);
    until_closed(&both.server);
    CU_ASSERT(events_are(call, "LRDTEC"));
    CU_ASSERT_EQUAL(both.client.reason, BLY_H2_CLOSED_BY_US);
    pair_close(&both);
}

/* ---- a client by hand ---- */

static void
test_streams_are_taken_until_the_last_goaway(void)
{
    static raw_frame frame;
    uint8_t block[128];
    uint8_t ping[8];
    lone raw;
    lone_open_ready(&raw, true, NULL);
    drain(&raw.owner);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), LAST_STREAM);
    CU_ASSERT(raw_read_until(raw.peer, RAW_PING, 0, &frame)); /* after it: the answer shows that it was read */
    memcpy(ping, frame.payload, sizeof ping);
    h2_record *served = lone_request(&raw, 0, true);
    raw_send(raw.peer, RAW_PING, RAW_ACK, 0, ping, sizeof ping);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), 1);
    CU_ASSERT_EQUAL(raw_number(&frame, 4), BLY_H2_NO_ERROR);
    raw_send(raw.peer, RAW_HEADERS, RAW_END_HEADERS, 3, block, raw_request(block)); /* too late */
    raw_send(raw.peer, RAW_PING, 0, 0, "12345678", 8);
    CU_ASSERT(raw_read_until(raw.peer, RAW_PING, 0, &frame));
    CU_ASSERT_EQUAL(raw.owner.count, 1);
    answer(served, 10);
    until_closed(&raw.owner);
    CU_ASSERT(events_are(served, "HELC"));
    CU_ASSERT_EQUAL(raw.owner.reason, BLY_H2_CLOSED_BY_US);
    lone_close(&raw);
}

static void
test_drain_waits_a_second_for_its_ping(void)
{
    static raw_frame frame;
    lone raw;
    fake_clock_set(SECOND);
    lone_open(&raw, true, NULL, &fake_clock);
    raw_preface(raw.peer, true);
    h2_record *served = lone_request(&raw, 0, false);
    drain(&raw.owner);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), LAST_STREAM);
    fake_clock_set(2 * SECOND);
    bly_timer_check(raw.loop);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    CU_ASSERT_EQUAL(raw_number(&frame, 0), 1);
    CU_ASSERT(!has_event(served, 'C'));
    lone_close(&raw);
}

static void
test_connection_closed_while_it_drains(void)
{
    static raw_frame frame;
    lone raw;
    lone_open_ready(&raw, true, NULL);
    lone_request(&raw, 0, false);
    drain(&raw.owner);
    CU_ASSERT(raw_read_until(raw.peer, RAW_GOAWAY, 0, &frame));
    lone_close(&raw); /* the timer goes with it */
}

static const CU_TestInfo tests[] = {
    {"idle server drains", test_idle_server_drains},
    {"streams end before a drained server closes", test_streams_end_before_a_drained_server_closes},
    {"idle client drains", test_idle_client_drains},
    {"streams end before a drained client closes", test_streams_end_before_a_drained_client_closes},
    {"streams are taken until the last GOAWAY", test_streams_are_taken_until_the_last_goaway},
    {"drain waits a second for its PING", test_drain_waits_a_second_for_its_ping},
    {"connection closed while it drains", test_connection_closed_while_it_drains},
    CU_TEST_INFO_NULL,
};

int
main(int argc, char **argv)
{
    return suite_run("h2/drain", tests, argc, argv);
}
