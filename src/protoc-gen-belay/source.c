/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/source.h"

#include "protoc-gen-belay/descriptors.h"
#include "protoc-gen-belay/functions.h"

/*
 * The names of static things begin with what they are, those of public ones with the package: they
 * cannot meet.
 */

/* ---- From the server to typed handlers --------------------------------------------------------- */

static void
add_thunk(gen_text *out, const model_service *service, const model_method *method)
{
    text_format(out,
                "\nstatic belay_code\n"
                "thunk_%s_%s(belay_call *call, const void *handlers, const void *request, void *reply)\n"
                "{\n"
                "    const %s_handlers *typed_handlers = (const %s_handlers *)handlers;\n",
                service->prefix, method->name, service->prefix, service->prefix);
    if (method->client_streaming)
        text_add(out, "\n    (void)request;\n");
    else
        text_format(out, "    const %s *typed_request = (const %s *)request;\n", method->request.type,
                    method->request.type);
    if (method->server_streaming)
        text_format(out, "%s    (void)reply;\n", method->client_streaming ? "" : "\n");
    else
        text_format(out, "    %s *typed_reply = (%s *)reply;\n", method->reply.type, method->reply.type);
    text_format(out,
                "\n    if (typed_handlers->%s == NULL)\n"
                "        return belay_fail(call, BELAY_UNIMPLEMENTED, \"%s is not implemented\");\n"
                "    return typed_handlers->%s(call%s%s);\n"
                "}\n",
                method->member, method->path, method->member,
                method->client_streaming ? "" : ", typed_request",
                method->server_streaming ? "" : ", typed_reply");
}

/* ---- Tables ------------------------------------------------------------------------------------ */

static const char *
flags_of(const model_method *method)
{
    if (method->client_streaming)
        return method->server_streaming ? "BELAY_CLIENT_STREAMING | BELAY_SERVER_STREAMING"
                                        : "BELAY_CLIENT_STREAMING";
    return method->server_streaming ? "BELAY_SERVER_STREAMING" : "0";
}

static void
add_methods(gen_text *out, const model_service *service)
{
    if (service->method_count == 0)
        return;
    text_format(out, "\nstatic const belay_method methods_%s[] = {\n", service->prefix);
    for (size_t i = 0; i < service->method_count; i++) {
        const model_method *method = &service->methods[i];

        text_format(out,
                    "    {\n"
                    "        .path = \"%s\",\n"
                    "        .flags = %s,\n"
                    "        .request = &%s,\n"
                    "        .reply = &%s,\n"
                    "        .thunk = thunk_%s_%s,\n"
                    "    },\n",
                    method->path, flags_of(method), method->request.descriptor, method->reply.descriptor,
                    service->prefix, method->name);
    }
    text_add(out, "};\n");
}

static void
add_service(gen_text *out, const model_service *service)
{
    text_format(out,
                "\nconst belay_service %s_service = {\n"
                "    .name = \"%s\",\n"
                "    .handlers_size = sizeof(%s_handlers),\n"
                "    .method_count = %zu,\n",
                service->prefix, service->symbol, service->prefix, service->method_count);
    if (service->method_count > 0)
        text_format(out, "    .methods = methods_%s,\n", service->prefix);
    text_format(out,
                "    .files = files,\n"
                "    .file_count = sizeof files / sizeof files[0],\n"
                "};\n\n"
                "belay_code\n"
                "%s_add(belay_server *server, const %s_handlers *handlers,\n"
                "    void *data)\n"
                "{\n"
                "    return belay_server_add_service(server, &%s_service, handlers, data);\n"
                "}\n",
                service->prefix, service->prefix, service->prefix);
}

/* ---- Functions --------------------------------------------------------------------------------- */

/* The library gives out ProtobufCMessage *; the conversion to the message's own type is of the pointer's
 * value, never through a pointer to it. */
static void
add_recv_body(gen_text *out, const model_message *message, const char *parameter)
{
    text_format(out,
                "    ProtobufCMessage *message = NULL;\n"
                "    belay_code code = belay_call_recv_message(call, &%s, &message);\n\n"
                "    if (code == BELAY_OK)\n"
                "        *%s = (%s *)(void *)message;\n"
                "    return code;\n",
                message->descriptor, parameter, message->type);
}

static void
add_send_body(gen_text *out, const char *parameter)
{
    text_format(out, "    return belay_call_send_message(call, (const ProtobufCMessage *)%s);\n", parameter);
}

static void
add_reply_body(gen_text *out, const model_method *method, const char *call)
{
    text_format(out,
                "    ProtobufCMessage *message = NULL;\n"
                "    belay_code code = %s,\n"
                "        reply != NULL ? &message : NULL, status);\n\n"
                "    if (code == BELAY_OK && reply != NULL)\n"
                "        *reply = (%s *)(void *)message;\n"
                "    return code;\n",
                call, method->reply.type);
}

static void
add_body(gen_text *out, const model_service *service, size_t index, function_kind kind)
{
    const model_method *method = &service->methods[index];

    switch (kind) {
    case FUNCTION_RECV_REQUEST:
        add_recv_body(out, &method->request, "request");
        break;
    case FUNCTION_RECV_REPLY:
        add_recv_body(out, &method->reply, "reply");
        break;
    case FUNCTION_SEND_REQUEST:
        add_send_body(out, "request");
        break;
    case FUNCTION_SEND_REPLY:
        add_send_body(out, "reply");
        break;
    case FUNCTION_START:
        text_format(out,
                    "    return belay_call_start(channel, context, &methods_%s[%zu],\n"
                    "        %s, options, call);\n",
                    service->prefix, index,
                    method->client_streaming ? "NULL" : "(const ProtobufCMessage *)request");
        break;
    case FUNCTION_CALL:
        add_reply_body(out, method,
                       pool_format(out->pool,
                                   "belay_call_unary(channel, context, &methods_%s[%zu],\n"
                                   "        (const ProtobufCMessage *)request, options",
                                   service->prefix, index));
        break;
    case FUNCTION_FINISH:
        add_reply_body(out, method, "belay_call_finish_unary(call");
        break;
    case FUNCTION_KINDS:
        break;
    }
}

static void
add_functions(gen_text *out, const model_service *service, size_t index)
{
    for (int kind = 0; kind < FUNCTION_KINDS; kind++) {
        if (!function_exists(&service->methods[index], (function_kind)kind))
            continue;
        text_add(out, "\nbelay_code\n");
        function_add_head(out, service, &service->methods[index], (function_kind)kind);
        text_add(out, "\n{\n");
        add_body(out, service, index, (function_kind)kind);
        text_add(out, "}\n");
    }
}

void
source_add(gen_text *out, const model_file *file)
{
    text_format(out,
                "/* Generated by protoc-gen-belay from %s. Do not edit. */\n"
                "#include \"%s.belay.h\"\n\n"
                "#include <stddef.h>\n",
                file->name, file->stem);
    descriptors_add(out, file);
    for (size_t i = 0; i < file->service_count; i++) {
        const model_service *service = &file->services[i];

        text_format(out, "\n/* ---- %s ---- */\n", service->symbol);
        for (size_t j = 0; j < service->method_count; j++)
            add_thunk(out, service, &service->methods[j]);
        add_methods(out, service);
        add_service(out, service);
        for (size_t j = 0; j < service->method_count; j++)
            add_functions(out, service, j);
    }
}
