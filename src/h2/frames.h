/* SPDX-License-Identifier: MIT */
/*
 * What a client must not send and nghttp2, as we set it up, lets pass: it keeps no streams that have ended and no tree
 * of priorities, so it cannot see it. Looks at the heads of frames alone, before nghttp2 gets them. Pure.
 */
#ifndef BLY_H2_FRAMES_H
#define BLY_H2_FRAMES_H

#include <stddef.h>
#include <stdint.h>

/* So many streams that the client ended last are known. */
#define BLY_H2_ENDED 16

typedef struct bly_h2_frames {
    size_t skip;      /* bytes until the next frame */
    uint8_t head[13]; /* of a frame, and what a PRIORITY begins with */
    size_t have;
    int32_t newest; /* stream */
    int32_t ended[BLY_H2_ENDED]; /* by END_STREAM or RST_STREAM; a ring */
    unsigned int next;
} bly_h2_frames;

/* For a connection that begins with a client's preface. */
void bly_h2_frames_init(bly_h2_frames *frames);

/* Looks through bytes in the order in which they come. Returns NULL, or what is wrong with them; then error receives
 * the code to end the connection with, and there is no use in going on. Source: RFC 9113, 5.1 and 6.3; RFC 7540,
 * 5.3.1. */
const char *bly_h2_frames_look(bly_h2_frames *frames, const uint8_t *data, size_t size, uint32_t *error);

#endif
