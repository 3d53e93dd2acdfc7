/* SPDX-License-Identifier: MIT */
/*
 * What a handler can wait on. Each wait returns at once when its context ends, and while it lasts
 * the worker pool counts the thread as blocked, so that others may run in its place.
 */
#ifndef BELAY_WAIT_H
#define BELAY_WAIT_H

#include <stddef.h>
#include <stdint.h>

#include <belay/call.h>
#include <belay/code.h>
#include <belay/context.h>
#include <belay/export.h>

BELAY_BEGIN_DECLS

/*
 * Sleeps.
 *
 * context: whose end cuts the sleep short.
 * duration_ns: in nanoseconds; BELAY_FOREVER to sleep until the context ends.
 * Returns BELAY_OK after the whole time; BELAY_DEADLINE_EXCEEDED or BELAY_CANCELLED as the context
 *     ended.
 * Threads: any but a callback's.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_sleep(belay_context *context, uint64_t duration_ns);

/*
 * Waits until one of several calls has something for its owner. A client call: it has ended, or, when
 * it takes a stream of replies, a message can be received. The handler's own call, when it takes a
 * stream of requests: a message or the end of them can be received. Then the next receive or finish
 * on it does not block.
 *
 * context: whose end cuts the wait short; NULL for none. The calls end by their own contexts.
 * calls: count calls of either side; NULL entries are passed over.
 * count: how many.
 * index: receives the position of one that is ready, the lowest if several are; untouched on failure.
 * Returns BELAY_OK; BELAY_DEADLINE_EXCEEDED or BELAY_CANCELLED as the context ended;
 *     BELAY_INVALID_ARGUMENT when there is no call to wait for; BELAY_FAILED_PRECONDITION when
 *     another thread receives on one of them.
 * Threads: one that may receive on each of the calls.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_wait_any(belay_context *context, belay_call *const *calls,
                                                      size_t count, size_t *index);

/*
 * Marks the beginning and the end of blocking work that is not belay's (a file, a lock, a database):
 * in between, the pool may start another worker in this one's place.
 *
 * call: the handler's call.
 * Threads: the handler's; the two come in pairs, not nested.
 */
BELAY_API void belay_blocking_begin(belay_call *call);
BELAY_API void belay_blocking_end(belay_call *call);

BELAY_END_DECLS

#endif
