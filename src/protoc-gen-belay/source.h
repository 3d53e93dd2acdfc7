/* SPDX-License-Identifier: MIT */
#ifndef PROTOC_GEN_BELAY_SOURCE_H
#define PROTOC_GEN_BELAY_SOURCE_H

#include "protoc-gen-belay/model.h"
#include "protoc-gen-belay/text.h"

/* Adds the whole of x.belay.c. */
void source_add(gen_text *out, const model_file *file);

#endif
