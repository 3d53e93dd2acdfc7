/* SPDX-License-Identifier: MIT */
/*
 * Bytes through TLS: all of them, once, in order; and how it ends.
 */
#include "transport/secure.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/loop.h"
#include "transport/tls_scene.h"

/* More than sockets hold. */
#define LARGE (8u << 20)

static char *
make_bytes(size_t size)
{
    char *bytes = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    return bytes;
}

static void
shake(tls_scene *scene)
{
    tls_scene_open(scene);
    tls_scene_shake(scene);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene->client.stream);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene->server.stream);
}

static void
test_bytes_arrive_in_both_directions(void)
{
    tls_scene scene;
    shake(&scene);
    tls_side_write(&scene.client, "a question", 10);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 10), 10);
    CU_ASSERT_EQUAL(memcmp(scene.server.data, "a question", 10), 0);
    tls_side_write(&scene.server, "an answer", 9);
    CU_ASSERT_EQUAL(tls_side_read(&scene.client, 9), 9);
    CU_ASSERT_EQUAL(memcmp(scene.client.data, "an answer", 9), 0);
    tls_scene_close(&scene);
}

/* Whatever the socket takes at a time, no byte is counted before it has left, and none comes twice. */
static void
test_more_than_the_socket_takes_arrives_whole(void)
{
    tls_scene scene;
    char *bytes = make_bytes(LARGE);
    shake(&scene);
    tls_side_begin_write(&scene.client, bytes, LARGE);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, LARGE), LARGE);
    tls_side_await_written(&scene.client);
    CU_ASSERT_EQUAL(memcmp(scene.server.data, bytes, LARGE), 0);
    free(bytes);
    tls_scene_close(&scene);
}

static void
count_unsent(void *argument)
{
    tls_side *side = argument;
    struct iovec vector = {(void *)(uintptr_t)side->out, side->out_left};
    ssize_t sent;
    size_t counted = 0;
    while ((sent = bly_stream_write(side->stream, &vector, 1)) > 0) {
        counted += (size_t)sent;
        vector.iov_base = (char *)vector.iov_base + sent;
        vector.iov_len -= (size_t)sent;
    }
    CU_ASSERT_EQUAL(sent, BLY_STREAM_AGAIN);
    CU_ASSERT_EQUAL(bly_stream_write(side->stream, &vector, 1), BLY_STREAM_AGAIN);
    side->out += counted;
    side->out_left -= counted;
}

static void
test_what_the_kernel_has_not_is_not_counted(void)
{
    tls_scene scene;
    char *bytes = make_bytes(LARGE);
    shake(&scene);
    scene.client.out = bytes;
    scene.client.out_left = LARGE;
    bly_loop_call(scene.loop, count_unsent, &scene.client);
    size_t counted = LARGE - scene.client.out_left;
    CU_ASSERT_TRUE(counted < LARGE);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, counted), counted); /* all of that has left */
    tls_side_begin_write(&scene.client, scene.client.out, scene.client.out_left);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, LARGE - counted), LARGE);
    CU_ASSERT_EQUAL(memcmp(scene.server.data, bytes, LARGE), 0);
    tls_side_await_written(&scene.client);
    free(bytes);
    tls_scene_close(&scene);
}

/* Reading less than has come: the rest is in TLS, and no socket tells of it. */
static void
test_what_tls_holds_is_read_without_new_bytes(void)
{
    tls_scene scene;
    char *bytes = make_bytes(60000);
    shake(&scene);
    tls_side_write(&scene.client, bytes, 60000);
    for (size_t i = 0; i < 60000; i += 1000)
        CU_ASSERT_EQUAL(tls_side_read(&scene.server, 1000), i + 1000);
    CU_ASSERT_EQUAL(memcmp(scene.server.data, bytes, 60000), 0);
    free(bytes);
    tls_scene_close(&scene);
}

static void
test_a_stream_says_that_it_holds_more_to_read(void)
{
    tls_scene scene;
    char *bytes = make_bytes(2000);
    shake(&scene);
    tls_side_begin_read(&scene.server, 1000); /* watches, since nothing is there */
    tls_side_write(&scene.client, bytes, 2000);
    CU_ASSERT_EQUAL(tls_side_await_read(&scene.server), 1000);
    CU_ASSERT_TRUE(scene.server.reads_on);
    free(bytes);
    tls_scene_close(&scene);
}

static void
test_the_end_comes_after_the_last_bytes(void)
{
    tls_scene scene;
    shake(&scene);
    tls_side_write(&scene.client, "last", 4);
    tls_side_drop(&scene.client);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 5), 4);
    CU_ASSERT_EQUAL(scene.server.ended, 0);
    CU_ASSERT_STRING_EQUAL(bly_stream_error(scene.server.stream), "");
    tls_scene_close(&scene);
}

/* A raw client that has shaken hands. */
static SSL *
shake_raw(tls_scene *scene)
{
    tls_scene_open(scene);
    SSL *ssl = raw_tls_client(tls_scene_shake_alone(scene, &scene->server), "\2h2");
    CU_ASSERT_EQUAL_FATAL(SSL_connect(ssl), 1);
    tls_side_await(&scene->server);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene->server.stream);
    return ssl;
}

static void
test_a_connection_that_is_cut_off_is_broken(void)
{
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    CU_ASSERT_EQUAL(SSL_write(ssl, "half", 4), 4);
    shutdown(SSL_get_fd(ssl), SHUT_WR); /* without a word of the end */
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 5), 4);
    raw_tls_free(ssl);
    CU_ASSERT_EQUAL(scene.server.ended, BLY_STREAM_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(bly_stream_error(scene.server.stream), "cut off"));
    tls_scene_close(&scene);
}

static void
test_a_word_of_the_end_is_sent(void)
{
    tls_scene scene;
    char byte;
    SSL *ssl = shake_raw(&scene);
    tls_side_drop(&scene.server);
    CU_ASSERT_EQUAL(SSL_read(ssl, &byte, 1), 0);
    CU_ASSERT_EQUAL(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

static void
finish_on_loop(void *argument)
{
    tls_side *side = argument;
    bly_stream_finish(side->stream, 1u << 20, NULL);
    side->stream = NULL;
}

/* Which is more than a close looks at. */
static void
test_the_end_is_read_though_much_was_not(void)
{
    static const char much[80000];
    tls_scene scene;
    char byte;
    SSL *ssl = shake_raw(&scene);
    CU_ASSERT_EQUAL(SSL_write(ssl, much, sizeof much), sizeof much);
    bly_loop_call(scene.loop, finish_on_loop, &scene.server);
    CU_ASSERT_EQUAL(SSL_read(ssl, &byte, 1), 0);
    CU_ASSERT_EQUAL(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN);
    CU_ASSERT_EQUAL(recv(SSL_get_fd(ssl), &byte, 1, 0), 0);
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

static void
test_records_that_were_changed_are_refused(void)
{
    static const char garbage[] = "\27\3\3\0\24 not what was agreed on ";
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    CU_ASSERT_EQUAL(write(SSL_get_fd(ssl), garbage, sizeof garbage - 1), sizeof garbage - 1);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 1), 0);
    CU_ASSERT_EQUAL(scene.server.ended, BLY_STREAM_BROKEN);
    CU_ASSERT_NOT_EQUAL(bly_stream_error(scene.server.stream)[0], '\0');
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

/* Keys may be changed in the middle; the answer leaves while belay only reads. */
static void
test_new_keys_are_answered(void)
{
    tls_scene scene;
    char text[8];
    SSL *ssl = shake_raw(&scene);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        CU_ASSERT_EQUAL(SSL_write(ssl, "ask", 3), 3);
        CU_ASSERT_EQUAL(tls_side_read(&scene.server, 3), 3 * (i + 1));
        tls_side_write(&scene.server, "answer", 6);
        CU_ASSERT_EQUAL(SSL_read(ssl, text, 6), 6);
    }
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

/* What a connection has to say already is nothing that the other side asked for too often. */
static void
test_new_keys_may_be_asked_for_while_much_waits(void)
{
    enum { SIZE = 1 << 20, SMALL = 4096 };
    tls_scene scene;
    int small = SMALL, got = 0, last = 1;
    char *bytes = make_bytes(SIZE), *came = malloc(SIZE);
    SSL *ssl = shake_raw(&scene);
    CU_ASSERT_PTR_NOT_NULL_FATAL(came);
    CU_ASSERT_EQUAL(setsockopt(scene.server.descriptor, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    tls_side_begin_write(&scene.server, bytes, SIZE);
    CU_ASSERT_EQUAL(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
    CU_ASSERT_EQUAL(SSL_write(ssl, "ask", 3), 3);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 3), 3);
    for (; got < SIZE && last > 0; got += last > 0 ? last : 0)
        last = SSL_read(ssl, came + got, SIZE - got);
    CU_ASSERT_EQUAL(got, SIZE);
    CU_ASSERT_EQUAL(memcmp(came, bytes, SIZE), 0);
    tls_side_await_written(&scene.server);
    free(came);
    free(bytes);
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

typedef struct flood {
    SSL *ssl;
    tls_side *server;
    bool has_ended;
} flood;

static void
look_at_end(void *argument)
{
    flood *self = argument;
    self->has_ended = self->server->ended != 1;
}

/* Asks for as many new keys as the socket takes. */
static bool
ask_until_it_ends(void *argument)
{
    flood *self = argument;
    for (int i = 0; i < 100; i++) {
        if (SSL_do_handshake(self->ssl) != 1 || SSL_key_update(self->ssl, SSL_KEY_UPDATE_REQUESTED) != 1)
            break;
    }
    bly_loop_call(self->server->loop, look_at_end, self);
    return self->has_ended;
}

static void
allow_many(void *argument)
{
    const tls_side *side = argument;
    bly_stream_limit_messages(side->stream, UINT32_MAX);
}

/* However often keys may be changed: who asks for new ones and reads no answer is given up. */
static void
test_answers_that_nobody_reads_have_an_end(void)
{
    tls_scene scene;
    flood self = {.ssl = shake_raw(&scene), .server = &scene.server};
    bly_loop_call(scene.loop, allow_many, &scene.server);
    int descriptor = SSL_get_fd(self.ssl);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    tls_side_begin_read(&scene.server, 1);
    wait_until(ask_until_it_ends, &self, "the flood is given up");
    CU_ASSERT_EQUAL(tls_side_await_read(&scene.server), 0);
    CU_ASSERT_EQUAL(scene.server.ended, BLY_STREAM_BROKEN);
    raw_tls_free(self.ssl);
    tls_scene_close(&scene);
}

/* ---- What one read takes ------------------------------------------------------------------------- */

/* What a peer has to say is put together, so that it is all there when it is read. */
static void
begin_collecting(SSL *ssl)
{
    BIO *memory = BIO_new(BIO_s_mem());
    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    SSL_set0_wbio(ssl, memory);
}

/* Sends what was collected: how many bytes. */
static size_t
send_collected(SSL *ssl)
{
    const char *bytes;
    int large = LARGE, descriptor = SSL_get_rfd(ssl);
    long size = BIO_get_mem_data(SSL_get_wbio(ssl), &bytes);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    CU_ASSERT_EQUAL_FATAL(write(descriptor, bytes, (size_t)size), size); /* all fits */
    return (size_t)size;
}

static void
free_collecting(SSL *ssl)
{
    int descriptor = SSL_get_rfd(ssl);
    SSL_free(ssl);
    close(descriptor);
    ERR_clear_error();
}

typedef struct one_read {
    bly_stream *stream;
    int descriptor;       /* the stream's, where a test needs it */
    uint32_t key_updates; /* 0: the usual limit */
    ssize_t got;
    char data[64 << 10];
} one_read;

static void
read_once(void *argument)
{
    one_read *self = argument;
    if (self->key_updates != 0)
        bly_stream_limit_messages(self->stream, self->key_updates);
    self->got = bly_stream_read(self->stream, self->data, sizeof self->data);
}

static size_t
left_in_socket(const tls_scene *scene)
{
    int left = 0;
    CU_ASSERT_EQUAL(ioctl(scene->server.descriptor, FIONREAD, &left), 0);
    return (size_t)left;
}

/* However many a peer sends, and may send: others have their turn in between. */
static void
test_a_read_does_not_take_all_changes_of_keys(void)
{
    enum { MANY = 6000 };
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    one_read self = {.stream = scene.server.stream, .key_updates = 2 * MANY};
    begin_collecting(ssl);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL_FATAL(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        CU_ASSERT_EQUAL_FATAL(SSL_do_handshake(ssl), 1);
    }
    CU_ASSERT_EQUAL(SSL_write(ssl, "last", 4), 4);
    size_t sent = send_collected(ssl);
    bly_loop_call(scene.loop, read_once, &self);
    CU_ASSERT_EQUAL(self.got, BLY_STREAM_AGAIN);
    CU_ASSERT_TRUE(left_in_socket(&scene) > sent / 8);
    if (self.got == BLY_STREAM_AGAIN)
        CU_ASSERT_EQUAL(tls_side_read(&scene.server, 4), 4); /* it goes on by itself */
    free_collecting(ssl);
    tls_scene_close(&scene);
}

/* Those beyond the limit are not looked at any more, and what came before them is not lost. */
static void
test_more_changes_of_keys_than_may_be_end_a_connection(void)
{
    enum { FEW = 10, MANY = 2000 };
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    one_read self = {.stream = scene.server.stream, .key_updates = FEW};
    begin_collecting(ssl);
    CU_ASSERT_EQUAL(SSL_write(ssl, "first", 5), 5);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL_FATAL(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        CU_ASSERT_EQUAL_FATAL(SSL_do_handshake(ssl), 1);
    }
    CU_ASSERT_EQUAL(SSL_write(ssl, "last", 4), 4);
    send_collected(ssl);
    bly_loop_call(scene.loop, read_once, &self);
    CU_ASSERT_EQUAL(self.got, 5);
    CU_ASSERT_TRUE(bly_stream_has_flooded(self.stream));
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 1), 0);
    CU_ASSERT_EQUAL(scene.server.ended, BLY_STREAM_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(bly_stream_error(self.stream), "too many messages of TLS itself"));
    free_collecting(ssl);
    tls_scene_close(&scene);
}

static int
choose_http_2(SSL *ssl, const unsigned char **chosen, unsigned char *size, const unsigned char *offered,
              unsigned int offered_size, void *argument)
{
    (void)ssl, (void)offered, (void)offered_size, (void)argument;
    *chosen = (const unsigned char *)"h2";
    *size = 2;
    return SSL_TLSEXT_ERR_OK;
}

/* TLS 1.2 has other messages that cost a peer nothing. */
static void
test_more_wishes_for_another_handshake_than_may_be_end_a_connection(void)
{
    enum { MANY = 2000 };
    tls_scene scene;
    tls_scene_open(&scene);
    SSL *ssl = raw_tls_server(&scene, choose_http_2);
    SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
    CU_ASSERT_EQUAL_FATAL(SSL_accept(ssl), 1);
    tls_side_await(&scene.client);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.client.stream);
    begin_collecting(ssl);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL_FATAL(SSL_renegotiate(ssl), 1);
        CU_ASSERT_EQUAL_FATAL(SSL_do_handshake(ssl), 1);
    }
    send_collected(ssl);
    CU_ASSERT_EQUAL(tls_side_read(&scene.client, 1), 0);
    CU_ASSERT_EQUAL(scene.client.ended, BLY_STREAM_BROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(bly_stream_error(scene.client.stream), "too many messages of TLS itself"));
    free_collecting(ssl);
    tls_scene_close(&scene);
}

/* A limit is for a burst: those that may be are no flood. */
static void
test_as_many_changes_of_keys_as_may_be_are_harmless(void)
{
    enum { FEW = 10 };
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    one_read self = {.stream = scene.server.stream, .key_updates = FEW};
    begin_collecting(ssl);
    for (int i = 0; i < FEW; i++) {
        CU_ASSERT_EQUAL_FATAL(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        CU_ASSERT_EQUAL_FATAL(SSL_do_handshake(ssl), 1);
    }
    CU_ASSERT_EQUAL(SSL_write(ssl, "last", 4), 4);
    send_collected(ssl);
    bly_loop_call(scene.loop, read_once, &self);
    CU_ASSERT_EQUAL(self.got, 4);
    CU_ASSERT_FALSE(bly_stream_has_flooded(self.stream));
    free_collecting(ssl);
    tls_scene_close(&scene);
}

static void
test_a_read_does_not_take_all_tiny_records(void)
{
    enum { MANY = 6000 };
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    one_read self = {.stream = scene.server.stream};
    begin_collecting(ssl);
    for (int i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL_FATAL(SSL_write(ssl, "x", 1), 1);
    send_collected(ssl);
    bly_loop_call(scene.loop, read_once, &self);
    CU_ASSERT_TRUE(self.got > 0);
    CU_ASSERT_TRUE(self.got <= MANY / 10);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, MANY - (size_t)self.got), MANY - (size_t)self.got);
    free_collecting(ssl);
    tls_scene_close(&scene);
}

/* What was said last is read also when a write finds the connection closed. */
static void
test_a_refusal_is_read_when_a_write_fails(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    CU_ASSERT_EQUAL(belay_tls_set_trust(scene.server.tls, certificate_file(&scene.files, "ca")), BELAY_OK);
    belay_tls_set_clients(scene.server.tls, BELAY_TLS_CLIENTS_MUST_HAVE);
    tls_scene_shake(&scene);
    CU_ASSERT_PTR_NULL(scene.server.stream);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.client.stream);
    tls_side_begin_write(&scene.client, "hello", 5);
    CU_ASSERT_EQUAL(tls_side_read(&scene.client, 1), 0);
    CU_ASSERT_STRING_EQUAL(bly_stream_error(scene.client.stream),
                           "the other side refused it: certificate required");
    tls_scene_close(&scene);
}

static void
write_in_vain_and_read(void *argument)
{
    one_read *self = argument;
    char bytes[] = "answer";
    struct iovec answer = {bytes, 6};
    CU_ASSERT_EQUAL(bly_stream_write(self->stream, &answer, 1), BLY_STREAM_BROKEN);
    self->got = bly_stream_read(self->stream, self->data, sizeof self->data);
    CU_ASSERT_EQUAL(bly_stream_write(self->stream, &answer, 1), BLY_STREAM_BROKEN);
}

static void
test_bytes_are_read_though_a_write_fails(void)
{
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    one_read self = {.stream = scene.server.stream};
    CU_ASSERT_EQUAL(SSL_write(ssl, "last", 4), 4);
    CU_ASSERT_EQUAL(SSL_write(ssl, "words", 5), 5);
    shutdown(SSL_get_fd(ssl), SHUT_RDWR);
    bly_loop_call(scene.loop, write_in_vain_and_read, &self);
    CU_ASSERT_EQUAL_FATAL(self.got, 9);
    CU_ASSERT_EQUAL(memcmp(self.data, "lastwords", 9), 0);
    CU_ASSERT_EQUAL(tls_side_read(&scene.server, 1), 0);
    CU_ASSERT_EQUAL(scene.server.ended, BLY_STREAM_BROKEN);
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

/* Nobody says anything any more, and the socket is not at its end: nothing but the read tells. */
static void
fail_to_write_and_read(void *argument)
{
    one_read *self = argument;
    shutdown(self->descriptor, SHUT_WR);
    write_in_vain_and_read(self);
}

static void
test_a_write_that_fails_ends_reading_when_all_is_read(void)
{
    tls_scene scene;
    SSL *ssl = shake_raw(&scene);
    one_read self = {.stream = scene.server.stream, .descriptor = scene.server.descriptor};
    bly_loop_call(scene.loop, fail_to_write_and_read, &self);
    CU_ASSERT_EQUAL(self.got, BLY_STREAM_BROKEN);
    CU_ASSERT_STRING_EQUAL(bly_stream_error(scene.server.stream), "Broken pipe");
    raw_tls_free(ssl);
    tls_scene_close(&scene);
}

static void
test_other_handshakes_are_refused(void)
{
    tls_scene scene;
    tls_scene_open(&scene);
    SSL *ssl = raw_tls_client(tls_scene_shake_alone(&scene, &scene.server), "\2h2");
    SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
    CU_ASSERT_EQUAL_FATAL(SSL_connect(ssl), 1);
    tls_side_await(&scene.server);
    CU_ASSERT_EQUAL(SSL_renegotiate(ssl), 1);
    tls_side_begin_read(&scene.server, 4);
    /* It wants the other handshake first, and hears that there is none. */
    CU_ASSERT_TRUE(SSL_write(ssl, "more", 4) <= 0);
    CU_ASSERT_EQUAL(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
    raw_tls_free(ssl);
    CU_ASSERT_EQUAL(tls_side_await_read(&scene.server), 0);
    tls_scene_close(&scene);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"bytes_arrive_in_both_directions", test_bytes_arrive_in_both_directions},
        {"more_than_the_socket_takes_arrives_whole", test_more_than_the_socket_takes_arrives_whole},
        {"what_the_kernel_has_not_is_not_counted", test_what_the_kernel_has_not_is_not_counted},
        {"what_tls_holds_is_read_without_new_bytes", test_what_tls_holds_is_read_without_new_bytes},
        {"a_stream_says_that_it_holds_more_to_read", test_a_stream_says_that_it_holds_more_to_read},
        {"the_end_comes_after_the_last_bytes", test_the_end_comes_after_the_last_bytes},
        {"a_connection_that_is_cut_off_is_broken", test_a_connection_that_is_cut_off_is_broken},
        {"a_word_of_the_end_is_sent", test_a_word_of_the_end_is_sent},
        {"the_end_is_read_though_much_was_not", test_the_end_is_read_though_much_was_not},
        {"records_that_were_changed_are_refused", test_records_that_were_changed_are_refused},
        {"new_keys_are_answered", test_new_keys_are_answered},
        {"new_keys_may_be_asked_for_while_much_waits", test_new_keys_may_be_asked_for_while_much_waits},
        {"answers_that_nobody_reads_have_an_end", test_answers_that_nobody_reads_have_an_end},
        {"a_read_does_not_take_all_changes_of_keys", test_a_read_does_not_take_all_changes_of_keys},
        {"more_changes_of_keys_than_may_be_end_a_connection", test_more_changes_of_keys_than_may_be_end_a_connection},
        {"more_wishes_for_another_handshake_than_may_be_end_a_connection",
         test_more_wishes_for_another_handshake_than_may_be_end_a_connection},
        {"as_many_changes_of_keys_as_may_be_are_harmless", test_as_many_changes_of_keys_as_may_be_are_harmless},
        {"a_read_does_not_take_all_tiny_records", test_a_read_does_not_take_all_tiny_records},
        {"a_refusal_is_read_when_a_write_fails", test_a_refusal_is_read_when_a_write_fails},
        {"bytes_are_read_though_a_write_fails", test_bytes_are_read_though_a_write_fails},
        {"a_write_that_fails_ends_reading_when_all_is_read", test_a_write_that_fails_ends_reading_when_all_is_read},
        {"other_handshakes_are_refused", test_other_handshakes_are_refused},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/secure", tests, argc, argv);
}
