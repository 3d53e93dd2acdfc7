/* SPDX-License-Identifier: MIT */
/* One call of the client, made as a ClientCompatRequest says. */
#ifndef TESTS_CONFORMANCE_INVOKE_H
#define TESTS_CONFORMANCE_INVOKE_H

#include "conformance/names.h"
#include "conformance/scratch.h"

/* Makes the call on a channel and fills what came of it, allocated from scratch. Returns NULL, or why the call could
 * not be made. */
const char *invoke(belay_runtime *runtime, belay_channel *channel, const client_request *request, scratch_memory *scratch,
                   client_result *result);

#endif
