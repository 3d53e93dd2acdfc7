/* SPDX-License-Identifier: MIT */
#include "bench/limits/loopback.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int64_t
loopback_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

void
loopback_fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static bool
send_at_once(int end)
{
    const int on = 1;
    return setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
}

void
loopback_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        loopback_fail("listen");
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (ends[0] < 0 || connect(ends[0], (struct sockaddr *)&address, size) != 0)
        loopback_fail("connect");
    ends[1] = accept(listener, NULL, NULL);
    if (ends[1] < 0 || !send_at_once(ends[0]) || !send_at_once(ends[1]))
        loopback_fail("accept");
    close(listener);
}
