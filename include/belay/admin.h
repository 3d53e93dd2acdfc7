/* SPDX-License-Identifier: MIT */
/*
 * The admin service: an operator lists the live calls of a server as a tree, cancels one of them or all that
 * hangs from it, reads the totals, and has the server drain. The program for it is belayctl; the service is
 * belay.admin.v1.Admin, for others.
 *
 * It answers when every worker is busy, and shows all calls of the server's runtime: those that its servers
 * serve, and those that its channels carry. Whoever can connect can cancel everything: give it an address of its
 * own, best a unix socket, whose file only the server's user may open.
 */
#ifndef BELAY_ADMIN_H
#define BELAY_ADMIN_H

#include <stddef.h>

#include <belay/code.h>
#include <belay/export.h>
#include <belay/server.h>

BELAY_BEGIN_DECLS

/*
 * Has a server listen for its operator on an address of its own, where nothing but the admin service answers.
 *
 * server: not started yet.
 * address: as for belay_server_listen(); not counted among the addresses that belay_server_address() tells. A
 *     unix socket's file gets mode 0600.
 * Returns BELAY_OK; otherwise as belay_server_listen().
 * Threads: one at a time, before the start.
 * Lifetime: until the server has drained: an operator sees what a drain waits for, and can cancel it.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_admin_listen(belay_server *server, const char *address);

/*
 * Has the admin service answer on the server's ordinary addresses. For networks where everybody may be an
 * operator.
 *
 * server: not started yet.
 * Returns BELAY_OK, also when it was added before; otherwise as belay_server_add_service().
 * Threads: one at a time, before the start.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_admin_add(belay_server *server);

/*
 * Gives an address of belay_admin_listen(), with its port filled in.
 *
 * server: a server.
 * index: counts the calls of belay_admin_listen(), from 0.
 * Returns the address, or NULL for an index out of range; lives as long as the server.
 * Threads: any.
 */
BELAY_API const char *belay_admin_address(const belay_server *server, size_t index);

BELAY_END_DECLS

#endif
