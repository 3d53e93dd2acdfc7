/* SPDX-License-Identifier: MIT */
/*
 * conformance-server: the server that the suite of connectrpc.com/conformance tests. Reads one ServerCompatRequest,
 * says where it listens, and serves until SIGTERM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/credentials.h"
#include "conformance/pipe.h"
#include "conformance/service.h"

static belay_server *
make_server(const server_request *request)
{
    belay_server_options *options = belay_server_options_new();
    if (options == NULL)
        return NULL;
    if (request->message_receive_limit != 0)
        belay_server_options_set_max_receive_size(options, request->message_receive_limit);
    belay_server_options_set_drain(options, BELAY_MILLISECONDS(200), BELAY_SECONDS(2));
    belay_server *server = NULL;
    if (belay_server_options_set_compression(options, BELAY_COMPRESSION_GZIP) == BELAY_OK)
        server = belay_server_new(NULL, options);
    belay_server_options_free(options);
    if (server != NULL && service_add(server) == BELAY_OK)
        return server;
    belay_server_free(server);
    return NULL;
}

static bool
bind_address(belay_server *server, const server_request *request)
{
    belay_tls *tls = NULL;
    if (request->use_tls) {
        tls = credentials_new(request->server_creds, &request->client_tls_cert);
        if (tls == NULL)
            return false;
        if (request->client_tls_cert.len > 0)
            belay_tls_set_clients(tls, BELAY_TLS_CLIENTS_MUST_HAVE);
    }
    belay_code code = belay_server_listen(server, "127.0.0.1:0", tls);
    belay_tls_free(tls);
    return code == BELAY_OK;
}

static bool
say_where(const belay_server *server, const server_request *request)
{
    server_response response = CONNECTRPC__CONFORMANCE__V1__SERVER_COMPAT_RESPONSE__INIT;
    char host[] = "127.0.0.1";
    response.host = host;
    response.port = (uint32_t)atoi(strrchr(belay_server_address(server, 0), ':') + 1);
    if (request->use_tls)
        response.pem_cert = request->server_creds->cert;
    return pipe_write(&response.base);
}

int
main(void)
{
    server_request *request =
        (server_request *)pipe_read(&connectrpc__conformance__v1__server_compat_request__descriptor);
    if (request == NULL)
        return EXIT_FAILURE;
    belay_server *server = NULL;
    bool usable = !request->use_tls || request->server_creds != NULL;
    if (usable)
        server = make_server(request);
    int status = EXIT_FAILURE;
    if (server != NULL && bind_address(server, request) && say_where(server, request))
        status = belay_server_run(server) == BELAY_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    else
        fprintf(stderr, "the server could not be made as asked\n");
    belay_server_free(server);
    protobuf_c_message_free_unpacked(&request->base, NULL);
    return status;
}
