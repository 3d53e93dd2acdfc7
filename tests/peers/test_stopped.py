#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server of a chain that is stopped (SIGSTOP) is noticed by those on both sides of it: above, its callers get an
error; below, handlers are cancelled. Belay and Python mixed; the root is a Python client."""
import sys

sys.dont_write_bytecode = True
import harness
from harness import equal, until
import grpc

import services
from services import relay

suite = harness.Suite('peers-stopped')

INTERVAL_MS, TIMEOUT_MS = 200, 1500  # the second: for machines with other things to do
START = {
    'belay': lambda: harness.belay_server('--keepalive_ms=%d' % INTERVAL_MS, '--keepalive_timeout_ms=%d' % TIMEOUT_MS),
    'python': lambda: harness.python_server('--keepalive', str(INTERVAL_MS), str(TIMEOUT_MS)),
}
FOREVER_MS = 600000
PLACES = 'first', 'second', 'third'


class Hop:
    """A server and the test's own connection to it."""

    def __init__(self, language):
        self.language = language
        self.server = START[language]()
        self.peer = services.Peer(self.server.address)

    def end(self):
        self.peer.close()
        equal(self.server.terminate(), 0, 'exit status')


class Chain:
    """Three servers, and a call that waits at the last of them."""

    def __init__(self, languages, stream):
        self.hops = [Hop(language) for language in languages]
        request = relay.RelayRequest(run=1, route=[hop.server.address for hop in self.hops[1:]],
                                     leaf=relay.LEAF_SLEEP, leaf_ms=FOREVER_MS)
        first = self.hops[0].peer.relay
        self.call = first.Stream(iter(services.Sends(request))) if stream else first.Call.future(request)
        until(lambda: len(self.hops[2].peer.seen(1)) == 1, 'the leaf to be reached')

    def outcome(self):
        try:
            return self.call.code()
        except grpc.RpcError as error:
            return error.code()

    def was_cancelled(self, place):
        hop = self.hops[place]
        until(hop.peer.is_idle, 'the %s server to be idle' % PLACES[place])
        record, = hop.peer.seen(1)
        if not record.cancelled_ns or not record.returned_ns:
            raise AssertionError('%s hop: %s' % (hop.language, record))
        return record.cause

    def end(self):
        self.call.cancel()
        for hop in self.hops:
            hop.end()


def stopped(languages, place, stream):
    chain = Chain(languages, stream)
    server = chain.hops[place].server
    server.stop()
    for below in range(place + 1, 3):
        cause = chain.was_cancelled(below)
        if below == place + 1 and languages[below] == 'belay':
            equal(cause, relay.CAUSE_CONNECTION_LOST, 'cause')
    if place > 0:
        equal(chain.outcome(), grpc.StatusCode.UNAVAILABLE)
        for above in range(place):
            until(chain.hops[above].peer.is_idle, 'the %s server to be idle' % PLACES[above])
    server.resume()
    chain.end()


chains = [('belay',) * 3, ('belay', 'python', 'belay'), ('python', 'belay', 'python')]
for languages in chains:
    name = ' → '.join(languages)
    for place, number in enumerate(PLACES):
        suite.add('%s: %s server stopped in a call' % (name, number), stopped, languages, place, False)
    suite.add('%s: second server stopped in a stream' % name, stopped, languages, 1, True)

suite.run()
