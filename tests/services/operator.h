/* SPDX-License-Identifier: MIT */
/*
 * An operator: asks a server's admin service, over a channel on a runtime of its own, so that its calls are not among
 * those that it sees.
 */
#ifndef TESTS_SERVICES_OPERATOR_H
#define TESTS_SERVICES_OPERATOR_H

#include "services/admin.belay.h"
#include "support/fixture.h"

typedef Belay__Admin__V1__Call call_row;
typedef Belay__Admin__V1__ListCallsReply call_list;

typedef struct operator {
    belay_channel *channel;
} operator;

void operator_open(operator *op, const char *address);
void operator_close(operator *op);

/* To be freed with operator_free_list(). The test ends when it cannot be had. */
call_list *operator_list(const operator *op);
void operator_free_list(call_list *list);

/* The first call in a list of which all is true: served (or a client's), the state (NULL: any). NULL: none. */
const call_row *operator_find(const call_list *list, bool served, const char *state);
size_t operator_count(const call_list *list, bool served);

/* Waits until there is such a call, and gives its row, with copies of nothing but numbers: id, parent, children. */
call_row operator_await(const operator *op, bool served, const char *state);

/* Waits until so many calls are listed. */
void operator_await_count(const operator *op, size_t count);

/* BELAY_OK: *cancelled tells what the service said. */
belay_code operator_cancel(const operator *op, uint64_t id, bool subtree, const char *reason, bool *cancelled);
belay_code operator_drain(const operator *op);

#endif
