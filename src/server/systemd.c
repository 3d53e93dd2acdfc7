/* SPDX-License-Identifier: MIT */
#include "server/systemd.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "transport/socket.h"

/* ---- Telling ---------------------------------------------------------------------------------------- */

/* "/path" or "@abstract", whose name begins with a NUL and has none at its end. */
static bool
make_name(const char *text, struct sockaddr_un *name, socklen_t *length)
{
    size_t size = strlen(text);
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    if ((text[0] != '/' && text[0] != '@') || size < 2 || size >= sizeof name->sun_path) {
        errno = EINVAL;
        return false;
    }
    memcpy(name->sun_path, text, size);
    if (text[0] == '@')
        name->sun_path[0] = '\0';
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (text[0] == '/' ? 1 : 0));
    return true;
}

static bool
send_state(const char *socket_name, const char *state)
{
    struct sockaddr_un name;
    socklen_t length;
    /* A receiver that does not read must not keep the server from starting or ending. */
    const struct timeval patience = {.tv_sec = 1};
    if (!make_name(socket_name, &name, &length))
        return false;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return false;
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ssize_t sent;
    do
        sent = sendto(descriptor, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&name, length);
    while (sent < 0 && errno == EINTR);
    int error = errno;
    close(descriptor);
    errno = error;
    return sent >= 0;
}

void
bly_systemd_notify(bly_log *log, const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    char buffer[96];
    if (name == NULL || name[0] == '\0' || send_state(name, state))
        return;
    bly_log_write(log, BELAY_LOG_WARNING, "cannot send %s to $NOTIFY_SOCKET %s: %s", state, name,
                  bly_socket_error(errno, buffer, sizeof buffer));
}

/* ---- What was passed -------------------------------------------------------------------------------- */

/* A variable that is a whole number and nothing else; -1 when it is not. */
static long
number_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return -1;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' ? number : -1;
}

int
bly_systemd_passed(void)
{
    long count = number_of("LISTEN_FDS");
    bool is_ours = number_of("LISTEN_PID") == (long)getpid();
    return is_ours && count > 0 && count <= INT_MAX - BLY_SYSTEMD_FIRST ? (int)count : 0;
}

bool
bly_systemd_is_named(int index, const char *name)
{
    const char *at = getenv("LISTEN_FDNAMES");
    for (; at != NULL && index > 0; index--) {
        at = strchr(at, ':');
        at = at != NULL ? at + 1 : NULL;
    }
    return at != NULL && strcspn(at, ":") == strlen(name) && strncmp(at, name, strlen(name)) == 0;
}
