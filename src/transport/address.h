/* SPDX-License-Identifier: MIT */
/*
 * Addresses as people write them: "host:port", "1.2.3.4:50051", "[::1]:50051", "unix:path".
 */
#ifndef BLY_TRANSPORT_ADDRESS_H
#define BLY_TRANSPORT_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

typedef struct bly_address {
    bool is_unix;
    char host[256]; /* without brackets; of a unix socket the path */
    char port[8];
} bly_address;

/* Reads an address; false when it is none. Any thread. */
bool bly_address_parse(const char *text, bly_address *address);

/* Writes a socket address as people write it, at most size bytes with the NUL. Any thread. */
void bly_address_format(const struct sockaddr *address, socklen_t length, char *text, size_t size);

#endif
