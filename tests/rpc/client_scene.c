/* SPDX-License-Identifier: MIT */
#include "rpc/client_scene.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static belay_code
no_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)request;
    (void)reply;
    return belay_fail(call, BELAY_UNIMPLEMENTED, "this server is not called");
}

static void
open_channel(client_scene *s, bool own_clock)
{
    char address[32];
    memset(s, 0, sizeof *s);
    fixture_open(&s->f, &(fixture_options){.handlers = {.unary = no_unary}, .own_clock = own_clock});
    s->listener = raw_listen(address);
    s->channel = belay_channel_new(s->f.runtime, address, NULL);
    s->context = belay_context_new(s->f.runtime);
    s->large = note_new(1000);
    s->id = 1;
}

static void
take_connection(client_scene *s, raw_settings settings)
{
    raw_accept(&s->server, s->listener, settings);
    s->connected = true;
}

belay_call *
client_call(client_scene *s, belay_context *context, kind which, uint64_t timeout_ns)
{
    belay_call *call = NULL;
    belay_call_options *options = belay_call_options_new();
    belay_call_options_set_timeout(options, timeout_ns);
    belay_code code;
    if (which == UNARY)
        code = belay_test_probe_unary_start(s->channel, context, s->large, options, &call);
    else
        code = belay_test_probe_chat_start(s->channel, context, options, &call);
    belay_call_options_free(options);
    if (code != BELAY_OK)
        abort();
    return call;
}

/* ---- Bringing the subject to its stage --------------------------------------------------------------- */

static raw_settings
settings_for(stage where)
{
    if (where == WAITING)
        return (raw_settings){.has_streams = true, .streams = 1};
    if (where == HALF_SENT)
        return (raw_settings){.has_window = true, .window = 10};
    return (raw_settings){0};
}

static void
half_send(client_scene *s, kind which)
{
    if (which == CHAT && belay_test_probe_chat_send_request(s->call, s->large) != BELAY_OK)
        abort();
    raw_await_body(&s->server, s->id, 10);
}

static void
bring(client_scene *s, stage where, kind which)
{
    raw_await_headers(&s->server, s->id);
    if (which == UNARY && where != HALF_SENT)
        raw_await_end(&s->server, s->id);
    if (where == HALF_SENT)
        half_send(s, which);
    if (where == ANSWERING) {
        raw_respond(&s->server, s->id);
        raw_part(&s->server, s->id, 100, 50, false);
    }
    if (where == ANSWERED) {
        raw_respond(&s->server, s->id);
        raw_message(&s->server, s->id, 10, false);
        raw_status(&s->server, s->id, BELAY_OK, NULL);
    }
    client_sync(s);
}

void
client_open(client_scene *s, stage where, kind which, uint64_t timeout_ns)
{
    open_channel(s, timeout_ns != BELAY_FOREVER);
    if (where == WAITING) {
        s->other = client_call(s, NULL, CHAT, BELAY_FOREVER);
        s->id = 3;
    }
    s->call = client_call(s, s->context, which, timeout_ns);
    if (where == UNCONNECTED) {
        fixture_settle(&s->f);
        return;
    }
    take_connection(s, settings_for(where));
    if (where == WAITING) {
        raw_await_headers(&s->server, 1);
        client_sync(s);
    } else {
        bring(s, where, which);
    }
}

void
client_open_idle(client_scene *s, raw_settings settings, bool own_clock)
{
    open_channel(s, own_clock);
    belay_call *first = client_call(s, NULL, CHAT, BELAY_FOREVER);
    take_connection(s, settings);
    raw_await_headers(&s->server, 1);
    raw_status_only(&s->server, 1, BELAY_OK, NULL);
    finish(first);
    client_sync(s);
    s->id = 3;
}

/* ---- The end ----------------------------------------------------------------------------------------- */

ending
client_finish(client_scene *s)
{
    belay_call *call = s->call;
    s->call = NULL;
    return finish(call);
}

void
client_sync(client_scene *s)
{
    fixture_settle(&s->f);
    if (s->connected && !s->server_gone)
        raw_sync(&s->server);
}

void
client_close(client_scene *s)
{
    belay_call_free(s->other);
    belay_call_free(s->call);
    belay_context_unref(s->context);
    fixture_settle(&s->f);
    if (s->connected && !s->server_gone)
        raw_close(&s->server);
    close(s->listener);
    belay_channel_free(s->channel);
    free(s->large);
    fixture_close(&s->f);
}

raw_stream *
heard(client_scene *s)
{
    return raw_of(&s->server, s->id);
}
