/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/functions.h"

#include <string.h>

bool
function_exists(const model_method *method, function_kind kind)
{
    bool one_reply = !method->server_streaming;

    switch (kind) {
    case FUNCTION_RECV_REQUEST:
    case FUNCTION_SEND_REQUEST:
        return method->client_streaming;
    case FUNCTION_SEND_REPLY:
    case FUNCTION_RECV_REPLY:
        return method->server_streaming;
    case FUNCTION_CALL:
        return one_reply && !method->client_streaming;
    case FUNCTION_START:
        return true;
    case FUNCTION_FINISH:
        return one_reply;
    case FUNCTION_KINDS:
        break;
    }
    return false;
}

bool
function_is_for_clients(function_kind kind)
{
    return kind >= FUNCTION_CALL;
}

/* A method may be called like what every service has: p_svc_add() adds the service to a server. */
static bool
is_taken(const char *name)
{
    return strcmp(name, "add") == 0 || strcmp(name, "handlers") == 0 || strcmp(name, "service") == 0;
}

char *
function_name(gen_pool *pool, const model_service *service, const model_method *method, function_kind kind)
{
    static const char *const endings[FUNCTION_KINDS] = {
        [FUNCTION_RECV_REQUEST] = "_recv_request",
        [FUNCTION_SEND_REPLY] = "_send_reply",
        [FUNCTION_CALL] = "",
        [FUNCTION_START] = "_start",
        [FUNCTION_SEND_REQUEST] = "_send_request",
        [FUNCTION_RECV_REPLY] = "_recv_reply",
        [FUNCTION_FINISH] = "_finish",
    };
    const char *ending = kind == FUNCTION_CALL && is_taken(method->name) ? "_" : endings[kind];

    return pool_format(pool, "%s_%s%s", service->prefix, method->name, ending);
}

/* ---- Parameters -------------------------------------------------------------------------------- */

#define PARAMETERS_MAX 6

typedef struct parameter_list {
    gen_pool *pool;
    const char *items[PARAMETERS_MAX];
    size_t count;
} parameter_list;

static void
add(parameter_list *list, const char *parameter)
{
    list->items[list->count++] = parameter;
}

/* A message that goes in, and one that comes out. */
static void
add_in(parameter_list *list, const model_message *message, const char *name)
{
    add(list, pool_format(list->pool, "const %s *%s", message->type, name));
}

static void
add_out(parameter_list *list, const model_message *message, const char *name)
{
    add(list, pool_format(list->pool, "%s **%s", message->type, name));
}

static void
add_start(parameter_list *list, const model_method *method)
{
    add(list, "belay_channel *channel");
    add(list, "belay_context *context");
    if (!method->client_streaming)
        add_in(list, &method->request, "request");
    add(list, "const belay_call_options *options");
}

static void
add_result(parameter_list *list, const model_method *method)
{
    add_out(list, &method->reply, "reply");
    add(list, "belay_status **status");
}

static void
add_parameters(parameter_list *list, const model_method *method, function_kind kind)
{
    if (kind == FUNCTION_CALL || kind == FUNCTION_START)
        add_start(list, method);
    else
        add(list, "belay_call *call");

    switch (kind) {
    case FUNCTION_RECV_REQUEST:
        add_out(list, &method->request, "request");
        break;
    case FUNCTION_SEND_REPLY:
        add_in(list, &method->reply, "reply");
        break;
    case FUNCTION_START:
        add(list, "belay_call **call");
        break;
    case FUNCTION_SEND_REQUEST:
        add_in(list, &method->request, "request");
        break;
    case FUNCTION_RECV_REPLY:
        add_out(list, &method->reply, "reply");
        break;
    case FUNCTION_CALL:
    case FUNCTION_FINISH:
        add_result(list, method);
        break;
    case FUNCTION_KINDS:
        break;
    }
}

void
function_add_head(gen_text *out, const model_service *service, const model_method *method,
                  function_kind kind)
{
    parameter_list list = {.pool = out->pool};

    add_parameters(&list, method, kind);
    text_format(out, "%s(", function_name(out->pool, service, method, kind));
    text_list(out, "    ", list.items, list.count);
    text_char(out, ')');
}

void
function_add_member(gen_text *out, const model_method *method)
{
    parameter_list list = {.pool = out->pool};

    add(&list, "belay_call *call");
    if (!method->client_streaming)
        add_in(&list, &method->request, "request");
    if (!method->server_streaming)
        add(&list, pool_format(out->pool, "%s *reply", method->reply.type));
    text_format(out, "    belay_code (*%s)(", method->member);
    text_list(out, "        ", list.items, list.count);
    text_add(out, ");\n");
}
