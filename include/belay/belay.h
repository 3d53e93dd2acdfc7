/* SPDX-License-Identifier: MIT */
/* All of belay's public interface. */
#ifndef BELAY_BELAY_H
#define BELAY_BELAY_H

#include <belay/admin.h>
#include <belay/call.h>
#include <belay/channel.h>
#include <belay/code.h>
#include <belay/compression.h>
#include <belay/cond.h>
#include <belay/connection.h>
#include <belay/context.h>
#include <belay/credentials.h>
#include <belay/details.h>
#include <belay/export.h>
#include <belay/group.h>
#include <belay/health.h>
#include <belay/limits.h>
#include <belay/metadata.h>
#include <belay/metrics.h>
#include <belay/process.h>
#include <belay/reflection.h>
#include <belay/runtime.h>
#include <belay/server.h>
#include <belay/service.h>
#include <belay/status.h>
#include <belay/time.h>
#include <belay/tls.h>
#include <belay/version.h>
#include <belay/wait.h>

#endif
