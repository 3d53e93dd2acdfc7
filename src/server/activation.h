/* SPDX-License-Identifier: MIT */
/*
 * Listening on sockets that somebody else has bound: "systemd", "systemd:NAME" and "fd:N" as addresses.
 * Before the start.
 */
#ifndef BLY_SERVER_ACTIVATION_H
#define BLY_SERVER_ACTIVATION_H

#include "server/server.h"

/* Whether an address is one of these. */
bool bly_activation_names(const char *address);

/* Takes over what it names, for a door: all or nothing, but for want of memory. The codes of
 * belay_server_listen(). */
belay_code bly_activation_open(belay_server *server, const char *address, unsigned int door);

#endif
