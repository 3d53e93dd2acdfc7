# SPDX-License-Identifier: MIT
"""One SayHello over a plain socket, for a server that may not listen yet. Written ahead, so that only the
server is waited for."""
import socket
import struct
import time

from .clients import HELLO_BODY, SAY_HELLO
from .errors import Failed
from .processes import LOOPBACK

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4
PAUSE = 0.0002


def _frame(kind, flags, stream, payload):
    return struct.pack('>I', len(payload))[1:] + struct.pack('>BBI', kind, flags, stream) + payload


def _text(text):
    return bytes([len(text)]) + text.encode()


def _header_block(authority):
    """HPACK from the static table, nothing remembered: POST, http, path, authority, content-type, te."""
    return (b'\x83\x86' + b'\x04' + _text(SAY_HELLO) + b'\x01' + _text(authority)
            + b'\x0f\x10' + _text('application/grpc') + b'\x00' + _text('te') + _text('trailers'))


class FirstCall:
    def __init__(self, port):
        self.port = port
        self._bytes = (PREFACE + _frame(SETTINGS, 0, 0, b'')
                       + _frame(HEADERS, END_HEADERS, 1, _header_block(f'{LOOPBACK}:{port}'))
                       + _frame(DATA, END_STREAM, 1, HELLO_BODY))

    def make(self, until):
        """Connects as soon as that works, calls, returns when the reply's message is there."""
        with self._connect(until) as connection:
            connection.settimeout(max(0.1, until - time.monotonic()))
            connection.sendall(self._bytes)
            received = b''
            while b'Hello world' not in received:
                more = connection.recv(4096)
                if not more:
                    raise Failed('the connection was closed before the first answer')
                received += more

    def _connect(self, until):
        while True:
            try:
                return socket.create_connection((LOOPBACK, self.port), 1)
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(PAUSE)
