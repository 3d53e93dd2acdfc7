/* SPDX-License-Identifier: MIT */
/*
 * cancellation-client [--target=HOST:PORT] [--example=echo|keyvaluestore|hash_name]
 *
 * Makes calls of every kind, cancels them, and tells how they ended. Ends with 0 when all ended as they
 * should. Works with the servers of gRPC's own examples of cancellation, too; what such a server does not
 * have is passed over.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cases.h"

typedef struct example {
    const char *name;
    const example_case *cases;
} example;

static const example examples[] = {
    {"echo", echo_cases}, {"keyvaluestore", key_value_store_cases}, {"hash_name", hash_name_cases}};

/* Some servers take one call at a time, and need a moment to see that the one before was cancelled. */
static belay_code
call_patiently(const example_case *current, belay_channel *channel, belay_runtime *runtime,
               belay_status **status)
{
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    for (int i = 0; i < 50 && code == BELAY_RESOURCE_EXHAUSTED; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        belay_status_free(*status);
        *status = NULL;
        /* A context is cancelled once and for good: each call gets a new one. */
        belay_context *context = belay_context_new(runtime);
        if (context != NULL)
            code = current->call(channel, context, status);
        belay_context_unref(context);
    }
    return code;
}

/* Counts calls that ended as they should. Returns false for one that did not. */
static bool
try_case(const example_case *current, belay_channel *channel, belay_runtime *runtime, unsigned int *right)
{
    belay_status *status = NULL;
    printf("%s\n", current->what);
    belay_code code = call_patiently(current, channel, runtime, &status);
    const char *verdict = code == current->wanted ? "" : "    (this is wrong)";
    if (code == BELAY_UNIMPLEMENTED)
        verdict = "    (this server does not have it)";
    printf("    %s%s%s%s\n", belay_code_name(code), *belay_status_message(status) != '\0' ? ": " : "",
           belay_status_message(status), verdict);
    fflush(stdout);
    belay_status_free(status);
    *right += code == current->wanted;
    return code == current->wanted || code == BELAY_UNIMPLEMENTED;
}

static bool
try_all(const example_case *cases, const char *target)
{
    bool good = true;
    unsigned int right = 0;
    belay_runtime *runtime = belay_runtime_new(NULL);
    belay_channel *channel = runtime != NULL ? belay_channel_new(runtime, target, NULL) : NULL;
    if (channel == NULL)
        fprintf(stderr, "cancellation-client: cannot make a channel to %s\n", target);
    for (; channel != NULL && cases->what != NULL; cases++)
        good = try_case(cases, channel, runtime, &right) && good;
    belay_channel_free(channel);
    belay_runtime_unref(runtime);
    return good && right > 0;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"target", required_argument, NULL, 't'},
        {"example", required_argument, NULL, 'e'},
        {NULL, 0, NULL, 0}};
    const char *target = "127.0.0.1:50051", *name = "echo";
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 't')
            target = optarg;
        else
            name = option == 'e' ? optarg : "";
    }
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        if (strcmp(examples[i].name, name) == 0)
            return try_all(examples[i].cases, target) ? 0 : 1;
    fprintf(stderr, "usage: cancellation-client [--target=HOST:PORT]\n"
                    "           [--example=echo|keyvaluestore|hash_name]\n");
    return 2;
}
