/* SPDX-License-Identifier: MIT */
/* The smallest server: greeter-server [ADDRESS]. Runs until SIGTERM or Ctrl-C. */
#include <stdio.h>

#include "helloworld.belay.h"

static belay_code
say_hello(belay_call *call, const Helloworld__HelloRequest *request, Helloworld__HelloReply *reply)
{
    reply->message = belay_printf(call, "Hello %s", request->name); /* lives as long as the call */
    return BELAY_OK;
}

int
main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:50051";
    belay_server *server = belay_server_new(NULL, NULL);
    if (server == NULL)
        return 1;
    belay_code code = helloworld_greeter_add(server, &(helloworld_greeter_handlers){.say_hello = say_hello}, NULL);
    if (code == BELAY_OK)
        code = belay_health_add(server); /* for Kubernetes and load balancers */
    if (code == BELAY_OK)
        code = belay_reflection_add(server); /* for grpcurl and its like */
    if (code == BELAY_OK)
        code = belay_server_listen(server, address, NULL);
    if (code == BELAY_OK) {
        printf("listening on %s\n", belay_server_address(server, 0));
        fflush(stdout);
        code = belay_server_run(server);
    }
    belay_server_free(server);
    return code == BELAY_OK ? 0 : 1;
}
