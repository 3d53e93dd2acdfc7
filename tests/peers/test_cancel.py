#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""grpcio as client, belay as server: calls of all four kinds that end early, at every stage, in every way."""
import os
import random
import sys

sys.dont_write_bytecode = True
import harness
from harness import equal, until
import grpc

import services
from services import payload, relay, testing

suite = harness.Suite('peers-cancel')
server = harness.belay_server()
watcher = services.Peer(server.address)

FOREVER_MS = 600000
CANCELLED = grpc.StatusCode.CANCELLED
DEADLINE = grpc.StatusCode.DEADLINE_EXCEEDED


# ---- What the server tells -----------------------------------------------------------------------------

last_run = 0


def new_run():
    global last_run
    last_run += 1
    return last_run


def running(count):
    until(lambda: watcher.counters().handlers_running == count, '%d handlers to run' % count)


def idle():
    until(watcher.is_idle, 'handlers to return')


def expect_cause(run, *causes):
    """All handlers of a run were cancelled for one of the causes, and returned."""
    records = watcher.seen(run)
    if not records:
        raise AssertionError('no handler saw run %d' % run)
    for record in records:
        if record.cause not in causes or not record.cancelled_ns or not record.returned_ns:
            raise AssertionError('run %d: %s' % (run, record))
    return records


def outcome(call):
    try:
        return call.code()
    except grpc.RpcError as error:
        return error.code()


# ---- Calls that last until they are cancelled: one of each kind, at each stage -------------------------
# Each gives a call whose handler runs; `options` are grpcio's for the call.

class Held:
    """The messages of a stream, which then stays open."""

    def __init__(self, *messages):
        self.sends = services.Sends(*messages)

    def __iter__(self):
        return iter(self.sends)


def slow_outputs(*sizes):
    parameters = [testing.ResponseParameters(size=size) for size in sizes]
    parameters.append(testing.ResponseParameters(interval_us=FOREVER_MS * 1000))
    return testing.StreamingOutputCallRequest(response_parameters=parameters)


def unary_sleeping(peer, **options):
    return peer.relay.Call.future(relay.RelayRequest(leaf=relay.LEAF_SLEEP, leaf_ms=FOREVER_MS), **options)


def unary_computing(peer, **options):
    return peer.relay.Call.future(relay.RelayRequest(leaf=relay.LEAF_SPIN, leaf_ms=FOREVER_MS), **options)


def outputs_before_the_first(peer, **options):
    return peer.test.StreamingOutputCall(slow_outputs(), **options)


def outputs_after_the_first(peer, **options):
    call = peer.test.StreamingOutputCall(slow_outputs(5), **options)
    equal(len(next(call).payload.body), 5)
    return call


def outputs_not_taken(peer, **options):
    """The server's sends are blocked: nobody takes what it has sent."""
    call = peer.test.StreamingOutputCall(slow_outputs(*[1 << 20] * 1000), **options)
    next(call)
    return call


def inputs_before_the_first(peer, **options):
    return peer.test.StreamingInputCall.future(iter(Held()), **options)


def inputs_after_some(peer, **options):
    message = testing.StreamingInputCallRequest(payload=payload(100000))
    return peer.test.StreamingInputCall.future(iter(Held(*[message] * 3)), **options)


def both_before_the_first(peer, **options):
    return peer.test.FullDuplexCall(iter(Held()), **options)


def both_after_some(peer, **options):
    call = peer.test.FullDuplexCall(iter(Held(slow_outputs(7, 8))), **options)
    equal([len(next(call).payload.body) for _ in range(2)], [7, 8])
    return call


def both_in_receive(peer, **options):
    return peer.relay.Stream(iter(Held(relay.RelayRequest(leaf=relay.LEAF_RECV))), **options)


def both_after_the_client_is_done(peer, **options):
    sends = services.Sends(slow_outputs(3))
    sends.close()
    call = peer.test.FullDuplexCall(iter(sends), **options)
    equal(len(next(call).payload.body), 3)
    return call


STAGES = [unary_sleeping, unary_computing,
          outputs_before_the_first, outputs_after_the_first, outputs_not_taken,
          inputs_before_the_first, inputs_after_some, both_before_the_first, both_after_some, both_in_receive,
          both_after_the_client_is_done]


# ---- Every way to end, at every stage ------------------------------------------------------------------

def cancelled_by_the_client(stage):
    peer = services.Peer(server.address)
    before = watcher.counters().calls_cancelled
    call = stage(peer)
    running(1)
    call.cancel()
    equal(outcome(call), CANCELLED)
    idle()
    until(lambda: watcher.counters().calls_cancelled == before + 1, 'the call to be counted')
    peer.test.EmptyCall(testing.Empty())
    equal(watcher.counters().connections, 2, 'connections, the watcher\'s own with them')
    peer.close()


def ended_by_its_deadline(stage):
    peer = services.Peer(server.address)
    peer.test.EmptyCall(testing.Empty())
    try:
        equal(outcome(stage(peer, timeout=0.1)), DEADLINE)
    except grpc.RpcError as error:  # it passed before the stage was reached
        equal(error.code(), DEADLINE)
    idle()
    peer.close()


def channel_closed(stage):
    peer = services.Peer(server.address)
    call = stage(peer)
    running(1)
    peer.close()
    equal(outcome(call), CANCELLED)
    idle()


for stage in STAGES:
    name = stage.__name__.replace('_', ' ')
    suite.add('cancelled: ' + name, cancelled_by_the_client, stage)
    suite.add('deadline: ' + name, ended_by_its_deadline, stage)
    suite.add('channel closed: ' + name, channel_closed, stage)


# ---- Causes --------------------------------------------------------------------------------------------

def lasting(run, leaf=relay.LEAF_SLEEP, **fields):
    return relay.RelayRequest(run=run, leaf=leaf, leaf_ms=FOREVER_MS, **fields)


@suite.test
def cause_of_a_cancel():
    run = new_run()
    call = watcher.relay.Call.future(lasting(run))
    running(1)
    call.cancel()
    idle()
    for record in expect_cause(run, relay.CAUSE_PEER_CANCELLED):
        if not record.started_ns <= record.cancelled_ns <= record.noticed_ns <= record.returned_ns:
            raise AssertionError(record)


@suite.test
def cause_of_a_deadline():
    """Either the server's clock or the client's reset is first."""
    run = new_run()
    call = watcher.relay.Call.future(lasting(run), timeout=0.1)
    equal(outcome(call), DEADLINE)
    idle()
    expect_cause(run, relay.CAUSE_DEADLINE, relay.CAUSE_PEER_CANCELLED)


@suite.test
def deadlines_that_have_passed():
    """grpcio keeps some for itself, and sends others with the shortest of timeouts."""
    for timeout in 0, -1, 1e-9, 0.001:
        run = new_run()
        equal(outcome(watcher.relay.Call.future(lasting(run), timeout=timeout)), DEADLINE)
        idle()
        if watcher.seen(run):
            expect_cause(run, relay.CAUSE_DEADLINE, relay.CAUSE_PEER_CANCELLED)


@suite.test
def long_deadlines():
    for timeout in 3600, 1e7, 3e9:
        watcher.test.EmptyCall(testing.Empty(), timeout=timeout)


@suite.test
def leaf_that_ignores_its_cancellation():
    """The caller does not wait for it."""
    run = new_run()
    request = relay.RelayRequest(run=run, leaf=relay.LEAF_IGNORE, leaf_ms=300)
    call = watcher.relay.Call.future(request, timeout=0.05)
    equal(outcome(call), DEADLINE)
    idle()
    record, = watcher.seen(run)
    equal(record.noticed_ns, 0)


# ---- The client is killed ------------------------------------------------------------------------------

def killed_client(method, request, count):
    run = new_run()
    request.run = run
    client = harness.python_client(server.address, method, count, request)
    until(lambda: len(watcher.seen(run)) == count, 'handlers to run')
    client.kill()
    idle()
    equal(len(expect_cause(run, relay.CAUSE_CONNECTION_LOST)), count)
    until(lambda: watcher.counters().connections == 1, 'its connection to go')


suite.add('client killed: unary', killed_client, 'Call', lasting(0), 50)
suite.add('client killed: unary, computing', killed_client, 'Call', lasting(0, relay.LEAF_SPIN), 3)
suite.add('client killed: stream', killed_client, 'Stream', lasting(0, relay.LEAF_RECV), 50)


# ---- Many ----------------------------------------------------------------------------------------------

IDLE_STREAM = 'the peer broke HTTP/2: PROTOCOL_ERROR: RST_STREAM: stream in idle'


def idle_streams(of):
    """What a server says of grpcio's resets of streams that were never begun, see cancelled_at_any_moment()."""
    return [line for line in of.said().splitlines() if IDLE_STREAM in line]


@suite.test
def cancelled_at_any_moment():
    """Before it leaves, in the queue, while it runs, when it is done: nothing is left of any.

    A call that is cancelled just as it leaves may be reset by grpcio although it was never begun (grpc issue
    19655). Before the connection's first call that breaks it; no more is lost than the calls on it."""
    other = harness.belay_server()
    peer, asking = services.Peer(other.address), services.Peer(other.address)
    chance = random.Random(1)
    kinds = [lambda: peer.test.UnaryCall.future(testing.SimpleRequest(response_size=10)),
             lambda: peer.relay.Call.future(lasting(0)),
             lambda: peer.test.StreamingOutputCall(slow_outputs(1, 2, 3)),
             lambda: peer.relay.Stream(iter(Held(lasting(0, relay.LEAF_RECV))))]
    outcomes = set()
    for _ in range(20):
        calls = [chance.choice(kinds)() for _ in range(40)]
        if chance.random() < 0.5:
            asking.test.EmptyCall(testing.Empty())
        for call in chance.sample(calls, len(calls)):
            call.cancel()
        outcomes.update(outcome(call) for call in calls)
    until(asking.is_idle, 'handlers to return')
    peer.close()
    asking.close()
    equal(other.terminate(), 0, 'exit status')
    broken = idle_streams(other)
    equal(other.said().splitlines(), broken, 'log')
    allowed = {CANCELLED, grpc.StatusCode.OK} | ({grpc.StatusCode.UNAVAILABLE} if broken else set())
    equal(outcomes - allowed, set(), 'other outcomes')


def busy_server(workers, *options):
    """One whose workers all have a handler that computes."""
    small = harness.belay_server('--workers=%d' % workers, '--max_workers=%d' % workers, *options)
    peer = services.Peer(small.address)
    occupying = [peer.relay.Call.future(lasting(1, relay.LEAF_SPIN)) for _ in range(workers)]
    until(lambda: peer.counters().handlers_running == workers, 'all workers to be taken')
    return small, peer, occupying


@suite.test
def cancelled_in_the_queue():
    """Handlers of calls that no worker has taken never run; Seen and Counters answer all the same."""
    small, peer, occupying = busy_server(2)
    waiting = [peer.relay.Call.future(lasting(2)) for _ in range(20)]
    equal(peer.counters().handlers_started, 2, 'handlers')
    for call in waiting:
        call.cancel()
    until(lambda: peer.counters().dropped_in_queue == 20, 'cancelled calls to leave the queue')
    for call in occupying:
        call.cancel()
    until(lambda: peer.counters().handlers_running == 0, 'handlers to return')
    equal(list(peer.seen(2)), [])
    equal(peer.counters().handlers_started, 2, 'handlers')
    peer.close()
    equal(small.terminate(), 0, 'exit status')


@suite.test
def full_queue():
    small, peer, occupying = busy_server(1, '--queue=2')
    calls = [peer.relay.Call.future(lasting(2)) for _ in range(10)]
    until(lambda: sum(call.done() for call in calls) == 8, 'eight to be refused')
    for call in calls:
        if call.done():
            equal(call.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
    equal(peer.counters().handlers_running, 1)
    for call in calls + occupying:
        call.cancel()
    until(lambda: peer.counters().handlers_running == 0, 'handlers to return')
    peer.close()
    equal(small.terminate(), 0, 'exit status')


# ---- The server ends -----------------------------------------------------------------------------------

@suite.test
def drain_waits_for_calls():
    other = harness.belay_server('--drain_ms=60000')
    peer = services.Peer(other.address)
    talk = services.Sends(relay.RelayRequest(payload=b'before'))
    call = peer.relay.Stream(iter(talk))
    equal(next(call).payload, b'before')
    other.begin_to_terminate()
    until(lambda: not accepts(other.address), 'new connections to be refused')
    talk.put(relay.RelayRequest(payload=b'while it drains'))
    equal(next(call).payload, b'while it drains')
    talk.close()
    equal(list(call), [])
    equal(other.wait(), 0, 'exit status')


def accepts(address):
    """Does a new client get through?"""
    peer = services.Peer(address)
    try:
        peer.test.EmptyCall(testing.Empty())
        return True
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.UNAVAILABLE)
        return False
    finally:
        peer.close()


@suite.test
def drain_cancels_what_outlasts_it():
    other = harness.belay_server('--drain_ms=50')
    peer = services.Peer(other.address)
    calls = [peer.relay.Call.future(lasting(1)), peer.relay.Stream(iter(Held(lasting(1, relay.LEAF_RECV)))),
             peer.test.StreamingOutputCall(slow_outputs())]
    until(lambda: peer.counters().handlers_running == 3, 'handlers to run')
    equal(other.terminate(), 0, 'exit status')
    for call in calls:
        equal(outcome(call), grpc.StatusCode.UNAVAILABLE)


@suite.test
def drain_gives_up_on_handlers_that_ignore_it():
    other = harness.belay_server('--drain_ms=50')
    peer = services.Peer(other.address)
    call = peer.relay.Call.future(lasting(1, relay.LEAF_IGNORE))
    until(lambda: peer.counters().handlers_running == 1, 'the handler to run')
    equal(other.terminate(), 3, 'exit status')
    equal(outcome(call), grpc.StatusCode.UNAVAILABLE)


@suite.test
def server_killed():
    other = harness.belay_server()
    peer = services.Peer(other.address)
    calls = [stage(peer) for stage in STAGES if stage is not outputs_not_taken]
    until(lambda: peer.counters().handlers_running == len(calls), 'handlers to run')
    other.kill()
    for call in calls:
        equal(outcome(call), grpc.StatusCode.UNAVAILABLE)


@suite.test
def nothing_is_left():
    idle()
    watcher.close()
    equal(server.terminate(), 0, 'exit status')
    # Each of the many calls above that were cancelled may have met it.
    equal(server.said().splitlines(), idle_streams(server), 'log')


suite.run()
