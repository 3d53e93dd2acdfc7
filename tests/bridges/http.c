/* SPDX-License-Identifier: MIT */
#include "bridges/http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void
say(int visitor, const char *text)
{
    (void)!write(visitor, text, strlen(text));
}

/* Up to the empty line, in one request; false when it does not come. */
static bool
hear(int visitor, char *request, size_t size)
{
    size_t have = 0;
    request[0] = '\0';
    while (strstr(request, "\r\n\r\n") == NULL) {
        ssize_t got = read(visitor, request + have, size - 1 - have);
        if (got <= 0)
            return false;
        have += (size_t)got;
        request[have] = '\0';
    }
    return true;
}

static void
answer(http *server, int visitor, const char *request)
{
    char path[100] = "", byte;
    if (sscanf(request, "GET /whole/%99s HTTP", path) == 1) {
        say(visitor, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        say(visitor, path);
        return;
    }
    say(visitor, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonce upon a time");
    gate_open(&server->begun);
    while (read(visitor, &byte, 1) > 0)
        continue;
    gate_open(&server->left);
}

static void *
serve(void *argument)
{
    http *server = argument;
    char request[1024];
    int visitor;
    while ((visitor = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (hear(visitor, request, sizeof request))
            answer(server, visitor, request);
        close(visitor);
    }
    return NULL;
}

void
http_open(http *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    gate_init(&server->begun, "an answer has begun that does not end");
    gate_init(&server->left, "the visitor has hung up");
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(server->listener, (struct sockaddr *)&address, size), 0);
    CU_ASSERT_EQUAL_FATAL(listen(server->listener, 4), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    CU_ASSERT_EQUAL_FATAL(pthread_create(&server->thread, NULL, serve, server), 0);
}

void
http_close(http *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    gate_fini(&server->begun);
    gate_fini(&server->left);
}
