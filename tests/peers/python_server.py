#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""TestService and Relay on grpcio: the peer of belay's clients. Listens on a port of 127.0.0.1 that it picks
and prints; ends at SIGTERM. With files of a certificate and its key it speaks TLS, and with those of authorities
besides it asks its clients for certificates by them: python_server.py [CERTIFICATE KEY [AUTHORITIES]]."""
import signal
import sys
from concurrent import futures

sys.dont_write_bytecode = True
import harness
import grpc

import services
from python_relay import Relay
from python_test_service import TestService


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def credentials(certificate, key, authorities=None):
    return grpc.ssl_server_credentials([(read(key), read(certificate))], authorities and read(authorities),
                                       authorities is not None)


def listen(server):
    if len(sys.argv) > 1:
        return server.add_secure_port('127.0.0.1:0', credentials(*sys.argv[1:]))
    return server.add_insecure_port('127.0.0.1:0')


def main():
    relay = Relay()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=[('grpc.so_reuseport', 0)])
    server.add_generic_rpc_handlers((services.handlers(services.TEST_SERVICE, TestService(relay)),
                                     services.handlers(services.RELAY, relay)))
    relay.address = '127.0.0.1:%d' % listen(server)
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop(0))
    server.start()
    print('listening on ' + relay.address, flush=True)
    server.wait_for_termination()


main()
