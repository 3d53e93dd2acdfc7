/* SPDX-License-Identifier: MIT */
/*
 * Writing: from pieces to records, from records to the socket.
 */
#include "transport/secure.h"

#include <openssl/err.h>
#include <string.h>

#include "transport/secure_inside.h"

#define RECORD 16384
/* Of the ciphertext: headers, tags, and what OpenSSL may send along. */
#define RECORD_ROOM (RECORD + 1024)

bool
bly_secure_is_waiting(const bly_secure *secure)
{
    return secure->socket.waiting != NULL;
}

bool
bly_secure_send_waiting(bly_secure *secure)
{
    if (secure->is_broken || secure->cannot_write)
        return false;
    if (bly_socket_bio_send_waiting(&secure->socket))
        return true;
    bly_secure_break_writing(secure);
    return false;
}

/* One record. */
static bool
encrypt(bly_secure *secure, const uint8_t *data, size_t size, size_t *taken)
{
    size_t written;
    int returned = SSL_write_ex(secure->ssl, data, size, &written);
    if (returned != 1) {
        if (bly_secure_result(secure, returned) != BLY_STREAM_BROKEN)
            bly_secure_break(secure, "TLS would not write"); /* the BIO takes everything, so it never waits */
        return false;
    }
    *taken += written;
    return true;
}

/* What is put together for one record. */
typedef struct staging {
    uint8_t *bytes;
    size_t size;
} staging;

static bool
encrypt_staged(bly_secure *secure, staging *staged, size_t *taken)
{
    size_t size = staged->size;
    staged->size = 0;
    return size == 0 || encrypt(secure, staged->bytes, size, taken);
}

/* Makes records of a piece: large parts from where they lie, small ones together with their neighbours.
 * Stops when there is no more room for records. */
static bool
add_piece(bly_secure *secure, const struct iovec *piece, bool is_alone, staging *staged, size_t *taken)
{
    const uint8_t *data = piece->iov_base;
    size_t left = piece->iov_len;
    while (left > 0 && bly_socket_bio_room(&secure->socket) >= 2 * RECORD_ROOM) {
        size_t part = left < RECORD ? left : RECORD;
        if (is_alone || part == RECORD) {
            if (!encrypt_staged(secure, staged, taken) || !encrypt(secure, data, part, taken))
                return false;
        } else {
            if (part > RECORD - staged->size)
                part = RECORD - staged->size;
            memcpy(staged->bytes + staged->size, data, part);
            staged->size += part;
            if (staged->size == RECORD && !encrypt_staged(secure, staged, taken))
                return false;
        }
        data += part;
        left -= part;
    }
    return true;
}

static bool
encrypt_all(bly_secure *secure, const struct iovec *vectors, int count, staging *staged, size_t *taken)
{
    ERR_clear_error();
    for (int i = 0; i < count && bly_socket_bio_room(&secure->socket) >= 2 * RECORD_ROOM; i++) {
        if (!add_piece(secure, &vectors[i], count == 1, staged, taken))
            return false;
    }
    return encrypt_staged(secure, staged, taken);
}

/* What was encrypted before and has left by now. */
static ssize_t
write_held(bly_secure *secure)
{
    size_t held = secure->held;
    secure->held = 0;
    return (ssize_t)held;
}

ssize_t
bly_secure_write(bly_secure *secure, bly_loop *loop, const struct iovec *vectors, int count)
{
    size_t taken = 0;
    if (!bly_secure_send_waiting(secure))
        return BLY_STREAM_BROKEN;
    if (bly_secure_is_waiting(secure))
        return BLY_STREAM_AGAIN;
    if (secure->held > 0)
        return write_held(secure);
    uint8_t *scratch = bly_loop_scratch(loop);
    staging staged = {scratch, 0};
    bly_socket_bio_collect(&secure->socket, scratch + RECORD, BLY_LOOP_BUFFER_SIZE - RECORD);
    bool is_good = encrypt_all(secure, vectors, count, &staged, &taken);
    if (!bly_socket_bio_send(&secure->socket) && is_good)
        return bly_secure_break_writing(secure);
    if (!is_good)
        return BLY_STREAM_BROKEN;
    if (!bly_secure_is_waiting(secure))
        return (ssize_t)taken;
    secure->held = taken;
    return BLY_STREAM_AGAIN;
}
