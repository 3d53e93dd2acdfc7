# SPDX-License-Identifier: MIT
"""How large the library is, and how long a server takes to its first answer."""
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from .. import machine, processes
from ..claims import Claim
from ..errors import Unavailable
from ..first_call import FirstCall
from ..measurement import Measurement


def _size(bench, _stack):
    if not os.path.exists(bench.stacks.library):
        raise Unavailable('no shared library: configured with --disable-shared')
    if not shutil.which('strip'):
        raise Unavailable('strip is missing')
    with tempfile.TemporaryDirectory() as folder:
        stripped = os.path.join(folder, 'stripped')
        processes.run(['strip', '-o', stripped, bench.stacks.library])
        return {'size': os.stat(stripped).st_size / machine.KIB}


def _start_stacks(bench):
    return ['belay', 'limit1w', *bench.stacks.peers_of(('cpp_cb', 'cpp_sync', 'go'))]


def _start_once(bench, stack):
    """From the moment a process is asked for to the first answer, in ms."""
    call = FirstCall(processes.free_port())
    command = bench.stacks.command(stack, call.port)
    begin = time.monotonic()
    server = processes.Server(stack, command, call.port, subprocess.DEVNULL)
    try:
        call.make(begin + 20)
        return (time.monotonic() - begin) * 1e3
    finally:
        server.end()


def _start(bench, stack):
    return {'ms': statistics.median(_start_once(bench, stack) for _ in range(bench.options.starts))}


MEASUREMENTS = [
    Measurement(
        name='size',
        title='the library, stripped',
        metrics={'size': 'KiB'},
        stacks=lambda bench: ['belay'],
        measure=_size,
        claims=[Claim('the library, stripped, KiB', 'size', at_most=400)],
        rounds=1,
    ),
    Measurement(
        name='start',
        title='from the start of a server to its first answer',
        metrics={'ms': 'ms'},
        stacks=_start_stacks,
        measure=_start,
        claims=[Claim('start to first answer, ms', 'ms', at_most=10)],
    ),
]
