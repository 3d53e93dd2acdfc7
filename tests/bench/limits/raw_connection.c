/* SPDX-License-Identifier: MIT */
#include "bench/limits/raw_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define INPUT_ROOM 131072
#define DEFAULT_WINDOW 65535
#define NO_LIMIT UINT32_MAX
#define MAX_CONCURRENT_STREAMS 3

int64_t
raw_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return RAW_SECONDS((int64_t)time.tv_sec) + time.tv_nsec;
}

void
raw_sleep(int64_t ns)
{
    struct timespec time = {.tv_sec = ns / RAW_SECONDS(1), .tv_nsec = ns % RAW_SECONDS(1)};
    nanosleep(&time, NULL);
}

/* ---- Opening and closing ------------------------------------------------------------------------------- */

static struct sockaddr_in
read_target(const char *target)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[32];
    const char *colon = strrchr(target, ':');
    size_t size = colon != NULL ? (size_t)(colon - target) : 0;
    if (size < 4 || size >= sizeof host || strncmp(target, "127.", 4) != 0) {
        fprintf(stderr, "raw-client: %s: only 127.x.x.x:PORT\n", target);
        exit(2);
    }
    memcpy(host, target, size);
    host[size] = '\0';
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

raw_connection *
raw_connect(const char *target)
{
    const int on = 1;
    struct sockaddr_in address = read_target(target);
    uint8_t preface[PREFACE_ROOM];
    raw_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL || (connection->input = malloc(INPUT_ROOM)) == NULL)
        abort();
    pthread_mutex_init(&connection->send_lock, NULL);
    snprintf(connection->authority, sizeof connection->authority, "%s", target);
    connection->window = DEFAULT_WINDOW;
    connection->max_streams = NO_LIMIT;
    connection->next_stream = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0
        || setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0
        || !raw_send(connection, preface, frame_preface(preface))) {
        perror(target);
        exit(EXIT_FAILURE);
    }
    return connection;
}

void
raw_close(raw_connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    connection->closed = true;
}

void
raw_free(raw_connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    pthread_mutex_destroy(&connection->send_lock);
    free(connection->input);
    free(connection);
}

/* ---- Frames that come ---------------------------------------------------------------------------------- */

static void
answer_control(raw_connection *connection, int type, const uint8_t *payload, uint32_t size)
{
    uint8_t frame[FRAME_HEAD_SIZE + PING_OPAQUE_SIZE];
    uint8_t *end = frame_head(frame, size, type, FLAG_ACK, 0);
    memcpy(end, payload, size);
    raw_send(connection, frame, end + size);
}

static void
on_settings(raw_connection *connection, const uint8_t *payload, uint32_t size)
{
    for (uint32_t i = 0; i + 6 <= size; i += 6) {
        if (payload[i] == 0 && payload[i + 1] == MAX_CONCURRENT_STREAMS)
            connection->max_streams = frame_number(payload + i + 2);
    }
    connection->ready = true;
    answer_control(connection, FRAME_SETTINGS, payload, 0);
}

static void
on_data(raw_connection *connection, uint32_t stream, const uint8_t *payload, uint32_t size)
{
    connection->data++;
    size_t room = ANSWER_ROOM - connection->answer_size;
    if (stream != connection->awaited || size > room)
        return;
    memcpy(connection->answer + connection->answer_size, payload, size);
    connection->answer_size += size;
}

static void
on_end(raw_connection *connection, uint32_t stream)
{
    connection->ended++;
    if (stream == connection->awaited)
        connection->answered = true;
}

static void
on_frame(raw_connection *connection, const uint8_t *frame, uint32_t size)
{
    const uint8_t *payload = frame + FRAME_HEAD_SIZE;
    uint32_t stream = frame_number(frame + 5) & INT32_MAX;
    int flags = frame[4];
    switch (frame[3]) {
    case FRAME_DATA:
        on_data(connection, stream, payload, size);
        break;
    case FRAME_HEADERS:
        connection->headers++;
        break;
    case FRAME_RST_STREAM:
        connection->resets++;
        on_end(connection, stream);
        return;
    case FRAME_SETTINGS:
        if (!(flags & FLAG_ACK))
            on_settings(connection, payload, size);
        return;
    case FRAME_PING:
        if (flags & FLAG_ACK)
            connection->ponged = true;
        else
            answer_control(connection, FRAME_PING, payload, size);
        return;
    case FRAME_GOAWAY:
        connection->goaway_code = frame_number(payload + 4);
        connection->goaway = true;
        return;
    case FRAME_WINDOW_UPDATE:
        if (stream == 0)
            atomic_fetch_add(&connection->window, (long)frame_number(payload));
        return;
    default:
        return;
    }
    if (flags & FLAG_END_STREAM)
        on_end(connection, stream);
}

static void
split_frames(raw_connection *connection)
{
    size_t at = 0;
    while (connection->input_size - at >= FRAME_HEAD_SIZE) {
        const uint8_t *frame = connection->input + at;
        uint32_t size = frame_number(frame) >> 8;
        if (connection->input_size - at < FRAME_HEAD_SIZE + size)
            break;
        on_frame(connection, frame, size);
        at += FRAME_HEAD_SIZE + size;
    }
    connection->input_size -= at;
    memmove(connection->input, connection->input + at, connection->input_size);
}

void
raw_read(raw_connection *connection, int ms)
{
    struct pollfd ready = {.fd = connection->fd, .events = POLLIN};
    if (connection->closed || poll(&ready, 1, ms) <= 0)
        return;
    ssize_t size = recv(connection->fd, connection->input + connection->input_size,
                        INPUT_ROOM - connection->input_size, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        connection->closed = true;
        return;
    }
    connection->input_size += (size_t)size;
    split_frames(connection);
}

bool
raw_wait_ready(raw_connection *connection)
{
    int64_t limit = raw_now() + RAW_SECONDS(5);
    while (!connection->ready && !connection->closed && raw_now() < limit)
        raw_read(connection, 100);
    return connection->ready;
}

/* ---- Sending ------------------------------------------------------------------------------------------ */

uint32_t
raw_stream(raw_connection *connection)
{
    uint32_t stream = connection->next_stream;
    connection->next_stream += 2;
    return stream;
}

bool
raw_send(raw_connection *connection, const uint8_t *bytes, const uint8_t *end)
{
    bool fine = true;
    pthread_mutex_lock(&connection->send_lock);
    while (fine && bytes < end) {
        ssize_t size = send(connection->fd, bytes, (size_t)(end - bytes), MSG_NOSIGNAL);
        if (size >= 0)
            bytes += size;
        else
            fine = errno == EINTR;
    }
    pthread_mutex_unlock(&connection->send_lock);
    return fine;
}
