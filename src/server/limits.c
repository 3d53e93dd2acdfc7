/* SPDX-License-Identifier: MIT */
/*
 * A server's limits (<belay/limits.h>): where they are set, and what holds windows back when a server has received
 * more than its handlers take.
 */
#include "server/limits.h"

#include "server/connection.h"

/* How soon is looked again whether handlers have made room. */
#define PAUSE_NS BELAY_MILLISECONDS(5)

/* ---- Options ---------------------------------------------------------------------------------------- */

belay_code
belay_server_options_set_limit(belay_server_options *options, belay_limit limit, uint64_t value)
{
    return options != NULL ? bly_limits_set(&options->limits, limit, value) : BELAY_INVALID_ARGUMENT;
}

void
bly_server_limits_init(belay_server *server)
{
    const belay_server_options *options = &server->options;
    server->held.limit = options->limits.values[BELAY_LIMIT_SERVER_BYTES];
    bly_limit_record_init(&server->limit_record, &options->limits, &server->runtime->log,
                          "belay_server_options_set_limit");
}

uint64_t
belay_server_limit_reached(const belay_server *server, belay_limit limit)
{
    return server != NULL ? bly_limit_count(&server->limit_record, limit) : 0;
}

/* ---- Windows ---------------------------------------------------------------------------------------- */

void
bly_server_withhold(bly_server_connection *connection)
{
    bly_server_loop *place = connection->place;
    bool full = bly_holding_is_full(&connection->holding);
    if (connection->h2 == NULL)
        return;
    bly_h2_connection_withhold(connection->h2, full);
    if (bly_link_is_linked(&connection->withheld_link))
        return;
    bool is_total = bly_holding_total_is_full(&place->server->held);
    bly_limit_reached(&place->server->limit_record,
                      is_total ? BELAY_LIMIT_SERVER_BYTES : BELAY_LIMIT_CONNECTION_BYTES, connection->peer);
    bly_list_append(&place->withheld, &connection->withheld_link);
    if (place->withheld.next == &connection->withheld_link) /* the first: nobody looks yet */
        bly_server_look_at_windows(place);
}

/* Whether calls of it still want more window than may be had. */
static bool
still_wants(bly_server_connection *connection)
{
    bool wants = false;
    for (bly_link *link = connection->calls.next; link != &connection->calls; link = link->next) {
        belay_call *call = &BLY_LIST_ENTRY(link, bly_server_call, connection_link)->call;
        if (call->held.wants)
            bly_call_update_window(call);
        wants |= call->held.wants && call->stream.id != 0;
    }
    return wants;
}

void
bly_server_look_at_windows(bly_server_loop *place)
{
    if (bly_list_is_empty(&place->withheld))
        return;
    uint64_t now = bly_clock_now(bly_loop_clock(place->loop));
    /* Without memory for the timer nothing is held back: windows are no place to get stuck in. */
    if (!bly_timer_arm(place->loop, &place->windows, bly_clock_after(now, PAUSE_NS)))
        bly_server_open_windows(&place->windows);
}

void
bly_server_open_windows(bly_timer *timer)
{
    bly_server_loop *place = BLY_CONTAINER_OF(timer, bly_server_loop, windows);
    bly_list looked_at;
    bly_link *link;
    bly_list_init(&looked_at);
    bly_list_splice(&looked_at, &place->withheld);
    while ((link = bly_list_take_first(&looked_at)) != NULL) {
        bly_server_connection *connection = BLY_LIST_ENTRY(link, bly_server_connection, withheld_link);
        if (connection->h2 == NULL)
            continue;
        bool full = bly_holding_is_full(&connection->holding);
        bly_h2_connection_withhold(connection->h2, full);
        if (still_wants(connection) || full)
            bly_list_append(&place->withheld, &connection->withheld_link);
    }
    bly_server_look_at_windows(place);
}
