/* SPDX-License-Identifier: MIT */
/*
 * What the suites of h2 share: an owner of connections that writes down what it is told, two connections
 * joined by a socket pair, and acts on their streams that any thread may ask for.
 *
 * Each record of a stream has a line of events, one letter for each op:
 *   H request headers, I informational, R response headers, T trailers, D data, E end, L delivered,
 *   C closed; ! for anything after C. X, for those that listen for it: cancelled.
 * The bly_h2_stream itself is freed in `closed`, so that an address sanitizer sees who still uses it.
 */
#ifndef TESTS_H2_RECORDER_H
#define TESTS_H2_RECORDER_H

#include "h2/session.h"
#include "support/suite.h"

#define MAX_RECORDS 512
#define MAX_EVENTS 64

typedef struct h2_owner h2_owner;

/* What a bly_h2_stream is embedded in: gone at `closed`, while the record stays. */
typedef struct h2_carrier {
    bly_h2_stream stream;
    struct h2_record *record;
} h2_carrier;

typedef struct h2_record {
    /* I/O thread of the recorder's connection only; tests read through the functions below */
    h2_owner *owner;
    h2_carrier *carrier;     /* NULL once closed */
    char events[MAX_EVENTS]; /* runs of one letter are written once */
    char fields[8192];       /* "name=value;" of each header in order */
    size_t body_size;
    bool body_corrupt;       /* not the pattern that send_body() sends */
    size_t sent_size;
    int drained;
    int handed_back; /* messages that `drained` found in `sent` */
    bool oversized;
    uint32_t error;
    bool by_peer;
    bool unprocessed;
    size_t kept;       /* bytes that were taken back at `closed` */
    bool kept_corrupt; /* not what send_body() sent */
} h2_record;

struct h2_owner {
    /* const after creation */
    bly_loop *loop;
    /* I/O thread only */
    bly_h2_connection *connection; /* NULL once closed */
    h2_record *records[MAX_RECORDS];
    int count;
    bool refuse;     /* stream_begin gives NULL */
    bool drop;       /* header gives false */
    bool hears_cancels; /* X is noted */
    uint32_t window; /* told with each piece of data; 0: none */
    void (*on_event)(h2_record *stream, char event);
    int readied;
    int available;
    int idles;
    int graces;
    int goaways;
    uint32_t goaway_error;
    char goaway_words[128];
    int limits[BELAY_LIMITS]; /* how often each was reached */
    int closed;
    bly_h2_reason reason;
    char detail[160];
};

typedef struct pair {
    bly_loop *server_loop;
    bly_loop *client_loop;
    h2_owner server;
    h2_owner client;
} pair;

/* Two connections on loops of their own; NULL options: the defaults. They are ready when this returns. */
void pair_open(pair *both, const bly_h2_options *server_options, const bly_h2_options *client_options);
void pair_close(pair *both);

/* One connection, and a blocking descriptor in the hands of the test, which writes its peer with h2/raw.h. */
typedef struct lone {
    bly_loop *loop;
    bool is_guest; /* the loop is another's */
    h2_owner owner;
    int peer;
    int ours; /* the connection's descriptor: only for setsockopt() */
} lone;

/* Nothing has been sent to it yet. NULL clock: the real one. */
void lone_open(lone *raw, bool is_server, const bly_h2_options *options, const bly_clock *clock);

/* The same, and both sides' SETTINGS are in force. */
void lone_open_ready(lone *raw, bool is_server, const bly_h2_options *options);

/* And on a clock that stands still but for lone_pass(), which returns when all timers that are due have fired. */
void lone_open_timed(lone *raw, bool is_server, const bly_h2_options *options);
void lone_pass(lone *raw, uint64_t ns);

/* A server's, whose peer has windows for everything and does not read: soon the kernel takes no more. */
void lone_open_wide(lone *raw);

/* A server's on the loop of another, to be closed before it. */
void lone_open_beside(lone *raw, const lone *host);

/* Makes the kernel take a few KiB at most from the connection. */
void lone_narrow(lone *raw);

/* Sends request headers and waits until they have come; the index-th stream of a server. */
h2_record *lone_request(lone *raw, int index, bool end);
uint32_t lone_id(int index);

/* Reads so much of a stream's body, and no frame that goes beyond it. */
void lone_read_body(lone *raw, uint32_t id, size_t size);

/* Reads on to a GOAWAY with that error and these words, which closes the connection. */
void lone_expect_goaway(lone *raw, uint32_t error, const char *words);

/* Also closes the connection, if that has not happened. */
void lone_close(lone *raw);

/* ---- what it does by itself: any thread ---- */

void refuse_streams(h2_owner *recorder);
void drop_fields(h2_owner *recorder);                    /* `header` gives false */
void tell_window(h2_owner *recorder, uint32_t window);   /* with each piece of data */
void hear_cancels(h2_owner *recorder);
void call_at_events(h2_owner *recorder, void (*function)(h2_record *stream, char event));

/* ---- acts: any thread ---- */

/* A client's request to /s/m; NULL when it cannot be opened. */
h2_record *request(h2_owner *client, bool end);
h2_record *request_with(h2_owner *client, const bly_h2_header *headers, size_t count); /* I/O thread; ended */
void respond(h2_record *stream);
void respond_only(h2_record *stream);
/* `size` bytes of the pattern, in messages of at most `piece` bytes. */
void send_body(h2_record *stream, size_t size, size_t piece);
void end_body(h2_record *stream); /* a server: with the trailer grpc-status=0 */
void answer(h2_record *stream, size_t size); /* respond(), send_body(), end_body() in one turn */
void reset(h2_record *stream, uint32_t error);
void set_window(h2_record *stream, uint32_t window);
void close_connection(h2_owner *recorder);
void drain(h2_owner *recorder);
void keep(h2_record *stream, size_t limit);

/* ---- looking: any thread ---- */

h2_record *record_at(h2_owner *recorder, int index); /* waits until there is one */
void until_event(h2_record *stream, char event);
void until_body(h2_record *stream, size_t size);
void until_closed(h2_owner *recorder);
bool events_are(h2_record *stream, const char *events); /* prints them when they are not */
bool has_event(h2_record *stream, char event);
bool fields_are(h2_record *stream, const char *fields);
size_t body_of(h2_record *stream);

/* Runs a function on the recorder's loop. */
void on_loop(h2_owner *recorder, void (*function)(void *argument), void *argument);

/* Waits until a condition holds that is looked at on the recorder's loop. */
void until(h2_owner *recorder, bool (*condition)(void *argument), void *argument, const char *what);

uint8_t pattern_at(size_t offset);

/* ---- between the files that this header stands for ---- */

extern const bly_h2_ops recorder_ops;
h2_record *recorder_add(h2_owner *recorder);

#endif
