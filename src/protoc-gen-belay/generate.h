/* SPDX-License-Identifier: MIT */
#ifndef PROTOC_GEN_BELAY_GENERATE_H
#define PROTOC_GEN_BELAY_GENERATE_H

#include "protoc-gen-belay/plugin.pb-c.h"
#include "protoc-gen-belay/pool.h"

/*
 * Answers a request: the generated files, or the error that protoc shows to the user.
 *
 * pool: what the response lives in.
 * request: what protoc said; must live as long as the response.
 * Returns the response, or NULL when the request is none that protoc makes.
 */
const Plugin__CodeGeneratorResponse *generate(gen_pool *pool, const Plugin__CodeGeneratorRequest *request);

#endif
