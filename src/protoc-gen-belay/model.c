/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/model.h"

#include <stdint.h>
#include <string.h>

#include "protoc-gen-belay/descriptors.h"
#include "protoc-gen-belay/names.h"

/* Field numbers that the paths of comments are made of. */
#define FILE_SERVICE 6
#define SERVICE_METHOD 2

typedef struct builder {
    gen_pool *pool;
    const Plugin__CodeGeneratorRequest *request;
    const Plugin__FileDescriptorProto *source;
    model_file file;
    const char *error;
} builder;

static const char *
or_empty(const char *string)
{
    return string != NULL ? string : "";
}

/* ---- Files and the names they give ------------------------------------------------------------- */

static bool
is_generated_by_protobuf_c(const Plugin__FileDescriptorProto *file)
{
    const Plugin__FileOptions *options = file->options;

    return options == NULL || options->pb_c_file == NULL || !options->pb_c_file->no_generate;
}

/* The package, for names in C: a file can choose another with protobuf-c's option. */
static const char *
c_package(const Plugin__FileDescriptorProto *file)
{
    const Plugin__FileOptions *options = file->options;

    if (options != NULL && options->pb_c_file != NULL && options->pb_c_file->c_package != NULL)
        return options->pb_c_file->c_package;
    return or_empty(file->package);
}

/* "a.b" and "C" are "a.b.C"; without a package "C" stays alone. */
static char *
join(gen_pool *pool, const char *package, const char *name)
{
    return pool_format(pool, "%s%s%s", package, package[0] != '\0' ? "." : "", name);
}

static void
add_include(builder *build, const Plugin__FileDescriptorProto *file)
{
    const char *stem = names_stem(build->pool, file->name);

    for (size_t i = 0; i < build->file.include_count; i++)
        if (strcmp(build->file.includes[i], stem) == 0)
            return;
    build->file.includes[build->file.include_count++] = stem;
}

/* ---- Messages ---------------------------------------------------------------------------------- */

/*
 * Gives the part of a message's full name that follows its file's package, or NULL when the file does
 * not declare the message. protoc keeps packages and messages from having the same name, so the
 * outermost message tells.
 */
static const char *
name_in_file(const Plugin__FileDescriptorProto *file, const char *full_name)
{
    const char *package = or_empty(file->package);
    size_t length = strlen(package);

    if (length > 0) {
        if (strncmp(full_name, package, length) != 0 || full_name[length] != '.')
            return NULL;
        full_name += length + 1;
    }
    for (size_t i = 0; i < file->n_message_type; i++) {
        const char *name = or_empty(file->message_type[i]->name);
        size_t outermost = strcspn(full_name, ".");

        if (strlen(name) == outermost && memcmp(name, full_name, outermost) == 0)
            return full_name;
    }
    return NULL;
}

/* Finds what protobuf-c calls a message. `full_name` begins with a dot, as protoc writes it. */
static bool
build_message(builder *build, const char *full_name, const char *method, model_message *message)
{
    full_name = or_empty(full_name);
    full_name += full_name[0] == '.';
    for (size_t i = 0; i < build->request->n_proto_file; i++) {
        const Plugin__FileDescriptorProto *file = build->request->proto_file[i];
        const char *name = name_in_file(file, full_name);

        if (name == NULL)
            continue;
        name = join(build->pool, c_package(file), name);
        message->type = names_pbc_type(build->pool, name);
        message->descriptor = pool_format(build->pool, "%s__descriptor", names_pbc_lower(build->pool, name));
        add_include(build, file);
        return true;
    }
    build->error = pool_format(build->pool, "%s: %s: no file declares the message \"%s\"", build->file.name,
                               method, full_name);
    return false;
}

/* ---- Comments ---------------------------------------------------------------------------------- */

/* Finds the comment before a service (`method` < 0) or a method. */
static const char *
find_comment(const builder *build, size_t service, ptrdiff_t method)
{
    const Plugin__SourceCodeInfo *info = build->source->source_code_info;
    int32_t path[4] = {FILE_SERVICE, (int32_t)service, SERVICE_METHOD, (int32_t)method};
    size_t length = method < 0 ? 2 : 4;

    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Plugin__SourceCodeInfo__Location *location = info->location[i];

        if (location->n_path == length && memcmp(location->path, path, length * sizeof(path[0])) == 0)
            return location->leading_comments;
    }
    return NULL;
}

/* ---- Services ---------------------------------------------------------------------------------- */

static bool
build_method(builder *build, const model_service *service, const Plugin__MethodDescriptorProto *source,
             model_method *method)
{
    const char *name = or_empty(source->name);

    method->symbol = pool_format(build->pool, "%s.%s", service->symbol, name);
    method->path = pool_format(build->pool, "/%s/%s", service->symbol, name);
    method->name = names_snake(build->pool, name);
    method->member = names_member(build->pool, method->name);
    method->client_streaming = source->client_streaming;
    method->server_streaming = source->server_streaming;
    method->deprecated = source->options != NULL && source->options->deprecated;
    return build_message(build, source->input_type, method->symbol, &method->request) &&
           build_message(build, source->output_type, method->symbol, &method->reply);
}

static bool
build_service(builder *build, size_t index, model_service *service)
{
    const Plugin__ServiceDescriptorProto *source = build->source->service[index];
    const char *name = or_empty(source->name);
    bool deprecated = source->options != NULL && source->options->deprecated;

    service->symbol = join(build->pool, or_empty(build->source->package), name);
    service->prefix = names_snake(build->pool, join(build->pool, c_package(build->source), name));
    service->comment = find_comment(build, index, -1);
    service->methods = pool_alloc(build->pool, source->n_method, sizeof(service->methods[0]));
    service->method_count = source->n_method;
    for (size_t i = 0; i < source->n_method; i++) {
        if (!build_method(build, service, source->method[i], &service->methods[i]))
            return false;
        service->methods[i].comment = find_comment(build, index, (ptrdiff_t)i);
        service->methods[i].deprecated |= deprecated;
    }
    return true;
}

static bool
build_services(builder *build)
{
    size_t count = build->source->n_service;

    build->file.services = pool_alloc(build->pool, count, sizeof(build->file.services[0]));
    build->file.service_count = count;
    for (size_t i = 0; i < count; i++)
        if (!build_service(build, i, &build->file.services[i]))
            return false;
    return true;
}

/* ---- The file ---------------------------------------------------------------------------------- */

/* Says what keeps a file as a whole from being generated, or gives NULL. */
static const char *
find_obstacle(const Plugin__FileDescriptorProto *file)
{
    const char *syntax = file->syntax != NULL ? file->syntax : "proto2";

    if (strcmp(syntax, "proto2") != 0 && strcmp(syntax, "proto3") != 0)
        return "only proto2 and proto3 can be generated, no editions";
    if (file->n_service > 0 && !is_generated_by_protobuf_c(file))
        return "its services need the .pb-c.h that the option (pb_c_file).no_generate suppresses";
    return NULL;
}

bool
model_build(gen_pool *pool, const Plugin__CodeGeneratorRequest *request, size_t index, model_file *file,
            const char **error)
{
    builder build = {.pool = pool, .request = request, .source = request->proto_file[index]};
    const char *obstacle = find_obstacle(build.source);

    build.file.name = or_empty(build.source->name);
    if (obstacle != NULL) {
        *error = pool_format(pool, "%s: %s", build.file.name, obstacle);
        return false;
    }
    build.file.stem = names_stem(pool, build.file.name);
    build.file.includes = pool_alloc(pool, request->n_proto_file + 1, sizeof(build.file.includes[0]));
    if (is_generated_by_protobuf_c(build.source))
        add_include(&build, build.source);
    if (!build_services(&build)) {
        *error = build.error;
        return false;
    }
    descriptors_build(pool, request, index, &build.file);
    *file = build.file;
    return true;
}
