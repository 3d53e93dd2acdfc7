/* SPDX-License-Identifier: MIT */
/*
 * The services grpc.reflection.v1.ServerReflection and v1alpha, whose messages are the same: all is written with those
 * of v1. The streams are attended on the I/O threads (rpc/attended.h).
 */
#include <belay/reflection.h>

#include <stdlib.h>
#include <string.h>

#include "server/extension.h"
#include "services/own/grpc/reflection/v1/reflection.belay.h"
#include "services/own/grpc/reflection/v1alpha/reflection.belay.h"
#include "services/symbols.h"

typedef Grpc__Reflection__V1__ServerReflectionRequest request_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_message;

typedef struct bly_reflection {
    bly_extension extension;
    /* const after creation */
    belay_server *server;

    bly_mutex lock;
    /* guarded by lock until is_ready; const afterwards */
    bool is_ready;
    bly_symbols symbols;
} bly_reflection;

/* What a response is made of; in the call's arena for messages, which the next request takes back. */
typedef struct answer {
    response_message response;
    Grpc__Reflection__V1__FileDescriptorResponse files;
    Grpc__Reflection__V1__ExtensionNumberResponse numbers;
    Grpc__Reflection__V1__ListServiceResponse services;
    Grpc__Reflection__V1__ErrorResponse error;
    bly_arena *arena;
    bool failed; /* no memory */
} answer;

static void *
allocate(answer *to, size_t count, size_t size)
{
    void *memory = bly_arena_alloc(to->arena, (count + 1) * size);
    to->failed |= memory == NULL;
    return memory;
}

/* ---- What is asked for ------------------------------------------------------------------------------- */

static void
answer_error(answer *to, belay_code code, const char *words)
{
    bly_grpc__reflection__v1__error_response__init(&to->error);
    to->error.error_code = (int32_t)code;
    to->error.error_message = (char *)words;
    to->response.message_response_case = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
    to->response.error_response = &to->error;
}

/* Adds a file to those that are wanted, unless it is. */
static void
want(size_t *wanted, size_t *count, size_t file)
{
    for (size_t i = 0; i < *count; i++) {
        if (wanted[i] == file)
            return;
    }
    wanted[(*count)++] = file;
}

/* A file and all that it imports, directly or not. */
static void
answer_file(answer *to, const bly_symbols *symbols, size_t file, const char *missing)
{
    if (file == symbols->file_count) {
        answer_error(to, BELAY_NOT_FOUND, missing);
        return;
    }
    bly_grpc__reflection__v1__file_descriptor_response__init(&to->files);
    size_t *wanted = allocate(to, symbols->file_count, sizeof *wanted);
    to->files.file_descriptor_proto = allocate(to, symbols->file_count, sizeof *to->files.file_descriptor_proto);
    if (to->failed)
        return;
    size_t count = 0;
    want(wanted, &count, file);
    for (size_t i = 0; i < count; i++) {
        const bly_symbols_file *next = &symbols->files[wanted[i]];
        to->files.file_descriptor_proto[i] = (ProtobufCBinaryData){next->source->size, (uint8_t *)next->source->bytes};
        for (size_t j = 0; j < next->parsed->n_dependency; j++) {
            size_t imported = bly_symbols_find_file(symbols, next->parsed->dependency[j]);
            if (imported < symbols->file_count)
                want(wanted, &count, imported);
        }
    }
    to->files.n_file_descriptor_proto = count;
    to->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
    to->response.file_descriptor_response = &to->files;
}

static void
answer_extension(answer *to, const bly_symbols *symbols, const Grpc__Reflection__V1__ExtensionRequest *request)
{
    const bly_symbols_extension *found =
        bly_symbols_find_extension(symbols, request->containing_type, request->extension_number);
    bool is_it = found != NULL && found->number == request->extension_number;
    answer_file(to, symbols, is_it ? found->file : symbols->file_count, "no such extension");
}

static void
answer_numbers(answer *to, const bly_symbols *symbols, const char *type)
{
    if (!bly_symbols_is_message(symbols, type)) {
        answer_error(to, BELAY_NOT_FOUND, "no such message type");
        return;
    }
    bly_grpc__reflection__v1__extension_number_response__init(&to->numbers);
    to->numbers.base_type_name = (char *)type;
    to->numbers.extension_number = allocate(to, symbols->extension_count, sizeof *to->numbers.extension_number);
    if (to->failed)
        return;
    for (size_t i = 0; i < symbols->extension_count; i++) {
        const bly_symbols_extension *at = &symbols->extensions[i];
        if (strcmp(at->extendee, type) == 0)
            to->numbers.extension_number[to->numbers.n_extension_number++] = at->number;
    }
    to->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
    to->response.all_extension_numbers_response = &to->numbers;
}

/* An operator's are not told of: those that have methods, none of which answers at the front door. */
static bool
is_told(const bly_registry *registry, const belay_service *service)
{
    bool known;
    if (service->method_count == 0)
        return true;
    const char *path = service->methods[0].path;
    const bly_registration *first = bly_registry_find(registry, path, strlen(path), &known);
    return first != NULL && (first->doors & BLY_SERVER_FRONT_DOOR) != 0;
}

static void
answer_services(answer *to, const bly_registry *registry)
{
    bly_grpc__reflection__v1__list_service_response__init(&to->services);
    Grpc__Reflection__V1__ServiceResponse *names = allocate(to, registry->table_count, sizeof *names);
    to->services.service = allocate(to, registry->table_count, sizeof *to->services.service);
    if (to->failed)
        return;
    for (size_t i = 0; i < registry->table_count; i++) {
        if (!is_told(registry, registry->services[i]))
            continue;
        Grpc__Reflection__V1__ServiceResponse *one = &names[to->services.n_service];
        bly_grpc__reflection__v1__service_response__init(one);
        one->name = (char *)registry->services[i]->name;
        to->services.service[to->services.n_service++] = one;
    }
    to->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
    to->response.list_services_response = &to->services;
}

/* False when the request asks for nothing that is known. */
static bool
fill(answer *to, const bly_reflection *reflection, request_message *request)
{
    const bly_symbols *symbols = &reflection->symbols;
    bly_grpc__reflection__v1__server_reflection_response__init(&to->response);
    to->response.valid_host = request->host;
    to->response.original_request = request;
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        answer_file(to, symbols, bly_symbols_find_file(symbols, request->file_by_filename), "no such file");
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        answer_file(to, symbols, bly_symbols_find(symbols, request->file_containing_symbol), "no such symbol");
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        answer_extension(to, symbols, request->file_containing_extension);
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        answer_numbers(to, symbols, request->all_extension_numbers_of_type);
        return true;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_services(to, &reflection->server->registry);
        return true;
    default:
        return false;
    }
}

/* ---- The streams --------------------------------------------------------------------------------------- */

/* The first who asks has the files read. Const data from then on, which the lock has published. */
static bool
make_ready(bly_reflection *reflection)
{
    const bly_registry *registry = &reflection->server->registry;
    bly_mutex_lock(&reflection->lock);
    if (!reflection->is_ready)
        reflection->is_ready = bly_symbols_init(&reflection->symbols, registry->services, registry->table_count);
    bool ready = reflection->is_ready;
    bly_mutex_unlock(&reflection->lock);
    return ready;
}

static belay_code
reply_to(bly_server_call *server, bly_reflection *reflection, request_message *request)
{
    answer to = {.arena = &server->call.message, .failed = false};
    if (!make_ready(reflection))
        return BELAY_RESOURCE_EXHAUSTED;
    if (!fill(&to, reflection, request))
        return belay_fail(&server->call, BELAY_INVALID_ARGUMENT, "the request asks for nothing");
    return to.failed ? BELAY_RESOURCE_EXHAUSTED : bly_attended_send(server, &to.response.base);
}

/* As long as the client reads what it asks for. */
static void
turn(bly_server_call *server, void *data)
{
    belay_code code = BELAY_OK;
    while (code == BELAY_OK && bly_attended_has_room(server)) {
        ProtobufCMessage *message = NULL;
        code = bly_attended_receive(server, &bly_grpc__reflection__v1__server_reflection_request__descriptor,
                                    &message);
        if (code == BELAY_UNAVAILABLE)
            return;
        if (code == BELAY_OK)
            code = reply_to(server, data, (request_message *)message);
    }
    if (code != BELAY_OK)
        bly_attended_finish(server, code == BELAY_END_OF_STREAM ? BELAY_OK : code, NULL);
}

/* ---- With the server ----------------------------------------------------------------------------------- */

static void
destroy(bly_extension *extension)
{
    bly_reflection *reflection = BLY_CONTAINER_OF(extension, bly_reflection, extension);
    if (reflection->is_ready)
        bly_symbols_fini(&reflection->symbols);
    bly_mutex_fini(&reflection->lock);
    free(reflection);
}

static const bly_extension_kind kind = {.draining = NULL, .destroy = destroy};

static belay_code
add_services(belay_server *server, bly_reflection *reflection)
{
    static const bly_attendant attendant = {turn, NULL};
    static const bly_grpc_reflection_v1_server_reflection_handlers v1 = {NULL}; /* none is called */
    static const bly_grpc_reflection_v1alpha_server_reflection_handlers v1alpha = {NULL};
    belay_code code = bly_grpc_reflection_v1_server_reflection_add(server, &v1, reflection);
    if (code == BELAY_OK)
        code = bly_grpc_reflection_v1alpha_server_reflection_add(server, &v1alpha, reflection);
    if (code == BELAY_OK)
        code = bly_server_attend_method(server, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                        &attendant);
    if (code == BELAY_OK)
        code = bly_server_attend_method(server, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                        &attendant);
    return code;
}

belay_code
belay_reflection_add(belay_server *server)
{
    belay_code code = bly_server_may_extend(server, &kind);
    if (code != BELAY_OK)
        return code;
    bly_reflection *reflection = calloc(1, sizeof *reflection);
    if (reflection == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    reflection->server = server;
    bly_mutex_init(&reflection->lock);
    bly_server_extend(server, &reflection->extension, &kind);
    return add_services(server, reflection);
}
