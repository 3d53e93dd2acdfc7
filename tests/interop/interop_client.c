/* SPDX-License-Identifier: MIT */
/*
 * interop-client: runs one of gRPC's interoperability test cases against a server. Exit 0: passed, 1: failed,
 * 2: cannot be run.
 */
#include <stdio.h>
#include <string.h>

#include "interop/args.h"
#include "interop/cases.h"
#include "interop/tls_settings.h"

typedef struct test_case {
    const char *name;
    bool (*run)(const testbed *bed);
} test_case;

static const test_case cases[] = {
    {"empty_unary", case_empty_unary},
    {"cacheable_unary", case_cacheable_unary},
    {"large_unary", case_large_unary},
    {"client_compressed_unary", case_client_compressed_unary},
    {"server_compressed_unary", case_server_compressed_unary},
    {"client_streaming", case_client_streaming},
    {"client_compressed_streaming", case_client_compressed_streaming},
    {"server_streaming", case_server_streaming},
    {"server_compressed_streaming", case_server_compressed_streaming},
    {"ping_pong", case_ping_pong},
    {"small_messages", case_small_messages},
    {"empty_stream", case_empty_stream},
    {"custom_metadata", case_custom_metadata},
    {"status_code_and_message", case_status_code_and_message},
    {"special_status_message", case_special_status_message},
    {"unimplemented_method", case_unimplemented_method},
    {"unimplemented_service", case_unimplemented_service},
    {"cancel_after_begin", case_cancel_after_begin},
    {"cancel_after_first_response", case_cancel_after_first_response},
    {"timeout_on_sleeping_server", case_timeout_on_sleeping_server},
    {"concurrent_large_unary", case_concurrent_large_unary},
    {"rpc_soak", case_rpc_soak},
    {"channel_soak", case_channel_soak},
    {"per_rpc_creds", case_per_rpc_creds},
    {"goaway", case_goaway},
    {"rst_after_header", case_rst_after_header},
    {"rst_during_data", case_rst_during_data},
    {"rst_after_data", case_rst_after_data},
    {"ping", case_ping},
    {"max_streams", case_max_streams},
    {"data_frame_padding", case_data_frame_padding},
    {"no_df_padding_sanity_test", case_no_df_padding_sanity_test},
};

typedef struct client_settings {
    const char *host;
    const char *test_case; /* or NULL */
    uint32_t port;         /* 0: not given */
    uint32_t soak_iterations;
    tls_settings tls;
} client_settings;

static bool
parse(int argc, char **argv, client_settings *to)
{
    const arg table[] = {
        {"server_host", ARG_TEXT, &to->host, 0, 0},
        {"server_port", ARG_NUMBER, &to->port, 1, 65535},
        {"test_case", ARG_TEXT, &to->test_case, 0, 0},
        {"soak_iterations", ARG_NUMBER, &to->soak_iterations, 1, UINT32_MAX},
        {"use_tls", ARG_BOOL, &to->tls.use, 0, 0},
        {"use_test_ca", ARG_FALSE, NULL, 0, 0},
        {"tls_ca_file", ARG_TEXT, &to->tls.ca_file, 0, 0},
        {"tls_cert_file", ARG_TEXT, &to->tls.certificate_file, 0, 0},
        {"tls_key_file", ARG_TEXT, &to->tls.key_file, 0, 0},
        {"server_host_override", ARG_TEXT, &to->tls.host, 0, 0},
        {NULL, ARG_TEXT, NULL, 0, 0},
    };
    return args_parse(argc, argv, table);
}

static const test_case *
find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    }
    return NULL;
}

/* Says what there is when a case cannot be run. */
static const test_case *
choose(const char *name)
{
    const test_case *chosen = find(name);
    if (chosen != NULL)
        return chosen;
    fprintf(stderr, "interop-client: no test case \"%s\"; there are:", name != NULL ? name : "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        fprintf(stderr, " %s", cases[i].name);
    fputc('\n', stderr);
    return NULL;
}

/* How all channels of the program are made. */
static belay_channel_options *
make_options(const client_settings *from)
{
    belay_tls *tls;
    belay_channel_options *options = belay_channel_options_new();
    if (options == NULL || !tls_make_client(&from->tls, &tls)) {
        belay_channel_options_free(options);
        return NULL;
    }
    belay_channel_options_set_tls(options, tls);
    belay_tls_free(tls);
    return options;
}

static bool
run(const test_case *chosen, testbed *bed)
{
    bed->runtime = belay_runtime_new(NULL);
    if (bed->runtime != NULL)
        bed->channel = belay_channel_new(bed->runtime, bed->target, bed->options);
    if (bed->channel == NULL)
        fprintf(stderr, "interop-client: cannot make a channel to %s\n", bed->target);
    bool passed = bed->channel != NULL && chosen->run(bed);
    belay_channel_free(bed->channel);
    belay_runtime_unref(bed->runtime);
    return passed;
}

int
main(int argc, char **argv)
{
    client_settings settings = {.host = "127.0.0.1", .soak_iterations = 10};
    char target[512];
    if (!parse(argc, argv, &settings))
        return EXIT_USAGE;
    if (settings.port == 0) {
        fprintf(stderr, "interop-client: --server_port=N is missing\n");
        return EXIT_USAGE;
    }
    const test_case *chosen = choose(settings.test_case);
    if (chosen == NULL)
        return EXIT_USAGE;
    snprintf(target, sizeof target, strchr(settings.host, ':') != NULL ? "[%s]:%u" : "%s:%u", settings.host,
             (unsigned int)settings.port);
    belay_channel_options *options = make_options(&settings);
    if (options == NULL)
        return EXIT_USAGE;
    testbed bed = {.target = target,
                   .options = options,
                   .soak_iterations = settings.soak_iterations,
                   .plaintext = !settings.tls.use};
    bool passed = run(chosen, &bed);
    belay_channel_options_free(options);
    printf("%s: %s\n", chosen->name, passed ? "passed" : "FAILED");
    return passed ? 0 : 1;
}
