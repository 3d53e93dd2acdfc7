# SPDX-License-Identifier: MIT
"""belay behind a proxy as server, and before it as client: calls of all kinds, errors without messages, cancels
that cross, and what the proxy says itself when nobody is behind it. One suite for each kind of proxy."""
import subprocess
import sys

import proxies
import harness
from harness import equal, until
import grpc

import services
from services import CODES, payload, relay, testing

FOREVER_MS = 600000
MEBIBYTE = 1 << 20

# A proxy may pass a cancel on as one, or by closing its connection to the server.
CROSSED = relay.CAUSE_PEER_CANCELLED, relay.CAUSE_CONNECTION_LOST

CASES = ['empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong', 'empty_stream',
         'custom_metadata', 'status_code_and_message', 'special_status_message', 'unimplemented_method',
         'unimplemented_service', 'cancel_after_begin', 'cancel_after_first_response',
         'timeout_on_sleeping_server', 'concurrent_large_unary']

# HAProxy 2.6 stops reading from both of its sides, or cuts answers off, when hundreds of messages that are larger
# than its buffers meet on its way; with grpcio on both sides too, if its own window makes them wait.
TOO_MUCH = {'haproxy': ['concurrent_large_unary']}

MESSAGES = ['plain', '50 % off %41', 'tab\tand\r\nlines', 'ümläut ☺ 😈']

last_run = 0


def new_run():
    global last_run
    last_run += 1
    return last_run


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError('it should have failed')


class Scene:
    """client - proxy - belay, client - middle (belay) - proxy - belay, and the same before a Python server."""

    def __init__(self, kind):
        self.kind = kind
        self.server = harness.belay_server()
        self.python = harness.python_server()
        self.middle = harness.belay_server()
        self.proxy = proxies.Proxy(kind, self.server.address)
        self.python_proxy = proxies.Proxy(kind, self.python.address)
        self.watcher = services.Peer(self.server.address)
        self.peer = services.Peer(self.proxy.address, services.NO_LIMITS)
        self.upstream = services.Peer(self.middle.address, services.NO_LIMITS)

    def request(self, proxy=None, **fields):
        """To be sent to the middle."""
        return relay.RelayRequest(route=[(proxy or self.proxy).address], **fields)

    def idle(self):
        for peer in self.watcher, self.upstream:
            until(peer.is_idle, 'calls to be gone')

    def expect_cancelled(self, peer, run, *causes):
        """The handler of a run at a server was cancelled, and has returned."""
        def ended():
            records = peer.seen(run)
            return records if records and all(record.returned_ns for record in records) else None
        for record in until(ended, 'the handler of run %d to return' % run):
            if record.cause not in causes or not record.cancelled_ns:
                raise AssertionError('run %d: %s' % (run, record))


# ---- Tests: each takes the scene -----------------------------------------------------------------------

def interop_case(address, case):
    host, port = address().rsplit(':', 1)
    result = subprocess.run([harness.INTEROP_CLIENT, '--server_host=' + host, '--server_port=' + port,
                             '--test_case=' + case], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=harness.PATIENCE)
    if result.returncode != 0:
        raise AssertionError('exit status %d: %s' % (result.returncode, result.stdout.decode()))


def unary_calls(scene):
    scene.peer.test.EmptyCall(testing.Empty())
    for size in 0, 1, 100000, 3 * MEBIBYTE:
        request = testing.SimpleRequest(response_size=size, payload=payload(size))
        equal(len(scene.peer.test.UnaryCall(request).payload.body), size)


def many_calls_at_once(scene):
    calls = [scene.peer.test.UnaryCall.future(testing.SimpleRequest(response_size=number))
             for number in range(200)]
    equal([len(call.result().payload.body) for call in calls], list(range(200)))


def streams_as_they_go(scene):
    """Each answer comes before the next message is sent: nothing on the way keeps one back."""
    for peer, request in ((scene.peer, relay.RelayRequest(payload=b'x' * 1000)),
                          (scene.upstream, scene.request(payload=b'x' * 1000))):
        sends = services.Sends()
        call = peer.relay.Stream(iter(sends))
        for _ in range(50):
            sends.put(request)
            equal(next(call).payload, b'x' * 1000)
        sends.close()
        equal((list(call), call.code()), ([], grpc.StatusCode.OK))


def stream_of_much(scene):
    """More than all windows on the way, in both directions."""
    requests = [relay.RelayRequest(payload=b'%d' % number + bytes(MEBIBYTE)) for number in range(12)]
    replies = list(scene.peer.relay.Stream(iter(requests)))
    equal([reply.payload for reply in replies] == [request.payload for request in requests], True)


def errors_without_messages(scene):
    """Trailers-only: from belay to grpcio, and from grpcio to belay."""
    from python_relay import LEAF_STATUS
    for number in range(1, 17):
        for message in MESSAGES:
            status = testing.EchoStatus(code=number, message=message)
            error = failure(lambda: scene.peer.test.UnaryCall(testing.SimpleRequest(response_status=status)))
            equal((error.code(), error.details()), (CODES[number], message), 'from belay')
            request = scene.request(scene.python_proxy, leaf=LEAF_STATUS + number, payload=message.encode())
            error = failure(lambda: scene.upstream.relay.Call(request))
            equal((error.code(), error.details()), (CODES[number], message), 'to belay')


def error_after_messages(scene):
    """The server takes its time, so that the client's end is there first: HAProxy may lose the trailers of a server
    that resets the rest of a request with NO_ERROR behind them."""
    output = testing.ResponseParameters(size=9, interval_us=300000)
    requests = [testing.StreamingOutputCallRequest(response_parameters=[output]),
                testing.StreamingOutputCallRequest(
                    response_status=testing.EchoStatus(code=9, message='then ☺'))]
    call = scene.peer.test.FullDuplexCall(iter(requests))
    equal(len(next(call).payload.body), 9)
    error = failure(lambda: next(call))
    equal((error.code(), error.details()), (CODES[9], 'then ☺'))


def unknown_method(scene):
    error = failure(lambda: scene.peer.test.UnimplementedCall(testing.Empty()))
    equal(error.code(), grpc.StatusCode.UNIMPLEMENTED)


# Calls that last until they are ended: what is sent, and with which stub's function it is begun.
LASTING = {
    'unary, sleeping': lambda peer, request: peer.relay.Call.future(request),
    'unary, computing': lambda peer, request: peer.relay.Call.future(request),
    'stream': lambda peer, request: peer.relay.Stream(iter(services.Sends(request))),
}
LEAVES = {'unary, sleeping': relay.LEAF_SLEEP, 'unary, computing': relay.LEAF_SPIN, 'stream': relay.LEAF_RECV}


def cancel_of_a_client_crosses(scene, kind):
    run = new_run()
    call = LASTING[kind](scene.peer, relay.RelayRequest(run=run, leaf=LEAVES[kind], leaf_ms=FOREVER_MS))
    until(lambda: scene.watcher.seen(run), 'the handler to run')
    call.cancel()
    scene.expect_cancelled(scene.watcher, run, *CROSSED)
    scene.idle()


def cancel_of_belay_crosses(scene, kind):
    """From grpcio to a belay server, whose own call goes through the proxy."""
    run = new_run()
    call = LASTING[kind](scene.upstream, scene.request(run=run, leaf=LEAVES[kind], leaf_ms=FOREVER_MS))
    until(lambda: scene.watcher.seen(run), 'the handler to run')
    call.cancel()
    scene.expect_cancelled(scene.upstream, run, relay.CAUSE_PEER_CANCELLED)
    scene.expect_cancelled(scene.watcher, run, *CROSSED)
    scene.idle()


def cancel_spares_its_neighbours(scene):
    """Calls of one connection to the proxy: half of them are cancelled, the others are answered."""
    runs = [new_run() for _ in range(20)]
    calls = [scene.peer.relay.Call.future(relay.RelayRequest(run=run, leaf=relay.LEAF_SLEEP, leaf_ms=1000))
             for run in runs]
    until(lambda: all(scene.watcher.seen(run) for run in runs), 'the handlers to run')
    for call in calls[::2]:
        call.cancel()
    for call in calls[1::2]:
        call.result()
    scene.idle()


def deadline_crosses(scene):
    """Either the server's own clock or the client's reset is first."""
    run = new_run()
    request = relay.RelayRequest(run=run, leaf=relay.LEAF_SLEEP, leaf_ms=FOREVER_MS)
    error = failure(lambda: scene.peer.relay.Call(request, timeout=0.5))
    equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    if scene.watcher.seen(run):
        scene.expect_cancelled(scene.watcher, run, relay.CAUSE_DEADLINE, *CROSSED)
    scene.idle()


def lost_in_the_middle_of_a_call(scene):
    """The proxy dies: both sides end."""
    proxy = proxies.Proxy(scene.kind, scene.server.address)
    runs = [new_run() for _ in range(2)]
    calls = [scene.upstream.relay.Call.future(scene.request(proxy, run=runs[0], leaf=relay.LEAF_SLEEP,
                                                            leaf_ms=FOREVER_MS)),
             scene.upstream.relay.Stream(iter(services.Sends(
                 scene.request(proxy, run=runs[1], leaf=relay.LEAF_RECV))))]
    until(lambda: all(scene.watcher.seen(run) for run in runs), 'the handlers to run')
    proxy.kill()
    for call in calls:
        equal(call.code(), grpc.StatusCode.UNAVAILABLE)
    for run in runs:
        scene.expect_cancelled(scene.watcher, run, *CROSSED)
    scene.idle()


def nobody_behind_it(scene):
    """The proxy answers with a page of HTML: to belay that is UNAVAILABLE."""
    proxy = proxies.Proxy(scene.kind, '127.0.0.1:%d' % proxies.free_port())
    for call in (lambda: scene.upstream.relay.Call(scene.request(proxy)),
                 lambda: next(scene.upstream.relay.Stream(iter([scene.request(proxy)])))):
        error = failure(call)
        equal(error.code(), grpc.StatusCode.UNAVAILABLE)
        if not any(status in error.details() for status in ('502', '503', '504')):
            raise AssertionError('not from an HTTP status: ' + error.details())
    proxy.kill()
    scene.idle()


def server_lost_in_the_middle_of_a_call(scene):
    """The server behind the proxy dies before its answer has begun. The proxy makes an answer of its own, or resets
    the stream."""
    server = harness.belay_server()
    proxy = proxies.Proxy(scene.kind, server.address)
    watcher = services.Peer(server.address)
    run = new_run()
    call = scene.upstream.relay.Call.future(scene.request(proxy, run=run, leaf=relay.LEAF_SLEEP,
                                                          leaf_ms=FOREVER_MS))
    until(lambda: watcher.seen(run), 'the handler to run')
    watcher.close()
    server.kill()
    if call.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL):
        raise AssertionError('%s: %s' % (call.code(), call.details()))
    proxy.kill()
    scene.idle()


def nothing_is_left(scene):
    scene.idle()
    for peer in scene.watcher, scene.peer, scene.upstream:
        peer.close()
    for proxy in scene.proxy, scene.python_proxy:
        proxy.kill()
    for server in scene.middle, scene.server:
        equal(server.terminate(), 0, 'exit status')
    scene.python.terminate()


def run(kind):
    proxies.skip_without(kind)
    suite = harness.Suite('proxies-' + kind)
    scene = Scene(kind)

    def add(function, *arguments):
        name = ': '.join([function.__name__.replace('_', ' ')] + list(arguments))
        suite.add(name, function, scene, *arguments)

    for case in [case for case in CASES if case not in TOO_MUCH.get(kind, [])]:
        suite.add('case ' + case, interop_case, lambda: scene.proxy.address, case)
        suite.add('case ' + case + ' with grpcio', interop_case, lambda: scene.python_proxy.address, case)
    for function in (unary_calls, many_calls_at_once, streams_as_they_go, stream_of_much,
                     errors_without_messages, error_after_messages, unknown_method):
        add(function)
    for kind_of_call in LASTING:
        add(cancel_of_a_client_crosses, kind_of_call)
        add(cancel_of_belay_crosses, kind_of_call)
    for function in (cancel_spares_its_neighbours, deadline_crosses, lost_in_the_middle_of_a_call,
                     nobody_behind_it, server_lost_in_the_middle_of_a_call, nothing_is_left):
        add(function)
    suite.run()
