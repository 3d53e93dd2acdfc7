# SPDX-License-Identifier: MIT
"""Cancels on a machine that has no core left: taken by other processes, or by the server's own handlers."""
import contextlib
import os
import sys

from .. import processes
from ..claims import Claim
from ..measurement import Measurement
from ..stacks import BELAY_BATCH
from .cancel import raw_cancel, seen

TIME_LIMIT = 300
CPP = ('cpp_cb', 'cpp_sync')
COMPUTE = f'''
import time
end = time.monotonic() + {TIME_LIMIT}
while time.monotonic() < end:
    pass
'''


def _cores():
    return len(os.sched_getaffinity(0))


def _stacks(bench):
    return ['belay', 'limit8w', *bench.stacks.peers_of((*CPP, 'go', 'tonic'))]


def _calls(bench):
    """Fewer than on an idle machine: each takes longer."""
    return max(20, bench.options.cancels // 2)


def _busy_processes(bench, stack):
    """Beside as many other processes that compute as there are cores."""
    with bench.serve(stack) as server, contextlib.ExitStack() as others:
        for _ in range(_cores()):
            others.enter_context(processes.background([sys.executable, '-c', COMPUTE]))
        return raw_cancel(bench, server, _calls(bench))


def _busy_handlers(bench, stack):
    """Beside Spin handlers in the same server, one more than there are cores. belay has a worker left for the
    calls that are cancelled: its pool does not grow for handlers that compute."""
    handlers = _cores() + 1
    workers = ('--workers', str(max(4, handlers + 1))) if stack == 'belay' else ()
    with bench.serve(stack, *workers) as server:
        command = bench.clients.raw_command('busy', server.address, handlers, TIME_LIMIT)
        with processes.background(command) as spinning:
            spinning.stdout.readline()
            return raw_cancel(bench, server, _calls(bench))


def _blocked(bench, stack):
    """Handlers that sleep until they are cancelled, beside processes that compute: what workers that are always batch
    work would cost."""
    with bench.serve(stack) as server, contextlib.ExitStack() as others:
        for _ in range(_cores()):
            others.enter_context(processes.background([sys.executable, '-c', COMPUTE]))
        bench.clients.raw('release', server.address, 10)
        return seen(bench.clients.raw('release', server.address, _calls(bench)))


def _claims(how):
    return [
        Claim(f'cancel to flag seen, {how}, p50, against C++', 'p50', at_most=1 / 4, against=CPP),
        Claim(f'cancel to flag seen, {how}, p50, against Go', 'p50', at_most=1 / 4, against=('go',)),
        Claim(f'cancel to flag seen, {how}, p99, against C++', 'p99', at_most=1 / 2, against=CPP),
        Claim(f'cancel to flag seen, {how}, p99, against Go', 'p99', at_most=1 / 2, against=('go',)),
    ]


METRICS = {'p50': 'p50 us', 'p99': 'p99 us', 'missed': 'not seen'}

MEASUREMENTS = [
    Measurement(
        name='busy',
        title='cancels while other processes compute on all cores',
        metrics=METRICS,
        stacks=_stacks,
        measure=_busy_processes,
        claims=_claims('cores busy with other processes'),
    ),
    Measurement(
        name='busy_handlers',
        title='cancels while handlers of the same server compute on all cores',
        metrics=METRICS,
        stacks=_stacks,
        measure=_busy_handlers,
        claims=_claims('cores busy with handlers'),
    ),
    Measurement(
        name='busy_blocked',
        title='blocked handlers that are cancelled while other processes compute on all cores',
        metrics=METRICS,
        stacks=lambda bench: ['belay', BELAY_BATCH],
        measure=_blocked,
    ),
]
