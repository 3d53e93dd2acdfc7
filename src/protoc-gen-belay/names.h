/* SPDX-License-Identifier: MIT */
/*
 * How names of a .proto file become names in C. Two rules side by side: protobuf-c's own, which must
 * be met letter by letter since its files declare those names, and belay's for what belay adds.
 *
 * All strings given out live in the pool.
 */
#ifndef PROTOC_GEN_BELAY_NAMES_H
#define PROTOC_GEN_BELAY_NAMES_H

#include <stdbool.h>

#include "protoc-gen-belay/pool.h"

/* protobuf-c: "a.b_c.HTTPReq" is the type "A__BC__HTTPReq". */
char *names_pbc_type(gen_pool *pool, const char *dotted);

/* protobuf-c: "a.b_c.HTTPReq" has functions and descriptors that begin with "a__b_c__httpreq". */
char *names_pbc_lower(gen_pool *pool, const char *dotted);

/* protobuf-c: "dir/x.proto" becomes "dir/x"; other endings stay. */
char *names_stem(gen_pool *pool, const char *file);

/* belay: "GetHTTPUrl2" becomes "get_http_url2", "a.b.Svc" becomes "a_b_svc". */
char *names_snake(gen_pool *pool, const char *dotted);

/* belay: a name as the member of a struct: with "_" at its end where C or C++ keep the word. */
char *names_member(gen_pool *pool, const char *snake);

/* A file's path as part of an include guard; two paths never give the same. */
char *names_guard(gen_pool *pool, const char *file);

/* Whether a file's path can stand between the quotes of an #include and in a comment. */
bool names_is_includable(const char *file);

#endif
