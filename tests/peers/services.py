# SPDX-License-Identifier: MIT
"""The interop services for grpcio: messages as protoc generates them, stubs and handler tables made from
their descriptors, for the generator of grpcio's own stubs is not packaged everywhere."""
import os
import queue
import sys

import grpc
from google.protobuf import descriptor_pb2

# Where the build puts what protoc generates.
sys.path.insert(1, os.path.join(os.environ.get('top_builddir', '.'), 'tests/peers'))
import relay_pb2 as relay
import testing_pb2 as testing

TEST_SERVICE = testing.DESCRIPTOR.services_by_name['TestService']
UNIMPLEMENTED_SERVICE = testing.DESCRIPTOR.services_by_name['UnimplementedService']
RELAY = relay.DESCRIPTOR.services_by_name['Relay']

CODES = {code.value[0]: code for code in grpc.StatusCode}

# Every channel has a connection of its own, and goes there directly.
CHANNEL_OPTIONS = [('grpc.use_local_subchannel_pool', 1), ('grpc.enable_http_proxy', 0)]
NO_LIMITS = [('grpc.max_receive_message_length', -1), ('grpc.max_send_message_length', -1)]


def kind(method):
    """"unary_unary" and so on: the name of grpcio's functions for a method."""
    proto = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(proto)
    return '%s_%s' % tuple('stream' if streams else 'unary'
                           for streams in (proto.client_streaming, proto.server_streaming))


def types(method):
    """The classes of a method's messages."""
    return method.input_type._concrete_class, method.output_type._concrete_class


class Stub:
    """A service's methods, callable on a channel."""

    def __init__(self, channel, service):
        for method in service.methods:
            request, response = types(method)
            make = getattr(channel, kind(method))
            setattr(self, method.name, make('/%s/%s' % (service.full_name, method.name),
                                            request_serializer=request.SerializeToString,
                                            response_deserializer=response.FromString))


def handlers(service, implementation):
    """A server's table for those methods that an object has."""
    table = {}
    for method in service.methods:
        if hasattr(implementation, method.name):
            request, response = types(method)
            make = getattr(grpc, kind(method) + '_rpc_method_handler')
            table[method.name] = make(getattr(implementation, method.name),
                                      request_deserializer=request.FromString,
                                      response_serializer=response.SerializeToString)
    return grpc.method_handlers_generic_handler(service.full_name, table)


class Peer:
    """A connection to a server, with stubs for its services."""

    def __init__(self, address, options=(), credentials=None):
        """With credentials: over TLS."""
        options = CHANNEL_OPTIONS + list(options)
        self.channel = grpc.secure_channel(address, credentials, options) if credentials else \
            grpc.insecure_channel(address, options)
        self.test = Stub(self.channel, TEST_SERVICE)
        self.unimplemented = Stub(self.channel, UNIMPLEMENTED_SERVICE)
        self.relay = Stub(self.channel, RELAY)

    def counters(self):
        return self.relay.Counters(relay.CountersRequest())

    def seen(self, run):
        return self.relay.Seen(relay.SeenRequest(run=run)).record

    def is_idle(self):
        counters = self.counters()
        return counters.handlers_running == 0 and counters.children_open == 0

    def close(self):
        self.channel.close()


class Sends:
    """The messages of a stream that a test sends one after the other."""

    def __init__(self, *messages):
        self.queue = queue.Queue()
        for message in messages:
            self.put(message)

    def put(self, message):
        self.queue.put(message)

    def close(self):
        self.queue.put(None)

    def __iter__(self):
        return iter(self.queue.get, None)


def payload(size):
    return testing.Payload(body=bytes(size))
