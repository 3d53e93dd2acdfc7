# SPDX-License-Identifier: MIT
"""Whether more workers cost more: the load of `unary`, with pools of several sizes."""
from ..claims import Claim
from ..measurement import Measurement
from .unary import CONNECTIONS, STREAMS

STACKS = {f'belay {count}w': count for count in (1, 2, 4, 8, 16, 32, 64)}


def _measure(bench, stack):
    count = str(STACKS[stack])
    with bench.serve('belay', '--workers', count, '--max_workers', count) as server:
        return bench.clients.h2load_for(bench.options.seconds, server, CONNECTIONS, STREAMS)


MEASUREMENTS = [
    Measurement(
        name='workers',
        title='1 to 64 workers, the same load',
        metrics={'rate': 'calls/s', 'cpu': 'server CPU s/100k'},
        stacks=lambda bench: list(STACKS),
        measure=_measure,
        claims=[
            Claim('server CPU of a call, the worst pool against the best', 'cpu', at_most=1.3,
                  of=tuple(STACKS), against=tuple(STACKS)),
        ],
    ),
]
