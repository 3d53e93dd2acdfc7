/* SPDX-License-Identifier: MIT */
/*
 * What systemd and a service say to each other, without its library: a datagram when the service is ready or
 * stops (sd_notify(3)), and sockets that it passes by environment variables (sd_listen_fds(3)). Any thread,
 * but the environment is only read while nobody changes it.
 */
#ifndef BLY_SERVER_SYSTEMD_H
#define BLY_SERVER_SYSTEMD_H

#include <stdbool.h>

#include "base/log.h"

/* Sends a state, such as "READY=1", to the socket that $NOTIFY_SOCKET names; nothing when it is not set. The
 * log says when it cannot be sent: a service is not to fail for that. */
void bly_systemd_notify(bly_log *log, const char *state);

/* Sockets that were passed: descriptors from BLY_SYSTEMD_FIRST on. */
#define BLY_SYSTEMD_FIRST 3

/* How many were passed to this process; 0 when none, or when those in the environment were for another. */
int bly_systemd_passed(void);

/* Whether the index-th of them has a name. */
bool bly_systemd_is_named(int index, const char *name);

#endif
