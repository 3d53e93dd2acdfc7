/* SPDX-License-Identifier: MIT */
/* The bench server's other handlers: helloworld.Stream of stream.proto. They share nothing. */
#ifndef BENCH_STREAM_SERVICE_H
#define BENCH_STREAM_SERVICE_H

#include <belay/server.h>

BELAY_WARN_UNUSED belay_code stream_service_add(belay_server *server);

#endif
