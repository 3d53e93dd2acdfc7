# SPDX-License-Identifier: MIT
"""What one look at the flag costs a handler."""
import re
import statistics

from ..claims import Claim
from ..errors import Failed
from ..measurement import Measurement

# Looks in one call: some tenths of a second at most for each stack.
LOOKS = {'belay': 100_000_000, 'cpp_cb': 3_000_000, 'cpp_sync': 10_000, 'go': 20_000_000}


def _stacks(bench):
    return ['belay', *[name for name in bench.stacks.peers_of(('cpp_cb', 'cpp_sync', 'go')) if name in LOOKS]]


def _measure(bench, stack):
    looks = LOOKS[stack] // (10 if bench.options.quick else 1)
    with bench.serve(stack) as server:
        output = bench.clients.client('belay', 'flag', server.address, looks)
    lines = re.findall(r'^flag ns/check=([\d.]+) second=([\d.]+)', output, re.MULTILINE)
    if not lines:
        raise Failed(output.strip()[-200:])
    figures = {'look': statistics.median(float(look) for look, _ in lines)}
    if stack == 'belay':
        figures['load'] = statistics.median(float(load) for _, load in lines)
    return figures


MEASUREMENTS = [
    Measurement(
        name='flag',
        title='one look at the flag',
        metrics={'look': 'ns a look', 'load': 'ns a relaxed load'},
        stacks=_stacks,
        measure=_measure,
        claims=[
            Claim('one look at the flag, against a relaxed load', 'look', at_most=1.1, against=('belay',),
                  against_metric='load'),
        ],
    ),
]
