/* SPDX-License-Identifier: MIT */
/*
 * What a call knows of compression. Messages are compressed and inflated by the program's threads, outside of
 * the call's lock and never while they drive the loop: to the I/O thread they are bytes.
 */
#ifndef BLY_RPC_COMPRESSION_H
#define BLY_RPC_COMPRESSION_H

#include "wire/compression.h"

typedef struct bly_call_compression {
    /* Of what is sent, as grpc-encoding says it. const after creation (client); the sending thread's until
     * the headers have left, const then (server) */
    belay_compression out;

    /* const after the other side's headers */
    belay_compression in;
    bool in_is_unknown;
    unsigned int accepted; /* by the other side: bits (server) */

    bool plain;    /* sending thread only: messages go as they are */
    bool received; /* receiving thread only: the last message was compressed */
} bly_call_compression;

/* Takes in the value of grpc-encoding; false when it is not known. */
bool bly_call_compression_take(bly_call_compression *compression, const char *value, size_t size);

/* Says what an answer is compressed with, so far as the client takes it. */
static inline void
bly_call_compression_choose(bly_call_compression *compression, belay_compression wanted)
{
    bool taken = (compression->accepted & bly_compression_bit(wanted)) != 0;
    compression->out = taken ? wanted : BELAY_COMPRESSION_NONE;
}

/* Whether the next message is to be compressed. Sending thread. */
static inline bool
bly_call_compression_is_on(const bly_call_compression *compression)
{
    return compression->out != BELAY_COMPRESSION_NONE && !compression->plain;
}

#endif
