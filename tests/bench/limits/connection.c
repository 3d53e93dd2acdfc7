/* SPDX-License-Identifier: MIT */
#include "bench/limits/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/limits/connection_session.h"

#define READ_SIZE 65536
#define OUTPUT_LIMIT 131072

static int poller;
static limit_connection *marked;

void
connections_init(int epoll, bool with_workers)
{
    poller = epoll;
    session_init(with_workers);
}

static void
watch(limit_connection *connection, int operation, bool output)
{
    struct epoll_event event = {.events = EPOLLIN | (output ? EPOLLOUT : 0), .data.ptr = connection};
    connection->wants_output = output;
    if (epoll_ctl(poller, operation, connection->fd, &event) != 0)
        abort();
}

void
connection_new(int fd)
{
    limit_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        abort();
    connection->fd = fd;
    session_start(connection);
    watch(connection, EPOLL_CTL_ADD, false);
    connection_mark(connection);
}

/* The calls that workers have come back later, and free the connection then. */
static void
end(limit_connection *connection)
{
    if (connection->dead)
        return;
    connection->dead = true;
    close(connection->fd);
    session_end(connection);
}

void
connection_read(limit_connection *connection)
{
    static uint8_t buffer[READ_SIZE];
    while (!connection->dead) {
        ssize_t size = recv(connection->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0 || nghttp2_session_mem_recv(connection->session, buffer, (size_t)size) < 0)
            end(connection);
        if (size < (ssize_t)sizeof buffer)
            return;
    }
}

void
connection_mark(limit_connection *connection)
{
    if (connection->marked)
        return;
    connection->marked = true;
    connection->next_marked = marked;
    marked = connection;
}

void
connection_call_done(limit_call *call)
{
    limit_connection *connection = call->connection;
    call->busy = false;
    connection_mark(connection);
    if (call->gone || connection->dead)
        session_free_call(call);
    else
        session_respond(call);
}

/* ---- Sending ------------------------------------------------------------------------------------------ */

static void
append_output(limit_connection *connection, const uint8_t *data, size_t size)
{
    size_t needed = connection->output_size + size;
    if (needed > connection->output_room) {
        connection->output_room = needed * 2;
        connection->output = realloc(connection->output, connection->output_room);
        if (connection->output == NULL)
            abort();
    }
    memcpy(connection->output + connection->output_size, data, size);
    connection->output_size = needed;
}

static void
collect_output(limit_connection *connection)
{
    const uint8_t *data;
    ssize_t size;
    while (connection->output_size < OUTPUT_LIMIT
           && (size = nghttp2_session_mem_send(connection->session, &data)) > 0)
        append_output(connection, data, (size_t)size);
}

/* Returns whether all of it went out. */
static bool
send_output(limit_connection *connection)
{
    ssize_t sent =
        send(connection->fd, connection->output, connection->output_size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        end(connection);
        return false;
    }
    if (sent > 0) {
        connection->output_size -= (size_t)sent;
        memmove(connection->output, connection->output + sent, connection->output_size);
    }
    if (connection->output_size != 0 && !connection->wants_output)
        watch(connection, EPOLL_CTL_MOD, true);
    return connection->output_size == 0;
}

static void
flush(limit_connection *connection)
{
    if (connection->dead)
        return;
    for (;;) {
        collect_output(connection);
        if (connection->output_size == 0)
            break;
        if (!send_output(connection))
            return;
    }
    if (connection->wants_output)
        watch(connection, EPOLL_CTL_MOD, false);
    if (!nghttp2_session_want_read(connection->session) && !nghttp2_session_want_write(connection->session))
        end(connection);
}

void
connections_flush(void)
{
    while (marked != NULL) {
        limit_connection *connection = marked;
        marked = connection->next_marked;
        connection->marked = false;
        flush(connection);
        if (connection->dead && connection->call_count == 0) {
            free(connection->output);
            free(connection);
        }
    }
}
