# SPDX-License-Identifier: MIT
"""Unary calls under h2load: a loaded server, the same over TLS, and one call at a time."""
from ..claims import Claim
from ..measurement import Measurement
from ..stacks import CPP_AND_GO, USUAL

CONNECTIONS, STREAMS = 8, 32


def _loaded_stacks(bench):
    return ['belay', 'limit4w', 'limit0', *bench.stacks.peers_of(USUAL)]


def _loaded(bench, stack):
    with bench.serve(stack) as server:
        return bench.clients.h2load_for(bench.options.seconds, server, CONNECTIONS, STREAMS)


def _tls_stacks(bench):
    return ['belay', *bench.stacks.peers_of(('cpp_cb', 'cpp_sync', 'go'))]


def _tls(bench, stack):
    """TLS and plaintext right after each other, so that one can be held against the other."""
    seconds = bench.options.seconds
    with bench.serve(stack, tls=True) as server:
        tls = bench.clients.h2load_for(seconds, server, CONNECTIONS, STREAMS, tls=True)
    with bench.serve(stack) as server:
        plain = bench.clients.h2load_for(seconds, server, CONNECTIONS, STREAMS)
    return {'rate': tls['rate'], 'cpu': tls['cpu'], 'plain_cpu': plain['cpu']}


def _single_stacks(bench):
    return ['belay', 'limit1w', *bench.stacks.peers_of(USUAL)]


def _single(bench, stack):
    with bench.serve(stack) as server:
        return bench.clients.h2load_for(bench.options.seconds, server, 1, 1, latencies=True)


MEASUREMENTS = [
    Measurement(
        name='unary',
        title='unary calls, 8 connections x 32 streams',
        metrics={'rate': 'calls/s', 'cpu': 'server CPU s/100k'},
        stacks=_loaded_stacks,
        measure=_loaded,
        claims=[
            Claim('server CPU of a call, against bare nghttp2', 'cpu', at_most=1.4, against=('limit4w',)),
            Claim('server CPU of a call, against C++ callbacks', 'cpu', at_most=1 / 5, against=('cpp_cb',)),
            Claim('server CPU of a call, against Go', 'cpu', at_most=1 / 5, against=('go',)),
            Claim('calls a second, against C++ and Go', 'rate', at_least=3, against=CPP_AND_GO),
        ],
    ),
    Measurement(
        name='tls',
        title='the same over TLS 1.3',
        metrics={'rate': 'calls/s', 'cpu': 'server CPU s/100k', 'plain_cpu': 'without TLS'},
        stacks=_tls_stacks,
        measure=_tls,
        claims=[
            Claim('server CPU of a call over TLS, against plaintext', 'cpu', at_most=1.4, against=('belay',),
                  against_metric='plain_cpu'),
        ],
    ),
    Measurement(
        name='single',
        title='one unary call at a time',
        metrics={'p50': 'p50 us', 'p99': 'p99 us', 'cpu': 'server CPU s/100k', 'rate': 'calls/s'},
        stacks=_single_stacks,
        measure=_single,
        claims=[
            Claim('one call at a time, p50, against bare nghttp2', 'p50', at_most=1.1, against=('limit1w',)),
            Claim('one call at a time, server CPU', 'cpu', at_most=1.2, against=('limit1w',)),
        ],
    ),
]
