/* SPDX-License-Identifier: MIT */
/*
 * The inside of a connection, for the chapters of this folder: connection.c (its life, reading), times.c (its
 * timer), frames.c (what nghttp2 would let pass, and what it does not get to see), keepalive.c (PINGs), age.c (how
 * long it lasts), budget.c and stall.c (peers that ask for too much, or take too little), drain.c (its graceful
 * end), session.c (what nghttp2 tells), headers.c (header blocks), stream.c (what the floor above asks for on a
 * stream), keep.c (what a stream has sent, for another try), send.c (from its queues to the socket), pieces.c (what
 * one write takes).
 *
 * nghttp2 must not be entered twice: while it is on the stack (depth > 0) frames may be submitted, but
 * sending waits for the end of the turn and closing for whatever is on the stack to return.
 */
#ifndef BLY_H2_SESSION_H
#define BLY_H2_SESSION_H

#include <nghttp2/nghttp2.h>

#include "h2/connection.h"
#include "h2/frames.h"
#include "h2/pieces.h"
#include "io/timer.h"

#define BLY_H2_NEVER UINT64_MAX

/* From the streams' queues to the socket. */
typedef struct bly_h2_output {
    bly_h2_pieces pieces;
    bool full;       /* there is more than was put together for one write */
    uint64_t placed; /* bytes put together since the connection began */
    uint64_t left;   /* bytes that the kernel has taken */

    bly_h2_stream *ending; /* its END_STREAM is in the frame that nghttp2 is about to return */
    bly_list deliveries;   /* streams by end_offset */
    bly_list drained;
} bly_h2_output;

/* The header block that is being received; there is one at a time on a connection. */
typedef struct bly_h2_block_state {
    bly_h2_stream *stream; /* NULL: of no stream that anybody knows, or it is gone by now */
    bly_h2_block kind;
    size_t bytes;  /* as SETTINGS_MAX_HEADER_LIST_SIZE counts them */
    size_t fields;
    bool oversized;
    bool dropped; /* nobody wants the rest */
} bly_h2_block_state;

/* What the peer may still do. */
typedef struct bly_h2_budget {
    uint64_t window_updates;
    uint32_t errors;
    uint64_t forgiven_at; /* when errors were last */
    bool spent;           /* the GOAWAY was submitted: the connection ends with the next flush */
} bly_h2_budget;

/* What there is to say at its end. Apart from it, since a connection says nothing for most of its life. */
typedef struct bly_h2_words {
    char detail[160];
    char peer[128]; /* of its GOAWAY */
} bly_h2_words;

struct bly_h2_connection {
    /* const after creation */
    bly_loop *loop;
    bly_stream *transport;
    nghttp2_session *session;
    bly_h2_options options;
    const bly_h2_ops *ops;
    void *owner;
    bly_log *log;
    bool is_server;

    /* I/O thread only: life */
    int references; /* its life, and a timer that is armed */
    int depth;      /* nghttp2, or a flush, is on the stack */
    bool close_asked;
    bool closed;
    bool peer_ended;   /* there is nothing more to read */
    bool write_failed; /* the socket takes nothing any more */
    bly_h2_reason reason;
    bly_h2_words *words;           /* NULL: none so far, or no memory for them */
    bly_loop_deferred end_of_turn; /* flushes, and frees in the end */
    bly_timer timer;               /* for the earliest of the times below */
    bool timer_armed;
    uint64_t preface_at;   /* the peer's SETTINGS must have come */
    uint64_t drain_at;     /* the PING of a drain is not waited for any longer */
    uint64_t keepalive_at; /* time to ask, or to look whether something has come */
    uint64_t keepalive_end; /* while a PING waits: something must have come */
    uint64_t idle_at;      /* time to look for how long there has been no stream */
    uint64_t age_at;       /* it has lasted long enough */
    uint64_t grace_at;     /* and its streams have, too */
    uint64_t stall_at;     /* what waits for the peer is looked at */

    /* I/O thread only: streams */
    bly_list streams;     /* from stream_begin or open to `closed` */
    size_t stream_count;
    size_t open_count;    /* those that nghttp2 knows */
    size_t refused_count; /* and those of a server's peer that it still knows */
    size_t finishing_count;
    bool available_due;   /* streams_available is to be called */

    /* I/O thread only: the peer */
    bool settings_received;
    bool settings_acknowledged; /* ours are in force */
    bool ready_due;             /* connection_ready is to be called */
    bool goaway_received;
    bool peer_leaves; /* it sent a GOAWAY that nghttp2 takes for an error */
    uint32_t peer_error;  /* of its GOAWAY */
    uint32_t peer_limit;  /* of streams at a time */
    bly_h2_block_state block;
    size_t body_received;  /* bytes that the connection's window has not been given back for */
    size_t read_limit;     /* bytes that the next read may take */
    size_t opened_by_read; /* streams, refused ones and resets of none too */
    int32_t newest;        /* stream that a client began */
    int32_t late;          /* one that came after the final GOAWAY and is to be refused; 0: none */
    uint32_t late_count;   /* of them that were under way, as far as one can know */
    bool withholds;        /* the window stays where it is */
    bly_h2_frames frames;  /* a client's, that are looked at before nghttp2 gets them */
    bly_h2_budget budget;

    /* I/O thread only: signs of life */
    bool heard;            /* something has come since keepalive_at was set */
    uint64_t heard_ms;     /* the turn in which it came */
    bool keepalive_waits;  /* for an answer */
    bool keepalive_asleep; /* until there is a stream */
    bool was_pinged;
    bool sent_since_ping; /* headers or body */
    uint64_t pinged_at;
    unsigned int ping_strikes;
    bool was_used; /* a stream was there since idle_at was set */
    uint64_t unused_since_ms; /* the turn in which the last stream went */

    /* I/O thread only: drain */
    bool draining;
    bool drain_pinged;
    bool drain_final; /* the last GOAWAY was submitted: no more streams are taken */
    bool drain_told;  /* and has left: nghttp2 tells of no more */

    /* I/O thread only: sending */
    bool first_placed; /* a server's first frame: it is corrected on its way */
    bly_h2_output output;
    bly_h2_stall stall; /* of what the kernel has not taken */
};

/* ---- connection.c ---- */

/* Asks for a flush at the end of this turn. */
void bly_h2_wake(bly_h2_connection *connection);

/* Closes it, now or when the stack is clear; the first reason given stays. */
void bly_h2_fail(bly_h2_connection *connection, bly_h2_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The connection's words, made when there are none; NULL without memory. */
bly_h2_words *bly_h2_have_words(bly_h2_connection *connection);

/* What the peer said in its GOAWAY, or nothing. */
const char *bly_h2_peer_words(const bly_h2_connection *connection);

/* Brackets around everything that enters nghttp2's send and receive functions. leave() does what had to
 * wait for it: closing, and ops that are not called in receive. */
void bly_h2_enter(bly_h2_connection *connection);
void bly_h2_leave(bly_h2_connection *connection);

void bly_h2_release(bly_h2_connection *connection);

/* Reads once. Not with nghttp2 on the stack. */
void bly_h2_receive(bly_h2_connection *connection);

/* ---- times.c ---- */

/* Sets the timer for the earliest time that is waited for; false without memory. */
bool bly_h2_timer_update(bly_h2_connection *connection);
void bly_h2_timer_init(bly_h2_connection *connection);

uint64_t bly_h2_now(const bly_h2_connection *connection);

/* What is left of a duration that began in an earlier turn, known by its bly_loop_turn_ms(). */
uint64_t bly_h2_left(const bly_h2_connection *connection, uint64_t duration, uint64_t since_ms);

/* ---- keepalive.c ---- */

/* The peer's SETTINGS have come. Whoever calls updates the timer. */
void bly_h2_keepalive_begin(bly_h2_connection *connection);
void bly_h2_keepalive_look(bly_h2_connection *connection, uint64_t now);

/* A client that slept has a stream. */
void bly_h2_keepalive_wake(bly_h2_connection *connection);

/* The peer answered a PING of ours; it sent one. In receive. */
void bly_h2_keepalive_answered(bly_h2_connection *connection, const uint8_t data[8]);
void bly_h2_pinged(bly_h2_connection *connection);

/* ---- age.c ---- */

void bly_h2_age_begin(bly_h2_connection *connection); /* whoever calls updates the timer */
void bly_h2_age_look(bly_h2_connection *connection, uint64_t now);

/* ---- drain.c ---- */

void bly_h2_drain_look(bly_h2_connection *connection, uint64_t now);

/* A GOAWAY without an error has left: the drain's first, if it is under way. */
void bly_h2_drain_notice_sent(bly_h2_connection *connection);

/* The peer answered a PING of ours. */
void bly_h2_drain_ping_answered(bly_h2_connection *connection, const uint8_t data[8]);

/* ---- budget.c ---- */

void bly_h2_budget_init(bly_h2_connection *connection);

/* Tells the floor above. */
void bly_h2_note_limit(bly_h2_connection *connection, belay_limit limit);

/* Ends the connection for a limit: GOAWAY with ENHANCE_YOUR_CALM and words, nothing more is taken in, and it is
 * closed when the next flush has written what the socket takes. Anywhere; in nghttp2's callbacks too. */
void bly_h2_calm(bly_h2_connection *connection, belay_limit limit, const char *words);

/* Whether what nghttp2 failed to receive with is a limit; then it has calmed the peer. */
bool bly_h2_budget_explains(bly_h2_connection *connection, int error);

/* The peer sent a WINDOW_UPDATE / we sent DATA, or a stream was opened, by whomever / we sent the last of a message / a
 * stream ended by an error of the peer's / an empty DATA frame came that does not end its stream. */
void bly_h2_budget_window_update(bly_h2_connection *connection);
void bly_h2_budget_earn_windows(bly_h2_connection *connection);
void bly_h2_budget_sent_message(bly_h2_connection *connection);
void bly_h2_budget_provoked(bly_h2_connection *connection);
void bly_h2_budget_empty_frame(bly_h2_stream *stream);

/* ---- stall.c ---- */

/* After a flush: begins to look, if something waits. */
void bly_h2_stall_expect(bly_h2_connection *connection);

/* The time of a look has come. */
void bly_h2_stall_look(bly_h2_connection *connection);

/* ---- session.c ---- */

/* Makes the nghttp2 session and submits the first frames; false without memory. */
bool bly_h2_session_init(bly_h2_connection *connection);

/* Resets the late stream: when nghttp2 is through with the frame that begins it, before which it would not. */
void bly_h2_session_refuse_late(bly_h2_connection *connection);

/* Puts the number of streams that a server's peer may have into the first frame, its SETTINGS. */
void bly_h2_session_say_streams(const bly_h2_connection *connection, uint8_t *frame, size_t size);

/* Ends the connection of a peer that goes too far: GOAWAY with an error and words, then it is closed, and what comes
 * meanwhile is ignored. */
void bly_h2_send_away(bly_h2_connection *connection, uint32_t error, const char *words);

/* ---- memory.c ---- */

extern nghttp2_mem bly_h2_memory;

/* ---- headers.c ---- */

void bly_h2_block_begin(bly_h2_connection *connection, bly_h2_stream *stream, bool is_request);

/* nghttp2's callback for a field of the block: counts it and passes it on. */
int bly_h2_block_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                       const uint8_t *value, size_t value_size, uint8_t flags, void *user_data);
void bly_h2_block_end(bly_h2_connection *connection, bly_h2_stream *stream);

/* Header fields in nghttp2's form, for one submit: few of them on the stack, more on the heap. */
typedef struct bly_h2_fields {
    nghttp2_nv few[16];
    nghttp2_nv *all; /* NULL without memory */
    size_t count;
} bly_h2_fields;

void bly_h2_fields_init(bly_h2_fields *fields, const bly_h2_header *headers, size_t count);
void bly_h2_fields_fini(bly_h2_fields *fields);

/* Copies headers and their strings (static ones by pointer) into one allocation; NULL without memory. */
bly_h2_header *bly_h2_headers_copy(const bly_h2_header *headers, size_t count);

/* ---- stream.c ---- */

/* Zeroes a stream and takes it in. */
void bly_h2_stream_begin(bly_h2_connection *connection, bly_h2_stream *stream, int32_t id);

/* By either side: nothing more is sent on it, and what comes is of no use. */
static inline bool
bly_h2_stream_is_reset(const bly_h2_stream *stream)
{
    return stream->reset_sent || stream->reset_by_peer;
}

/* nghttp2 has closed the stream. */
void bly_h2_stream_left_session(bly_h2_stream *stream, uint32_t error);

/* Takes it out and says `closed`. The stream's memory may be gone afterwards. */
void bly_h2_stream_finish(bly_h2_stream *stream, uint32_t error);

/* Submits a server's trailers; false without memory. */
bool bly_h2_stream_submit_trailers(bly_h2_stream *stream);

/* ---- keep.c ---- */

/* Keeps a message that has left, or frees it when pieces of it up to `needed_to` of the output have left. */
void bly_h2_stream_put_aside(bly_h2_stream *stream, bly_bytes *message, uint64_t needed_to);

/* ---- send.c ---- */

void bly_h2_output_init(bly_h2_connection *connection);
void bly_h2_output_fini(bly_h2_connection *connection);

/* Sends what there is to send, as far as the kernel and windows let it. */
void bly_h2_flush(bly_h2_connection *connection);

/* nghttp2 has made a frame with this stream's END_STREAM. is_placed: it is in the buffer already. */
void bly_h2_output_note_end(bly_h2_connection *connection, bly_h2_stream *stream, bool is_placed);

/* Takes the first message out of the stream's queue. It is kept, or it goes as soon as the kernel has the pieces of it
 * that were put together. */
void bly_h2_output_drop_first(bly_h2_stream *stream);

/* nghttp2's callbacks for bodies. */
ssize_t bly_h2_provide_body(nghttp2_session *session, int32_t id, uint8_t *buffer, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *user_data);
int bly_h2_place_body(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *header, size_t size,
                      nghttp2_data_source *source, void *user_data);

#endif
