/* SPDX-License-Identifier: MIT */
/* HTTP/2 frames of gRPC calls, written by hand: the same bytes to every server. */
#ifndef LIMITS_FRAMES_H
#define LIMITS_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD_SIZE 9
#define PREFACE_ROOM 128
/* What HEADERS, DATA and RST_STREAM of one call need at most, but for the hops of a Chain. */
#define CALL_ROOM 640
#define PING_OPAQUE_SIZE 8

enum frame_type {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW_UPDATE = 8,
};

#define FLAG_ACK 1
#define FLAG_END_STREAM 1
#define FLAG_END_HEADERS 4

#define PATH_SAY_HELLO "/helloworld.Greeter/SayHello"
#define PATH_SPIN "/helloworld.Bench/Spin"
#define PATH_CHAIN "/helloworld.Bench/Chain"
#define PATH_SEEN "/helloworld.Bench/Seen"
#define PATH_BLOCK "/helloworld.Bench/Block"
#define PATH_STATS "/helloworld.Bench/Stats"

/* What is in a BenchReq. */
typedef struct bench_request {
    uint64_t id;
    uint64_t steps;
    char *const *hops;
    size_t hop_count;
} bench_request;

/* Each writes at `at` and returns where it ended. */
uint8_t *frame_head(uint8_t *at, uint32_t size, int type, int flags, uint32_t stream);

/* The preface with SETTINGS: no push, windows so large that this side never holds a server up. */
uint8_t *frame_preface(uint8_t *at);

uint8_t *frame_call(uint8_t *at, uint32_t stream, const char *authority, const char *path);
uint8_t *frame_hello(uint8_t *at, uint32_t stream);
uint8_t *frame_bench(uint8_t *at, uint32_t stream, const bench_request *request);
uint8_t *frame_reset(uint8_t *at, uint32_t stream);

uint32_t frame_number(const uint8_t *at);

#endif
