/* SPDX-License-Identifier: MIT */
/*
 * cancellation-server [--port=N] [--host=H] [--drain_ms=N] [--maximum_hashes=N]
 *
 * Serves calls that are worth cancelling: slow ones, long streams, and a computation that may take for ever.
 * The clients of gRPC's own examples of cancellation (Go, Java, C++, Python) work with it, too.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "services.h"

typedef struct settings {
    const char *host;
    int port;
    uint64_t drain_ns;
    uint64_t maximum_hashes;
} settings;

belay_code
tell_if_cancelled(belay_call *call, belay_code code)
{
    if (belay_cancelled(call)) {
        belay_context *context = belay_call_context(call);
        const char *reason = belay_context_reason(context); /* what a client gives stays with the client */
        printf("%s: cancelled: %s%s%s\n", belay_call_method(call),
               belay_cause_name(belay_context_cause(context)), *reason != '\0' ? ": " : "", reason);
        fflush(stdout);
    }
    return code;
}

static belay_code
serve(belay_server *server, const settings *wanted)
{
    char address[300];
    snprintf(address, sizeof address, "%s:%d", wanted->host, wanted->port);
    belay_code code = echo_service_add(server);
    if (code == BELAY_OK)
        code = key_value_store_service_add(server);
    if (code == BELAY_OK)
        code = greeter_service_add(server);
    if (code == BELAY_OK)
        code = hash_finder_service_add(server, wanted->maximum_hashes);
    if (code == BELAY_OK)
        code = belay_server_listen(server, address, NULL);
    if (code == BELAY_OK) {
        printf("listening on %s\n", belay_server_address(server, 0));
        fflush(stdout);
        code = belay_server_run(server); /* until SIGTERM */
    }
    return code;
}

static int
run(const settings *wanted)
{
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    belay_server_options *options = belay_server_options_new();
    belay_server *server = NULL;
    if (options != NULL) {
        belay_server_options_set_drain(options, wanted->drain_ns, BELAY_SECONDS(5));
        server = belay_server_new(NULL, options);
    }
    if (server != NULL)
        code = serve(server, wanted);
    if (code != BELAY_OK)
        fprintf(stderr, "cancellation-server: %s\n", belay_code_name(code));
    if (code == BELAY_DEADLINE_EXCEEDED)
        return 3; /* handlers that do not end, and that would be waited for here */
    belay_server_free(server);
    belay_server_options_free(options);
    return code == BELAY_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},     {"host", required_argument, NULL, 'h'},
        {"drain_ms", required_argument, NULL, 'd'}, {"maximum_hashes", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0}};
    settings wanted = {.host = "127.0.0.1", .port = 50051, .drain_ns = BELAY_SECONDS(2),
                       .maximum_hashes = 100000000};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'p': wanted.port = atoi(optarg); break;
        case 'h': wanted.host = optarg; break;
        case 'd': wanted.drain_ns = BELAY_MILLISECONDS(strtoull(optarg, NULL, 10)); break;
        case 'm': wanted.maximum_hashes = strtoull(optarg, NULL, 10); break;
        default:
            fprintf(stderr, "usage: cancellation-server [--port=N] [--host=H] [--drain_ms=N]\n"
                            "           [--maximum_hashes=N]\n");
            return 2;
        }
    }
    return run(&wanted);
}
