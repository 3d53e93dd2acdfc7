/* SPDX-License-Identifier: MIT */
/*
 * The functions that are generated for a method. Which ones there are depends on which sides stream.
 */
#ifndef PROTOC_GEN_BELAY_FUNCTIONS_H
#define PROTOC_GEN_BELAY_FUNCTIONS_H

#include <stdbool.h>

#include "protoc-gen-belay/model.h"
#include "protoc-gen-belay/text.h"

typedef enum function_kind {
    /* for handlers */
    FUNCTION_RECV_REQUEST,
    FUNCTION_SEND_REPLY,
    /* for clients */
    FUNCTION_CALL, /* the whole call at once */
    FUNCTION_START,
    FUNCTION_SEND_REQUEST,
    FUNCTION_RECV_REPLY,
    FUNCTION_FINISH,
    FUNCTION_KINDS
} function_kind;

bool function_exists(const model_method *method, function_kind kind);

bool function_is_for_clients(function_kind kind);

/* "p_q_svc_say_hello_start" */
char *function_name(gen_pool *pool, const model_service *service, const model_method *method,
                    function_kind kind);

/* Adds the name and the parameters in parentheses: what a declaration and a definition share. */
void function_add_head(gen_text *out, const model_service *service, const model_method *method,
                       function_kind kind);

/* Adds the member of the table of handlers. */
void function_add_member(gen_text *out, const model_method *method);

#endif
