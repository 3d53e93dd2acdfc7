/* SPDX-License-Identifier: MIT */
/*
 * What a client must not send and nghttp2, as we set it up, lets pass: it keeps no streams that have ended and no tree
 * of priorities, so it cannot see it. Looks at the heads of frames alone, before nghttp2 gets them. Pure.
 */
#ifndef BLY_H2_FRAMES_H
#define BLY_H2_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many streams that the client ended last are known. */
#define BLY_H2_ENDED 16

typedef struct bly_h2_frames {
    size_t skip;      /* bytes until the next frame */
    uint8_t head[13]; /* of a frame, and what a PRIORITY begins with */
    size_t have;
    int32_t newest; /* stream */
    int32_t ended[BLY_H2_ENDED]; /* by END_STREAM; those by RST_STREAM are negative; a ring */
    unsigned int next;
} bly_h2_frames;

/* For a connection that begins with a client's preface. */
void bly_h2_frames_init(bly_h2_frames *frames);

/* What is wrong. */
typedef struct bly_h2_wrong {
    uint32_t error;    /* to tell the client */
    int32_t stream;    /* that is to be reset; 0: the connection is to end */
    const char *words;
} bly_h2_wrong;

/* Looks through bytes in the order in which they come, and moves *data and *size on. Returns false at their end, true
 * for something wrong; then there may be more. Source: RFC 9113, 5.1 and 6.3; RFC 7540, 5.1 and 5.3.1. */
bool bly_h2_frames_look(bly_h2_frames *frames, const uint8_t **data, size_t *size, bly_h2_wrong *wrong);

#endif
