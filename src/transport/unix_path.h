/* SPDX-License-Identifier: MIT */
/*
 * The files that unix sockets leave in the file system: a server that was killed leaves one behind,
 * and binding to it fails although nobody listens. Any thread; blocking only as file systems are.
 */
#ifndef BLY_TRANSPORT_UNIX_PATH_H
#define BLY_TRANSPORT_UNIX_PATH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "transport/address.h"

/* Which file a listener made; paths may come to mean another one. */
typedef struct bly_unix_path {
    dev_t device;
    ino_t inode;
} bly_unix_path;

/* Binds a socket to a path, replacing a socket there that nobody listens on. False and errno: EADDRINUSE
 * when somebody does, or when the file is no socket. */
bool bly_unix_path_bind(int descriptor, const bly_socket_address *address, bly_unix_path *file);

/* Removes the file if it is still the one that was bound. */
void bly_unix_path_remove(const char *path, const bly_unix_path *file);

#endif
