# SPDX-License-Identifier: MIT
"""Clients with blocking calls on one channel, against the cheapest server there is (limit0)."""
from .. import clients, processes
from ..claims import Claim
from ..errors import Failed
from ..measurement import Measurement

H2LOAD = 'h2load'
HAND_LIMIT = 'hand-limit'


def _clients(bench):
    return [name for name in ('belay', 'cpp', 'go') if bench.clients.client_program(name)]


def _calls(bench, stack, threads):
    """Threads that call one after the other, on one channel."""
    calls = bench.options.client_calls * (1 if threads == 1 else 3)
    with bench.serve('limit0') as server:
        bench.clients.client(stack, 'unary', server.address, threads, 1000)
        output = bench.clients.client(stack, 'unary', server.address, threads, calls)
    line = clients.fields(output, 'unary')
    if line['bad']:
        raise Failed(f'{line["bad"]:.0f} bad answers')
    return _figures(line, output)


def _figures(line, output):
    latency = clients.percentiles(output, 'latency')
    return {'rate': line['rate'], 'cpu': line['cpu_s_per_100k'], 'p50': latency['p50'], 'p99': latency['p99']}


def _hand_overs(bench, threads):
    calls = bench.options.client_calls * (1 if threads == 1 else 3)
    output = processes.run([bench.stacks.program('limits/hand-limit'), str(threads), str(calls)])
    return _figures(clients.fields(output, 'hand'), output)


def _one(bench, stack):
    return _hand_overs(bench, 1) if stack == HAND_LIMIT else _calls(bench, stack, 1)


def _sixteen(bench, stack):
    if stack == HAND_LIMIT:
        return _hand_overs(bench, 16)
    if stack != H2LOAD:
        return _calls(bench, stack, 16)
    with bench.serve('limit0') as server:
        return {'rate': bench.clients.h2load_for(bench.options.seconds, server, 1, 16)['rate']}


METRICS = {'rate': 'calls/s', 'cpu': 'client CPU s/100k', 'p50': 'p50 us', 'p99': 'p99 us'}
OTHERS = ('cpp', 'go')

MEASUREMENTS = [
    Measurement(
        name='client1',
        title='a client, 1 thread',
        metrics=METRICS,
        stacks=lambda bench: [*_clients(bench), HAND_LIMIT],
        measure=_one,
        claims=[
            Claim("client, 1 thread: p50, against C++'s and Go's", 'p50', at_most=1, against=OTHERS),
            Claim("client, 1 thread: CPU, against C++'s and Go's", 'cpu', at_most=1, against=OTHERS),
        ],
    ),
    Measurement(
        name='client16',
        title='a client, 16 threads on one channel',
        metrics=METRICS,
        stacks=lambda bench: [*_clients(bench), HAND_LIMIT, H2LOAD],
        measure=_sixteen,
        claims=[
            Claim("client, 16 threads: calls a second, against h2load -c1 -m16", 'rate', at_least=0.75,
                  against=(H2LOAD,)),
            Claim("client, 16 threads: CPU, against Go's", 'cpu', at_most=0.5, against=('go',)),
        ],
    ),
]
