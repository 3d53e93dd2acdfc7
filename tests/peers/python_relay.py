# SPDX-License-Identifier: MIT
"""belay.testing.Relay on grpcio: a server of a chain that mixes languages.

Nothing is cancelled in grpcio unless the handler does it: so each handler here cancels its children from a
callback of its context. Two leaves that relay.proto does not have serve tests of belay as a client.
"""
import contextlib
import queue
import threading
import time
from collections import deque

import grpc

import services
from services import CODES, relay

LEAF_LARGE = 50   # answer with a payload of leaf_ms bytes
LEAF_STATUS = 100  # this and the code of a status to fail with; its message is the payload


class Cancelled(Exception):
    """The handler's call was cancelled."""


def next_message(requests, cancelled):
    """Of a stream; None at its end. For a moment grpcio shows a cancel as the stream's end: so it takes that
    long until an end is believed."""
    try:
        message = next(requests, None)
        if message is not None or not cancelled.wait(0.2):
            return message
    except Exception:  # of grpcio's: a bare one
        cancelled.wait()
    raise Cancelled()


class Handler:
    """One handler at work: its record, and the calls that it has opened."""

    def __init__(self, service, context, request):
        self.service = service
        self.context = context
        self.detach = request.detach
        self.record = relay.HandlerRecord(hops_left=len(request.route), started_ns=time.monotonic_ns())
        self.cancelled = threading.Event()
        self.events = queue.Queue()  # what the handler waits for: see the hops; None: it was cancelled
        self.children = []
        service.begin(request.run, self.record)
        if not context.add_callback(self.ended):
            self.ended()

    def ended(self):
        """The call is over; when the handler has not returned, because it was cancelled."""
        with self.service.lock:
            if self.record.returned_ns:
                return
            self.record.cancelled_ns = time.monotonic_ns()
            late = self.context.time_remaining() in (None, 0)
            self.record.cause = relay.CAUSE_DEADLINE if late else relay.CAUSE_PEER_CANCELLED
            self.service.calls_cancelled += 1
            self.cancelled.set()
            children = [] if self.detach else list(self.children)
        for child in children:
            child.cancel()
        self.events.put(None)

    def notice(self):
        with self.service.lock:
            self.record.noticed_ns = self.record.noticed_ns or time.monotonic_ns()
        self.context.abort(grpc.StatusCode.CANCELLED, 'cancelled')

    def returned(self):
        with self.service.lock:
            self.record.returned_ns = time.monotonic_ns()
            self.service.handlers_running -= 1

    def timeout(self, request):
        """For child calls, in seconds, or None."""
        left = None if self.detach else self.context.time_remaining()
        own = request.child_timeout_ms / 1000 if request.child_timeout_ms else None
        known = [time for time in (left, own) if time is not None and time < 1e6]
        return min(known) if known else None

    def open(self, start):
        """Starts a child call, unless the handler has been cancelled: then it is cancelled too."""
        with self.service.lock:
            self.service.children_open += 1
        child = start()
        child.add_done_callback(self.service.child_ended)
        with self.service.lock:
            self.children.append(child)
            late = self.cancelled.is_set() and not self.detach
        if late:
            child.cancel()
        return child

    def child_failed(self, child):
        """Passes a child's failure on, unless that was its own cancellation: the others go on then."""
        if child.code() == grpc.StatusCode.CANCELLED:
            return
        for other in self.children:
            other.cancel()
        self.context.abort(child.code(), child.details())


class Relay:
    def __init__(self, channel_options=()):
        self.address = ''
        self.channel_options = channel_options
        self.lock = threading.RLock()
        # guarded by lock
        self.peers = {}
        self.records = deque(maxlen=10000)
        self.handlers_started = self.handlers_running = self.calls_cancelled = self.children_open = 0

    def begin(self, run, record):
        with self.lock:
            self.records.append((run, record))
            self.handlers_started += 1
            self.handlers_running += 1

    @contextlib.contextmanager
    def counted(self, context):
        """Counts a handler of another service; gives the event of its cancellation."""
        cancelled = threading.Event()
        returned = False

        def ended():
            with self.lock:
                self.calls_cancelled += not returned
            cancelled.set()

        with self.lock:
            self.handlers_started += 1
            self.handlers_running += 1
        if not context.add_callback(ended):
            ended()
        try:
            yield cancelled
        finally:
            with self.lock:
                returned = True
                self.handlers_running -= 1

    def child_ended(self, child):
        with self.lock:
            self.children_open -= 1

    def next_server(self, request):
        """The stub of the next server, and what to send there."""
        onward = relay.RelayRequest()
        onward.CopyFrom(request)
        address = onward.route.pop(0)
        with self.lock:
            if address not in self.peers:
                self.peers[address] = services.Peer(address, self.channel_options)
            return self.peers[address].relay, onward

    # ---- Call ------------------------------------------------------------------------------------------

    def Call(self, request, context):
        handler = Handler(self, context, request)
        try:
            if not request.route:
                return self.leaf(handler, request)
            return self.call_hop(handler, request)
        finally:
            handler.returned()

    def call_hop(self, handler, request):
        stub, onward = self.next_server(request)
        timeout = handler.timeout(request)
        for _ in range(request.fan_out or 1):
            child = handler.open(lambda: stub.Call.future(onward, timeout=timeout))
            child.add_done_callback(handler.events.put)
        first = None
        for _ in handler.children:
            child = handler.events.get()
            if handler.cancelled.is_set():
                handler.notice()
            if child.code() != grpc.StatusCode.OK:
                handler.child_failed(child)
            elif first is None:
                first = child.result()
        if first is None:
            handler.context.abort(grpc.StatusCode.CANCELLED, handler.children[0].details())
        first.path.insert(0, self.address)
        return first

    # ---- Stream ----------------------------------------------------------------------------------------

    def Stream(self, requests, context):
        try:
            first = next(requests)
        except StopIteration:
            return
        handler = Handler(self, context, first)
        try:
            if first.route:
                yield from self.stream_hop(handler, requests, first)
            else:
                yield from self.stream_leaf(handler, requests, first)
        finally:
            handler.returned()

    def stream_hop(self, handler, requests, first):
        stub, onward = self.next_server(first)
        timeout = handler.timeout(first)
        sends = []
        for _ in range(first.fan_out or 1):
            send = queue.Queue()
            child = handler.open(lambda: stub.Stream(iter(send.get, None), timeout=timeout))
            child.add_done_callback(lambda child, send=send: send.put(None))
            sends.append(send)
            self.start(self.pass_back, handler, child)
        self.start(self.pass_on, handler, requests, onward, sends)
        live, ended_well = len(sends), False
        while live:
            event = handler.events.get()
            if handler.cancelled.is_set():
                handler.notice()
            if isinstance(event, relay.RelayReply):
                yield event
                continue
            live -= 1
            if event.code() != grpc.StatusCode.OK:
                handler.child_failed(event)
            else:
                ended_well = True
        if not ended_well:
            handler.context.abort(grpc.StatusCode.CANCELLED, handler.children[0].details())

    def start(self, function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def pass_on(self, handler, requests, onward, sends):
        """Upstream's messages to every child."""
        route = onward.route
        message = onward
        try:
            while message is not None:
                for send in sends:
                    send.put(message)
                message = next_message(requests, handler.cancelled)
                if message is not None:
                    del message.route[:]
                    message.route.extend(route)
        except Cancelled:
            return  # no end of the stream for children: they are cancelled
        for send in sends:
            send.put(None)

    def pass_back(self, handler, child):
        """A child's messages, then the child itself, which has ended."""
        try:
            for reply in child:
                reply.path.insert(0, self.address)
                handler.events.put(reply)
        except grpc.RpcError:
            pass
        handler.events.put(child)

    # ---- The last server -------------------------------------------------------------------------------

    def leaf(self, handler, request):
        """Works and gives the answer."""
        reply = relay.RelayReply(path=[self.address], payload=request.payload)
        end = time.monotonic() + request.leaf_ms / 1000
        if request.leaf == relay.LEAF_SPIN:
            while time.monotonic() < end and handler.context.is_active():
                pass
        elif request.leaf == relay.LEAF_SLEEP:
            handler.cancelled.wait(request.leaf_ms / 1000)
        elif request.leaf == relay.LEAF_IGNORE:
            while time.monotonic() < end:
                pass
            return reply
        elif request.leaf == LEAF_LARGE:
            reply.payload = bytes(request.leaf_ms)
        elif request.leaf >= LEAF_STATUS:
            handler.context.abort(CODES[request.leaf - LEAF_STATUS], request.payload.decode())
        elif request.leaf != relay.LEAF_ECHO:
            handler.context.abort(grpc.StatusCode.INVALID_ARGUMENT, 'no work for leaf %d' % request.leaf)
        if not handler.context.is_active():
            handler.notice()
        return reply

    def stream_leaf(self, handler, requests, message):
        while message is not None:
            if message.leaf != relay.LEAF_RECV:
                yield self.leaf(handler, message)
            try:
                message = next_message(requests, handler.cancelled)
            except Cancelled:
                handler.notice()

    # ---- Questions -------------------------------------------------------------------------------------

    def Seen(self, request, context):
        with self.lock:
            return relay.SeenReply(record=[record for run, record in self.records if run == request.run])

    def Counters(self, request, context):
        with self.lock:
            return relay.CountersReply(
                handlers_started=self.handlers_started, handlers_running=self.handlers_running,
                calls_cancelled=self.calls_cancelled, children_open=self.children_open)
