#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Chains of three servers, belay and Python mixed: wherever the end comes from, all of the chain stops. The
root is a Python client."""
import itertools
import sys

sys.dont_write_bytecode = True
import harness
from harness import equal, until
import grpc

import services
from services import relay

suite = harness.Suite('peers-chains')

START = {'belay': harness.belay_server, 'python': harness.python_server}
FOREVER_MS = 600000

FROM_ABOVE = relay.CAUSE_PEER_CANCELLED, relay.CAUSE_DEADLINE, relay.CAUSE_CONNECTION_LOST


class Hop:
    """A server and the test's own connection to it."""

    def __init__(self, language):
        self.language = language
        self.peer = None
        self.start()

    def start(self):
        if self.peer is not None:
            self.peer.close()
        self.server = START[self.language]()
        self.address = self.server.address
        self.peer = services.Peer(self.address)

    def has(self, run, count=1):
        return len(self.peer.seen(run)) == count

    def is_idle(self):
        return self.peer.is_idle()

    def expect_cancelled(self, run, causes):
        """Its handlers of a run were cancelled and have returned."""
        for record in self.peer.seen(run):
            if not record.cancelled_ns or not record.returned_ns or record.cause not in causes:
                raise AssertionError('%s hop: %s' % (self.language, record))


# Three of each, so that any chain can be put together. One that was killed is started again.
hops = {language: [Hop(language) for _ in range(3)] for language in START}
last_run = 0


def chain_of(languages):
    """A hop for each place of a chain, in new processes where the last test killed some."""
    chain = [hops[language][place] for place, language in enumerate(languages)]
    for hop in chain:
        if hop.server.process.poll() is not None:
            hop.start()
    return chain


class Run:
    """A call down a chain that lasts until it is ended."""

    def __init__(self, languages, leaf=relay.LEAF_SLEEP, **fields):
        global last_run
        last_run += 1
        self.run = last_run
        self.chain = chain_of(languages)
        route = [hop.address for hop in self.chain[1:]]
        self.request = relay.RelayRequest(run=self.run, route=route, leaf=leaf, leaf_ms=FOREVER_MS, **fields)

    def call(self, **options):
        return self.chain[0].peer.relay.Call.future(self.request, **options)

    def stream(self, **options):
        return self.chain[0].peer.relay.Stream(iter(services.Sends(self.request)), **options)

    def reaches_the_leaf(self):
        fan_out = self.request.fan_out or 1
        until(lambda: self.chain[2].has(self.run, fan_out * fan_out), 'the leaf to be reached')

    def is_gone(self, places=(0, 1, 2)):
        for place in places:
            until(self.chain[place].is_idle, 'hop %d to be idle' % place)

    def was_cancelled(self, places=(0, 1, 2), causes=FROM_ABOVE):
        for place in places:
            self.chain[place].expect_cancelled(self.run, causes)


def outcome(call):
    """The status that a call ends with."""
    try:
        return call.code()
    except grpc.RpcError as error:
        return error.code()


# ---- The end comes from the root -----------------------------------------------------------------------

def cancelled_at_the_root(start, languages, **fields):
    run = Run(languages, **fields)
    call = start(run)
    run.reaches_the_leaf()
    call.cancel()
    equal(outcome(call), grpc.StatusCode.CANCELLED)
    run.is_gone()
    run.was_cancelled(causes=(relay.CAUSE_PEER_CANCELLED,))


def deadline_of_the_root(start, languages, **fields):
    """All servers have it. A cancel from the server above may be faster than the clock; a server below that
    ends a moment early makes the status of those above."""
    run = Run(languages, **fields)
    call = start(run, timeout=0.15)
    equal(outcome(call), grpc.StatusCode.DEADLINE_EXCEEDED)
    run.is_gone()
    run.was_cancelled([2], (relay.CAUSE_PEER_CANCELLED, relay.CAUSE_DEADLINE))


def root_killed(method, languages, **fields):
    run = Run(languages, **fields)
    client = harness.python_client(run.chain[0].address, method, 1, run.request)
    run.reaches_the_leaf()
    client.kill()
    run.is_gone()
    run.was_cancelled()


# ---- The end comes from a server -----------------------------------------------------------------------

def server_killed(start, languages, place):
    """Servers above get an error and pass it on; servers below are cancelled."""
    run = Run(languages)
    call = start(run)
    run.reaches_the_leaf()
    run.chain[place].server.kill()
    equal(outcome(call), grpc.StatusCode.UNAVAILABLE)
    run.is_gone([other for other in range(3) if other != place])
    run.was_cancelled(range(place + 1, 3))


def child_deadline(languages):
    """A deadline that a hop sets for its children is theirs, and their error its status."""
    run = Run(languages, child_timeout_ms=150)
    equal(outcome(run.call()), grpc.StatusCode.DEADLINE_EXCEEDED)
    run.is_gone()
    run.was_cancelled([2], (relay.CAUSE_PEER_CANCELLED, relay.CAUSE_DEADLINE))


def detached_children(languages):
    """They go on when the root has left, until their own deadline."""
    run = Run(languages, detach=True, child_timeout_ms=400)
    call = run.call()
    run.reaches_the_leaf()
    call.cancel()
    until(lambda: run.chain[0].peer.counters().handlers_running == 0, 'the first handler to return')
    run.is_gone()
    run.was_cancelled([0], (relay.CAUSE_PEER_CANCELLED,))
    run.was_cancelled([2], (relay.CAUSE_PEER_CANCELLED, relay.CAUSE_DEADLINE))


def undisturbed(languages):
    """What went wrong before does no harm to later calls."""
    run = Run(languages, leaf=relay.LEAF_ECHO, payload=b'done')
    reply = run.call().result()
    equal((list(reply.path), reply.payload), ([hop.address for hop in run.chain], b'done'))
    run.is_gone()


# ---- All of them ---------------------------------------------------------------------------------------

chains = [languages for languages in itertools.product(START, repeat=3) if 'belay' in languages]
for languages in chains:
    name = ' → '.join(languages)
    suite.add('%s: cancel of a call' % name, cancelled_at_the_root, Run.call, languages)
    suite.add('%s: cancel of a stream' % name, cancelled_at_the_root, Run.stream, languages)
    suite.add('%s: cancel of a stream that receives' % name, lambda languages: cancelled_at_the_root(
        Run.stream, languages, leaf=relay.LEAF_RECV), languages)
    suite.add('%s: cancel of a tree' % name, lambda languages: cancelled_at_the_root(
        Run.call, languages, fan_out=3), languages)
    suite.add('%s: cancel of a tree of streams' % name, lambda languages: cancelled_at_the_root(
        Run.stream, languages, fan_out=3), languages)
    suite.add('%s: deadline of a call' % name, deadline_of_the_root, Run.call, languages)
    suite.add('%s: deadline of a stream' % name, deadline_of_the_root, Run.stream, languages)
    suite.add('%s: deadline of the children' % name, child_deadline, languages)
    suite.add('%s: detached children' % name, detached_children, languages)
    suite.add('%s: root of a call killed' % name, root_killed, 'Call', languages)
    suite.add('%s: root of a stream killed' % name, root_killed, 'Stream', languages)
    suite.add('%s: undisturbed' % name, undisturbed, languages)

# Starting a Python server takes a while: each place is killed in the chains that alternate.
for languages in ('belay',) * 3, ('belay', 'python', 'belay'), ('python', 'belay', 'python'):
    for place, number in enumerate(('first', 'second', 'third')):
        name = '%s: %s server killed' % (' → '.join(languages), number)
        suite.add(name + ' in a call', server_killed, Run.call, languages, place)
        suite.add(name + ' in a stream', server_killed, Run.stream, languages, place)
    suite.add('%s: undisturbed again' % ' → '.join(languages), undisturbed, languages)


@suite.test
def nothing_is_left():
    for hop in itertools.chain.from_iterable(hops.values()):
        if hop.server.process.poll() is None:
            until(hop.is_idle, 'a hop to be idle')
            hop.peer.close()
            equal(hop.server.terminate(), 0, 'exit status')
            equal(hop.server.said(), '', 'log')


suite.run()
