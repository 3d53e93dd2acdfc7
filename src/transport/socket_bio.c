/* SPDX-License-Identifier: MIT */
#include "transport/socket_bio.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "transport/socket.h"

/* What may wait of handshakes and answers to changes of keys, beyond what the socket holds. Whoever asks
 * for more and does not read is given up. */
#define MOST_UNASKED (64u << 10)

/* Of ciphertext, that is read in a turn. OpenSSL goes on by itself over records that are not for us. */
#define MOST_OF_A_TURN (128u << 10)

/* ---- The socket ---------------------------------------------------------------------------------- */

/* The number of bytes that it took, 0 too; -1: it is broken. */
static ssize_t
send_some(bly_socket_bio *self, const uint8_t *data, size_t size)
{
    ssize_t sent;
    do
        sent = send(self->descriptor, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return 0;
    self->error = errno;
    return -1;
}

/* Has bytes wait behind those that do. */
static bool
keep(bly_socket_bio *self, const uint8_t *data, size_t size)
{
    size_t before = self->waiting_size - self->waiting_sent;
    uint8_t *all = malloc(before + size);
    if (all == NULL) {
        self->error = ENOMEM;
        return false;
    }
    if (before > 0)
        memcpy(all, self->waiting + self->waiting_sent, before);
    memcpy(all + before, data, size);
    free(self->waiting);
    self->waiting = all;
    self->waiting_size = before + size;
    self->waiting_sent = 0;
    return true;
}

static bool
send_or_keep(bly_socket_bio *self, const uint8_t *data, size_t size)
{
    ssize_t sent = self->waiting == NULL ? send_some(self, data, size) : 0;
    return sent >= 0 && ((size_t)sent == size || keep(self, data + sent, size - (size_t)sent));
}

bool
bly_socket_bio_send_waiting(bly_socket_bio *self)
{
    if (self->waiting == NULL)
        return true;
    ssize_t sent =
        send_some(self, self->waiting + self->waiting_sent, self->waiting_size - self->waiting_sent);
    if (sent < 0)
        return false;
    self->waiting_sent += (size_t)sent;
    if (self->waiting_sent == self->waiting_size) {
        free(self->waiting);
        self->waiting = NULL;
        self->waiting_size = self->waiting_sent = 0;
    }
    return true;
}

void
bly_socket_bio_begin_turn(bly_socket_bio *self)
{
    self->is_dry = false;
    self->taken = 0;
}

bool
bly_socket_bio_is_done(const bly_socket_bio *self)
{
    return self->is_dry || self->taken >= MOST_OF_A_TURN;
}

void
bly_socket_bio_collect(bly_socket_bio *self, uint8_t *buffer, size_t size)
{
    BLY_ASSERT(self->lent == NULL);
    self->lent = buffer;
    self->lent_size = size;
    self->collected = 0;
}

size_t
bly_socket_bio_room(const bly_socket_bio *self)
{
    return self->lent_size - self->collected;
}

bool
bly_socket_bio_send(bly_socket_bio *self)
{
    const uint8_t *data = self->lent;
    self->lent = NULL;
    return self->error == 0 && (self->collected == 0 || send_or_keep(self, data, self->collected));
}

/* ---- What OpenSSL calls -------------------------------------------------------------------------- */

static int
write_bytes(BIO *bio, const char *data, size_t size, size_t *written)
{
    bly_socket_bio *self = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (self->error != 0)
        return 0;
    if (self->lent != NULL && size <= bly_socket_bio_room(self)) {
        memcpy(self->lent + self->collected, data, size);
        self->collected += size;
    } else if (self->waiting_size - self->waiting_sent > MOST_UNASKED) {
        self->error = ENOBUFS;
        return 0;
    } else {
        BLY_ASSERT(self->lent == NULL); /* who collects leaves room for a record and what may go with it */
        if (!send_or_keep(self, (const uint8_t *)data, size))
            return 0;
    }
    *written = size;
    return 1;
}

static int
read_bytes(BIO *bio, char *data, size_t size, size_t *read)
{
    bly_socket_bio *self = BIO_get_data(bio);
    ssize_t got;
    BIO_clear_retry_flags(bio);
    if (self->taken >= MOST_OF_A_TURN) {
        BIO_set_retry_read(bio);
        return 0;
    }
    if (size > MOST_OF_A_TURN - self->taken)
        size = MOST_OF_A_TURN - self->taken;
    do
        got = recv(self->descriptor, data, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    self->is_dry = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (got > 0) {
        self->taken += (size_t)got;
        *read = (size_t)got;
        return 1;
    }
    if (got == 0)
        self->at_end = true;
    else if (self->is_dry)
        BIO_set_retry_read(bio);
    else
        self->error = errno;
    return 0;
}

static long
control(BIO *bio, int what, long number, void *argument)
{
    const bly_socket_bio *self = BIO_get_data(bio);
    (void)number, (void)argument;
    if (what == BIO_CTRL_EOF)
        return self->at_end;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *method;

static void
make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "belay socket");
    if (made != NULL && BIO_meth_set_write_ex(made, write_bytes) == 1 &&
        BIO_meth_set_read_ex(made, read_bytes) == 1 && BIO_meth_set_ctrl(made, control) == 1)
        method = made;
    else
        BIO_meth_free(made);
}

BIO *
bly_socket_bio_new(bly_socket_bio *self)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = method != NULL ? BIO_new(method) : NULL;
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    return bio;
}

void
bly_socket_bio_fini(bly_socket_bio *self)
{
    free(self->waiting);
}
