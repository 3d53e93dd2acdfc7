/* SPDX-License-Identifier: MIT */
/*
 * gRPC's server reflection, grpc.reflection.v1 and v1alpha: tools such as grpcurl learn from the server which services
 * there are and what their messages look like. What it tells is in the generated code (belay_service.files).
 *
 * It tells the whole interface to whoever can connect. It answers on the I/O threads, and holds no worker.
 */
#ifndef BELAY_REFLECTION_H
#define BELAY_REFLECTION_H

#include <belay/code.h>
#include <belay/export.h>
#include <belay/server.h>

BELAY_BEGIN_DECLS

/*
 * Adds the reflection service, which tells of all services that the server has at its start, whether they were added
 * before or after; but not of those that answer only at an operator's address.
 *
 * server: not started yet.
 * Returns BELAY_OK; BELAY_ALREADY_EXISTS when it was added; otherwise as belay_server_add_service().
 * Threads: one at a time, before the start.
 * Lifetime: the server's.
 * Source: grpc/doc/server-reflection.md.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_reflection_add(belay_server *server);

BELAY_END_DECLS

#endif
