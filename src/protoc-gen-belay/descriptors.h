/* SPDX-License-Identifier: MIT */
/*
 * The descriptors that generated code embeds, for reflection. Each file with services has its own and those of all that
 * it imports: what it imports need not have been given to this generator.
 */
#ifndef PROTOC_GEN_BELAY_DESCRIPTORS_H
#define PROTOC_GEN_BELAY_DESCRIPTORS_H

#include "protoc-gen-belay/model.h"
#include "protoc-gen-belay/text.h"

/* Fills in file->descriptors. index: of the file in request->proto_file. */
void descriptors_build(gen_pool *pool, const Plugin__CodeGeneratorRequest *request, size_t index, model_file *file);

/* Writes the table `files`, for files with services. */
void descriptors_add(gen_text *out, const model_file *file);

#endif
