/* SPDX-License-Identifier: MIT */
#include "rpc/scene.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The subject's handler ------------------------------------------------------------------------- */

static belay_code
call_silent(scene *s, belay_call *call)
{
    belay_context *context = belay_call_context(call);
    return belay_test_probe_unary(s->silent_channel, context, NOTE("anybody?"), NULL, NULL, NULL);
}

static belay_code
wait_for_silent(scene *s, belay_call *call)
{
    belay_context *context = belay_call_context(call);
    belay_call *calls[2] = {NULL, NULL};
    size_t index;
    for (int i = 0; i < 2; i++) {
        belay_code code =
            belay_test_probe_unary_start(s->silent_channel, context, NOTE("anybody?"), NULL, &calls[i]);
        if (code != BELAY_OK)
            return code;
    }
    return belay_wait_any(context, calls, 2, &index); /* the handler's end frees them */
}

static belay_code
send_until_told(belay_call *call)
{
    Belay__Test__Note *note = note_new(20000);
    belay_code code;
    while ((code = belay_test_probe_download_send_reply(call, note)) == BELAY_OK)
        continue;
    free(note);
    return code;
}

static belay_code
receive(scene *s, belay_call *call)
{
    Belay__Test__Note *note;
    belay_code code;
    while ((code = belay_test_probe_chat_recv_request(call, &note)) == BELAY_OK)
        s->received++;
    return code;
}

static belay_code
act(scene *s, belay_call *call, doing what)
{
    switch (what) {
    case WAIT_GATE:
        gate_wait(&s->go);
        break;
    case SPIN:
        while (!belay_cancelled(call))
            sched_yield();
        break;
    case RECEIVE:
        return receive(s, call);
    case RECEIVE_AT_GATE:
        gate_wait(&s->go);
        return receive(s, call);
    case SEND:
        return send_until_told(call);
    case SEND_ONE:
        if (belay_test_probe_download_send_reply(call, NOTE("one")) != BELAY_OK)
            return BELAY_INTERNAL;
        return belay_sleep(belay_call_context(call), BELAY_FOREVER);
    case SEND_AT_GATE:
        gate_wait(&s->go);
        if (belay_test_probe_download_send_reply(call, NOTE("one")) != BELAY_OK)
            return BELAY_INTERNAL;
        gate_open(&s->sent);
        return belay_sleep(belay_call_context(call), BELAY_FOREVER);
    case SLEEP:
        return belay_sleep(belay_call_context(call), BELAY_FOREVER);
    case CHILD:
        return call_silent(s, call);
    case WAIT_ANY:
        return wait_for_silent(s, call);
    case CANCEL:
        belay_cancel(belay_call_context(call), s->reason);
        gate_wait(&s->go);
        break;
    case RETURN:
        break;
    }
    return BELAY_OK;
}

/* Of several runs the last one's words stay. */
static void
report(scene *s, belay_call *call, belay_code seen)
{
    belay_context *context = belay_call_context(call);
    pthread_mutex_lock(&s->lock);
    s->seen = seen;
    s->flag = belay_cancelled(call);
    s->cause = belay_context_cause(context);
    snprintf(s->words, sizeof s->words, "%s", belay_context_reason(context));
    pthread_mutex_unlock(&s->lock);
}

static belay_code
perform(belay_call *call)
{
    scene *s = belay_call_data(call);
    doing what = s->doing; /* the test may change it once this one has begun */
    if (__atomic_fetch_add(&s->runs, 1, __ATOMIC_RELAXED) == 0)
        s->context = belay_context_ref(belay_call_context(call));
    gate_open(&s->entered);
    report(s, call, act(s, call, what));
    gate_open(&s->left);
    return s->answer;
}

static belay_code
on_unary(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)request;
    reply->number = 1;
    return perform(call);
}

static belay_code
on_download(belay_call *call, const Belay__Test__Note *request)
{
    (void)request;
    return perform(call);
}

static belay_code
on_chat(belay_call *call)
{
    return perform(call);
}

/* The other call: takes a place. */
static belay_code
on_upload(belay_call *call, Belay__Test__Note *reply)
{
    scene *s = belay_call_data(call);
    (void)reply;
    gate_open(&s->other_entered);
    gate_wait(&s->other_go);
    return BELAY_OK;
}

/* ---- Opening --------------------------------------------------------------------------------------- */

static belay_server_options *
options_for(place where)
{
    belay_server_options *options = belay_server_options_new();
    if (where == QUEUED) {
        if (belay_server_options_set_workers(options, 1, 1) != BELAY_OK)
            abort();
        belay_server_options_set_queue(options, 1);
    }
    if (where == HELD)
        belay_server_options_set_connection_handlers(options, 1);
    return options;
}

/* How much of a reply leaves. */
static raw_settings
settings_for(place where, doing what)
{
    if (where == HALF_SENT)
        return (raw_settings){.has_window = true, .window = 10};
    bool none = where == STUCK || (where == RUNNING && what == SEND);
    return (raw_settings){.has_window = none, .window = 0};
}

static void
open_gates(scene *s)
{
    gate_init(&s->entered, "the subject's handler has begun");
    gate_init(&s->go, "the subject's handler may go on");
    gate_init(&s->sent, "the subject's handler has sent");
    gate_init(&s->left, "the subject's handler has returned");
    gate_init(&s->other_entered, "the other handler has begun");
    gate_init(&s->other_go, "the other handler may go on");
}

static void
open_server(scene *s, place where, bool own_clock)
{
    char address[32];
    belay_server_options *options = options_for(where);
    fixture_open(&s->f, &(fixture_options){.handlers = {on_unary, on_upload, on_download, on_chat},
                                           .data = s,
                                           .server = options,
                                           .own_clock = own_clock});
    belay_server_options_free(options);
    s->silent = raw_listen(address);
    s->silent_channel = belay_channel_new(s->f.runtime, address, NULL);
}

/* ---- Bringing the subject to its place --------------------------------------------------------------- */

static void
take_the_only_place(scene *s)
{
    raw_call(&s->client, 1, "Upload", NULL, false);
    gate_wait(&s->other_entered);
}

static bool
sleeps(doing what)
{
    return what == RECEIVE || what == SEND || what == SEND_ONE || what == SLEEP || what == CHILD ||
           what == WAIT_ANY;
}

static void
run_handler(scene *s, const char *timeout)
{
    if (s->doing == RECEIVE) {
        raw_call(&s->client, SUBJECT, "Chat", timeout, false);
    } else if (s->doing == SEND || s->doing == SEND_ONE || s->doing == SEND_AT_GATE) {
        raw_call(&s->client, SUBJECT, "Download", timeout, false);
        raw_message(&s->client, SUBJECT, 0, true);
    } else {
        raw_unary(&s->client, SUBJECT, timeout);
    }
    gate_wait(&s->entered);
    if (s->doing == SEND || s->doing == SEND_ONE)
        raw_await_headers(&s->client, SUBJECT);
    if (sleeps(s->doing))
        fixture_await_blocked(&s->f, 1);
}

static void
bring(scene *s, place where, const char *timeout)
{
    switch (where) {
    case RECEIVING:
        raw_call(&s->client, SUBJECT, "Unary", timeout, false);
        break;
    case HALF_RECEIVED:
        raw_call(&s->client, SUBJECT, "Unary", timeout, false);
        raw_part(&s->client, SUBJECT, 100, 50, false);
        break;
    case QUEUED:
        take_the_only_place(s);
        raw_unary(&s->client, SUBJECT, timeout);
        fixture_await_queued(&s->f, 1);
        break;
    case HELD:
        take_the_only_place(s);
        raw_unary(&s->client, SUBJECT, timeout);
        break;
    case RUNNING:
        run_handler(s, timeout);
        break;
    case HALF_SENT:
        run_handler(s, timeout);
        raw_await_body(&s->client, SUBJECT, 10);
        break;
    case STUCK:
        raw_unary(&s->client, SUBJECT, timeout);
        raw_await_headers(&s->client, SUBJECT);
        break;
    case DELIVERED:
        raw_unary(&s->client, SUBJECT, timeout);
        raw_await_end(&s->client, SUBJECT);
        break;
    }
    raw_sync(&s->client);
}

void
scene_open(scene *s, place where, doing what, const char *timeout)
{
    memset(s, 0, sizeof *s);
    s->doing = what;
    s->reason = "enough";
    pthread_mutex_init(&s->lock, NULL);
    open_gates(s);
    open_server(s, where, timeout != NULL);
    raw_connect(&s->client, s->f.address, settings_for(where, what));
    bring(s, where, timeout);
}

/* ---- Closing --------------------------------------------------------------------------------------- */

static void
close_gates(scene *s)
{
    gate_fini(&s->entered);
    gate_fini(&s->go);
    gate_fini(&s->sent);
    gate_fini(&s->left);
    gate_fini(&s->other_entered);
    gate_fini(&s->other_go);
}

void
scene_lose_client(scene *s, bool by_reset)
{
    if (by_reset)
        raw_break(&s->client);
    else
        raw_close(&s->client);
    s->client_gone = true;
}

void
scene_close(scene *s)
{
    gate_open(&s->go);
    gate_open(&s->other_go);
    if (!s->client_gone)
        raw_close(&s->client);
    FIXTURE_AWAIT(&s->f, handlers_running, 0);
    belay_context_unref(s->context);
    close(s->silent); /* the channel does not wait for it any more */
    belay_channel_free(s->silent_channel);
    fixture_close(&s->f);
    close_gates(s);
    pthread_mutex_destroy(&s->lock);
}

raw_stream *
subject(scene *s)
{
    return raw_of(&s->client, SUBJECT);
}

void
scene_await_left(scene *s)
{
    gate_wait(&s->left);
    gate_open(&s->other_go);
    FIXTURE_AWAIT(&s->f, handlers_running, 0);
}

/* ---- Draining -------------------------------------------------------------------------------------- */

static void *
run_drain(void *argument)
{
    drain *d = argument;
    d->code = belay_server_drain(d->scene->f.server, d->grace_ns, BELAY_FOREVER);
    return NULL;
}

void
drain_begin(drain *d, scene *s, uint64_t grace_ns)
{
    d->scene = s;
    d->grace_ns = grace_ns;
    if (pthread_create(&d->thread, NULL, run_drain, d) != 0)
        abort();
}

belay_code
drain_join(drain *d)
{
    pthread_join(d->thread, NULL);
    return d->code;
}
