# SPDX-License-Identifier: MIT
"""Ten thousand calls that wait in their handlers: their memory, and how fast all is over when the connections
are closed at once."""
import time

from .. import clients, machine, processes
from ..claims import Claim
from ..errors import Failed
from ..measurement import Measurement
from .memory import warm

CALLS_EACH = 100
PATIENCE = 10       # seconds for anything here


def _stacks(bench):
    return ['belay', *bench.stacks.peers_of(('cpp_cb', 'go'))]


def _wait_until_held(bench, server, calls):
    """Until all calls are in their handlers. Returns whether the server counts them: one that does not always
    says 0. Then they are when it has nothing more to do."""
    until = time.monotonic() + PATIENCE
    machine.seconds_until_quiet(server.pid, time.monotonic(), PATIENCE, quiet=0.5)
    blocked = bench.clients.stats(server)['blocked']
    while 0 < blocked < calls and time.monotonic() < until:
        time.sleep(0.05)
        blocked = bench.clients.stats(server)['blocked']
    if 0 < blocked < calls:
        raise Failed(f'only {blocked:.0f} of {calls} calls reached their handlers')
    return blocked > 0


def _seconds_until_returned(bench, server, closed_at, counted):
    """Until no handler is in Block any more; or, where nobody counts them, until the server is quiet."""
    if not counted:
        return machine.seconds_until_quiet(server.pid, closed_at, PATIENCE)
    while bench.clients.stats(server)['blocked'] > 0:
        if time.monotonic() - closed_at > PATIENCE:
            raise Failed('handlers that never returned')
    return time.monotonic() - closed_at


def _seconds_until_given_back(server, closed_at, enough):
    """Until its memory is down to so much."""
    while machine.anonymous_memory(server.pid) > enough and time.monotonic() - closed_at < PATIENCE:
        time.sleep(0.02)
    return time.monotonic() - closed_at


def _measure(bench, stack):
    connections = bench.options.blocked
    calls = connections * CALLS_EACH
    with bench.serve(stack) as server:
        warm(bench, server)
        idle = machine.anonymous_memory(server.pid)
        hold = bench.clients.raw_command('hold', server.address, connections, CALLS_EACH, 60)
        with processes.background(hold) as client:
            client.stdout.readline()
            counted = _wait_until_held(bench, server, calls)
            held = machine.anonymous_memory(server.pid)
            line = clients.fields(processes.tell_to_end(client), 'CLOSED')
        if line['ended'] or line['closed']:
            raise Failed(f'{line["ended"]:.0f} calls, {line["closed"]:.0f} connections ended too early')
        closed_at = line['at_ns'] / 1e9
        returned = _seconds_until_returned(bench, server, closed_at, counted)
        given_back = _seconds_until_given_back(server, closed_at, idle + (held - idle) / 10)
        left = machine.anonymous_memory(server.pid) - idle
    return {
        'call': (held - idle) / calls / machine.KIB, 'returned': returned, 'given_back': given_back,
        'left': left / 1e6,
    }


MEASUREMENTS = [
    Measurement(
        name='blocked',
        title='10,000 calls blocked in their handlers',
        metrics={
            'call': 'call KiB', 'returned': 's until all returned', 'given_back': 's until 9/10 given back',
            'left': 'MB left',
        },
        stacks=_stacks,
        measure=_measure,
        claims=[
            Claim('memory of a blocked call, KiB', 'call', at_most=16),
            Claim('connections of 10,000 calls closed: s until all handlers have returned', 'returned',
                  at_most=0.5),
            Claim('the same: s until 9/10 of the memory is given back', 'given_back', at_most=5),
        ],
    ),
]
