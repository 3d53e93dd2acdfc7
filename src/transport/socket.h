/* SPDX-License-Identifier: MIT */
/*
 * Sockets the way belay wants them, non-blocking, close-on-exec and silent, on systems that differ in
 * how to ask for that. Any thread.
 */
#ifndef BLY_TRANSPORT_SOCKET_H
#define BLY_TRANSPORT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "transport/address.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* such systems have SO_NOSIGPIPE */
#endif

/* A stream socket of a family (AF_INET, AF_INET6, AF_UNIX); -1 and errno. */
int bly_socket_open(int family);

/* Accepts a connection; -1 and errno. */
int bly_socket_accept(int listener, bly_socket_address *peer);

/* A connected pair of unix sockets; false and errno. */
bool bly_socket_pair(int ends[2]);

/* Sets what a connected socket needs: no waiting for more bytes to send, no SIGPIPE. */
void bly_socket_set_connected(int descriptor, int family);

/* errno in words; in the buffer or a constant. */
const char *bly_socket_error(int number, char *buffer, size_t size);

#endif
