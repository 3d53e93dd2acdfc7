/* SPDX-License-Identifier: MIT */
/*
 * bridge-client [--target=HOST:PORT] [--timeout_ms=N] TEXT
 *
 * Asks a bridge-server, and prints the answer. Ctrl-C cancels: the server's work ends too.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridges.h"

/* A thread that waits for the signal may do what a signal's handler may not. */
static void *
cancel_on_interrupt(void *context)
{
    sigset_t signals;
    int number;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    if (sigwait(&signals, &number) == 0)
        belay_cancel(context, "interrupted by hand");
    return NULL;
}

static void
print(belay_code code, const Bridges__Answer *answer, const belay_status *status)
{
    if (code == BELAY_OK)
        printf("%s\n", answer->text);
    else
        fprintf(stderr, "%s: %s\n", belay_code_name(code), belay_status_message(status));
}

static belay_code
ask(belay_channel *channel, belay_context *context, const char *text)
{
    Bridges__Question question = BRIDGES__QUESTION__INIT;
    Bridges__Answer *answer = NULL;
    belay_status *status = NULL;
    question.text = (char *)text;
    belay_code code = bridges_bridge_ask(channel, context, &question, NULL, &answer, &status);
    print(code, answer, status);
    bridges__answer__free_unpacked(answer, NULL);
    belay_status_free(status);
    return code;
}

static belay_code
run(const char *target, const char *text, uint64_t timeout_ns)
{
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    belay_runtime *runtime = belay_runtime_new(NULL);
    belay_channel *channel = runtime != NULL ? belay_channel_new(runtime, target, NULL) : NULL;
    belay_context *root = runtime != NULL ? belay_context_new(runtime) : NULL;
    belay_context *context = root != NULL ? belay_context_derive(root, timeout_ns) : NULL;
    pthread_t waiter;
    if (channel != NULL && context != NULL &&
        pthread_create(&waiter, NULL, cancel_on_interrupt, context) == 0) {
        code = ask(channel, context, text);
        pthread_kill(waiter, SIGINT); /* if it still waits; to cancel what has ended does nothing */
        pthread_join(waiter, NULL);
    }
    belay_context_unref(context);
    belay_context_unref(root);
    belay_channel_free(channel);
    belay_runtime_unref(runtime);
    return code;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"target", required_argument, NULL, 't'},
        {"timeout_ms", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0}};
    const char *target = "127.0.0.1:50051";
    uint64_t timeout_ns = BELAY_FOREVER;
    int option;
    sigset_t signals;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 't')
            target = optarg;
        else if (option == 'm')
            timeout_ns = BELAY_MILLISECONDS(strtoull(optarg, NULL, 10));
        else
            optind = argc;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: bridge-client [--target=HOST:PORT] [--timeout_ms=N] TEXT\n");
        return 2;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before there are threads */
    return run(target, argv[optind], timeout_ns) == BELAY_OK ? 0 : 1;
}
