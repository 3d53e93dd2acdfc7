/* SPDX-License-Identifier: MIT */
/*
 * What the suites of the waits share: a runtime, a context on it, and a pipe.
 */
#ifndef TESTS_WAIT_SCENE_H
#define TESTS_WAIT_SCENE_H

#include <belay/belay.h>

#include "base/parker.h"
#include "cancel/context.h"
#include "support/suite.h"

typedef struct scene {
    belay_runtime *runtime;
    belay_context *context;
    int ends[2]; /* of the pipe: the one to read from, the one to write to; -1: closed by the test */
} scene;

void scene_open(scene *s);
void scene_close(scene *s);

/* Returns when as many threads wait for the context's end. */
void scene_await_waiters(scene *s, size_t count);

/* The descriptors that the process has open. */
int count_descriptors(void);

/* Whether the descriptor is readable now. */
bool is_readable(int fd);

#endif
