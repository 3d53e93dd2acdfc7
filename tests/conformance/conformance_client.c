/* SPDX-License-Identifier: MIT */
/*
 * conformance-client: the client that the suite of connectrpc.com/conformance tests. Reads ClientCompatRequests until
 * the end of its input, makes a call for each, several at a time, and writes what came of it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/credentials.h"
#include "conformance/invoke.h"
#include "conformance/pipe.h"

#define THREADS 8

/* Of each, one thread at a time. */
static pthread_mutex_t input = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static bool
set_options(belay_channel_options *options, const client_request *request)
{
    if (request->message_receive_limit != 0)
        belay_channel_options_set_max_receive_size(options, request->message_receive_limit);
    if (request->compression == CONNECTRPC__CONFORMANCE__V1__COMPRESSION__COMPRESSION_GZIP &&
        belay_channel_options_set_compression(options, BELAY_COMPRESSION_GZIP) != BELAY_OK)
        return false;
    if (request->server_tls_cert.len == 0)
        return true;
    belay_tls *tls = credentials_new(request->client_tls_creds, &request->server_tls_cert);
    if (tls != NULL)
        belay_channel_options_set_tls(options, tls);
    belay_tls_free(tls);
    return tls != NULL;
}

static belay_channel *
make_channel(belay_runtime *runtime, const client_request *request)
{
    char target[256];
    belay_channel *channel = NULL;
    belay_channel_options *options = belay_channel_options_new();
    if (options == NULL)
        return NULL;
    snprintf(target, sizeof target, strchr(request->host, ':') != NULL ? "[%s]:%u" : "%s:%u", request->host,
             (unsigned int)request->port);
    if (set_options(options, request))
        channel = belay_channel_new(runtime, target, options);
    belay_channel_options_free(options);
    return channel;
}

/* Makes one call and answers for it; false when nobody reads the answer. */
static bool
serve(belay_runtime *runtime, const client_request *request)
{
    client_response response = CONNECTRPC__CONFORMANCE__V1__CLIENT_COMPAT_RESPONSE__INIT;
    client_result result = CONNECTRPC__CONFORMANCE__V1__CLIENT_RESPONSE_RESULT__INIT;
    Connectrpc__Conformance__V1__ClientErrorResult error = CONNECTRPC__CONFORMANCE__V1__CLIENT_ERROR_RESULT__INIT;
    scratch_memory scratch;
    scratch_init(&scratch);
    belay_channel *channel = make_channel(runtime, request);
    const char *why = "no channel to the server";
    if (channel != NULL)
        why = invoke(runtime, channel, request, &scratch, &result);
    response.test_name = request->test_name;
    if (why == NULL) {
        response.result_case = CONNECTRPC__CONFORMANCE__V1__CLIENT_COMPAT_RESPONSE__RESULT_RESPONSE;
        response.response = &result;
    } else {
        error.message = (char *)why;
        response.result_case = CONNECTRPC__CONFORMANCE__V1__CLIENT_COMPAT_RESPONSE__RESULT_ERROR;
        response.error = &error;
    }
    pthread_mutex_lock(&output);
    bool written = pipe_write(&response.base);
    pthread_mutex_unlock(&output);
    belay_channel_free(channel);
    scratch_fini(&scratch);
    return written;
}

static client_request *
next_request(void)
{
    pthread_mutex_lock(&input);
    ProtobufCMessage *request = pipe_read(&connectrpc__conformance__v1__client_compat_request__descriptor);
    pthread_mutex_unlock(&input);
    return (client_request *)request;
}

/* Serves until the input ends, or nobody reads the answers. Returns NULL after the former. */
static void *
serve_all(void *runtime)
{
    client_request *request;
    bool going = true;
    while (going && (request = next_request()) != NULL) {
        going = serve(runtime, request);
        protobuf_c_message_free_unpacked(&request->base, NULL);
    }
    return going ? NULL : runtime;
}

int
main(void)
{
    belay_runtime *runtime = belay_runtime_new(NULL);
    if (runtime == NULL)
        return EXIT_FAILURE;
    pthread_t threads[THREADS];
    int status = EXIT_SUCCESS;
    int count = 0;
    while (count < THREADS && pthread_create(&threads[count], NULL, serve_all, runtime) == 0)
        count++;
    if (count == 0)
        status = EXIT_FAILURE;
    while (count > 0) {
        void *failed;
        if (pthread_join(threads[--count], &failed) != 0 || failed != NULL)
            status = EXIT_FAILURE;
    }
    belay_runtime_unref(runtime);
    return status;
}
