/* SPDX-License-Identifier: MIT */
/*
 * interop-server: serves grpc.testing.TestService, belay.testing.Relay, health and reflection until SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interop/args.h"
#include "interop/relay.h"
#include "interop/test_service.h"
#include "interop/tls_settings.h"

#define EXIT_ABANDONED 3 /* handlers had not returned when the time for that was over */
#define ANY_NUMBER 0, UINT32_MAX
#define WORKERS_LIMIT 100000

typedef struct server_settings {
    const char *host;
    const char *unix_path;  /* or NULL */
    const char *admin;      /* where an operator is listened for, or NULL */
    uint32_t port;          /* UINT32_MAX: not given */
    uint32_t workers;       /* 0, as for the rest: the library's default */
    uint32_t max_workers;
    uint32_t queue;         /* UINT32_MAX: the library's default */
    uint32_t max_recv_bytes;
    uint32_t drain_ms;
    uint32_t keepalive_ms;
    uint32_t keepalive_timeout_ms;
    uint32_t deadline_cap_ms; /* 0: none */
    uint32_t watchdog_ms;   /* UINT32_MAX: the library's default; 0: none */
    tls_settings tls;
} server_settings;

static bool
parse(int argc, char **argv, server_settings *to)
{
    const arg table[] = {
        {"port", ARG_NUMBER, &to->port, 0, 65535},
        {"host", ARG_TEXT, &to->host, 0, 0},
        {"unix", ARG_TEXT, &to->unix_path, 0, 0},
        {"workers", ARG_NUMBER, &to->workers, 1, WORKERS_LIMIT},
        {"max_workers", ARG_NUMBER, &to->max_workers, 1, WORKERS_LIMIT},
        {"queue", ARG_NUMBER, &to->queue, ANY_NUMBER},
        {"max_recv_bytes", ARG_NUMBER, &to->max_recv_bytes, 1, UINT32_MAX},
        {"drain_ms", ARG_NUMBER, &to->drain_ms, ANY_NUMBER},
        {"keepalive_ms", ARG_NUMBER, &to->keepalive_ms, 1, UINT32_MAX},
        {"keepalive_timeout_ms", ARG_NUMBER, &to->keepalive_timeout_ms, 1, UINT32_MAX},
        {"deadline_cap_ms", ARG_NUMBER, &to->deadline_cap_ms, 1, UINT32_MAX},
        {"watchdog_ms", ARG_NUMBER, &to->watchdog_ms, 0, UINT32_MAX - 1},
        {"admin", ARG_TEXT, &to->admin, 0, 0},
        {"use_tls", ARG_BOOL, &to->tls.use, 0, 0},
        {"tls_cert_file", ARG_TEXT, &to->tls.certificate_file, 0, 0},
        {"tls_key_file", ARG_TEXT, &to->tls.key_file, 0, 0},
        {"tls_client_ca_file", ARG_TEXT, &to->tls.ca_file, 0, 0},
        {NULL, ARG_TEXT, NULL, 0, 0},
    };
    return args_parse(argc, argv, table);
}

/* ---- From the command line to a server --------------------------------------------------------------- */

/* What is not given is the library's default, or as near to it as what is given allows. */
static belay_code
set_workers(const server_settings *from, belay_server_options *options)
{
    uint32_t minimum = from->workers, maximum = from->max_workers;
    if (minimum == 0 && maximum == 0)
        return BELAY_OK;
    if (minimum == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        minimum = processors > 4 ? (uint32_t)processors : 4;
        if (minimum > maximum)
            minimum = maximum;
    }
    if (maximum == 0)
        maximum = minimum > 256 ? minimum : 256;
    if (minimum > maximum)
        fprintf(stderr, "interop-server: --workers is above --max_workers\n");
    return belay_server_options_set_workers(options, minimum, maximum);
}

/* Peers are run with the same, so they may ask as often. */
static belay_code
set_keepalive(const server_settings *from, belay_server_options *options)
{
    uint64_t interval = BELAY_SECONDS(2 * 60 * 60), timeout = BELAY_SECONDS(20);
    if (from->keepalive_ms != 0) {
        interval = BELAY_MILLISECONDS(from->keepalive_ms);
        belay_server_options_set_ping_limits(options, interval / 2, interval / 2, 2);
    }
    if (from->keepalive_timeout_ms != 0)
        timeout = BELAY_MILLISECONDS(from->keepalive_timeout_ms);
    return belay_server_options_set_keepalive(options, interval, timeout);
}

static belay_code
set_options(const server_settings *from, belay_server_options *options)
{
    if (from->queue != UINT32_MAX)
        belay_server_options_set_queue(options, from->queue);
    if (from->max_recv_bytes != 0)
        belay_server_options_set_max_receive_size(options, from->max_recv_bytes);
    if (from->watchdog_ms != UINT32_MAX)
        belay_server_options_set_watchdog(options, BELAY_MILLISECONDS(from->watchdog_ms));
    belay_server_options_set_drain(options, BELAY_MILLISECONDS(from->drain_ms), BELAY_SECONDS(2));
    belay_code code = set_keepalive(from, options);
    if (code != BELAY_OK)
        return code;
    return set_workers(from, options);
}

static belay_server *
make_server(const server_settings *from)
{
    belay_server *server = NULL;
    belay_server_options *options = belay_server_options_new();
    if (options != NULL && set_options(from, options) == BELAY_OK)
        server = belay_server_new(NULL, options);
    belay_server_options_free(options);
    return server;
}

/* The library's log says what is wrong with an address. */
static belay_code
listen_on(const server_settings *from, belay_server *server)
{
    char address[512];
    belay_tls *tls;
    if (!tls_make_server(&from->tls, &tls))
        return BELAY_FAILED_PRECONDITION;
    belay_code code = BELAY_OK;
    const char *form = strchr(from->host, ':') != NULL ? "[%s]:%u" : "%s:%u";
    if (from->port != UINT32_MAX) {
        snprintf(address, sizeof address, form, from->host, (unsigned int)from->port);
        code = belay_server_listen(server, address, tls);
    }
    if (code == BELAY_OK && from->unix_path != NULL) {
        snprintf(address, sizeof address, "unix:%s", from->unix_path);
        code = belay_server_listen(server, address, tls);
    }
    if (code == BELAY_OK && from->admin != NULL) {
        snprintf(address, sizeof address, "%s", from->admin);
        code = belay_admin_listen(server, address);
    }
    belay_tls_free(tls);
    if (code != BELAY_OK)
        fprintf(stderr, "interop-server: cannot listen on %s: %s\n", address, belay_code_name(code));
    return code;
}

/* ---- Serving ------------------------------------------------------------------------------------------ */

/* Health, of what is served, and reflection. They are counted nowhere. */
static belay_code
add_standard_services(belay_server *server)
{
    belay_code code = belay_health_add(server);
    if (code == BELAY_OK)
        code = belay_health_set(server, "grpc.testing.TestService", BELAY_HEALTH_SERVING);
    if (code == BELAY_OK)
        code = belay_health_set(server, "belay.testing.Relay", BELAY_HEALTH_SERVING);
    return code == BELAY_OK ? belay_reflection_add(server) : code;
}

static belay_code
prepare(const server_settings *from, belay_server *server, relay_server *relay)
{
    belay_code code = test_service_add(server);
    if (code == BELAY_OK)
        code = add_standard_services(server);
    if (code == BELAY_OK && from->deadline_cap_ms != 0)
        code = belay_server_cap_deadline(server, NULL, BELAY_MILLISECONDS(from->deadline_cap_ms));
    if (code == BELAY_OK)
        code = listen_on(from, server);
    if (code == BELAY_OK)
        relay->address = belay_server_address(server, 0);
    return code;
}

static void
print_handler(const belay_handler_info *handler, void *argument)
{
    (void)argument;
    fprintf(stderr, "interop-server: %s from %s, cancelled %llu ms ago\n", handler->method, handler->peer,
            (unsigned long long)(handler->cancelled_ns / 1000000));
}

/* Handlers that ignore their cancellation still use everything: nothing is freed, no thread waited for. */
static void
abandon(belay_server *server)
{
    belay_server_counters counters;
    belay_server_counters_read(server, &counters, sizeof counters);
    fprintf(stderr, "interop-server: %llu handlers have not returned\n",
            (unsigned long long)counters.handlers_running);
    (void)!belay_server_each_handler(server, print_handler, NULL);
    fflush(NULL);
    _exit(EXIT_ABANDONED);
}

static belay_code
serve(const server_settings *from, belay_server *server)
{
    relay_server relay;
    const channel_settings to_others = {from->max_recv_bytes, from->keepalive_ms, from->keepalive_timeout_ms};
    belay_code code = relay_init(&relay, server, &to_others);
    if (code != BELAY_OK)
        return code;
    code = prepare(from, server, &relay);
    if (code == BELAY_OK) {
        printf("listening on %s\n", relay.address); /* who connects now waits until it runs */
        fflush(stdout);
        code = belay_server_run(server);
        if (code == BELAY_DEADLINE_EXCEEDED)
            abandon(server);
    }
    relay_fini(&relay);
    return code;
}

/* Until belay_server_run() takes them over: one that comes as soon as the server says that it is ready
 * drains it as well. */
static void
hold_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

int
main(int argc, char **argv)
{
    server_settings settings = {
        .host = "127.0.0.1",
        .port = UINT32_MAX,
        .queue = UINT32_MAX,
        .drain_ms = 2000,
        .watchdog_ms = UINT32_MAX,
    };
    if (!parse(argc, argv, &settings))
        return EXIT_USAGE;
    if (settings.port == UINT32_MAX && settings.unix_path == NULL) {
        fprintf(stderr, "interop-server: nothing to listen on: --port=N or --unix=PATH is missing\n");
        return EXIT_USAGE;
    }
    if (settings.tls.use && (settings.tls.certificate_file == NULL || settings.tls.key_file == NULL)) {
        fprintf(stderr, "interop-server: --use_tls=true takes --tls_cert_file=F and --tls_key_file=F\n");
        return EXIT_USAGE;
    }
    hold_signals();
    belay_server *server = make_server(&settings);
    belay_code code = server != NULL ? serve(&settings, server) : BELAY_RESOURCE_EXHAUSTED;
    if (code != BELAY_OK)
        fprintf(stderr, "interop-server: %s\n", belay_code_name(code));
    belay_server_free(server);
    return code == BELAY_OK ? 0 : 1;
}
