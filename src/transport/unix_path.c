/* SPDX-License-Identifier: MIT */
#include "transport/unix_path.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "transport/socket.h"

static bool
identify(const char *path, bly_unix_path *file)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return false;
    if (!S_ISSOCK(status.st_mode)) {
        errno = EADDRINUSE;
        return false;
    }
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return true;
}

/* True when a connection attempt is refused. A listener with a full queue gives EAGAIN: somebody is
 * there. */
static bool
is_abandoned(const bly_socket_address *address)
{
    int probe = bly_socket_open(AF_UNIX);
    if (probe < 0)
        return false;
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    bool refused = connect(probe, name, address->length) != 0 && errno == ECONNREFUSED;
    close(probe);
    return refused;
}

bool
bly_unix_path_bind(int descriptor, const bly_socket_address *address, bly_unix_path *file)
{
    const struct sockaddr *name = (const struct sockaddr *)&address->storage;
    struct sockaddr_un path;
    memcpy(&path, &address->storage, sizeof path);
    if (bind(descriptor, name, address->length) != 0) {
        bly_unix_path leftover;
        if (errno != EADDRINUSE || !identify(path.sun_path, &leftover))
            return false;
        if (!is_abandoned(address)) {
            errno = EADDRINUSE;
            return false;
        }
        bly_unix_path_remove(path.sun_path, &leftover);
        if (bind(descriptor, name, address->length) != 0)
            return false;
    }
    return identify(path.sun_path, file);
}

void
bly_unix_path_remove(const char *path, const bly_unix_path *file)
{
    bly_unix_path now;
    if (identify(path, &now) && now.device == file->device && now.inode == file->inode)
        unlink(path);
}
