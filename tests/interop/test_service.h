/* SPDX-License-Identifier: MIT */
/*
 * grpc.testing.TestService: what gRPC's interoperability tests call.
 */
#ifndef TESTS_INTEROP_TEST_SERVICE_H
#define TESTS_INTEROP_TEST_SERVICE_H

#include <belay/belay.h>

/* Adds the service to a server that has not started. */
BELAY_WARN_UNUSED belay_code test_service_add(belay_server *server);

#endif
