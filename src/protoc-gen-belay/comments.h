/* SPDX-License-Identifier: MIT */
#ifndef PROTOC_GEN_BELAY_COMMENTS_H
#define PROTOC_GEN_BELAY_COMMENTS_H

#include "protoc-gen-belay/text.h"

/* Adds the comment of a .proto file as one of C, each line after `indent`. Whatever it contains, it
 * neither ends early nor gives a warning. NULL and empty comments add nothing. */
void comments_add(gen_text *out, const char *indent, const char *comment);

#endif
