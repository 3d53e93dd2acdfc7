/* SPDX-License-Identifier: MIT */
/*
 * call-relay TARGET SERVER...: calls the relay at TARGET, on over the servers, the last of which sleeps until it is
 * cancelled. Prints how the call ended: "CODE: message".
 */
#include <stdio.h>

#include "relay.belay.h"

#define A_LONG_TIME_MS 3600000

static int
call(belay_channel *channel, char **route, size_t count)
{
    Belay__Testing__RelayRequest request = BELAY__TESTING__RELAY_REQUEST__INIT;
    belay_status *status = NULL;
    request.n_route = count;
    request.route = route;
    request.fan_out = 2;
    request.leaf = BELAY__TESTING__LEAF__LEAF_SLEEP;
    request.leaf_ms = A_LONG_TIME_MS;
    belay_code code = belay_testing_relay_call(channel, NULL, &request, NULL, NULL, &status);
    printf("%s: %s\n", belay_code_name(code), belay_status_message(status));
    belay_status_free(status);
    return 0;
}

int
main(int argc, char **argv)
{
    belay_channel *channel = argc > 1 ? belay_channel_new(NULL, argv[1], NULL) : NULL;
    if (channel == NULL) {
        fprintf(stderr, "call-relay TARGET SERVER...\n");
        return 2;
    }
    int code = call(channel, argv + 2, (size_t)argc - 2);
    belay_channel_free(channel);
    return code;
}
