/* SPDX-License-Identifier: MIT */
#include "services/operator.h"

#include <string.h>

void
operator_open(operator *op, const char *address)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(address);
    op->channel = belay_channel_new(NULL, address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(op->channel);
}

void
operator_close(operator *op)
{
    belay_channel_free(op->channel);
}

call_list *
operator_list(const operator *op)
{
    Belay__Admin__V1__ListCallsRequest request = BELAY__ADMIN__V1__LIST_CALLS_REQUEST__INIT;
    call_list *list = NULL;
    belay_code code = belay_admin_v1_admin_list_calls(op->channel, NULL, &request, NULL, &list, NULL);
    CU_ASSERT_EQUAL_FATAL(code, BELAY_OK);
    return list;
}

void
operator_free_list(call_list *list)
{
    protobuf_c_message_free_unpacked(&list->base, NULL);
}

static bool
is_served(const call_row *row)
{
    return row->target[0] == '\0';
}

const call_row *
operator_find(const call_list *list, bool served, const char *state)
{
    for (size_t i = 0; i < list->n_calls; i++) {
        const call_row *row = list->calls[i];
        if (is_served(row) == served && (state == NULL || strcmp(row->state, state) == 0))
            return row;
    }
    return NULL;
}

size_t
operator_count(const call_list *list, bool served)
{
    size_t count = 0;
    for (size_t i = 0; i < list->n_calls; i++)
        count += is_served(list->calls[i]) == served;
    return count;
}

typedef struct wish {
    const operator *op;
    bool served;
    const char *state;
    size_t count;
    call_row found;
} wish;

static bool
is_there(void *argument)
{
    wish *own = argument;
    call_list *list = operator_list(own->op);
    const call_row *row = operator_find(list, own->served, own->state);
    if (row != NULL) {
        belay__admin__v1__call__init(&own->found);
        own->found.id = row->id;
        own->found.parent = row->parent;
        own->found.children = row->children;
    }
    operator_free_list(list);
    return row != NULL;
}

call_row
operator_await(const operator *op, bool served, const char *state)
{
    wish own = {.op = op, .served = served, .state = state};
    wait_until(is_there, &own, state);
    return own.found;
}

static bool
has_count(void *argument)
{
    wish *own = argument;
    call_list *list = operator_list(own->op);
    size_t count = list->n_calls;
    operator_free_list(list);
    return count == own->count;
}

void
operator_await_count(const operator *op, size_t count)
{
    wish own = {.op = op, .count = count};
    wait_until(has_count, &own, "so many calls are listed");
}

belay_code
operator_cancel(const operator *op, uint64_t id, bool subtree, const char *reason, bool *cancelled)
{
    Belay__Admin__V1__CancelCallRequest request = BELAY__ADMIN__V1__CANCEL_CALL_REQUEST__INIT;
    Belay__Admin__V1__CancelCallReply *reply = NULL;
    request.id = id;
    request.subtree = subtree;
    request.reason = (char *)reason;
    belay_code code = belay_admin_v1_admin_cancel_call(op->channel, NULL, &request, NULL, &reply, NULL);
    if (code != BELAY_OK)
        return code;
    *cancelled = reply->cancelled;
    protobuf_c_message_free_unpacked(&reply->base, NULL);
    return BELAY_OK;
}

belay_code
operator_drain(const operator *op)
{
    Belay__Admin__V1__DrainRequest request = BELAY__ADMIN__V1__DRAIN_REQUEST__INIT;
    Belay__Admin__V1__DrainReply *reply = NULL;
    belay_code code = belay_admin_v1_admin_drain(op->channel, NULL, &request, NULL, &reply, NULL);
    if (code == BELAY_OK)
        protobuf_c_message_free_unpacked(&reply->base, NULL);
    return code;
}
