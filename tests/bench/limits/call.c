/* SPDX-License-Identifier: MIT */
#include "bench/limits/call.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#define FRAME_HEAD 5
#define SEEN_SLOTS 65536
#define NAME_LIMIT 100
#define SPIN_STEPS 1000
#define SPIN_LIMIT_NS INT64_C(3000000000)

/* Field numbers and wire types of peer.proto, as its tags have them. */
#define TAG_NAME 0x0a
#define TAG_MESSAGE 0x0a
#define TAG_ID 0x08
#define TAG_STEPS 0x18
#define TAG_NS 0x08
#define TAG_STARTED 0x18
#define TAG_FINISHED 0x20

typedef struct request_fields {
    const uint8_t *name;
    size_t name_size;
    uint64_t id;
    uint64_t steps;
} request_fields;

static atomic_ulong started;
static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t id;
    int64_t ns;
} seen[SEEN_SLOTS]; /* guarded by seen_lock */

static int64_t
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- Bytes -------------------------------------------------------------------------------------------- */

static uint64_t
read_varint(const uint8_t **at, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned int shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return value;
}

static uint8_t *
write_varint(uint8_t *at, uint64_t value)
{
    for (; value > 127; value >>= 7)
        *at++ = (uint8_t)(value | 128);
    *at++ = (uint8_t)value;
    return at;
}

/* Both requests at once, HelloRequest and BenchReq: their tags tell them apart. */
static request_fields
read_request(const limit_call *call)
{
    request_fields fields = {.steps = SPIN_STEPS};
    const uint8_t *end = call->request + call->request_size;
    const uint8_t *at = call->request_size < FRAME_HEAD ? end : call->request + FRAME_HEAD;
    while (at < end) {
        uint64_t tag = read_varint(&at, end);
        uint64_t value = read_varint(&at, end);
        if ((tag & 7) == 2) {
            size_t size = value < (uint64_t)(end - at) ? (size_t)value : (size_t)(end - at);
            if (tag == TAG_NAME) {
                fields.name = at;
                fields.name_size = size < NAME_LIMIT ? size : NAME_LIMIT;
            }
            at += size;
        } else if (tag == TAG_ID) {
            fields.id = value;
        } else if (tag == TAG_STEPS && value != 0) {
            fields.steps = value;
        }
    }
    return fields;
}

/* ---- Handlers: each writes its message and returns where it ends --------------------------------------- */

static uint8_t *
say_hello(uint8_t *at, const request_fields *request)
{
    static const char greeting[] = "Hello ";
    const size_t greeting_size = sizeof greeting - 1;
    atomic_fetch_add_explicit(&started, 1, memory_order_relaxed);
    *at++ = TAG_MESSAGE;
    *at++ = (uint8_t)(greeting_size + request->name_size);
    memcpy(at, greeting, greeting_size);
    at += greeting_size;
    if (request->name_size != 0)
        memcpy(at, request->name, request->name_size);
    return at + request->name_size;
}

/* Computes until the flag is seen, or for three seconds: the loop that every server's Spin has. */
static void
spin(limit_call *call, const request_fields *request)
{
    static atomic_ulong sink;
    uint64_t x = request->id;
    int64_t start = now();
    int64_t ns = 0;
    for (;;) {
        for (uint64_t i = 0; i < request->steps; i++)
            x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        if (atomic_load_explicit(&call->cancelled, memory_order_relaxed)) {
            ns = now();
            break;
        }
        if ((x & 0xff00) == 0 && now() - start > SPIN_LIMIT_NS)
            break;
    }
    atomic_fetch_add_explicit(&sink, x, memory_order_relaxed);
    pthread_mutex_lock(&seen_lock);
    seen[request->id % SEEN_SLOTS].id = request->id;
    seen[request->id % SEEN_SLOTS].ns = ns;
    pthread_mutex_unlock(&seen_lock);
}

static uint8_t *
tell_seen(uint8_t *at, const request_fields *request)
{
    size_t slot = request->id % SEEN_SLOTS;
    pthread_mutex_lock(&seen_lock);
    int64_t ns = seen[slot].id == request->id ? seen[slot].ns : 0;
    pthread_mutex_unlock(&seen_lock);
    if (ns == 0)
        return at;
    *at++ = TAG_NS;
    return write_varint(at, (uint64_t)ns);
}

static uint8_t *
tell_stats(uint8_t *at)
{
    uint64_t calls = atomic_load_explicit(&started, memory_order_relaxed);
    *at++ = TAG_STARTED;
    at = write_varint(at, calls);
    *at++ = TAG_FINISHED;
    return write_varint(at, calls);
}

/* ---- A call ------------------------------------------------------------------------------------------- */

limit_method
call_method(const uint8_t *path, size_t size)
{
    static const struct {
        const char *path;
        size_t size;
        limit_method method;
    } methods[] = {
#define METHOD(name, value) {name, sizeof name - 1, value}
        METHOD("/helloworld.Greeter/SayHello", METHOD_SAY_HELLO),
        METHOD("/helloworld.Bench/Spin", METHOD_SPIN),
        METHOD("/helloworld.Bench/Seen", METHOD_SEEN),
        METHOD("/helloworld.Bench/Block", METHOD_BLOCK),
        METHOD("/helloworld.Bench/Stats", METHOD_STATS),
#undef METHOD
    };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (size == methods[i].size && memcmp(path, methods[i].path, size) == 0)
            return methods[i].method;
    }
    return METHOD_UNKNOWN;
}

void
call_receive(limit_call *call, const uint8_t *data, size_t size)
{
    if (call->request_size + size > sizeof call->request)
        return;
    memcpy(call->request + call->request_size, data, size);
    call->request_size += size;
}

static uint8_t *
run_handler(limit_call *call, uint8_t *at)
{
    request_fields request = read_request(call);
    switch (call->method) {
    case METHOD_SAY_HELLO:
        return say_hello(at, &request);
    case METHOD_SPIN:
        spin(call, &request);
        return at;
    case METHOD_SEEN:
        return tell_seen(at, &request);
    case METHOD_STATS:
        return tell_stats(at);
    case METHOD_BLOCK:
    case METHOD_UNKNOWN:
        break;
    }
    return at;
}

void
call_run(limit_call *call)
{
    uint8_t *message = call->answer + FRAME_HEAD;
    size_t size = (size_t)(run_handler(call, message) - message);
    memset(call->answer, 0, 3);
    call->answer[3] = (uint8_t)(size >> 8);
    call->answer[4] = (uint8_t)size;
    call->answer_size = FRAME_HEAD + size;
}
