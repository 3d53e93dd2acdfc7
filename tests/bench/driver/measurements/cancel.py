# SPDX-License-Identifier: MIT
"""From a cancel to the handler that sees its flag: in one server, and at the end of a chain of three."""
import contextlib

from .. import clients, processes
from ..claims import Claim
from ..measurement import Measurement

CLIENTS = ('belay', 'cpp')
WAKE_LIMIT = 'wake-limit'


def seen(output):
    line = clients.percentiles(output, 'handler-saw')
    return {'p50': line['p50'], 'p99': line['p99'], 'missed': line['miss']}


def raw_cancel(bench, server, calls):
    """Spin, RST_STREAM, Seen, by a client that is nothing but a socket."""
    bench.clients.raw('cancel', server.address, 10)
    return seen(bench.clients.raw('cancel', server.address, calls))


def _stacks(bench):
    return ['belay', 'limit1w', *bench.stacks.peers_of(('cpp_cb', 'cpp_sync', 'go', 'tonic'))]


def _cancel(bench, stack):
    with bench.serve(stack) as server:
        return raw_cancel(bench, server, bench.options.cancels)


# ---- Chains --------------------------------------------------------------------------------------


def _chain_stacks(bench):
    return ['belay', WAKE_LIMIT, *bench.stacks.peers_of(('cpp_cb', 'cpp_sync', 'go', 'tonic'))]


def _chain(bench, stack):
    calls = bench.options.cancels // 2      # for each of three clients
    if stack == WAKE_LIMIT:
        command = [bench.stacks.program('limits/wake-limit'), '3', str(calls)]
        line = clients.percentiles(processes.run(command), 'flag-seen')
        return {'p50': line['p50'], 'p99': line['p99']}
    with contextlib.ExitStack() as chain:
        servers = [chain.enter_context(bench.serve(stack)) for _ in range(3)]
        target = ','.join(server.address for server in servers)
        bench.clients.raw('chain', target, 10)
        figures = seen(bench.clients.raw('chain', target, calls))
        for client in CLIENTS:
            if bench.clients.client_program(client):
                line = seen(bench.clients.client(client, 'chain', target, calls))
                figures[f'{client}_p50'], figures[f'{client}_p99'] = line['p50'], line['p99']
    return figures


MEASUREMENTS = [
    Measurement(
        name='cancel',
        title='from a cancel to the flag seen',
        metrics={'p50': 'p50 us', 'p99': 'p99 us', 'missed': 'not seen'},
        stacks=_stacks,
        measure=_cancel,
        claims=[
            Claim('cancel to flag seen, p50, against bare nghttp2', 'p50', at_most=1.1, against=('limit1w',)),
            Claim('cancel to flag seen, p99', 'p99', at_most=1.3, against=('limit1w',)),
        ],
    ),
    Measurement(
        name='chain',
        title='a chain of three servers, from the cancel at its root to the flag at its leaf',
        metrics={
            'p50': 'raw client p50 us', 'p99': 'p99 us', 'missed': 'not seen',
            'belay_p50': "belay's client p50 us", 'belay_p99': 'p99 us',
            'cpp_p50': 'C++ client p50 us', 'cpp_p99': 'p99 us',
        },
        stacks=_chain_stacks,
        measure=_chain,
        claims=[
            Claim('chain of three, cancel to the flag, p50, against three wake-ups', 'p50', at_most=1.3,
                  against=(WAKE_LIMIT,)),
            Claim("the same, cancelled by belay's client", 'belay_p50', at_most=1.3, against=(WAKE_LIMIT,),
                  against_metric='p50'),
        ],
    ),
]
