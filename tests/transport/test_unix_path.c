/* SPDX-License-Identifier: MIT */
#include "transport/unix_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/suite.h"
#include "transport/socket.h"

/* A directory of its own for each test, with one path in it. */
typedef struct place {
    char directory[64];
    char path[80];
    bly_socket_address address;
} place;

static void
open_place(place *self)
{
    bly_address address = {.is_unix = true};
    snprintf(self->directory, sizeof self->directory, "/tmp/belay-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(self->directory));
    snprintf(self->path, sizeof self->path, "%s/s", self->directory);
    snprintf(address.host, sizeof address.host, "%s", self->path);
    bly_address_literal(&address, &self->address);
}

static void
close_place(place *self)
{
    unlink(self->path);
    CU_ASSERT_EQUAL(rmdir(self->directory), 0);
}

static bool
exists(const place *self)
{
    return access(self->path, F_OK) == 0;
}

static int
bind_there(place *self, bly_unix_path *file)
{
    int descriptor = bly_socket_open(AF_UNIX);
    CU_ASSERT_TRUE_FATAL(descriptor >= 0);
    if (bly_unix_path_bind(descriptor, &self->address, file))
        return descriptor;
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
}

static void
test_leftover_of_a_dead_server_is_replaced(void)
{
    place spot;
    bly_unix_path first, second;
    open_place(&spot);
    int dead = bind_there(&spot, &first);
    CU_ASSERT_TRUE(dead >= 0);
    close(dead);
    CU_ASSERT_TRUE(exists(&spot));
    int alive = bind_there(&spot, &second);
    CU_ASSERT_TRUE(alive >= 0);
    close(alive);
    bly_unix_path_remove(spot.path, &second);
    CU_ASSERT_FALSE(exists(&spot));
    close_place(&spot);
}

static void
test_socket_that_is_listened_on_is_in_use(void)
{
    place spot;
    bly_unix_path file, unused;
    open_place(&spot);
    int alive = bind_there(&spot, &file);
    CU_ASSERT_EQUAL(listen(alive, 1), 0);
    errno = 0;
    CU_ASSERT_EQUAL(bind_there(&spot, &unused), -1);
    CU_ASSERT_EQUAL(errno, EADDRINUSE);
    CU_ASSERT_TRUE(exists(&spot));
    close(alive);
    close_place(&spot);
}

static void
test_file_that_is_no_socket_is_left_alone(void)
{
    place spot;
    bly_unix_path unused;
    open_place(&spot);
    int file = open(spot.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CU_ASSERT_TRUE(file >= 0);
    close(file);
    errno = 0;
    CU_ASSERT_EQUAL(bind_there(&spot, &unused), -1);
    CU_ASSERT_EQUAL(errno, EADDRINUSE);
    CU_ASSERT_TRUE(exists(&spot));
    close_place(&spot);
}

/* Both descriptors stay open, so that the file system cannot give the second the first one's inode. */
static void
test_file_of_a_successor_is_not_removed(void)
{
    place spot;
    bly_unix_path first, second;
    char elsewhere[100];
    open_place(&spot);
    snprintf(elsewhere, sizeof elsewhere, "%s.old", spot.path);
    int old = bind_there(&spot, &first);
    CU_ASSERT_EQUAL(rename(spot.path, elsewhere), 0);
    int new = bind_there(&spot, &second);
    CU_ASSERT_TRUE(old >= 0 && new >= 0);
    bly_unix_path_remove(spot.path, &first);
    CU_ASSERT_TRUE(exists(&spot));
    close(old);
    close(new);
    unlink(elsewhere);
    close_place(&spot);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"leftover_of_a_dead_server_is_replaced", test_leftover_of_a_dead_server_is_replaced},
        {"socket_that_is_listened_on_is_in_use", test_socket_that_is_listened_on_is_in_use},
        {"file_that_is_no_socket_is_left_alone", test_file_that_is_no_socket_is_left_alone},
        {"file_of_a_successor_is_not_removed", test_file_of_a_successor_is_not_removed},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/unix_path", tests, argc, argv);
}
