/* SPDX-License-Identifier: MIT */
/*
 * bridge-server [--address=HOST:PORT] BRIDGE [PLACE [QUERY]]
 *
 * Serves what is behind one of the bridges, until SIGTERM:
 *
 *     bridge-server sqlite shop.db 'SELECT name FROM customers WHERE number = ?1'
 *     bridge-server postgres dbname=shop 'SELECT name FROM customers WHERE number = $1'
 *     bridge-server curl https://example.org/wiki/
 *     bridge-server process sort
 *     bridge-server openmp
 *     bridge-server device /dev/ttyS0
 *
 * Without a query, databases count up to the number that they are asked for, which may take for ever.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bridges.h"

#define COUNT_SQLITE \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < CAST(?1 AS INT)) " \
    "SELECT count(*) FROM n"
#define COUNT_POSTGRES \
    "WITH RECURSIVE n(i) AS (SELECT 1::bigint UNION ALL SELECT i + 1 FROM n WHERE i < $1::bigint) " \
    "SELECT count(*) FROM n"

typedef struct bridge {
    const char *name;
    bridge_handler handler;
    bridge_settings settings; /* by default */
} bridge;

static const bridge bridges[] = {
#ifdef WITH_SQLITE
    {"sqlite", ask_sqlite, {":memory:", COUNT_SQLITE}},
    {"sqlite-watched", ask_sqlite_watched, {":memory:", COUNT_SQLITE}},
#endif
#ifdef WITH_LIBPQ
    {"postgres", ask_postgres, {"host=/run/postgresql", COUNT_POSTGRES}},
#endif
#ifdef WITH_CURL
    {"curl", ask_curl, {"http://127.0.0.1/", NULL}},
#endif
#ifdef WITH_OPENMP
    {"openmp", ask_openmp, {NULL, NULL}},
#endif
    {"process", ask_process, {"sleep", NULL}},
    {"device", ask_device, {"/dev/tty", NULL}},
};

static const bridge *
find(const char *name)
{
    for (size_t i = 0; i < sizeof bridges / sizeof bridges[0]; i++) {
        if (strcmp(bridges[i].name, name) == 0)
            return &bridges[i];
    }
    return NULL;
}

static belay_code
serve(belay_server *server, const bridge *wanted, bridge_settings *settings, const char *address)
{
    const bridges_bridge_handlers handlers = {.ask = wanted->handler};
    belay_code code = bridges_bridge_add(server, &handlers, settings);
    if (code == BELAY_OK)
        code = belay_server_listen(server, address, NULL);
    if (code == BELAY_OK) {
        printf("listening on %s\n", belay_server_address(server, 0));
        fflush(stdout);
        code = belay_server_run(server);
    }
    return code;
}

static int
usage(void)
{
    fprintf(stderr, "usage: bridge-server [--address=HOST:PORT] BRIDGE [PLACE [QUERY]]\nbridges:");
    for (size_t i = 0; i < sizeof bridges / sizeof bridges[0]; i++)
        fprintf(stderr, " %s", bridges[i].name);
    fprintf(stderr, "\n");
    return 2;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"address", required_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
    const char *address = "127.0.0.1:50051";
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) == 'a')
        address = optarg;
    const bridge *wanted = optind < argc ? find(argv[optind]) : NULL;
    if (option != -1 || wanted == NULL)
        return usage();
    bridge_settings settings = wanted->settings;
    if (optind + 1 < argc)
        settings.place = argv[optind + 1];
    if (optind + 2 < argc)
        settings.query = argv[optind + 2];
    belay_server *server = belay_server_new(NULL, NULL);
    belay_code code = BELAY_RESOURCE_EXHAUSTED;
    if (server != NULL)
        code = serve(server, wanted, &settings, address);
    if (code != BELAY_OK)
        fprintf(stderr, "bridge-server: %s\n", belay_code_name(code));
    belay_server_free(server);
    return code == BELAY_OK ? 0 : 1;
}
