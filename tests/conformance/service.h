/* SPDX-License-Identifier: MIT */
/* connectrpc.conformance.v1.ConformanceService: answers as its requests say, and tells what it saw of them. */
#ifndef TESTS_CONFORMANCE_SERVICE_H
#define TESTS_CONFORMANCE_SERVICE_H

#include <belay/belay.h>

/* Adds it to a server that has not started. */
belay_code service_add(belay_server *server);

#endif
