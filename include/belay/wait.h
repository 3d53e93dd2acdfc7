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
 * Waits until a descriptor is ready: poll() that ends with a context.
 *
 * context: whose end cuts the wait short; NULL for none.
 * fd: an open descriptor of the program's (a socket, a pipe, a database's connection); stays the program's,
 *     which must not close it meanwhile.
 * events: what to wait for, as poll() has it: POLLIN, POLLOUT and their like. 0 waits for errors alone.
 * timeout_ns: how long, in nanoseconds; BELAY_FOREVER for no limit, 0 to look and not wait.
 * revents: receives what it is ready for, POLLERR and POLLHUP included, as poll() has it; untouched on
 *     failure. May be NULL.
 * Returns BELAY_OK when it is ready; BELAY_DEADLINE_EXCEEDED or BELAY_CANCELLED as the context ended, also
 *     when it is ready too; BELAY_DEADLINE_EXCEEDED when the time passed (belay_context_cancelled() tells the
 *     two apart); BELAY_INVALID_ARGUMENT for what is no open descriptor; BELAY_RESOURCE_EXHAUSTED without
 *     memory or descriptors.
 * Threads: any but a callback's. One that has waited so keeps a descriptor of belay's until it ends.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_wait_fd(belay_context *context, int fd, short events,
                                                     uint64_t timeout_ns, short *revents);

/*
 * Makes a descriptor for a program's own poll(), select() or epoll loop: it becomes readable when the context
 * ends, by whatever cause (BELAY_CAUSE_FINISHED included), and stays so. Of one that has ended it is readable
 * at once. Each call makes another.
 *
 * context: a context.
 * fd: receives the descriptor, close-on-exec; untouched on failure. To be waited on, and neither read, nor
 *     written, nor closed but by belay_cancel_fd_close(): belay writes to it at the end.
 * Returns BELAY_OK; BELAY_INVALID_ARGUMENT without a context or a place for it; BELAY_RESOURCE_EXHAUSTED
 *     without memory or descriptors.
 * Threads: any. Waiting on it is blocking work that belay does not see: belay_blocking_begin() tells.
 * Lifetime: until belay_cancel_fd_close(). Made with a handler's or task's own context on its thread it is
 *     closed at the latest when that has returned, among what belay_defer() registered; any other
 *     keeps the context until it is closed.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_cancel_fd(belay_context *context, int *fd);

/*
 * Closes a descriptor of belay_cancel_fd(). Take it out of an epoll set first.
 *
 * context: the one that it was made with.
 * fd: to close; one that is none of the context's, or closed already, is left alone.
 * Threads: any, while no other waits on it; for a handler's, before the handler returns.
 */
BELAY_API void belay_cancel_fd_close(belay_context *context, int fd);

/*
 * Waits until the server begins to drain. For handlers that have nothing to do but to stay: a subscription
 * says goodbye in time instead of being cut off at the end of the grace time.
 *
 * call: a handler's call.
 * context: whose end cuts the wait short, such as one derived with a time-out; NULL for the call's own.
 * Returns BELAY_OK when a drain has begun; BELAY_DEADLINE_EXCEEDED or BELAY_CANCELLED as the context ended,
 *     also when both hold; BELAY_INVALID_ARGUMENT for a client call; BELAY_RESOURCE_EXHAUSTED without memory.
 * Threads: any but a callback's, while the handler runs.
 */
BELAY_API BELAY_WARN_UNUSED belay_code belay_wait_draining(belay_call *call, belay_context *context);

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
