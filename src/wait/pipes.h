/* SPDX-License-Identifier: MIT */
/*
 * Our ends of a child process's pipes: what it is fed, and what is caught of what it writes. The descriptors
 * do not block.
 */
#ifndef BLY_WAIT_PIPES_H
#define BLY_WAIT_PIPES_H

#include <stdbool.h>
#include <stddef.h>

/* One thread's. */
typedef struct bly_feed {
    int fd; /* -1: closed */
    const char *data;
    size_t left;
} bly_feed;

/* One thread's. */
typedef struct bly_catch {
    int fd; /* -1: closed, the other side has no writer any more */
    char *data;
    size_t size;
    size_t capacity;
    size_t limit;
    bool was_cut;
    bool has_failed; /* no memory */
} bly_catch;

/* Writes what the pipe takes; closes it when all is written or nobody reads any more. Raises no SIGPIPE. */
void bly_feed_write(bly_feed *feed);
void bly_feed_close(bly_feed *feed);

/* Reads once, not more than a pipe commonly holds; closes it at its end. */
void bly_catch_read(bly_catch *catch);

/* Reads what is in the pipe now, but not what is written meanwhile. */
void bly_catch_read_rest(bly_catch *catch);

/* Closes it and frees what was caught. */
void bly_catch_fini(bly_catch *catch);

#endif
