/* SPDX-License-Identifier: MIT */
/*
 * spec-client HOST:PORT: makes one call, and stays connected for a moment when it has ended: the server is a case of
 * h2specd's, which may go on with the connection after it has answered. However the call ends is right.
 */
#include <poll.h>
#include <stddef.h>

#include <belay/belay.h>

#include "testing.belay.h"

#define MOMENT_MS 100

int
main(int argc, char **argv)
{
    Grpc__Testing__Empty request = GRPC__TESTING__EMPTY__INIT;
    belay_channel *channel = argc == 2 ? belay_channel_new(NULL, argv[1], NULL) : NULL;
    if (channel == NULL)
        return 2;
    (void)!grpc_testing_test_service_empty_call(channel, NULL, &request, NULL, NULL, NULL);
    poll(NULL, 0, MOMENT_MS);
    belay_channel_free(channel);
    return 0;
}
