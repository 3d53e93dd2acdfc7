#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server for gRPC's negative HTTP/2 cases: frames by hand, as each case wants them. Its answers are those of
large_unary. A call's headers are not read: everybody gets the answer.

negative_server.py CASE [PORT]: says where it listens, then a line for each connection that has ended: how many
calls came, how many at once at most, how many PINGs were sent and how many were answered.
"""
import socket
import struct
import sys
import threading

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
MAGIC = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
WINDOW = 1 << 24
LARGEST_FRAME = 16384
RESPONSE_SIZE = 314159


class Gone(Exception):
    """The client has closed the connection."""


# ---- Bytes ---------------------------------------------------------------------------------------------

def varint(number):
    out = b''
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def response():
    """A SimpleResponse in its gRPC frame: a payload of zeros."""
    message = field(1, field(2, bytes(RESPONSE_SIZE)))
    return struct.pack('>BI', 0, len(message)) + message


def header(name, value):
    """HPACK's literal that is not indexed."""
    return b'\0' + bytes([len(name)]) + name + bytes([len(value)]) + value


ANSWER_HEADERS = header(b':status', b'200') + header(b'content-type', b'application/grpc')
OK = header(b'grpc-status', b'0')


# ---- A connection --------------------------------------------------------------------------------------

class Connection:
    def __init__(self, sock, streams=None):
        self.socket = sock
        self.input = sock.makefile('rb')
        self.window = 65535        # what the client takes in all
        self.stream_window = 65535  # on a new stream
        self.windows = {}          # on each that is open
        self.requested = []        # whose request is complete
        self.calls = self.most = self.pings = self.pongs = 0
        if self.input.read(len(MAGIC)) != MAGIC:
            raise Gone
        settings = struct.pack('>HI', INITIAL_WINDOW_SIZE, WINDOW)
        if streams is not None:
            settings += struct.pack('>HI', MAX_CONCURRENT_STREAMS, streams)
        self.send(SETTINGS, 0, 0, settings)
        self.send(WINDOW_UPDATE, 0, 0, struct.pack('>I', WINDOW))

    def send(self, kind, flags, stream, payload):
        head = struct.pack('>I', len(payload))[1:] + struct.pack('>BBI', kind, flags, stream)
        self.socket.sendall(head + payload)

    def read_exactly(self, size):
        data = self.input.read(size)
        if len(data) < size:
            raise Gone
        return data

    def take_frame(self):
        head = self.read_exactly(9)
        size = int.from_bytes(head[:3], 'big')
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], 'big')
        payload = self.read_exactly(size)
        if kind == SETTINGS and not flags & ACK:
            self.take_settings(payload)
        elif kind == PING and flags & ACK:
            self.pongs += 1
        elif kind == PING:
            self.send(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            self.take_window(stream, int.from_bytes(payload, 'big'))
        elif kind == HEADERS:
            self.calls += 1
            self.windows[stream] = self.stream_window
            self.most = max(self.most, len(self.windows))
        elif kind == RST_STREAM:
            self.windows.pop(stream, None)
        elif kind == GOAWAY:
            raise Gone
        if kind == DATA and size > 0:
            self.send(WINDOW_UPDATE, 0, 0, struct.pack('>I', size))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.requested.append(stream)

    def take_settings(self, payload):
        for at in range(0, len(payload), 6):
            name, value = struct.unpack_from('>HI', payload, at)
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.windows:
                    self.windows[stream] += value - self.stream_window
                self.stream_window = value
        self.send(SETTINGS, ACK, 0, b'')

    def take_window(self, stream, more):
        if stream == 0:
            self.window += more
        elif stream in self.windows:
            self.windows[stream] += more

    def next_request(self):
        while not self.requested:
            self.take_frame()
        return self.requested.pop(0)

    def ping(self):
        self.pings += 1
        self.send(PING, 0, 0, struct.pack('>Q', self.pings))

    # ---- Answers ----

    def begin(self, stream):
        self.send(HEADERS, END_HEADERS, stream, ANSWER_HEADERS)

    def end(self, stream):
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, OK)
        self.windows.pop(stream, None)

    def reset(self, stream):
        self.send(RST_STREAM, 0, stream, struct.pack('>I', 0))
        self.windows.pop(stream, None)

    def data(self, stream, data, padding=0, before=lambda: None):
        """padding: bytes in each frame, besides that which tells how many; they take up window, too."""
        extra = padding + 1 if padding else 0
        while data:
            room = min(self.window, self.windows.get(stream, 0), LARGEST_FRAME) - extra
            if room <= 0:
                if stream not in self.windows:
                    return
                self.take_frame()
                continue
            part, data = data[:room], data[room:]
            before()
            if padding:
                self.send(DATA, PADDED, stream, bytes([padding]) + part + bytes(padding))
            else:
                self.send(DATA, 0, stream, part)
            self.window -= len(part) + extra
            self.windows[stream] -= len(part) + extra


# ---- Cases: what is done with each call ------------------------------------------------------------------

def answer(connection, stream, padding=0):
    connection.begin(stream)
    connection.data(stream, response(), padding)
    connection.end(stream)


def rst_after_header(connection, stream):
    connection.begin(stream)
    connection.reset(stream)


def rst_during_data(connection, stream):
    connection.begin(stream)
    connection.data(stream, response()[:RESPONSE_SIZE // 2])
    connection.reset(stream)


def rst_after_data(connection, stream):
    connection.begin(stream)
    connection.data(stream, response())
    connection.reset(stream)


def goaway(connection, stream):
    answer(connection, stream)
    connection.send(GOAWAY, 0, 0, struct.pack('>II', stream, 0))


def ping(connection, stream):
    """One before each frame; the status waits for the last one's answer."""
    connection.ping()
    connection.begin(stream)
    connection.data(stream, response(), before=connection.ping)
    connection.ping()
    while connection.pongs < connection.pings:
        connection.take_frame()
    connection.end(stream)


def data_frame_padding(connection, stream):
    answer(connection, stream, 255)


CASES = {
    'rst_after_header': rst_after_header,
    'rst_during_data': rst_during_data,
    'rst_after_data': rst_after_data,
    'goaway': goaway,
    'ping': ping,
    'max_streams': answer,
    'data_frame_padding': data_frame_padding,
    'no_df_padding_sanity_test': answer,
}


def serve(sock, case):
    connection = None
    try:
        connection = Connection(sock, 1 if case == 'max_streams' else None)
        while True:
            CASES[case](connection, connection.next_request())
    except (Gone, ConnectionError):
        pass
    sock.close()
    if connection is not None:
        print('calls %d, at once %d, pings %d, pongs %d' % (connection.calls, connection.most, connection.pings,
                                                            connection.pongs), flush=True)


def main():
    case = sys.argv[1]
    listener = socket.create_server(('127.0.0.1', int(sys.argv[2]) if len(sys.argv) > 2 else 0))
    print('listening on 127.0.0.1:%d' % listener.getsockname()[1], flush=True)
    while True:
        sock = listener.accept()[0]
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=[sock, case], daemon=True).start()


main()
