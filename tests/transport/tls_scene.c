/* SPDX-License-Identifier: MIT */
#include "transport/tls_scene.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/patience.h"
#include "transport/socket.h"

static void
need(bool is_there, const char *what)
{
    if (!is_there)
        patience_lost("TLS scene: %s", what);
}

/* ---- Handshakes ---------------------------------------------------------------------------------- */

static void
note_end(void *argument, bly_stream *stream, const char *error)
{
    tls_side *side = argument;
    side->stream = stream;
    side->handshake = NULL;
    snprintf(side->error, sizeof side->error, "%s", error != NULL ? error : "");
    gate_open(&side->over);
}

static void
begin_on_loop(void *argument)
{
    tls_side *side = argument;
    side->handshake = bly_handshake_start(side->user, side->target, side->loop, side->descriptor, "peer",
                                          note_end, side);
    need(side->handshake != NULL, "no handshake");
}

void
tls_side_begin(tls_side *side, int descriptor)
{
    tls_side_drop(side);
    side->descriptor = descriptor;
    side->rounds++;
    side->ended = 1;
    side->size = 0;
    bly_loop_call(side->loop, begin_on_loop, side);
}

void
tls_side_await(tls_side *side)
{
    gate_wait_count(&side->over, side->rounds);
}

static void
cancel_on_loop(void *argument)
{
    tls_side *side = argument;
    if (side->handshake != NULL)
        bly_handshake_cancel(side->handshake);
}

void
tls_side_cancel(tls_side *side)
{
    bly_loop_call(side->loop, cancel_on_loop, side);
}

static void
drop_on_loop(void *argument)
{
    tls_side *side = argument;
    bly_stream_free(side->stream);
    side->stream = NULL;
}

void
tls_side_drop(tls_side *side)
{
    bly_loop_call(side->loop, drop_on_loop, side);
}

void
tls_scene_shake(tls_scene *scene)
{
    int ends[2];
    need(bly_socket_pair(ends), "no sockets");
    tls_side_begin(&scene->server, ends[0]);
    tls_side_begin(&scene->client, ends[1]);
    tls_side_await(&scene->server);
    tls_side_await(&scene->client);
}

int
tls_scene_shake_alone(tls_scene *scene, tls_side *side)
{
    int ends[2];
    (void)scene;
    need(bly_socket_pair(ends), "no sockets");
    fcntl(ends[1], F_SETFL, fcntl(ends[1], F_GETFL) & ~O_NONBLOCK);
    tls_side_begin(side, ends[0]);
    return ends[1];
}

/* ---- Bytes --------------------------------------------------------------------------------------- */

static void
read_some(tls_side *side)
{
    while (side->size < side->wanted && side->ended == 1) {
        ssize_t got = bly_stream_read(side->stream, side->data + side->size, side->wanted - side->size);
        side->reads_on |= bly_stream_reads_on(side->stream);
        if (got == BLY_STREAM_AGAIN)
            return;
        if (got > 0)
            side->size += (size_t)got;
        else
            side->ended = got;
    }
}

static void
write_some(tls_side *side)
{
    while (side->out_left > 0) {
        struct iovec vectors[3] = {{(void *)(uintptr_t)side->out, side->out_left}};
        int count = 1;
        if (side->out_left > 100000) { /* small pieces between large ones */
            vectors[0].iov_len = 9;
            vectors[1] = (struct iovec){(void *)(uintptr_t)(side->out + 9), 50000};
            vectors[2] = (struct iovec){(void *)(uintptr_t)(side->out + 50009), side->out_left - 50009};
            count = 3;
        }
        ssize_t sent = bly_stream_write(side->stream, vectors, count);
        if (sent == BLY_STREAM_BROKEN) {
            side->ended = sent;
            side->out_left = 0;
        }
        if (sent < 0)
            return;
        side->out += sent;
        side->out_left -= (size_t)sent;
    }
}

static void
go_on(void *argument, unsigned int events)
{
    tls_side *side = argument;
    (void)events;
    write_some(side);
    read_some(side);
    bool reads = side->size < side->wanted && side->ended == 1;
    bly_stream_watch(side->stream, (reads ? BLY_WATCH_READ : 0) | (side->out_left > 0 ? BLY_WATCH_WRITE : 0));
    if (side->awaits_came && !reads) {
        side->awaits_came = false;
        gate_open(&side->came);
    }
    if (side->awaits_left && side->out_left == 0) {
        side->awaits_left = false;
        gate_open(&side->left);
    }
}

/* What a test asks the loop for. */
typedef struct io_request {
    tls_side *side;
    const char *out;
    size_t size;
} io_request;

static void
begin_reading(void *argument)
{
    const io_request *request = argument;
    tls_side *side = request->side;
    side->data = realloc(side->data, side->size + request->size);
    side->wanted = side->size + request->size;
    side->awaits_came = true;
    bly_stream_set_handler(side->stream, go_on, side);
    go_on(side, 0);
}

void
tls_side_begin_read(tls_side *side, size_t size)
{
    io_request request = {.side = side, .size = size};
    side->reads++;
    bly_loop_call(side->loop, begin_reading, &request);
}

size_t
tls_side_await_read(tls_side *side)
{
    gate_wait_count(&side->came, side->reads);
    return side->size;
}

size_t
tls_side_read(tls_side *side, size_t size)
{
    tls_side_begin_read(side, size);
    return tls_side_await_read(side);
}

static void
begin_writing(void *argument)
{
    const io_request *request = argument;
    tls_side *side = request->side;
    side->out = request->out;
    side->out_left = request->size;
    side->awaits_left = true;
    bly_stream_set_handler(side->stream, go_on, side);
    go_on(side, 0);
}

void
tls_side_begin_write(tls_side *side, const char *data, size_t size)
{
    io_request request = {.side = side, .out = data, .size = size};
    side->writes++;
    bly_loop_call(side->loop, begin_writing, &request);
}

void
tls_side_await_written(tls_side *side)
{
    gate_wait_count(&side->left, side->writes);
}

void
tls_side_write(tls_side *side, const char *data, size_t size)
{
    tls_side_begin_write(side, data, size);
    tls_side_await_written(side);
}

/* ---- Opening and closing ------------------------------------------------------------------------- */

static void
ignore_line(void *argument, belay_log_level level, const char *text)
{
    (void)argument, (void)level, (void)text;
}

static void
ignore_wake(void *argument)
{
    (void)argument;
}

static void
open_side(tls_side *side, bly_loop *loop)
{
    side->loop = loop;
    side->tls = belay_tls_new();
    need(side->tls != NULL, "no belay_tls");
    belay_tls_set_check_interval(side->tls, 0);
    gate_init(&side->over, "a handshake ends");
    gate_init(&side->came, "bytes come");
    gate_init(&side->left, "bytes leave");
}

void
tls_scene_aim(tls_scene *scene, const char *authority)
{
    bly_tls_target_unref(scene->client.target);
    scene->client.target = bly_tls_target_new(scene->client.tls, authority);
    need(scene->client.target != NULL, "no target");
}

/* OpenSSL's own sockets raise SIGPIPE; belay's do not, and its threads are not asked. */
static void
block_pipe_signal(void)
{
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
}

void
tls_scene_open(tls_scene *scene)
{
    block_pipe_signal();
    memset(scene, 0, sizeof *scene);
    certificates_open(&scene->files);
    certificates_make_usual(&scene->files);
    bly_log_init(&scene->log, ignore_line, NULL, BELAY_LOG_INFO, ignore_wake, NULL);
    scene->loop = bly_loop_new("test-tls", &bly_clock_monotonic);
    need(scene->loop != NULL, "no loop");
    open_side(&scene->server, scene->loop);
    open_side(&scene->client, scene->loop);
    tls_scene_aim(scene, "localhost:50051");
    need(belay_tls_set_certificate(scene->server.tls, certificate_file(&scene->files, "server"),
                                   key_file(&scene->files, "server")) == BELAY_OK &&
             belay_tls_set_trust(scene->client.tls, certificate_file(&scene->files, "ca")) == BELAY_OK &&
             bly_tls_use_as_server(scene->server.tls, &scene->log, &scene->server.user) == BELAY_OK &&
             bly_tls_use_as_client(scene->client.tls, &scene->log, &scene->client.user) == BELAY_OK,
         "no users");
}

static void
close_side(tls_side *side)
{
    tls_side_drop(side);
    bly_tls_target_unref(side->target);
    bly_tls_leave(side->user);
    belay_tls_free(side->tls);
    free(side->data);
    gate_fini(&side->over);
    gate_fini(&side->came);
    gate_fini(&side->left);
}

void
tls_scene_close(tls_scene *scene)
{
    close_side(&scene->server);
    close_side(&scene->client);
    bly_loop_free(scene->loop);
    bly_log_fini(&scene->log);
    certificates_close(&scene->files);
}

bool
tls_scene_logged(tls_scene *scene, const char *words)
{
    bool found = false;
    bly_mutex_lock(&scene->log.lock);
    for (const bly_log_line *line = scene->log.first; line != NULL; line = line->next)
        found = found || strstr(line->text, words) != NULL;
    bly_mutex_unlock(&scene->log.lock);
    return found;
}

/* ---- OpenSSL's own ------------------------------------------------------------------------------- */

SSL *
raw_tls_client(int descriptor, const char *protocols)
{
    block_pipe_signal();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    need(context != NULL, "no context");
    SSL_CTX_set_security_level(context, 0);
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context);
    need(ssl != NULL && SSL_set_fd(ssl, descriptor) == 1, "no SSL");
    if (protocols != NULL)
        SSL_set_alpn_protos(ssl, (const unsigned char *)protocols, (unsigned int)strlen(protocols));
    return ssl;
}

SSL *
raw_tls_server(tls_scene *scene, SSL_CTX_alpn_select_cb_func choose)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    need(context != NULL && SSL_CTX_use_certificate_file(context, certificate_file(&scene->files, "server"),
                                                         SSL_FILETYPE_PEM) == 1 &&
             SSL_CTX_use_PrivateKey_file(context, key_file(&scene->files, "server"), SSL_FILETYPE_PEM) == 1,
         "no server's context");
    SSL_CTX_set_alpn_select_cb(context, choose, NULL);
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context);
    need(ssl != NULL && SSL_set_fd(ssl, tls_scene_shake_alone(scene, &scene->client)) == 1, "no SSL");
    return ssl;
}

void
raw_tls_free(SSL *ssl)
{
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
    ERR_clear_error();
}
