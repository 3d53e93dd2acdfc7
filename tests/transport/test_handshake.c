/* SPDX-License-Identifier: MIT */
/*
 * Who is believed and who is not, and what is said then.
 */
#include "transport/handshake.h"

#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <belay/time.h>

#include "transport/peer_identity.h"
#include "transport/tls_scene.h"

static void
use_certificate(tls_scene *scene, tls_side *side, const char *name)
{
    CU_ASSERT_EQUAL_FATAL(belay_tls_set_certificate(side->tls, certificate_file(&scene->files, name),
                                                    key_file(&scene->files, name)),
                          BELAY_OK);
}

static void
trust(tls_scene *scene, tls_side *side, const char *name)
{
    CU_ASSERT_EQUAL_FATAL(belay_tls_set_trust(side->tls, certificate_file(&scene->files, name)), BELAY_OK);
}

/* The side has failed, with these words. */
static void
expect_refusal(const tls_side *side, const char *words)
{
    CU_ASSERT_PTR_NULL(side->stream);
    CU_ASSERT_PTR_NOT_NULL(strstr(side->error, words));
    if (strstr(side->error, words) == NULL)
        fprintf(stderr, "said: %s\nnot: %s\n", side->error, words);
}

/* ---- Servers ------------------------------------------------------------------------------------- */

static void
test_a_good_server_is_believed(void)
{
    static const char *const authorities[] = {"localhost:1", "localhost", "LOCALHOST:1", "127.0.0.1:1", "[::1]:1",
                                              "::1"};
    tls_scene scene;
    tls_scene_open(&scene);
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++) {
        tls_scene_aim(&scene, authorities[i]);
        tls_scene_shake(&scene);
        CU_ASSERT_PTR_NOT_NULL(scene.client.stream);
        CU_ASSERT_PTR_NOT_NULL(scene.server.stream);
    }
    tls_scene_close(&scene);
}

static void
test_a_certificate_for_another_host_is_refused(void)
{
    static const char *const authorities[] = {"example.org:1", "127.0.0.2:1", "[::2]:1", "localhost.example.org:1"};
    tls_scene scene;
    char words[128];
    tls_scene_open(&scene);
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++) {
        tls_scene_aim(&scene, authorities[i]);
        tls_scene_shake(&scene);
        expect_refusal(&scene.client, "the certificate is for localhost, 127.0.0.1, ::1, not for ");
        expect_refusal(&scene.server, "the other side refused it");
    }
    snprintf(words, sizeof words, "not for localhost.example.org");
    expect_refusal(&scene.client, words);
    tls_scene_close(&scene);
}

static void
test_a_subject_is_no_host_name(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files, (certificate_wish){.name = "localhost", .issuer = "ca"});
    use_certificate(&scene, &scene.server, "localhost");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "it has no subjectAltName");
    tls_scene_close(&scene);
}

static void
test_wildcards_stand_for_one_label(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files,
                      (certificate_wish){.name = "wild", .issuer = "ca", .names = "DNS:*.example.org"});
    use_certificate(&scene, &scene.server, "wild");
    tls_scene_aim(&scene, "a.example.org:1");
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL(scene.client.stream);
    tls_scene_aim(&scene, "a.b.example.org:1");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate is for *.example.org, not for a.b.example.org");
    tls_scene_close(&scene);
}

/* Only a whole label may be one, the first, and not right below what everybody has. */
static void
test_other_wildcards_stand_for_nothing(void)
{
    static const struct {
        const char *name, *names, *authority;
    } wrong[] = {
        {"all", "DNS:*", "localhost:1"},
        {"top", "DNS:*.org", "example.org:1"},
        {"part", "DNS:a*.example.org", "ab.example.org:1"},
        {"second", "DNS:a.*.org", "a.example.org:1"},
        {"numbers", "DNS:*.0.0.1", "127.0.0.1:1"},
        {"itself", "DNS:*.example.org", "example.org:1"},
    };
    tls_scene scene;
    tls_scene_open(&scene);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        certificates_make(&scene.files,
                          (certificate_wish){.name = wrong[i].name, .issuer = "ca", .names = wrong[i].names});
        use_certificate(&scene, &scene.server, wrong[i].name);
        tls_scene_aim(&scene, wrong[i].authority);
        tls_scene_shake(&scene);
        expect_refusal(&scene.client, "the certificate is for ");
    }
    tls_scene_close(&scene);
}

/* An address is no host's name, whatever it looks like, and the other way round. */
static void
test_names_and_addresses_are_not_taken_for_each_other(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files, (certificate_wish){.name = "named", .issuer = "ca", .names = "DNS:127.0.0.1"});
    certificates_make(&scene.files, (certificate_wish){.name = "numbered", .issuer = "ca", .names = "IP:127.0.0.1"});
    use_certificate(&scene, &scene.server, "named");
    tls_scene_aim(&scene, "127.0.0.1:1");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "not for 127.0.0.1");
    use_certificate(&scene, &scene.server, "numbered");
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL(scene.client.stream);
    tls_scene_aim(&scene, "localhost:1");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "not for localhost");
    tls_scene_close(&scene);
}

static void
test_what_a_certificate_may_be_used_for_is_looked_at(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files, (certificate_wish){.name = "only-client", .issuer = "ca",
                                                       .names = "DNS:localhost", .usages = "clientAuth"});
    certificates_make(&scene.files, (certificate_wish){.name = "only-server", .issuer = "ca",
                                                       .names = "DNS:localhost", .usages = "serverAuth"});
    use_certificate(&scene, &scene.server, "only-client");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate of \"CN=only-client,O=belay tests\" is not accepted");
    use_certificate(&scene, &scene.server, "only-server");
    use_certificate(&scene, &scene.client, "only-server");
    trust(&scene, &scene.server, "ca");
    belay_tls_set_clients(scene.server.tls, BELAY_TLS_CLIENTS_MUST_HAVE);
    tls_scene_shake(&scene);
    expect_refusal(&scene.server, "the certificate of \"CN=only-server,O=belay tests\" is not accepted");
    use_certificate(&scene, &scene.client, "only-client");
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL(scene.server.stream);
    tls_scene_close(&scene);
}

static void
test_an_authority_keeps_to_its_names(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files, (certificate_wish){.name = "small-ca", .is_authority = true,
                                                       .limits = "critical,permitted;DNS:example.org"});
    certificates_make(&scene.files,
                      (certificate_wish){.name = "inside", .issuer = "small-ca", .names = "DNS:a.example.org"});
    certificates_make(&scene.files,
                      (certificate_wish){.name = "outside", .issuer = "small-ca", .names = "DNS:localhost"});
    trust(&scene, &scene.client, "small-ca");
    use_certificate(&scene, &scene.server, "outside");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate of \"CN=outside,O=belay tests\"");
    use_certificate(&scene, &scene.server, "inside");
    tls_scene_aim(&scene, "a.example.org:1");
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL(scene.client.stream);
    tls_scene_close(&scene);
}

/* Who has a certificate vouches for nobody else with it. */
static void
test_a_server_is_no_authority(void)
{
    tls_scene scene;
    char both[16384];
    tls_scene_open(&scene);
    certificates_make(&scene.files, (certificate_wish){.name = "leaf", .issuer = "server", .names = "DNS:localhost"});
    size_t size = 0;
    static const char *const chain[] = {"leaf", "server"};
    for (int i = 0; i < 2; i++) {
        FILE *in = fopen(certificate_file(&scene.files, chain[i]), "r");
        CU_ASSERT_PTR_NOT_NULL_FATAL(in);
        size += fread(both + size, 1, sizeof both - 1 - size, in);
        fclose(in);
    }
    both[size] = '\0';
    certificates_write(&scene.files, "leaf.pem", both);
    use_certificate(&scene, &scene.server, "leaf");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate of \"CN=server,O=belay tests\"");
    tls_scene_close(&scene);
}

/* OpenSSL takes no name for any name, and a dot before one for all names below. */
static void
test_what_is_no_name_is_nobodys(void)
{
    static const char *const authorities[] = {":1", "[]:1", "", ".", ".:1", ".localhost:1", "..:1"};
    tls_scene scene;
    tls_scene_open(&scene);
    for (size_t i = 0; i < sizeof authorities / sizeof authorities[0]; i++)
        CU_ASSERT_PTR_NULL(bly_tls_target_new(scene.client.tls, authorities[i]));
    CU_ASSERT_EQUAL(belay_tls_set_host(scene.client.tls, ".localhost"), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_tls_set_host(scene.client.tls, ""), BELAY_INVALID_ARGUMENT);
    tls_scene_close(&scene);
}

static void
test_the_name_that_is_set_is_the_one_that_counts(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    CU_ASSERT_EQUAL(belay_tls_set_host(scene.client.tls, "localhost"), BELAY_OK);
    tls_scene_aim(&scene, "192.0.2.1:1");
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL(scene.client.stream);
    CU_ASSERT_EQUAL(belay_tls_set_host(scene.client.tls, "no name"), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_tls_set_host(scene.client.tls, NULL), BELAY_OK);
    tls_scene_aim(&scene, "192.0.2.1:1");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "not for 192.0.2.1");
    tls_scene_close(&scene);
}

static void
test_authorities_that_nobody_trusts_are_refused(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files, (certificate_wish){.name = "itself", .names = "DNS:localhost"});
    use_certificate(&scene, &scene.server, "itself");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate of \"CN=itself,O=belay tests\"");
    use_certificate(&scene, &scene.server, "stranger");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate of \"CN=stranger,O=belay tests\" is by no authority");
    trust(&scene, &scene.client, "other-ca");
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL(scene.client.stream);
    tls_scene_close(&scene);
}

static void
test_the_system_does_not_know_a_test(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    CU_ASSERT_EQUAL(belay_tls_set_trust(scene.client.tls, NULL), BELAY_OK);
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "by no authority that is trusted here");
    tls_scene_close(&scene);
}

static void
test_times_are_looked_at(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files, (certificate_wish){.name = "old", .issuer = "ca", .names = "DNS:localhost",
                                                       .from_s = -7200, .until_s = -3600});
    certificates_make(&scene.files, (certificate_wish){.name = "young", .issuer = "ca", .names = "DNS:localhost",
                                                       .from_s = 3600, .until_s = 7200});
    use_certificate(&scene, &scene.server, "old");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate of \"CN=old,O=belay tests\" expired on ");
    use_certificate(&scene, &scene.server, "young");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "the certificate of \"CN=young,O=belay tests\" is not valid before ");
    tls_scene_close(&scene);
}

static void
test_rsa_keys_will_do(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files,
                      (certificate_wish){.name = "rsa", .issuer = "ca", .names = "DNS:localhost", .is_rsa = true});
    use_certificate(&scene, &scene.server, "rsa");
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL(scene.client.stream);
    tls_scene_close(&scene);
}

/* ---- Clients ------------------------------------------------------------------------------------- */

static void
ask_clients(tls_scene *scene, belay_tls_clients clients)
{
    trust(scene, &scene->server, "ca");
    belay_tls_set_clients(scene->server.tls, clients);
}

typedef struct identity_request {
    bly_stream *stream;
    belay_peer_identity *identity;
} identity_request;

static void
take_identity(void *argument)
{
    identity_request *request = argument;
    request->identity = bly_stream_take_identity(request->stream);
}

static belay_peer_identity *
identity_of(tls_scene *scene)
{
    identity_request request = {scene->server.stream, NULL};
    bly_loop_call(scene->loop, take_identity, &request);
    return request.identity;
}

static void
expect_client(const belay_peer_identity *identity)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(identity);
    CU_ASSERT_STRING_EQUAL(belay_peer_identity_subject(identity), "CN=client,O=belay tests");
    CU_ASSERT_STRING_EQUAL(belay_peer_identity_name(identity, BELAY_PEER_NAME_DNS, 0), "client.example");
    CU_ASSERT_PTR_NULL(belay_peer_identity_name(identity, BELAY_PEER_NAME_DNS, 1));
    CU_ASSERT_STRING_EQUAL(belay_peer_identity_name(identity, BELAY_PEER_NAME_IP, 0), "192.0.2.7");
    CU_ASSERT_STRING_EQUAL(belay_peer_identity_name(identity, BELAY_PEER_NAME_IP, 1), "2001:db8::7");
    CU_ASSERT_STRING_EQUAL(belay_peer_identity_name(identity, BELAY_PEER_NAME_URI, 0), "spiffe://example/client");
    CU_ASSERT_STRING_EQUAL(belay_peer_identity_name(identity, BELAY_PEER_NAME_EMAIL, 0), "client@example");
    CU_ASSERT_PTR_NOT_NULL(strstr(belay_peer_identity_certificate(identity), "-----BEGIN CERTIFICATE-----"));
}

static void
test_a_client_is_known_by_its_certificate(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    use_certificate(&scene, &scene.client, "client");
    ask_clients(&scene, BELAY_TLS_CLIENTS_MUST_HAVE);
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.server.stream);
    belay_peer_identity *identity = identity_of(&scene);
    expect_client(identity);
    CU_ASSERT_PTR_NULL(identity_of(&scene)); /* it was given away */
    bly_peer_identity_free(identity);
    tls_scene_close(&scene);
}

static void
test_a_client_without_a_certificate_may_be_served_or_not(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    ask_clients(&scene, BELAY_TLS_CLIENTS_MAY_HAVE);
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.server.stream);
    CU_ASSERT_PTR_NULL(identity_of(&scene));
    belay_tls_set_clients(scene.server.tls, BELAY_TLS_CLIENTS_MUST_HAVE);
    tls_scene_shake(&scene);
    expect_refusal(&scene.server, "the client has shown no certificate");
    /* With TLS 1.3 a client learns of it when it reads. */
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.client.stream);
    CU_ASSERT_EQUAL(tls_side_read(&scene.client, 1), 0);
    CU_ASSERT_EQUAL(scene.client.ended, BLY_STREAM_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(bly_stream_error(scene.client.stream), "the other side refused it"));
    tls_scene_close(&scene);
}

static void
test_a_client_of_a_strange_authority_is_refused_also_where_none_is_needed(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    use_certificate(&scene, &scene.client, "stranger");
    ask_clients(&scene, BELAY_TLS_CLIENTS_MAY_HAVE);
    tls_scene_shake(&scene);
    expect_refusal(&scene.server, "the certificate of \"CN=stranger,O=belay tests\" is by no authority");
    tls_scene_close(&scene);
}

static void
test_a_server_lacks_nothing_or_says_so(void)
{
    tls_scene scene;
    bly_tls_user *user = NULL;
    char words[200];
    tls_scene_open(&scene);
    CU_ASSERT_EQUAL(bly_tls_use_as_server(scene.client.tls, &scene.log, &user), BELAY_FAILED_PRECONDITION);
    belay_tls_error(scene.client.tls, words, sizeof words);
    CU_ASSERT_PTR_NOT_NULL(strstr(words, "needs a certificate"));
    belay_tls_set_clients(scene.server.tls, BELAY_TLS_CLIENTS_MAY_HAVE);
    CU_ASSERT_EQUAL(bly_tls_use_as_server(scene.server.tls, &scene.log, &user), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_TRUE(tls_scene_logged(&scene, "nobody is trusted"));
    CU_ASSERT_PTR_NULL(user);
    tls_scene_close(&scene);
}

/* Servers of whom the system believes is no clients' certificate, unless somebody says so. */
static void
test_a_client_that_believes_its_system_does_not_make_a_server_do_so(void)
{
    tls_scene scene;
    bly_tls_user *client = NULL, *server = NULL;
    tls_scene_open(&scene);
    CU_ASSERT_EQUAL_FATAL(bly_tls_use_as_client(scene.server.tls, &scene.log, &client), BELAY_OK);
    belay_tls_set_clients(scene.server.tls, BELAY_TLS_CLIENTS_MUST_HAVE);
    CU_ASSERT_EQUAL(bly_tls_use_as_server(scene.server.tls, &scene.log, &server), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_PTR_NULL(server);
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_OK);
    CU_ASSERT_EQUAL(bly_tls_use_as_server(scene.server.tls, &scene.log, &server), BELAY_FAILED_PRECONDITION);
    CU_ASSERT_EQUAL(belay_tls_set_trust(scene.server.tls, NULL), BELAY_OK);
    CU_ASSERT_EQUAL(bly_tls_use_as_server(scene.server.tls, &scene.log, &server), BELAY_OK);
    bly_tls_leave(server);
    bly_tls_leave(client);
    tls_scene_close(&scene);
}

/* ---- Sessions ------------------------------------------------------------------------------------ */

static void
exchange_a_byte(tls_scene *scene)
{
    tls_side_write(&scene->server, "x", 1);
    CU_ASSERT_EQUAL(tls_side_read(&scene->client, 1), 1); /* the ticket has come with it */
}

/* A resumed session spares the server's certificate: a client that trusts nobody any more would see no
 * difference. */
static void
test_a_session_is_resumed(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    use_certificate(&scene, &scene.client, "client");
    ask_clients(&scene, BELAY_TLS_CLIENTS_MUST_HAVE);
    tls_scene_shake(&scene);
    CU_ASSERT_FALSE(bly_stream_is_resumed(scene.client.stream));
    exchange_a_byte(&scene);
    for (int i = 0; i < 3; i++) {
        tls_scene_shake(&scene);
        CU_ASSERT_PTR_NOT_NULL_FATAL(scene.client.stream);
        CU_ASSERT_TRUE(bly_stream_is_resumed(scene.client.stream));
        CU_ASSERT_TRUE(bly_stream_is_resumed(scene.server.stream));
        belay_peer_identity *identity = identity_of(&scene);
        expect_client(identity);
        bly_peer_identity_free(identity);
        exchange_a_byte(&scene);
    }
    tls_scene_close(&scene);
}

static void
test_a_session_does_not_outlive_the_rules_it_was_made_by(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    tls_scene_shake(&scene);
    exchange_a_byte(&scene);
    trust(&scene, &scene.client, "other-ca");
    tls_scene_shake(&scene);
    expect_refusal(&scene.client, "by no authority that is trusted here");
    trust(&scene, &scene.client, "ca");
    tls_scene_shake(&scene);
    exchange_a_byte(&scene);
    CU_ASSERT_EQUAL(belay_tls_reload(scene.server.tls), BELAY_OK);
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.client.stream);
    CU_ASSERT_FALSE(bly_stream_is_resumed(scene.client.stream));
    tls_scene_close(&scene);
}

/* ---- What is not spoken here --------------------------------------------------------------------- */

typedef struct raw_wish {
    const char *protocols; /* of ALPN; NULL: none */
    int version;           /* at most; 0: any */
    const char *ciphers;   /* of TLS 1.2; NULL: any */
    const char *groups;    /* NULL: any */
} raw_wish;

/* OpenSSL's handshake with a belay server: the alert that it gets, or 0 when all went well. */
static int
shake_raw(tls_scene *scene, raw_wish wish)
{
    int alert = 0;
    SSL *ssl = raw_tls_client(tls_scene_shake_alone(scene, &scene->server), wish.protocols);
    if (wish.version != 0) {
        SSL_set_min_proto_version(ssl, 0);
        SSL_set_max_proto_version(ssl, wish.version);
    }
    if (wish.ciphers != NULL)
        SSL_set_cipher_list(ssl, wish.ciphers);
    if (wish.groups != NULL)
        CU_ASSERT_EQUAL(SSL_set1_groups_list(ssl, wish.groups), 1);
    if (SSL_connect(ssl) != 1)
        alert = ERR_GET_REASON(ERR_peek_error()) - SSL_AD_REASON_OFFSET;
    tls_side_await(&scene->server);
    raw_tls_free(ssl);
    return alert;
}

static void
test_a_client_must_offer_http_2(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = "\2h2"}), 0);
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = "\10http/1.1\2h2"}), 0);
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = NULL}), SSL_AD_NO_APPLICATION_PROTOCOL);
    expect_refusal(&scene.server, "the client does not offer HTTP/2 (ALPN \"h2\")");
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = "\10http/1.1"}), SSL_AD_NO_APPLICATION_PROTOCOL);
    expect_refusal(&scene.server, "the client does not offer HTTP/2 (ALPN \"h2\")");
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = NULL, .version = TLS1_2_VERSION}),
                    SSL_AD_NO_APPLICATION_PROTOCOL);
    tls_scene_close(&scene);
}

static void
test_versions_before_1_2_are_refused(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = "\2h2", .version = TLS1_2_VERSION}), 0);
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = "\2h2", .version = TLS1_1_VERSION}),
                    SSL_AD_PROTOCOL_VERSION);
    expect_refusal(&scene.server, "only TLS before 1.2");
    tls_scene_close(&scene);
}

static void
test_ciphers_without_forward_secrecy_or_authentication_are_refused(void)
{
    static const char *const weak[] = {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384",
                                       "DHE-RSA-AES128-GCM-SHA256", "AES256-SHA"};
    static const char *const good[] = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"};
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files,
                      (certificate_wish){.name = "rsa", .issuer = "ca", .names = "DNS:localhost", .is_rsa = true});
    use_certificate(&scene, &scene.server, "rsa");
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        raw_wish wish = {.protocols = "\2h2", .version = TLS1_2_VERSION, .ciphers = weak[i]};
        CU_ASSERT_EQUAL(shake_raw(&scene, wish), SSL_AD_HANDSHAKE_FAILURE);
        expect_refusal(&scene.server, "no cipher with ECDHE and authenticated encryption");
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CU_ASSERT_EQUAL(
            shake_raw(&scene, (raw_wish){.protocols = "\2h2", .version = TLS1_2_VERSION, .ciphers = good[i]}), 0);
    tls_scene_close(&scene);
}

/* They would cost a server the most, and are asked for by nobody else. */
static void
test_keys_are_agreed_on_by_curves_only(void)
{
    static const char *const curves[] = {"X25519", "P-256", "P-384", "P-521", "X448"};
    tls_scene scene;
    tls_scene_open(&scene);
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
        CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = "\2h2", .groups = curves[i]}), 0);
    CU_ASSERT_EQUAL(shake_raw(&scene, (raw_wish){.protocols = "\2h2", .groups = "ffdhe2048:ffdhe8192"}),
                    SSL_AD_HANDSHAKE_FAILURE);
    expect_refusal(&scene.server, "no suitable key share");
    tls_scene_close(&scene);
}

static void
test_plaintext_is_told_apart(void)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    tls_scene scene;
    tls_scene_open(&scene);
    int peer = tls_scene_shake_alone(&scene, &scene.server);
    CU_ASSERT_EQUAL(write(peer, preface, sizeof preface - 1), sizeof preface - 1);
    tls_side_await(&scene.server);
    expect_refusal(&scene.server, "does not speak TLS (is it plaintext?)");
    close(peer);
    peer = tls_scene_shake_alone(&scene, &scene.client);
    CU_ASSERT_EQUAL(write(peer, "\0\0\0\4\0\0\0\0\0", 9), 9); /* SETTINGS */
    tls_side_await(&scene.client);
    expect_refusal(&scene.client, "does not speak TLS (is it plaintext?)");
    close(peer);
    tls_scene_close(&scene);
}

static int
choose_nothing(SSL *ssl, const unsigned char **chosen, unsigned char *size, const unsigned char *offered,
               unsigned int offered_size, void *argument)
{
    (void)ssl, (void)chosen, (void)size, (void)offered, (void)offered_size, (void)argument;
    return SSL_TLSEXT_ERR_NOACK;
}

static void
test_a_server_must_answer_for_http_2(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    SSL *ssl = raw_tls_server(&scene, choose_nothing);
    SSL_accept(ssl);
    tls_side_await(&scene.client);
    expect_refusal(&scene.client, "does not speak HTTP/2");
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

static void
test_a_server_of_before_1_2_is_refused(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    SSL *ssl = raw_tls_server(&scene, choose_nothing);
    SSL_set_security_level(ssl, 0);
    SSL_set_min_proto_version(ssl, TLS1_VERSION);
    SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
    SSL_set_cipher_list(ssl, "ALL");
    CU_ASSERT_NOT_EQUAL(SSL_accept(ssl), 1);
    tls_side_await(&scene.client);
    expect_refusal(&scene.client, "protocol version");
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

static void
test_a_server_without_forward_secrecy_is_refused(void)
{
    static const char *const weak[] = {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"};
    tls_scene scene;
    tls_scene_open(&scene);
    certificates_make(&scene.files,
                      (certificate_wish){.name = "server", .issuer = "ca", .names = "DNS:localhost", .is_rsa = true});
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        SSL *ssl = raw_tls_server(&scene, choose_nothing);
        SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
        SSL_set_cipher_list(ssl, weak[i]);
        CU_ASSERT_NOT_EQUAL(SSL_accept(ssl), 1);
        tls_side_await(&scene.client);
        expect_refusal(&scene.client, "handshake failure");
        raw_tls_free(ssl);
    }
    tls_scene_close(&scene);
}

/* ---- Time ---------------------------------------------------------------------------------------- */

static void
test_whoever_does_not_go_on_is_given_up(void)
{
    tls_scene scene;
    char byte;
    tls_scene_open(&scene);
    belay_tls_set_handshake_timeout(scene.server.tls, BELAY_MILLISECONDS(20));
    int peer = tls_scene_shake_alone(&scene, &scene.server);
    CU_ASSERT_EQUAL(write(peer, "\26\3\1", 3), 3); /* the beginning of a ClientHello */
    tls_side_await(&scene.server);
    expect_refusal(&scene.server, "not done within 20 ms");
    CU_ASSERT_TRUE(read(peer, &byte, 1) <= 0);
    close(peer);
    tls_scene_close(&scene);
}

static void
test_a_peer_that_leaves_is_told_of(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    close(tls_scene_shake_alone(&scene, &scene.server));
    tls_side_await(&scene.server);
    CU_ASSERT_PTR_NULL(scene.server.stream);
    CU_ASSERT_NOT_EQUAL(scene.server.error[0], '\0');
    tls_scene_close(&scene);
}

static void
test_a_handshake_can_be_given_up(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    int peer = tls_scene_shake_alone(&scene, &scene.server);
    tls_side_cancel(&scene.server);
    tls_side_cancel(&scene.server);
    tls_side_await(&scene.server);
    expect_refusal(&scene.server, "given up");
    close(peer);
    tls_scene_close(&scene);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"a_good_server_is_believed", test_a_good_server_is_believed},
        {"a_certificate_for_another_host_is_refused", test_a_certificate_for_another_host_is_refused},
        {"a_subject_is_no_host_name", test_a_subject_is_no_host_name},
        {"wildcards_stand_for_one_label", test_wildcards_stand_for_one_label},
        {"other_wildcards_stand_for_nothing", test_other_wildcards_stand_for_nothing},
        {"names_and_addresses_are_not_taken_for_each_other", test_names_and_addresses_are_not_taken_for_each_other},
        {"what_a_certificate_may_be_used_for_is_looked_at", test_what_a_certificate_may_be_used_for_is_looked_at},
        {"an_authority_keeps_to_its_names", test_an_authority_keeps_to_its_names},
        {"a_server_is_no_authority", test_a_server_is_no_authority},
        {"what_is_no_name_is_nobodys", test_what_is_no_name_is_nobodys},
        {"the_name_that_is_set_is_the_one_that_counts", test_the_name_that_is_set_is_the_one_that_counts},
        {"authorities_that_nobody_trusts_are_refused", test_authorities_that_nobody_trusts_are_refused},
        {"the_system_does_not_know_a_test", test_the_system_does_not_know_a_test},
        {"times_are_looked_at", test_times_are_looked_at},
        {"rsa_keys_will_do", test_rsa_keys_will_do},
        {"a_client_is_known_by_its_certificate", test_a_client_is_known_by_its_certificate},
        {"a_client_without_a_certificate_may_be_served_or_not",
         test_a_client_without_a_certificate_may_be_served_or_not},
        {"a_client_of_a_strange_authority_is_refused_also_where_none_is_needed",
         test_a_client_of_a_strange_authority_is_refused_also_where_none_is_needed},
        {"a_server_lacks_nothing_or_says_so", test_a_server_lacks_nothing_or_says_so},
        {"a_client_that_believes_its_system_does_not_make_a_server_do_so",
         test_a_client_that_believes_its_system_does_not_make_a_server_do_so},
        {"a_session_is_resumed", test_a_session_is_resumed},
        {"a_session_does_not_outlive_the_rules_it_was_made_by",
         test_a_session_does_not_outlive_the_rules_it_was_made_by},
        {"a_client_must_offer_http_2", test_a_client_must_offer_http_2},
        {"versions_before_1_2_are_refused", test_versions_before_1_2_are_refused},
        {"ciphers_without_forward_secrecy_or_authentication_are_refused",
         test_ciphers_without_forward_secrecy_or_authentication_are_refused},
        {"plaintext_is_told_apart", test_plaintext_is_told_apart},
        {"a_server_must_answer_for_http_2", test_a_server_must_answer_for_http_2},
        {"a_server_of_before_1_2_is_refused", test_a_server_of_before_1_2_is_refused},
        {"a_server_without_forward_secrecy_is_refused", test_a_server_without_forward_secrecy_is_refused},
        {"keys_are_agreed_on_by_curves_only", test_keys_are_agreed_on_by_curves_only},
        {"whoever_does_not_go_on_is_given_up", test_whoever_does_not_go_on_is_given_up},
        {"a_peer_that_leaves_is_told_of", test_a_peer_that_leaves_is_told_of},
        {"a_handshake_can_be_given_up", test_a_handshake_can_be_given_up},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/handshake", tests, argc, argv);
}
