/* SPDX-License-Identifier: MIT */
/*
 * Calls over TLS: who may make them, who handlers think made them, what crosses it, and what handshakes do
 * to others.
 */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/fixture.h"
#include "support/raw_peer.h"
#include "transport/certificates.h"
#include "transport/tls_scene.h"

typedef struct scene {
    certificates files;
    belay_tls *server;
    belay_tls *client;
    belay_channel_options *options; /* of channels that use the client's */
    fixture f;
    /* what the handler is to do, and has seen */
    bool waits;
    gate entered;
    pthread_mutex_t lock; /* guards the next two */
    char subject[128];
    char name[64];
    belay_cause cause;
    gate cancelled;
    /* the log's thread, until all is closed */
    char warning[512]; /* the last */
    unsigned long complaints, left_out; /* of handshakes */
    gate warned;
} scene;

/* ---- The server ---------------------------------------------------------------------------------- */

static void
note_client(scene *s, const belay_call *call)
{
    const belay_peer_identity *client = belay_call_peer_identity(call);
    pthread_mutex_lock(&s->lock);
    const char *name = client != NULL ? belay_peer_identity_name(client, BELAY_PEER_NAME_URI, 0) : NULL;
    snprintf(s->subject, sizeof s->subject, "%s", client != NULL ? belay_peer_identity_subject(client) : "nobody");
    snprintf(s->name, sizeof s->name, "%s", name != NULL ? name : "");
    pthread_mutex_unlock(&s->lock);
}

/* Answers with what it was given; or waits to be cancelled. */
static belay_code
answer(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    scene *s = belay_call_data(call);
    note_client(s, call);
    gate_open(&s->entered);
    if (s->waits) {
        belay_code code = belay_sleep(belay_call_context(call), BELAY_FOREVER);
        s->cause = belay_context_cause(belay_call_context(call));
        gate_open(&s->cancelled);
        return code;
    }
    reply->payload = request->payload;
    return BELAY_OK;
}

/* A hundred notes of 100,000 bytes each. */
static belay_code
pour(belay_call *call, const Belay__Test__Note *request)
{
    belay_code code = BELAY_OK;
    (void)request;
    Belay__Test__Note *note = note_new(100000);
    for (int i = 0; i < 100 && code == BELAY_OK; i++)
        code = belay_test_probe_download_send_reply(call, note);
    free(note);
    return code;
}

static void
note_warning(void *argument, belay_log_level level, const char *text)
{
    scene *s = argument;
    (void)level;
    snprintf(s->warning, sizeof s->warning, "%s", text);
    if (strstr(text, "TLS handshake: ") != NULL)
        s->complaints++;
    const char *more = strstr(text, " more since the last such line");
    while (more != NULL && more[-1] >= '0' && more[-1] <= '9')
        more--;
    s->left_out += more != NULL ? strtoul(more, NULL, 10) : 0;
    gate_open(&s->warned);
}

/* ---- Opening and closing ------------------------------------------------------------------------- */

static void
set_up(scene *s)
{
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    gate_init(&s->entered, "a handler runs");
    gate_init(&s->cancelled, "a handler is cancelled");
    gate_init(&s->warned, "the log warns");
    certificates_open(&s->files);
    certificates_make_usual(&s->files);
    s->server = belay_tls_new();
    s->client = belay_tls_new();
    s->options = belay_channel_options_new();
    CU_ASSERT_EQUAL_FATAL(belay_tls_set_certificate(s->server, certificate_file(&s->files, "server"),
                                                    key_file(&s->files, "server")),
                          BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_tls_set_trust(s->client, certificate_file(&s->files, "ca")), BELAY_OK);
    belay_channel_options_set_tls(s->options, s->client);
}

static void
start(scene *s, unsigned int io_threads)
{
    fixture_open(&s->f, &(fixture_options){
                            .handlers = {.unary = answer, .download = pour},
                            .data = s,
                            .channel = s->options,
                            .tls = s->server,
                            .io_threads = io_threads,
                            .log = note_warning,
                            .log_argument = s,
                        });
}

static void
tear_down(scene *s)
{
    fixture_close(&s->f);
    belay_channel_options_free(s->options);
    belay_tls_free(s->server);
    belay_tls_free(s->client);
    certificates_close(&s->files);
    gate_fini(&s->entered);
    gate_fini(&s->cancelled);
    gate_fini(&s->warned);
    pthread_mutex_destroy(&s->lock);
}

static void
ask_clients(scene *s, belay_tls_clients clients)
{
    CU_ASSERT_EQUAL_FATAL(belay_tls_set_trust(s->server, certificate_file(&s->files, "ca")), BELAY_OK);
    belay_tls_set_clients(s->server, clients);
}

static void
be(scene *s, const char *name)
{
    CU_ASSERT_EQUAL_FATAL(
        belay_tls_set_certificate(s->client, certificate_file(&s->files, name), key_file(&s->files, name)), BELAY_OK);
}

static belay_code
call_on(belay_channel *channel)
{
    Belay__Test__Note *reply;
    belay_code code = belay_test_probe_unary(channel, NULL, NOTE("hello"), NULL, &reply, NULL);
    if (code == BELAY_OK)
        belay__test__note__free_unpacked(reply, NULL);
    return code;
}

static void
expect_unavailable(belay_channel *channel, const char *words)
{
    Belay__Test__Note *reply;
    belay_status *status;
    CU_ASSERT_EQUAL(belay_test_probe_unary(channel, NULL, NOTE("hello"), NULL, &reply, &status), BELAY_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(belay_status_message(status), words));
    if (strstr(belay_status_message(status), words) == NULL)
        fprintf(stderr, "said: %s\nnot: %s\n", belay_status_message(status), words);
    belay_status_free(status);
}

/* A connection that has not said anything. */
static int
connect_silently(const scene *s)
{
    struct addrinfo *addresses, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    CU_ASSERT_EQUAL_FATAL(getaddrinfo("127.0.0.1", strrchr(s->f.address, ':') + 1, &hints, &addresses), 0);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(connect(descriptor, addresses->ai_addr, addresses->ai_addrlen), 0);
    freeaddrinfo(addresses);
    return descriptor;
}

/* ---- Calls --------------------------------------------------------------------------------------- */

static void
test_calls_are_answered(void)
{
    scene s;
    set_up(&s);
    start(&s, 3);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(s.subject, "nobody");
    tear_down(&s);
}

static void
test_large_messages_cross(void)
{
    scene s;
    Belay__Test__Note *reply, *note = note_new(3 << 20);
    set_up(&s);
    start(&s, 1);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary(s.f.channel, NULL, note, NULL, &reply, NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(reply->payload.len, note->payload.len);
    CU_ASSERT_EQUAL(memcmp(reply->payload.data, note->payload.data, note->payload.len), 0);
    belay__test__note__free_unpacked(reply, NULL);
    free(note);
    belay_call *call = start_download(&s.f, NULL, BELAY_FOREVER);
    int count = 0;
    while (belay_test_probe_download_recv_reply(call, &reply) == BELAY_OK) {
        CU_ASSERT_TRUE(reply->payload.len >= 99000);
        belay__test__note__free_unpacked(reply, NULL);
        count++;
    }
    CU_ASSERT_EQUAL(count, 100);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_OK);
    tear_down(&s);
}

static void
test_a_cancel_crosses(void)
{
    scene s;
    set_up(&s);
    s.waits = true;
    start(&s, 1);
    belay_context *context = belay_context_new(s.f.runtime);
    belay_call *call = start_unary(&s.f, context, BELAY_FOREVER);
    gate_wait(&s.entered);
    belay_cancel(context, "no use");
    gate_wait(&s.cancelled);
    CU_ASSERT_EQUAL(s.cause, BELAY_CAUSE_PEER_CANCELLED);
    CU_ASSERT_EQUAL(finish(call).code, BELAY_CANCELLED);
    belay_context_unref(context);
    tear_down(&s);
}

/* ---- Who is who ---------------------------------------------------------------------------------- */

static void
test_handlers_know_who_calls(void)
{
    scene s;
    set_up(&s);
    ask_clients(&s, BELAY_TLS_CLIENTS_MUST_HAVE);
    be(&s, "client");
    start(&s, 1);
    CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_OK);
    CU_ASSERT_STRING_EQUAL(s.subject, "CN=client,O=belay tests");
    CU_ASSERT_STRING_EQUAL(s.name, "spiffe://example/client");
    tear_down(&s);
}

static void
test_clients_without_a_certificate_get_nowhere(void)
{
    scene s;
    set_up(&s);
    ask_clients(&s, BELAY_TLS_CLIENTS_MUST_HAVE);
    start(&s, 1);
    CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_UNAVAILABLE);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_started, 0);
    gate_wait(&s.warned);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.warning, "the client has shown no certificate"));
    tear_down(&s);
}

static void
test_another_server_is_not_talked_to(void)
{
    scene s;
    set_up(&s);
    CU_ASSERT_EQUAL(belay_tls_set_host(s.client, "bank.example"), BELAY_OK);
    start(&s, 1);
    expect_unavailable(s.f.channel, "the certificate is for localhost, 127.0.0.1, ::1, not for bank.example");
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handlers_started, 0);
    tear_down(&s);
}

static void
test_plaintext_and_tls_do_not_meet(void)
{
    scene s;
    set_up(&s);
    start(&s, 1);
    belay_channel *plain = belay_channel_new(s.f.runtime, s.f.address, NULL);
    CU_ASSERT_EQUAL(call_on(plain), BELAY_UNAVAILABLE);
    belay_channel_free(plain);
    belay_server *server = belay_server_new(s.f.runtime, NULL);
    CU_ASSERT_EQUAL_FATAL(belay_server_listen(server, "127.0.0.1:0", NULL), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_start(server), BELAY_OK);
    belay_channel *secure = belay_channel_new(s.f.runtime, belay_server_address(server, 0), s.options);
    expect_unavailable(secure, "does not speak TLS (is it plaintext?)");
    belay_channel_free(secure);
    belay_server_free(server);
    tear_down(&s);
}

static void
test_a_server_without_a_certificate_does_not_listen(void)
{
    scene s;
    set_up(&s);
    start(&s, 1);
    belay_server *server = belay_server_new(s.f.runtime, NULL);
    CU_ASSERT_EQUAL(belay_server_listen(server, "127.0.0.1:0", s.client), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_PTR_NULL(belay_server_address(server, 0));
    CU_ASSERT_EQUAL(belay_server_listen(server, "nowhere", s.server), BELAY_INVALID_ARGUMENT);
    belay_server_free(server);
    tear_down(&s);
}

static void
test_new_certificates_are_for_new_connections(void)
{
    scene s;
    set_up(&s);
    start(&s, 1);
    CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_OK);
    certificates_replace(&s.files, "server", "stranger");
    CU_ASSERT_EQUAL(belay_tls_reload(s.server), BELAY_OK);
    CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_OK);
    belay_channel *other = belay_channel_new(s.f.runtime, s.f.address, s.options);
    expect_unavailable(other, "by no authority that is trusted here");
    belay_channel_free(other);
    tear_down(&s);
}

/* ---- Many at once, and those that do not go on --------------------------------------------------- */

#define CROWD 60

static void
test_calls_go_on_while_others_do_not_shake_hands(void)
{
    scene s;
    int silent[CROWD];
    set_up(&s);
    start(&s, 1);
    for (int i = 0; i < CROWD; i++)
        silent[i] = connect_silently(&s);
    FIXTURE_AWAIT(&s.f, connections, CROWD);
    CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_OK);
    for (int i = 0; i < CROWD; i++)
        close(silent[i]);
    tear_down(&s);
}

static void
test_a_burst_of_handshakes_is_dealt_with(void)
{
    scene s;
    belay_channel *channels[CROWD];
    belay_call *calls[CROWD];
    set_up(&s);
    start(&s, 2);
    for (int i = 0; i < CROWD; i++) {
        channels[i] = belay_channel_new(s.f.runtime, s.f.address, s.options);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(channels[i], NULL, NOTE("hello"), NULL, &calls[i]),
                              BELAY_OK);
    }
    for (int i = 0; i < CROWD; i++) {
        CU_ASSERT_EQUAL(finish(calls[i]).code, BELAY_OK);
        belay_channel_free(channels[i]);
    }
    tear_down(&s);
}

static void
test_a_handshake_that_stalls_is_given_up(void)
{
    scene s;
    char byte;
    set_up(&s);
    belay_tls_set_handshake_timeout(s.server, BELAY_MILLISECONDS(30));
    start(&s, 1);
    int silent = connect_silently(&s);
    CU_ASSERT_EQUAL(recv(silent, &byte, 1, 0), 0);
    gate_wait(&s.warned);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.warning, "TLS handshake: not done within 30 ms"));
    close(silent);
    fixture_await_no_connection(&s.f);
    tear_down(&s);
}

static void
test_a_drain_does_not_wait_for_handshakes(void)
{
    scene s;
    set_up(&s);
    belay_tls_set_handshake_timeout(s.server, BELAY_FOREVER);
    start(&s, 1);
    int silent = connect_silently(&s);
    FIXTURE_AWAIT(&s.f, connections, 1);
    CU_ASSERT_EQUAL(belay_server_drain(s.f.server, BELAY_FOREVER, 0), BELAY_OK);
    close(silent);
    tear_down(&s);
}

static void
test_a_channel_that_is_freed_does_not_wait_for_its_handshake(void)
{
    scene s;
    char address[32];
    set_up(&s);
    start(&s, 1);
    belay_tls_set_handshake_timeout(s.client, BELAY_FOREVER);
    int listener = raw_listen(address);
    belay_channel *channel = belay_channel_new(s.f.runtime, address, s.options);
    belay_call *call;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(channel, NULL, NOTE("hello"), NULL, &call), BELAY_OK);
    int accepted = accept(listener, NULL, NULL);
    char hello[5];
    CU_ASSERT_EQUAL(recv(accepted, hello, sizeof hello, MSG_WAITALL), sizeof hello); /* it has begun */
    belay_channel_free(channel);
    CU_ASSERT_NOT_EQUAL(finish(call).code, BELAY_OK);
    close(accepted);
    close(listener);
    tear_down(&s);
}

/* The helper's thread answers to the channel's loop, which must not be gone then. */
static void
test_a_runtime_may_go_right_after_a_handshake_that_was_given_up(void)
{
    scene s;
    char address[32], first;
    set_up(&s);
    start(&s, 1);
    int listener = raw_listen(address);
    for (int i = 0; i < 200; i++) {
        belay_call *call = NULL;
        belay_runtime *runtime = belay_runtime_new(NULL);
        belay_channel *channel = belay_channel_new(runtime, address, s.options);
        CU_ASSERT_EQUAL_FATAL(belay_test_probe_chat_start(channel, NULL, NULL, &call), BELAY_OK);
        int accepted = accept(listener, NULL, NULL);
        CU_ASSERT_EQUAL(read(accepted, &first, 1), 1); /* its handshake has begun */
        belay_call_free(call);
        belay_channel_free(channel);
        belay_runtime_unref(runtime);
        close(accepted);
    }
    close(listener);
    tear_down(&s);
}

/* Whoever looks around for what a server speaks does not fill its log. */
static void
test_handshakes_that_fail_are_counted_and_not_all_told(void)
{
    static const char garbage[] = "GET / HTTP/1.1\r\n\r\n";
    scene s;
    char byte;
    set_up(&s);
    start(&s, 1);
    for (int i = 0; i < CROWD; i++) {
        int peer = connect_silently(&s);
        CU_ASSERT_EQUAL(send(peer, garbage, sizeof garbage - 1, MSG_NOSIGNAL), sizeof garbage - 1);
        while (recv(peer, &byte, 1, 0) > 0) /* an alert */
            continue;
        close(peer);
    }
    FIXTURE_AWAIT(&s.f, handshakes_failed, CROWD);
    CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&s.f).handshakes_failed, CROWD);
    tear_down(&s);
    CU_ASSERT_TRUE(s.complaints >= 1);
    CU_ASSERT_TRUE(s.complaints < CROWD);
    CU_ASSERT_TRUE(s.complaints + s.left_out <= CROWD);
}

/* ---- What one connection may ask of TLS ---------------------------------------------------------- */

static void
test_a_flood_of_new_keys_ends_its_connection(void)
{
    scene s;
    char byte;
    set_up(&s);
    start(&s, 1);
    SSL *ssl = raw_tls_client(connect_silently(&s), "\2h2");
    CU_ASSERT_EQUAL_FATAL(SSL_connect(ssl), 1);
    while (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_do_handshake(ssl) == 1)
        continue;
    while (SSL_read(ssl, &byte, 1) > 0)
        continue;
    gate_wait(&s.warned);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.warning, "limit reached: messages of TLS itself (32) by 127.0.0.1:"));
    CU_ASSERT_EQUAL(belay_server_limit_reached(s.f.server, BELAY_LIMIT_TLS_MESSAGES), 1);
    CU_ASSERT_EQUAL(call_on(s.f.channel), BELAY_OK);
    raw_tls_free(ssl);
    tear_down(&s);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"calls_are_answered", test_calls_are_answered},
        {"large_messages_cross", test_large_messages_cross},
        {"a_cancel_crosses", test_a_cancel_crosses},
        {"handlers_know_who_calls", test_handlers_know_who_calls},
        {"clients_without_a_certificate_get_nowhere", test_clients_without_a_certificate_get_nowhere},
        {"another_server_is_not_talked_to", test_another_server_is_not_talked_to},
        {"plaintext_and_tls_do_not_meet", test_plaintext_and_tls_do_not_meet},
        {"a_server_without_a_certificate_does_not_listen", test_a_server_without_a_certificate_does_not_listen},
        {"new_certificates_are_for_new_connections", test_new_certificates_are_for_new_connections},
        {"calls_go_on_while_others_do_not_shake_hands", test_calls_go_on_while_others_do_not_shake_hands},
        {"a_burst_of_handshakes_is_dealt_with", test_a_burst_of_handshakes_is_dealt_with},
        {"a_handshake_that_stalls_is_given_up", test_a_handshake_that_stalls_is_given_up},
        {"a_drain_does_not_wait_for_handshakes", test_a_drain_does_not_wait_for_handshakes},
        {"a_channel_that_is_freed_does_not_wait_for_its_handshake",
         test_a_channel_that_is_freed_does_not_wait_for_its_handshake},
        {"a_runtime_may_go_right_after_a_handshake_that_was_given_up",
         test_a_runtime_may_go_right_after_a_handshake_that_was_given_up},
        {"handshakes_that_fail_are_counted_and_not_all_told", test_handshakes_that_fail_are_counted_and_not_all_told},
        {"a_flood_of_new_keys_ends_its_connection", test_a_flood_of_new_keys_ends_its_connection},
        CU_TEST_INFO_NULL,
    };
    return suite_run("tls", tests, argc, argv);
}
