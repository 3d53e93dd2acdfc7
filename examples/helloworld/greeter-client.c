/* SPDX-License-Identifier: MIT */
/* The smallest client: greeter-client [ADDRESS [NAME]]. */
#include <stdio.h>

#include "helloworld.belay.h"

int
main(int argc, char **argv)
{
    const char *target = argc > 1 ? argv[1] : "127.0.0.1:50051";
    belay_channel *channel = belay_channel_new(NULL, target, NULL);
    if (channel == NULL) {
        fprintf(stderr, "cannot make a channel to %s\n", target);
        return 1;
    }
    Helloworld__HelloRequest request = HELLOWORLD__HELLO_REQUEST__INIT;
    Helloworld__HelloReply *reply = NULL;
    belay_status *status = NULL;
    request.name = argc > 2 ? argv[2] : (char[]){"world"};
    belay_code code = helloworld_greeter_say_hello(channel, NULL, &request, NULL, &reply, &status);
    if (code == BELAY_OK) {
        printf("%s\n", reply->message);
        helloworld__hello_reply__free_unpacked(reply, NULL);
    } else {
        fprintf(stderr, "%s: %s\n", belay_code_name(code), belay_status_message(status));
    }
    belay_status_free(status);
    belay_channel_free(channel);
    return code == BELAY_OK ? 0 : 1;
}
