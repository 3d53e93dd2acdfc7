/* SPDX-License-Identifier: MIT */
#include "base/limits.h"

#include <inttypes.h>
#include <stdbool.h>

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)
#define SECOND UINT64_C(1000000000)
#define ANY_SIZE UINT32_MAX
#define ANY_NUMBER INT32_MAX
#define LARGEST_WINDOW (1u << 30)

typedef struct row {
    const char *name;
    const char *symbol; /* in lines for people: what to set */
    const char *done;
    uint64_t usual;
    uint64_t least;
    uint64_t most;
} row;

#define ROW(limit, name, usual, least, most, done) [limit] = {name, #limit, done, usual, least, most}

static const char call_ended[] = "the call ended with RESOURCE_EXHAUSTED";
static const char connection_ended[] = "the connection was ended";
static const char stream_refused[] = "the stream was refused";
static const char withheld[] = "windows are withheld until handlers take what has come";
static const char not_sent[] = "the message was not sent";
static const char read_less[] = "less is read in a turn";
static const char nothing[] = "nothing was done";

static const row rows[BELAY_LIMITS] = {
    ROW(BELAY_LIMIT_STREAMS, "concurrent streams", 100, 1, ANY_NUMBER, stream_refused),
    ROW(BELAY_LIMIT_ADMITTED_CALLS, "admitted calls", 400, 1, ANY_NUMBER, stream_refused),
    ROW(BELAY_LIMIT_HANDLERS, "handlers of a connection", 100, 1, ANY_NUMBER, nothing),
    ROW(BELAY_LIMIT_QUEUE, "queue", 1000, 0, ANY_NUMBER, call_ended),
    ROW(BELAY_LIMIT_CONNECTIONS, "connections", 10000, 1, ANY_NUMBER, "a new connection was closed"),
    ROW(BELAY_LIMIT_CONNECTION_BYTES, "bytes of a connection", 16 * MIB, 1, INT64_MAX, withheld),
    ROW(BELAY_LIMIT_SERVER_BYTES, "bytes of all connections", 256 * MIB, 1, INT64_MAX, withheld),
    ROW(BELAY_LIMIT_RECEIVE_SIZE, "size of a received message", 4 * MIB, 0, ANY_SIZE, call_ended),
    ROW(BELAY_LIMIT_SEND_SIZE, "size of a sent message", ANY_SIZE, 0, ANY_SIZE, not_sent),
    ROW(BELAY_LIMIT_UNPACKED_SIZE, "unpacked size of a message", 64 * MIB, 1, ANY_SIZE, call_ended),
    ROW(BELAY_LIMIT_DEPTH, "depth of a message", 100, 1, 1000, call_ended),
    ROW(BELAY_LIMIT_HEADER_LIST, "header list", 16 * KIB, 1, LARGEST_WINDOW, call_ended),
    ROW(BELAY_LIMIT_HEADER_FIELDS, "header fields", 128, 1, ANY_NUMBER, call_ended),
    ROW(BELAY_LIMIT_HEADER_LIST_HARD, "decoded header list", 64 * KIB, 1, LARGEST_WINDOW, connection_ended),
    ROW(BELAY_LIMIT_PREFACE_TIME, "time to preface and SETTINGS", 10 * SECOND, 1, UINT64_MAX, connection_ended),
    ROW(BELAY_LIMIT_STALL_TIME, "time of a stalled reader", 60 * SECOND, 1, UINT64_MAX,
        "what waited for it was given up"),
    ROW(BELAY_LIMIT_ACKS, "queued acknowledgements", 200, 1, ANY_NUMBER, connection_ended),
    ROW(BELAY_LIMIT_SETTINGS, "entries of SETTINGS", 32, 1, ANY_NUMBER, connection_ended),
    ROW(BELAY_LIMIT_CONTINUATIONS, "CONTINUATION frames", 8, 1, ANY_NUMBER, connection_ended),
    ROW(BELAY_LIMIT_EMPTY_FRAMES, "empty DATA frames", 10, 1, ANY_NUMBER, "the stream was reset"),
    ROW(BELAY_LIMIT_PROVOKED_ERRORS, "provoked stream errors", 100, 1, ANY_NUMBER, connection_ended),
    ROW(BELAY_LIMIT_PROVOKED_RATE, "stream errors forgiven a second", 10, 0, ANY_NUMBER, nothing),
    ROW(BELAY_LIMIT_WINDOW_UPDATES, "WINDOW_UPDATE frames", 1000, 1, ANY_NUMBER, connection_ended),
    ROW(BELAY_LIMIT_WINDOW_UPDATE_RATE, "WINDOW_UPDATE frames for what was sent or opened", 10, 0, ANY_NUMBER, nothing),
    ROW(BELAY_LIMIT_STREAMS_PER_READ, "streams of a read", 32, 1, ANY_NUMBER, read_less),
    ROW(BELAY_LIMIT_STREAM_WINDOW, "window of a stream", 256 * KIB, 1, LARGEST_WINDOW, nothing),
    ROW(BELAY_LIMIT_CONNECTION_WINDOW, "window of a connection", MIB, 65535, LARGEST_WINDOW, nothing),
    ROW(BELAY_LIMIT_PING_STRIKES, "PINGs that come too soon", 2, 0, ANY_NUMBER, connection_ended),
    ROW(BELAY_LIMIT_TLS_MESSAGES, "messages of TLS itself", 32, 1, ANY_NUMBER, connection_ended),
};

void
bly_limits_init(bly_limits *limits)
{
    for (int i = 0; i < BELAY_LIMITS; i++)
        limits->values[i] = rows[i].usual;
}

static bool
is_limit(belay_limit limit)
{
    return (unsigned int)limit < BELAY_LIMITS;
}

belay_code
bly_limits_set(bly_limits *limits, belay_limit limit, uint64_t value)
{
    if (!is_limit(limit) || value < rows[limit].least || value > rows[limit].most)
        return BELAY_INVALID_ARGUMENT;
    limits->values[limit] = value;
    return BELAY_OK;
}

const char *
belay_limit_name(belay_limit limit)
{
    return is_limit(limit) ? rows[limit].name : NULL;
}

uint64_t
belay_limit_default(belay_limit limit)
{
    return is_limit(limit) ? rows[limit].usual : 0;
}

/* ---- Being reached ---------------------------------------------------------------------------------- */

void
bly_limit_record_init(bly_limit_record *record, const bly_limits *limits, bly_log *log, const char *setter)
{
    *record = (bly_limit_record){.limits = limits, .log = log, .setter = setter};
}

/* What one call is told anyway, and what only makes others wait, happens to honest peers as well. */
static bool
is_ordinary(const row *what)
{
    return what->done == call_ended || what->done == withheld || what->done == not_sent || what->done == read_less;
}

void
bly_limit_reached(bly_limit_record *record, belay_limit limit, const char *peer)
{
    const row *what = &rows[limit];
    __atomic_fetch_add(&record->reached[limit], 1, __ATOMIC_RELAXED);
    uint64_t unsaid;
    if (!bly_quiet_may_say(&record->lines[limit], 1, belay_now(), &unsaid))
        return;
    bly_log_write(record->log, is_ordinary(what) ? BELAY_LOG_INFO : BELAY_LOG_WARNING,
                  "limit reached: %s (%" PRIu64 ") by %s: %s; %" PRIu64 " more since the last such line; to be set "
                  "with %s(%s)", what->name, record->limits->values[limit], peer, what->done, unsaid, record->setter,
                  what->symbol);
}

uint64_t
bly_limit_count(const bly_limit_record *record, belay_limit limit)
{
    return is_limit(limit) ? __atomic_load_n(&record->reached[limit], __ATOMIC_RELAXED) : 0;
}
