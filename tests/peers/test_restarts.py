#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A belay server that is drained by SIGTERM and started anew while Python and belay clients call without a pause: not
one call fails. Calls wait for ready, since there is a moment in which nobody listens."""
import sys
import threading

sys.dont_write_bytecode = True
import harness
from harness import equal, until
import grpc

import services
from services import testing

suite = harness.Suite('peers-restarts')

CLIENTS, RESTARTS, CALLS_BETWEEN = 4, 5, 300
# It comes back at once.
OPTIONS = [('grpc.initial_reconnect_backoff_ms', 100), ('grpc.min_reconnect_backoff_ms', 100),
           ('grpc.max_reconnect_backoff_ms', 200)]


class Load:
    """Clients that call and call, each over a connection of its own."""

    def __init__(self, address):
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.done = 0
        self.failures = []
        self.threads = [threading.Thread(target=self.call_and_call, args=(address,)) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def calls(self, peer):
        """One of each kind."""
        peer.test.UnaryCall(testing.SimpleRequest(response_size=100), wait_for_ready=True)
        requests = (testing.StreamingInputCallRequest(payload=services.payload(10)) for _ in range(3))
        peer.test.StreamingInputCall(requests, wait_for_ready=True)
        outputs = testing.StreamingOutputCallRequest(
            response_parameters=[testing.ResponseParameters(size=10) for _ in range(3)])
        equal(len(list(peer.test.StreamingOutputCall(outputs, wait_for_ready=True))), 3)

    def call_and_call(self, address):
        peer = services.Peer(address, OPTIONS)
        while not self.stopping.is_set():
            try:
                self.calls(peer)
            except Exception as error:
                with self.lock:
                    self.failures.append(repr(error))
            with self.lock:
                self.done += 3
        peer.close()

    def progress(self, calls):
        wanted = self.done + calls
        until(lambda: self.done >= wanted, 'clients to get their answers')

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


@suite.test
def restarts_fail_no_call():
    server = harness.belay_server('--drain_ms=20000')
    address = server.address
    load = Load(address)
    for _ in range(RESTARTS):
        load.progress(CALLS_BETWEEN)
        equal(server.terminate(), 0, 'exit status')
        equal(server.said(), '', 'log')
        server = harness.Server(harness.INTEROP_SERVER, '--port=' + address.rsplit(':', 1)[1], '--drain_ms=20000')
    load.progress(CALLS_BETWEEN)
    load.stop()
    equal(load.failures, [], 'failures')
    equal(server.terminate(), 0, 'exit status')


suite.run()
