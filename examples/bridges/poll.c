/* SPDX-License-Identifier: MIT */
/*
 * A poll loop of the program's own, which gets one descriptor more: that of the call's end. With epoll,
 * select or an event library it is the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bridges.h"

/* Until something can be read, or the call ends. */
static belay_code
wait_for_device(belay_call *call, int device)
{
    struct pollfd fds[2] = {{.fd = device, .events = POLLIN}, {.events = POLLIN}};
    belay_code code = belay_cancel_fd(belay_call_context(call), &fds[1].fd);
    if (code != BELAY_OK)
        return code;
    belay_blocking_begin(call);
    while (fds[0].revents == 0 && fds[1].revents == 0) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            code = BELAY_INTERNAL;
        if (code != BELAY_OK)
            break;
    }
    belay_blocking_end(call);
    belay_cancel_fd_close(belay_call_context(call), fds[1].fd);
    return code == BELAY_OK ? belay_context_code(belay_call_context(call)) : code;
}

belay_code
ask_device(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    const bridge_settings *settings = belay_call_data(call);
    char text[256];
    (void)question;
    /* For writing too, so that a FIFO has no end when its last writer goes. */
    int device = open(settings->place, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (device < 0)
        return belay_fail(call, BELAY_UNAVAILABLE, "%s: %s", settings->place, strerror(errno));
    belay_code code = wait_for_device(call, device);
    ssize_t size = code == BELAY_OK ? read(device, text, sizeof text) : 0;
    if (size < 0)
        code = belay_fail(call, BELAY_UNAVAILABLE, "%s: %s", settings->place, strerror(errno));
    else
        answer->text = belay_printf(call, "%.*s", (int)size, text);
    close(device);
    return code;
}
