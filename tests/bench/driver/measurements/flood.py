# SPDX-License-Identifier: MIT
"""Rapid reset: HEADERS, DATA and RST_STREAM, a hundred thousand times on one connection, as fast as the
server reads them."""
import threading
import time

from .. import clients, machine, processes
from ..claims import Claim
from ..errors import Failed
from ..measurement import Measurement
from .memory import warm

MANY = 10_000_000
BUSY_WORKERS = 4


def _stacks(bench):
    """C++ servers are asked only with --every-peer: this takes them half a minute and 2 GB."""
    return ['belay', *bench.stacks.peers_of(('cpp_cb', 'go') if bench.stacks.every_peer else ('go',))]


def _flood(bench, server):
    return clients.fields(bench.clients.raw('flood', server.address, bench.options.flood, 'data'), 'flood')


class PeakMemory:
    """The most that a server held while something ran."""

    def __init__(self, pid):
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.start = self.peak = machine.anonymous_memory(pid)

    def _watch(self):
        while not self._over.wait(0.005):
            try:
                self.peak = max(self.peak, machine.anonymous_memory(self._pid))
            except OSError:
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def _cost(bench, server):
    """CPU and memory of a flood that is alone."""
    before = machine.cpu_seconds(server.pid)
    with PeakMemory(server.pid) as memory:
        line = _flood(bench, server)
        machine.seconds_until_quiet(server.pid, time.monotonic(), 60)
    cpu = machine.cpu_seconds(server.pid) - before
    return {
        'cpu': cpu / bench.options.flood * 1e5,
        'memory': (memory.peak - memory.start) / 1e6,
        'kept': line['kept'],
    }


def _disturbance(bench, server):
    """p99 of another connection's calls: with nobody else, then during a flood."""
    command = bench.clients.raw_command('watch', server.address, MANY)
    alone = clients.percentiles(bench.clients.raw('watch', server.address, 5000), 'latency')['p99']
    with processes.background(command) as watch:
        watch.stdout.readline()
        _flood(bench, server)
        watch.terminate()
        flooded = clients.percentiles(watch.stdout.read(), 'latency')['p99']
    return {'alone_p99': alone, 'flooded_p99': flooded}


def _measure(bench, stack):
    with bench.serve(stack) as server:
        warm(bench, server)
        figures = _cost(bench, server)
        figures.update(_disturbance(bench, server))
        return figures


def _busy_pool(bench, _stack):
    """All workers are blocked: each call of the flood is reset before its turn."""
    workers = str(BUSY_WORKERS)
    with bench.serve('belay', '--workers', workers, '--max_workers', workers) as server:
        warm(bench, server)
        hold = bench.clients.raw_command('hold', server.address, 1, BUSY_WORKERS, 60)
        with processes.background(hold) as client:
            client.stdout.readline()
            machine.seconds_until_quiet(server.pid, time.monotonic(), 5)
            before = bench.clients.stats(server)
            if not before['ok']:
                raise Failed('no Stats while the pool is busy')
            _flood(bench, server)
            processes.tell_to_end(client)
        machine.seconds_until_quiet(server.pid, time.monotonic(), 10)
        return {'ran': bench.clients.stats(server)['started'] - before['started']}


MEASUREMENTS = [
    Measurement(
        name='flood',
        title='rapid reset of 100,000 calls on one connection',
        metrics={
            'cpu': 'CPU s', 'memory': 'MB more', 'kept': 'connection kept',
            'alone_p99': 'second connection p99 us, alone',
            'flooded_p99': 'during the flood',
        },
        stacks=_stacks,
        measure=_measure,
        claims=[
            Claim('rapid reset of 100,000 calls: CPU s', 'cpu', at_most=0.4),
            Claim('rapid reset: MB more', 'memory', at_most=4),
            Claim('rapid reset: connection kept', 'kept', at_least=1),
            Claim("rapid reset: a second connection's p99, against an undisturbed one", 'flooded_p99',
                  at_most=3, against=('belay',), against_metric='alone_p99'),
        ],
    ),
    Measurement(
        name='flood_busy',
        title='rapid reset while all workers are busy',
        metrics={'ran': 'handlers run'},
        stacks=lambda bench: ['belay'],
        measure=_busy_pool,
        claims=[Claim('rapid reset, workers busy: handlers run for calls that were reset', 'ran', at_most=0)],
    ),
]
