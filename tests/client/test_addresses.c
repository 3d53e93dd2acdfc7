/* SPDX-License-Identifier: MIT */
/*
 * A name that stands for several addresses, at some of which nobody is who should be. What such a name means is this
 * program's to say: it has a getaddrinfo() of its own.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <belay/time.h>

#include "support/answers.h"
#include "support/fixture.h"
#include "transport/certificates.h"

#define NAME "several.example"

typedef int resolver(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **addresses);

static const char *meaning[4]; /* addresses, then NULL; set while nobody resolves */

__attribute__((visibility("default"))) int
getaddrinfo(const char *restrict host, const char *restrict port, const struct addrinfo *restrict hints,
            struct addrinfo **restrict addresses)
{
    resolver *systems;
    *(void **)&systems = dlsym(RTLD_NEXT, "getaddrinfo");
    if (host == NULL || strcmp(host, NAME) != 0)
        return systems(host, port, hints, addresses);
    for (int i = 0; meaning[i] != NULL; i++) {
        int failed = systems(meaning[i], port, hints, addresses);
        if (failed != 0)
            return failed;
        while (*addresses != NULL)
            addresses = &(*addresses)->ai_next;
    }
    return 0;
}

static const belay_test_probe_handlers handlers = {.unary = answer_next};

/* A good server at 127.0.0.1, and a channel that is told 127.0.0.2 first. */
typedef struct bench {
    certificates files;
    belay_tls *server;
    belay_tls *client;
    belay_tls *stranger;
    fixture fixture;
    char port[8];
    belay_channel *channel;
} bench;

static belay_tls *
tls_with(const bench *b, const char *name)
{
    belay_tls *tls = belay_tls_new();
    CU_ASSERT_EQUAL_FATAL(
        belay_tls_set_certificate(tls, certificate_file(&b->files, name), key_file(&b->files, name)), BELAY_OK);
    return tls;
}

static void
bench_open(bench *b, const char *second)
{
    char target[64];
    memset(b, 0, sizeof *b);
    certificates_open(&b->files);
    certificates_make_usual(&b->files);
    b->server = tls_with(b, "server");
    b->stranger = tls_with(b, "stranger");
    b->client = belay_tls_new();
    CU_ASSERT_EQUAL_FATAL(belay_tls_set_trust(b->client, certificate_file(&b->files, "ca")), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_tls_set_host(b->client, "localhost"), BELAY_OK);
    belay_channel_options *options = belay_channel_options_new();
    belay_channel_options_set_tls(options, b->client);
    fixture_open(&b->fixture, &(fixture_options){.handlers = handlers, .tls = b->server, .channel = options});
    meaning[0] = "127.0.0.2";
    meaning[1] = second;
    snprintf(b->port, sizeof b->port, "%s", strrchr(b->fixture.address, ':') + 1);
    snprintf(target, sizeof target, NAME ":%s", b->port);
    b->channel = belay_channel_new(b->fixture.runtime, target, options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->channel);
    belay_channel_options_free(options);
}

static void
bench_close(bench *b)
{
    belay_channel_free(b->channel);
    fixture_close(&b->fixture);
    belay_tls_free(b->server);
    belay_tls_free(b->stranger);
    belay_tls_free(b->client);
    certificates_close(&b->files);
}

/* Somebody else at the first address. tls: NULL: plaintext. */
static belay_server *
put_first(bench *b, belay_tls *tls)
{
    char address[32];
    belay_server *server = belay_server_new(b->fixture.runtime, NULL);
    snprintf(address, sizeof address, "127.0.0.2:%s", b->port);
    CU_ASSERT_EQUAL_FATAL(belay_server_listen(server, address, tls), BELAY_OK);
    CU_ASSERT_EQUAL_FATAL(belay_server_start(server), BELAY_OK);
    return server;
}

/* One that takes connections and says nothing. */
static int
put_silent_first(const bench *b)
{
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    name.sin_port = htons((uint16_t)strtoul(b->port, NULL, 10));
    CU_ASSERT_EQUAL_FATAL(bind(descriptor, (struct sockaddr *)&name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(listen(descriptor, 8), 0);
    return descriptor;
}

static ending
call(bench *b)
{
    belay_call *started = NULL;
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b->channel, NULL, NOTE("x"), NULL, &started), BELAY_OK);
    return finish(started);
}

static void
test_an_address_where_nobody_listens_is_passed_over(void)
{
    bench b;
    bench_open(&b, "127.0.0.1");
    CU_ASSERT_EQUAL(call(&b).code, BELAY_OK);
    bench_close(&b);
}

static void
test_an_address_with_a_wrong_certificate_is_passed_over(void)
{
    bench b;
    bench_open(&b, "127.0.0.1");
    belay_server *other = put_first(&b, b.stranger);
    CU_ASSERT_EQUAL(call(&b).code, BELAY_OK);
    belay_server_free(other);
    bench_close(&b);
}

static void
test_an_address_without_tls_is_passed_over(void)
{
    bench b;
    bench_open(&b, "127.0.0.1");
    belay_server *other = put_first(&b, NULL);
    CU_ASSERT_EQUAL(call(&b).code, BELAY_OK);
    belay_server_free(other);
    bench_close(&b);
}

static void
test_an_address_where_the_handshake_stalls_is_passed_over(void)
{
    bench b;
    bench_open(&b, "127.0.0.1");
    int silent = put_silent_first(&b);
    belay_tls_set_handshake_timeout(b.client, BELAY_MILLISECONDS(200));
    ending end = call(&b);
    CU_ASSERT_TRUE(end.code == BELAY_OK ||
                   strstr(end.message, "127.0.0.1") != NULL); /* a slow machine: the second took too long as well */
    close(silent);
    bench_close(&b);
}

/* Whoever was there and is not who was wanted says more than that elsewhere nobody is. */
static void
test_what_a_handshake_came_to_is_told(void)
{
    bench b;
    bench_open(&b, "127.0.0.3");
    belay_server *other = put_first(&b, b.stranger);
    ending end = call(&b);
    CU_ASSERT_EQUAL(end.code, BELAY_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(end.message, "127.0.0.2"));
    CU_ASSERT_PTR_NOT_NULL(strstr(end.message, "by no authority that is trusted here"));
    belay_server_free(other);
    bench_close(&b);
}

/* Its handshake is under way, and there would be another address. */
static void
test_a_channel_that_is_freed_tries_no_other_address(void)
{
    bench b;
    belay_call *started = NULL;
    bench_open(&b, "127.0.0.1");
    belay_tls_set_handshake_timeout(b.client, BELAY_FOREVER);
    int silent = put_silent_first(&b);
    CU_ASSERT_EQUAL_FATAL(belay_test_probe_unary_start(b.channel, NULL, NOTE("x"), NULL, &started), BELAY_OK);
    int accepted = accept(silent, NULL, NULL);
    char hello[5];
    CU_ASSERT_EQUAL(recv(accepted, hello, sizeof hello, MSG_WAITALL), sizeof hello);
    belay_channel_free(b.channel);
    b.channel = NULL;
    CU_ASSERT_NOT_EQUAL(finish(started).code, BELAY_OK);
    CU_ASSERT_EQUAL(fixture_counters(&b.fixture).handlers_started, 0);
    close(accepted);
    close(silent);
    bench_close(&b);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"an_address_where_nobody_listens_is_passed_over", test_an_address_where_nobody_listens_is_passed_over},
        {"an_address_with_a_wrong_certificate_is_passed_over",
         test_an_address_with_a_wrong_certificate_is_passed_over},
        {"an_address_without_tls_is_passed_over", test_an_address_without_tls_is_passed_over},
        {"an_address_where_the_handshake_stalls_is_passed_over",
         test_an_address_where_the_handshake_stalls_is_passed_over},
        {"what_a_handshake_came_to_is_told", test_what_a_handshake_came_to_is_told},
        {"a_channel_that_is_freed_tries_no_other_address", test_a_channel_that_is_freed_tries_no_other_address},
        CU_TEST_INFO_NULL,
    };
    return suite_run("client/addresses", tests, argc, argv);
}
