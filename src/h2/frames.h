/* SPDX-License-Identifier: MIT */
/*
 * What is looked at before nghttp2 gets it: the heads of the frames that a client sends. Pure.
 *
 * Some frames a client must not send, and nghttp2 as we set it up lets them pass: it keeps no streams that have ended
 * and no tree of priorities, so it cannot see it.
 *
 * One it would end the connection for, and is not to see. A call that its program cancels just before its headers are
 * written is reset all the same by grpc's C core, and so by the stacks on it (grpc issue 19655): RST_STREAM for a
 * number that never comes to be. To RFC 9113 (6.4) that is the end of the connection, and of all its other calls,
 * because one was cancelled. Such a frame changes nothing, so it is dropped, but only where it can be that: after the
 * client's first stream, for a number of the client's beyond its last. All else is nghttp2's to judge; so is a frame
 * that a read cuts in two.
 */
#ifndef BLY_H2_FRAMES_H
#define BLY_H2_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLY_H2_FRAME_HEAD 9 /* bytes; source: RFC 9113, 4.1 */
#define BLY_H2_RESET_SIZE (BLY_H2_FRAME_HEAD + 4) /* 6.4 */

/* So many streams that the client ended last are known. */
#define BLY_H2_ENDED 16

typedef struct bly_h2_frames {
    size_t skip;      /* bytes until the next frame */
    uint8_t head[BLY_H2_RESET_SIZE]; /* of a frame that reads have cut, and the number that some begin with */
    size_t have;
    int32_t newest;   /* stream */
    bool in_block;    /* more of a header block must come */
    int32_t ended[BLY_H2_ENDED]; /* by END_STREAM, or (negative) RST_STREAM; a ring */
    unsigned int next;
} bly_h2_frames;

typedef struct bly_h2_verdict {
    const char *words; /* what is wrong: the connection ends, and there is no use in going on; or NULL */
    uint32_t error;    /* the code to end it with */
    int32_t closed;    /* a stream that the client has reset and goes on with: to be reset; or 0 */
    size_t dropped;
} bly_h2_verdict;

/* For a connection that begins with a client's preface. */
void bly_h2_frames_init(bly_h2_frames *frames);

/* Looks through bytes in the order in which they come. Returns how many of them nghttp2 may see; then so many as the
 * verdict says are to be dropped, and what is left is to be looked at anew. Frames on a stream that has ended are the
 * connection's end where HTTP/2 says so; after a reset they are the stream's error alone, and the others go on.
 * Source: RFC 9113, 5.1 and 6.3; RFC 7540, 5.3.1. */
size_t bly_h2_frames_look(bly_h2_frames *frames, const uint8_t *data, size_t size, bly_h2_verdict *verdict);

/* The stream that these bytes cancel, when they are its RST_STREAM with CANCEL and nothing else; 0: they are not. They
 * are still to be looked at. */
int32_t bly_h2_frames_cancels(const bly_h2_frames *frames, const uint8_t *data, size_t size);

/* Whether the last frame that was looked at is whole. */
static inline bool
bly_h2_frames_is_between(const bly_h2_frames *frames)
{
    return frames->skip == 0;
}

#endif
