#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""TestService and Relay on grpcio: the peer of belay's clients. Listens on a port of 127.0.0.1 that it picks
and prints; ends at SIGTERM."""
import signal
import sys
from concurrent import futures

sys.dont_write_bytecode = True
import harness
import grpc

import services
from python_relay import Relay
from python_test_service import TestService


def main():
    relay = Relay()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=[('grpc.so_reuseport', 0)])
    server.add_generic_rpc_handlers((services.handlers(services.TEST_SERVICE, TestService(relay)),
                                     services.handlers(services.RELAY, relay)))
    relay.address = '127.0.0.1:%d' % server.add_insecure_port('127.0.0.1:0')
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop(0))
    server.start()
    print('listening on ' + relay.address, flush=True)
    server.wait_for_termination()


main()
