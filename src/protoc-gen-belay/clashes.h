/* SPDX-License-Identifier: MIT */
#ifndef PROTOC_GEN_BELAY_CLASHES_H
#define PROTOC_GEN_BELAY_CLASHES_H

#include "protoc-gen-belay/model.h"
#include "protoc-gen-belay/pool.h"

/* Looks for two declarations of a file that would get the same name in C: methods Foo and foo, say.
 * Gives what to tell about the first, or NULL when there are none. */
const char *clashes_find(gen_pool *pool, const model_file *file);

#endif
