/* SPDX-License-Identifier: MIT */
/* The server that is measured: bench-server PORT [CERT KEY] [--workers N] [--max_workers N] [--batch when|never|always]. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/services.h"
#include "bench/stream_service.h"

/* What a drain that left handlers behind exits with. */
#define EXIT_ABANDONED 3
#define USAGE 2

/* Above the 10,000 calls that a measurement holds open at once, blocked. */
#define QUEUE 20000

typedef struct server_arguments {
    unsigned int port;
    unsigned int workers;
    unsigned int max_workers;
    belay_batch_scheduling batch;
    const char *certificate_file; /* NULL: plaintext */
    const char *key_file;
} server_arguments;

static bool
read_number(const char *text, unsigned int limit, unsigned int *number)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value > limit)
        return false;
    *number = (unsigned int)value;
    return true;
}

static bool
read_batch(const char *text, belay_batch_scheduling *batch)
{
    static const struct {
        const char *name;
        belay_batch_scheduling batch;
    } choices[] = {{"when", BELAY_BATCH_WHEN_COMPUTING}, {"never", BELAY_BATCH_NEVER}, {"always", BELAY_BATCH_ALWAYS}};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (strcmp(text, choices[i].name) == 0) {
            *batch = choices[i].batch;
            return true;
        }
    return false;
}

static bool
read_options(int argc, char **argv, server_arguments *read)
{
    static const struct option options[] = {
        {"workers", required_argument, NULL, 'w'},
        {"max_workers", required_argument, NULL, 'm'},
        {"batch", required_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        bool is_good = option == 'b'   ? read_batch(optarg, &read->batch)
                       : option == 'w' ? read_number(optarg, 1000000, &read->workers)
                       : option == 'm' ? read_number(optarg, 1000000, &read->max_workers)
                                       : false;
        if (!is_good)
            return false;
    }
    return true;
}

static bool
read_arguments(int argc, char **argv, server_arguments *read)
{
    if (!read_options(argc, argv, read) || (argc - optind != 1 && argc - optind != 3) ||
        !read_number(argv[optind], 65535, &read->port)) {
        fprintf(stderr, "usage: bench-server PORT [CERT KEY] [--workers N] [--max_workers N] [--batch when|never|always]\n");
        return false;
    }
    if (argc - optind == 3) {
        read->certificate_file = argv[optind + 1];
        read->key_file = argv[optind + 2];
    }
    return true;
}

static belay_server *
make_server(const server_arguments *arguments)
{
    belay_server_options *options = belay_server_options_new();
    if (options == NULL)
        return NULL;
    belay_server *server = NULL;
    if (belay_server_options_set_workers(options, arguments->workers, arguments->max_workers) == BELAY_OK) {
        belay_server_options_set_queue(options, QUEUE);
        belay_server_options_set_batch_scheduling(options, arguments->batch);
        belay_server_options_set_drain(options, BELAY_SECONDS(2), BELAY_SECONDS(10));
        server = belay_server_new(NULL, options);
    }
    belay_server_options_free(options);
    return server;
}

static belay_code
listen_with_tls(belay_server *server, const char *address, const server_arguments *arguments)
{
    char words[400];
    belay_tls *tls = belay_tls_new();
    if (tls == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = belay_tls_set_certificate(tls, arguments->certificate_file, arguments->key_file);
    belay_tls_error(tls, words, sizeof words);
    if (code == BELAY_OK)
        code = belay_server_listen(server, address, tls);
    else
        fprintf(stderr, "bench-server: %s\n", words);
    belay_tls_free(tls);
    return code;
}

static belay_code
run(belay_server *server, const server_arguments *arguments)
{
    char address[32];
    belay_code code;
    snprintf(address, sizeof address, "127.0.0.1:%u", arguments->port);
    if (arguments->certificate_file != NULL)
        code = listen_with_tls(server, address, arguments);
    else
        code = belay_server_listen(server, address, NULL);
    if (code == BELAY_OK)
        code = belay_server_start(server);
    if (code != BELAY_OK) {
        fprintf(stderr, "bench-server: %s: %s\n", address, belay_code_name(code));
        return code;
    }
    printf("listening on %s\n", belay_server_address(server, 0));
    fflush(stdout);
    return belay_server_run(server);
}

int
main(int argc, char **argv)
{
    server_arguments arguments = {.workers = 4, .max_workers = 16384, };
    if (!read_arguments(argc, argv, &arguments))
        return USAGE;
    belay_server *server = make_server(&arguments);
    bench_state *bench = calloc(1, sizeof *bench);
    if (server == NULL || bench == NULL) {
        fprintf(stderr, "bench-server: cannot make a server with %u to %u workers\n", arguments.workers,
                arguments.max_workers);
        belay_server_free(server);
        free(bench);
        return EXIT_FAILURE;
    }
    bench_init(bench, belay_server_runtime(server));
    belay_code code = bench_add(bench, server);
    if (code == BELAY_OK)
        code = stream_service_add(server);
    if (code == BELAY_OK)
        code = run(server, &arguments);
    if (code == BELAY_DEADLINE_EXCEEDED)
        return EXIT_ABANDONED; /* handlers still run on all of this */
    bench_fini(bench);
    belay_server_free(server);
    free(bench);
    return code == BELAY_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
