/* SPDX-License-Identifier: MIT */
/*
 * Who is in which room, and the lines that wait to be sent to them.
 *
 * A line is not sent by the thread that says it: it is put into the queue of each member, and each member has
 * a thread of its own that sends what is in its queue. So a member that reads slowly stops nobody; one whose
 * queue is full is cancelled.
 */
#ifndef EXAMPLES_CHAT_ROOM_H
#define EXAMPLES_CHAT_ROOM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <belay/call.h>

#define ROOM_QUEUE 1000 /* lines */

typedef struct packed {
    void *data; /* as it goes out, packed */
    size_t size;
} packed;

typedef struct member {
    /* const after creation */
    belay_call *call;
    char *room;
    char *name;
    pthread_t sender;

    /* guarded by the lock of all rooms */
    struct member *next;
    bool leaving;
    packed queue[ROOM_QUEUE]; /* a ring */
    size_t first, count;
    pthread_cond_t changed;
} member;

/* Makes a member and lets it into its room. Room and name stay the caller's, and must live as long. On
 * success room_leave() must be called before the call's handler returns. */
belay_code room_enter(member *self, belay_call *call, char *room, char *name);

/* Says something to the others in the room. */
void room_say(const member *self, const char *text);

/* Leaves. What waits in the queue is still sent, unless the call is cancelled. */
void room_leave(member *self);

#endif
