/* SPDX-License-Identifier: MIT */
#ifndef BLY_WAIT_PROCESS_H
#define BLY_WAIT_PROCESS_H

#include <belay/process.h>

struct belay_process_options {
    const void *input; /* NULL: none */
    size_t input_size;
    size_t output_limit;
    uint64_t grace_ns;
    bool no_pidfd; /* tests: as on a system that has none */
};

#endif
