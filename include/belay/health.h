/* SPDX-License-Identifier: MIT */
/*
 * gRPC's health checking service, grpc.health.v1.Health: load balancers, Kubernetes and clients ask it whether a
 * server, or one service of it, is to be sent calls.
 *
 * It answers on the I/O threads: when every worker is busy as well, and a client that watches costs no thread.
 */
#ifndef BELAY_HEALTH_H
#define BELAY_HEALTH_H

#include <belay/code.h>
#include <belay/export.h>
#include <belay/server.h>

BELAY_BEGIN_DECLS

typedef enum belay_health {
    BELAY_HEALTH_UNKNOWN = 0,
    BELAY_HEALTH_SERVING = 1,
    BELAY_HEALTH_NOT_SERVING = 2
} belay_health;

/*
 * Adds the health service. The server as a whole, "", is BELAY_HEALTH_SERVING then; services have no status until
 * belay_health_set() gives them one: Check answers NOT_FOUND for those, Watch SERVICE_UNKNOWN until it changes.
 *
 * server: not started yet.
 * Returns BELAY_OK; BELAY_ALREADY_EXISTS when it was added; otherwise as belay_server_add_service().
 * Threads: one at a time, before the start.
 * Lifetime: a drain sets all to BELAY_HEALTH_NOT_SERVING, tells those who watch and ends their calls with
 *     UNAVAILABLE, before the clients are told to go elsewhere (GOAWAY).
 * Source: grpc/doc/health-checking.md.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_health_add(belay_server *server);

/*
 * Sets the status of a service, and tells those who watch it. One who is slow to read learns of the last only.
 *
 * server: one with the health service.
 * service: any name; usually "package.Service"; "" is the server as a whole. Copied.
 * status: the new one.
 * Returns BELAY_OK; BELAY_FAILED_PRECONDITION when the health service was not added, or once the server drains (all
 *     stays BELAY_HEALTH_NOT_SERVING); BELAY_INVALID_ARGUMENT; BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: any, before and after the start. Not while the server is freed.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_health_set(belay_server *server, const char *service, belay_health status);

BELAY_END_DECLS

#endif
