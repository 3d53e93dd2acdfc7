/* SPDX-License-Identifier: MIT */
/* A client with no library in it, so that what is measured is the server: HTTP/2 by hand, plain sockets. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/limits/raw_calls.h"
#include "bench/limits/raw_words.h"

/* stats HOST:PORT: the server's totals. */
int
raw_stats(int argc, char **argv)
{
    bench_reply reply = {0};
    if (argc < 1)
        return 2;
    raw_connection *connection = raw_connect(argv[0]);
    bool answered = raw_wait_ready(connection) && raw_ask(connection, PATH_STATS, 0, &reply);
    printf("stats started=%llu finished=%llu blocked=%.0f ok=%d\n", (unsigned long long)reply.started,
           (unsigned long long)reply.finished, reply.blocked, answered);
    raw_free(connection);
    return answered ? 0 : 1;
}

static const struct word {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *arguments;
} words[] = {
    {"cancel", raw_cancel, "HOST:PORT CALLS [STEPS]"},
    {"chain", raw_chain, "A,B,C CALLS [STEPS]"},
    {"flood", raw_flood, "HOST:PORT CALLS [data|headers]"},
    {"watch", raw_watch, "HOST:PORT CALLS"},
    {"hold", raw_hold, "HOST:PORT CONNECTIONS CALLS SECONDS [PATH]"},
    {"busy", raw_busy, "HOST:PORT CALLS SECONDS"},
    {"stats", raw_stats, "HOST:PORT"},
};

static int
run_word(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof words / sizeof *words; i++) {
        if (strcmp(argv[1], words[i].name) == 0)
            return words[i].run(argc - 2, argv + 2);
    }
    return 2;
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    int code = run_word(argc, argv);
    for (size_t i = 0; code == 2 && i < sizeof words / sizeof *words; i++)
        fprintf(stderr, "%s raw-client %-6s %s\n", i == 0 ? "usage:" : "      ", words[i].name,
                words[i].arguments);
    return code;
}
