/* SPDX-License-Identifier: MIT */
#include "interop/relay.h"

#include "interop/stream.h"

/* ---- Handlers -------------------------------------------------------------------------------------- */

static relay_handler
begin(belay_call *call, const relay_request *request, uint64_t started_ns)
{
    const relay_server *relay = belay_call_data(call);
    return (relay_handler){
        .relay = relay,
        .call = call,
        .record = records_begin(relay->records, request->run, request->n_route, started_ns,
                                belay_call_context(call)),
    };
}

belay_code
relay_cancelled(const relay_handler *handler)
{
    records_noticed(handler->relay->records, handler->record);
    belay_cause cause = belay_context_cause(belay_call_context(handler->call));
    return cause == BELAY_CAUSE_DEADLINE ? BELAY_DEADLINE_EXCEEDED : BELAY_CANCELLED;
}

void
relay_path(const relay_server *relay, const relay_reply *from, char **path)
{
    path[0] = (char *)relay->address;
    for (size_t i = 0; i < from->n_path; i++)
        path[i + 1] = from->path[i];
}

static belay_code
handle_call(belay_call *call, const relay_request *request, relay_reply *reply)
{
    relay_handler handler = begin(call, request, belay_now());
    belay_code code = request->n_route > 0 ? relay_call_hop(&handler, request, reply)
                                           : relay_call_leaf(&handler, request, reply);
    records_returned(handler.relay->records, handler.record);
    return code;
}

static belay_code
handle_stream(belay_call *call)
{
    uint64_t started_ns = belay_now();
    ProtobufCMessage *first;
    belay_code code = stream_next(call, &belay__testing__relay_request__descriptor, &first);
    if (code != BELAY_OK)
        return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
    const relay_request *request = (const relay_request *)first;
    relay_handler handler = begin(call, request, started_ns);
    code = request->n_route > 0 ? relay_stream_hop(&handler, request) : relay_stream_leaf(&handler, request);
    records_returned(handler.relay->records, handler.record);
    protobuf_c_message_free_unpacked(first, NULL);
    return code;
}

/* ---- Questions about them --------------------------------------------------------------------------- */

static belay_code
handle_seen(belay_call *call, const Belay__Testing__SeenRequest *request, Belay__Testing__SeenReply *reply)
{
    const relay_server *relay = belay_call_data(call);
    return records_list(relay->records, request->run, call, reply);
}

static belay_code
handle_counters(belay_call *call, const Belay__Testing__CountersRequest *request,
                Belay__Testing__CountersReply *reply)
{
    const relay_server *relay = belay_call_data(call);
    belay_server_counters counters;
    (void)request;
    belay_server_counters_read(relay->server, &counters, sizeof counters);
    reply->handlers_started = counters.handlers_started;
    reply->handlers_running = counters.handlers_running;
    reply->calls_cancelled = counters.calls_cancelled;
    reply->dropped_in_queue = counters.dropped_in_queue;
    reply->children_open = counters.children_open;
    reply->connections = counters.connections;
    return BELAY_OK;
}

/* ---- The service ------------------------------------------------------------------------------------ */

static belay_code
add_service(relay_server *relay)
{
    static const belay_testing_relay_handlers handlers = {
        .call = handle_call,
        .stream = handle_stream,
        .seen = handle_seen,
        .counters = handle_counters,
    };
    belay_code code = belay_testing_relay_add(relay->server, &handlers, relay);
    if (code == BELAY_OK)
        code = belay_server_reserve_method(relay->server, "/belay.testing.Relay/Seen");
    if (code == BELAY_OK)
        code = belay_server_reserve_method(relay->server, "/belay.testing.Relay/Counters");
    return code;
}

belay_code
relay_init(relay_server *relay, belay_server *server, const channel_settings *settings)
{
    relay->server = server;
    relay->address = "";
    relay->records = records_new();
    relay->channels = channels_new(belay_server_runtime(server), settings);
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    if (relay->records != NULL && relay->channels != NULL)
        code = add_service(relay);
    if (code != BELAY_OK)
        relay_fini(relay);
    return code;
}

void
relay_fini(relay_server *relay)
{
    channels_free(relay->channels);
    records_free(relay->records);
}
