/* SPDX-License-Identifier: MIT */
#include "room.h"

#include <stdlib.h>
#include <string.h>

#include "chat.belay.h"

/* One lock for everything here: it is never held while something is sent or received. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static member *members; /* of all rooms */

/* ---- Queues; the lock is held -------------------------------------------------------------------- */

/* Copies a line into a member's queue. */
static void
push(member *to, const packed *said)
{
    void *copy = to->count < ROOM_QUEUE ? malloc(said->size) : NULL;
    if (copy == NULL) {
        /* Wakes its threads, whatever they wait for, and tells its client why. */
        belay_cancel(belay_call_context(to->call), "you do not keep up with the room");
        return;
    }
    memcpy(copy, said->data, said->size);
    to->queue[(to->first + to->count++) % ROOM_QUEUE] = (packed){copy, said->size};
    pthread_cond_signal(&to->changed);
}

static packed
pop(member *from)
{
    packed taken = from->queue[from->first];
    from->first = (from->first + 1) % ROOM_QUEUE;
    from->count--;
    return taken;
}

/* ---- The thread that sends ----------------------------------------------------------------------- */

/* On one call, one thread may send while another receives. This is the one that sends. When the call is
 * cancelled, sending fails, and the handler, whose receiving fails, too, says that the member is leaving. */
static void *
send_lines(void *argument)
{
    member *self = argument;
    belay_code code = BELAY_OK;
    pthread_mutex_lock(&lock);
    while (code == BELAY_OK) {
        while (self->count == 0 && !self->leaving)
            pthread_cond_wait(&self->changed, &lock);
        if (self->count == 0)
            break;
        packed next = pop(self);
        pthread_mutex_unlock(&lock);
        code = belay_call_send(self->call, next.data, next.size);
        free(next.data);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* ---- Rooms --------------------------------------------------------------------------------------- */

belay_code
room_enter(member *self, belay_call *call, char *room, char *name)
{
    memset(self, 0, sizeof *self);
    self->call = call;
    self->room = room;
    self->name = name;
    pthread_cond_init(&self->changed, NULL);
    if (pthread_create(&self->sender, NULL, send_lines, self) != 0) {
        pthread_cond_destroy(&self->changed);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    pthread_mutex_lock(&lock);
    self->next = members;
    members = self;
    pthread_mutex_unlock(&lock);
    return BELAY_OK;
}

void
room_say(const member *self, const char *text)
{
    Chat__Line message = CHAT__LINE__INIT;
    message.name = self->name;
    message.text = (char *)text;
    packed said = {.size = chat__line__get_packed_size(&message)};
    said.data = malloc(said.size);
    if (said.data == NULL)
        return;
    chat__line__pack(&message, said.data); /* once for all */
    pthread_mutex_lock(&lock);
    for (member *other = members; other != NULL; other = other->next)
        if (other != self && strcmp(other->room, self->room) == 0)
            push(other, &said);
    pthread_mutex_unlock(&lock);
    free(said.data);
}

void
room_leave(member *self)
{
    pthread_mutex_lock(&lock);
    member **link = &members;
    while (*link != self)
        link = &(*link)->next;
    *link = self->next;
    self->leaving = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&lock);

    pthread_join(self->sender, NULL);
    while (self->count > 0)
        free(pop(self).data);
    pthread_cond_destroy(&self->changed);
}
