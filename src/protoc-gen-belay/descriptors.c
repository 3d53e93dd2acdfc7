/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/descriptors.h"

#include <string.h>

#define BYTES_IN_A_LINE 24

/* ---- Collecting -------------------------------------------------------------------------------- */

/* protobuf-c keeps the fields that it does not know, and packs them again: only what is left out here is lost. */
static void
serialize(gen_pool *pool, const Plugin__FileDescriptorProto *source, model_descriptor *to)
{
    Plugin__FileDescriptorProto stripped = *source;
    uint8_t *bytes;

    stripped.source_code_info = NULL;
    to->name = source->name;
    to->size = plugin__file_descriptor_proto__get_packed_size(&stripped);
    bytes = pool_alloc(pool, to->size, 1);
    plugin__file_descriptor_proto__pack(&stripped, bytes);
    to->bytes = bytes;
}

static const Plugin__FileDescriptorProto *
find(const Plugin__CodeGeneratorRequest *request, const char *name)
{
    for (size_t i = 0; i < request->n_proto_file; i++)
        if (strcmp(request->proto_file[i]->name, name) == 0)
            return request->proto_file[i];
    return NULL;
}

/* Adds a file unless it is there, or was not given. */
static void
want(const Plugin__FileDescriptorProto **wanted, size_t *count, const Plugin__FileDescriptorProto *file)
{
    for (size_t i = 0; i < *count; i++)
        if (wanted[i] == file)
            return;
    if (file != NULL)
        wanted[(*count)++] = file;
}

void
descriptors_build(gen_pool *pool, const Plugin__CodeGeneratorRequest *request, size_t index, model_file *file)
{
    const Plugin__FileDescriptorProto **wanted =
        pool_alloc(pool, request->n_proto_file, sizeof(const Plugin__FileDescriptorProto *));
    size_t count = 0;

    if (file->service_count == 0)
        return;
    want(wanted, &count, request->proto_file[index]);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < wanted[i]->n_dependency; j++)
            want(wanted, &count, find(request, wanted[i]->dependency[j]));
    file->descriptors = pool_alloc(pool, count, sizeof(file->descriptors[0]));
    file->descriptor_count = count;
    for (size_t i = 0; i < count; i++)
        serialize(pool, wanted[i], &file->descriptors[i]);
}

/* ---- Writing ----------------------------------------------------------------------------------- */

static void
add_bytes(gen_text *out, const model_descriptor *descriptor, size_t index)
{
    text_format(out, "\nstatic const unsigned char file_%zu[] = {", index);
    for (size_t i = 0; i < descriptor->size; i++)
        text_format(out, "%s%u,", i % BYTES_IN_A_LINE == 0 ? "\n    " : "", (unsigned int)descriptor->bytes[i]);
    text_add(out, "\n};\n");
}

void
descriptors_add(gen_text *out, const model_file *file)
{
    if (file->descriptor_count == 0)
        return;
    text_add(out, "\n/* ---- Descriptors, for reflection ---- */\n");
    for (size_t i = 0; i < file->descriptor_count; i++)
        add_bytes(out, &file->descriptors[i], i);
    text_add(out, "\nstatic const belay_file files[] = {\n");
    for (size_t i = 0; i < file->descriptor_count; i++)
        text_format(out, "    {\"%s\", file_%zu, sizeof file_%zu},\n", file->descriptors[i].name, i, i);
    text_add(out, "};\n");
}
