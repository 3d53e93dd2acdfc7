/* SPDX-License-Identifier: MIT */
/*
 * Addresses as people write them: "host:port", "1.2.3.4:50051", "[::1]:50051", "unix:path".
 */
#ifndef BLY_TRANSPORT_ADDRESS_H
#define BLY_TRANSPORT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Enough for any address as text, with the NUL: a host name or a unix path, and the rest. */
#define BLY_ADDRESS_TEXT_SIZE 272

typedef struct bly_address {
    bool is_unix;
    char host[256]; /* without brackets; of a unix socket the path */
    char port[8];
} bly_address;

/* What the kernel takes. */
typedef struct bly_socket_address {
    socklen_t length;
    struct sockaddr_storage storage;
} bly_socket_address;

/* Reads an address; false when it is none. Any thread. */
bool bly_address_parse(const char *text, bly_address *address);

/* Writes an address as bly_address_parse() reads it, at most size bytes with the NUL. Any thread. */
void bly_address_write(const bly_address *address, char *text, size_t size);

/* Makes a socket address of a unix path or a numeric host; false when the host is a name, which only a
 * resolver can tell. Any thread. */
bool bly_address_literal(const bly_address *address, bly_socket_address *result);

/* Writes a socket address as people write it, at most size bytes with the NUL. Any thread. */
void bly_address_format(const struct sockaddr *address, socklen_t length, char *text, size_t size);

#endif
