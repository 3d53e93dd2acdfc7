/* SPDX-License-Identifier: MIT */
/* The client that measures: the words and the output are the same as the other stacks' bench clients have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <belay/time.h>

#include "bench/client.h"
#include "peer.belay.h"

#define FLAG_ROUNDS 7

belay_channel *
client_channel(belay_runtime *runtime, const char *target)
{
    belay_channel *channel = belay_channel_new(runtime, target, NULL);
    if (channel == NULL) {
        fprintf(stderr, "bench-client: cannot make a channel to %s\n", target);
        exit(EXIT_FAILURE);
    }
    return channel;
}

void
client_thread(pthread_t *thread, void *(*function)(void *), void *argument)
{
    if (pthread_create(thread, NULL, function, argument) != 0) {
        fprintf(stderr, "bench-client: no threads\n");
        exit(EXIT_FAILURE);
    }
}

double
client_cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* flag TARGET CHECKS: what a look at the flag costs in the server. */
static int
flag(belay_runtime *runtime, int argc, char **argv)
{
    if (argc < 4)
        return 2;
    belay_channel *channel = client_channel(runtime, argv[2]);
    Helloworld__BenchReq request = HELLOWORLD__BENCH_REQ__INIT;
    belay_code code = BELAY_OK;
    request.n = strtoull(argv[3], NULL, 10);
    for (int i = 0; i < FLAG_ROUNDS && code == BELAY_OK; i++) {
        Helloworld__BenchRep *reply = NULL;
        belay_status *status = NULL;
        code = helloworld_bench_flag_cost(channel, NULL, &request, NULL, &reply, &status);
        if (code == BELAY_OK) {
            printf("flag ns/check=%.3f second=%.3f\n", reply->v, reply->v2);
            helloworld__bench_rep__free_unpacked(reply, NULL);
        } else {
            printf("err %s\n", belay_status_message(status));
        }
        belay_status_free(status);
    }
    belay_channel_free(channel);
    return code == BELAY_OK ? 0 : 1;
}

/* stats TARGET: the server's totals. */
static int
stats(belay_runtime *runtime, int argc, char **argv)
{
    (void)argc;
    belay_channel *channel = client_channel(runtime, argv[2]);
    belay_call_options *options = belay_call_options_new();
    Helloworld__BenchReq request = HELLOWORLD__BENCH_REQ__INIT;
    Helloworld__BenchRep none = HELLOWORLD__BENCH_REP__INIT;
    Helloworld__BenchRep *reply = NULL;
    belay_status *status = NULL;
    if (options != NULL)
        belay_call_options_set_timeout(options, BELAY_SECONDS(5));
    belay_code code = helloworld_bench_stats(channel, NULL, &request, options, &reply, &status);
    const Helloworld__BenchRep *shown = code == BELAY_OK ? reply : &none;
    printf("started=%lu finished=%lu ok=%d %s\n", (unsigned long)shown->started,
           (unsigned long)shown->finished, code == BELAY_OK, belay_status_message(status));
    if (code == BELAY_OK)
        helloworld__bench_rep__free_unpacked(reply, NULL);
    belay_status_free(status);
    belay_call_options_free(options);
    belay_channel_free(channel);
    return 0;
}

static const struct word {
    const char *name;
    int (*run)(belay_runtime *runtime, int argc, char **argv);
} words[] = {
    {"cancel", client_cancel},
    {"chain", client_chain},
    {"unary", client_unary},
    {"stream", client_stream},
    {"flag", flag},
    {"stats", stats},
};

static int
run_word(belay_runtime *runtime, int argc, char **argv)
{
    for (size_t i = 0; argc > 2 && i < sizeof words / sizeof *words; i++) {
        if (strcmp(argv[1], words[i].name) == 0)
            return words[i].run(runtime, argc, argv);
    }
    return 2;
}

int
main(int argc, char **argv)
{
    belay_runtime *runtime = belay_runtime_new(NULL);
    if (runtime == NULL) {
        fprintf(stderr, "bench-client: no memory or threads\n");
        return EXIT_FAILURE;
    }
    int code = run_word(runtime, argc, argv);
    belay_runtime_unref(runtime);
    if (code == 2)
        fprintf(stderr, "usage: bench-client cancel HOST:PORT CALLS [N]\n"
                        "       bench-client chain  A,B,C CALLS [N]\n"
                        "       bench-client unary  HOST:PORT THREADS CALLS [CHANNELS]\n"
                        "       bench-client stream HOST:PORT pingpong|echo|pull|push STREAMS MESSAGES SIZE\n"
                        "       bench-client flag   HOST:PORT CHECKS\n"
                        "       bench-client stats  HOST:PORT\n");
    return code;
}
