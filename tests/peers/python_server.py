#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""TestService and Relay on grpcio: the peer of belay's clients. Listens on a port of 127.0.0.1 that it picks
and prints; ends at SIGTERM. With --tls it speaks TLS, and with files of authorities besides it asks its clients for
certificates by them. --keepalive has interval and time-out on both sides, in milliseconds."""
import argparse
import signal
import sys
from concurrent import futures

sys.dont_write_bytecode = True
import harness
import grpc

import services
from python_relay import Relay
from python_test_service import TestService


def keepalive_options(interval, timeout):
    """For servers and channels; peers may ask as often."""
    return [('grpc.keepalive_time_ms', int(interval)), ('grpc.keepalive_timeout_ms', int(timeout)),
            ('grpc.http2.max_pings_without_data', 0), ('grpc.http2.max_ping_strikes', 0),
            ('grpc.http2.min_recv_ping_interval_without_data_ms', int(interval) // 2)]


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def credentials(certificate, key, authorities=None):
    return grpc.ssl_server_credentials([(read(key), read(certificate))], authorities and read(authorities),
                                       authorities is not None)


def listen(server, tls):
    if tls:
        return server.add_secure_port('127.0.0.1:0', credentials(*tls))
    return server.add_insecure_port('127.0.0.1:0')


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--keepalive', nargs=2, metavar=('INTERVAL', 'TIMEOUT'))
    parser.add_argument('--tls', nargs='+', metavar='FILE', help='certificate, key and authorities')
    return parser.parse_args()


def main():
    arguments = read_arguments()
    keepalive = keepalive_options(*arguments.keepalive) if arguments.keepalive else []
    relay = Relay(keepalive)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64),
                         options=[('grpc.so_reuseport', 0)] + keepalive)
    server.add_generic_rpc_handlers((services.handlers(services.TEST_SERVICE, TestService(relay)),
                                     services.handlers(services.RELAY, relay)))
    relay.address = '127.0.0.1:%d' % listen(server, arguments.tls)
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop(0))
    server.start()
    print('listening on ' + relay.address, flush=True)
    server.wait_for_termination()


main()
