# SPDX-License-Identifier: MIT
"""Instructions of a unary call in the server, counted by callgrind: a figure that a busy machine does not
change. A run with few calls is subtracted from one with many, so that the start cancels out."""
import re
import shutil
import tempfile

from .. import processes
from ..errors import Failed, Unavailable
from ..measurement import Measurement

FEW, MANY = 500, 4500
VALGRIND = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null']


def _count(bench, stack, calls, streams):
    port = processes.free_port()
    with tempfile.TemporaryFile('w+') as log:
        server = processes.Server(stack, VALGRIND + bench.stacks.command(stack, port), port, log)
        try:
            server.wait_until_it_listens()
            bench.clients.h2load(server, calls, 1, streams)
        finally:
            server.end()
        log.seek(0)
        collected = re.search(r'Collected : (\d+)', log.read())
    if not collected:
        raise Failed('callgrind said nothing')
    return int(collected[1])


def _measure(bench, stack):
    if not shutil.which('valgrind'):
        raise Unavailable('valgrind is missing')
    return {
        name: (_count(bench, stack, MANY, streams) - _count(bench, stack, FEW, streams)) / (MANY - FEW)
        for name, streams in (('one', 1), ('many', 32))
    }


MEASUREMENTS = [
    Measurement(
        name='instructions',
        title='instructions of a unary call',
        metrics={'one': 'one at a time', 'many': '32 streams'},
        stacks=lambda bench: ['belay', 'limit4w', 'limit0'],
        measure=_measure,
        rounds=1,
    ),
]
