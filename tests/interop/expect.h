/* SPDX-License-Identifier: MIT */
/*
 * What a test case expects. Each function tells whether it came so, and when not, says on standard error
 * what was expected and what came.
 */
#ifndef TESTS_INTEROP_EXPECT_H
#define TESTS_INTEROP_EXPECT_H

#include <stdbool.h>
#include <stddef.h>

#include <belay/belay.h>

#include "testing.belay.h"

/* `status` adds its message to what is said, and is freed. It may be NULL. */
bool expect_end(const char *what, belay_code wanted, belay_code code, belay_status *status);

bool expect_code(const char *what, belay_code wanted, belay_code code);
bool expect_number(const char *what, size_t wanted, size_t number);
bool expect_text(const char *what, const char *wanted, const char *text);

/* A payload of zeros. */
bool expect_payload(const char *what, size_t size, const Grpc__Testing__Payload *payload);

/* A pair of metadata. */
bool expect_pair(const char *what, const belay_metadata *metadata, const char *key, const void *value,
                 size_t value_size);

#endif
