# SPDX-License-Identifier: MIT
"""What an idle server and an idle connection hold: RssAnon, which leaves out code and files."""
import time

from .. import machine, processes
from ..claims import Claim
from ..measurement import Measurement

SETTLE = 0.5


def warm(bench, server):
    """A few calls, so that what is made once has been made."""
    bench.clients.raw('watch', server.address, 20)
    time.sleep(SETTLE)


def _stacks(bench):
    return ['belay', 'limit0', *bench.stacks.peers_of(('cpp_cb', 'cpp_sync', 'go', 'tonic'))]


def _measure(bench, stack):
    count = bench.options.connections
    with bench.serve(stack) as server:
        warm(bench, server)
        idle = machine.anonymous_memory(server.pid)
        hold = bench.clients.raw_command('hold', server.address, count, 0, 60)
        with processes.background(hold) as client:
            client.stdout.readline()
            time.sleep(SETTLE)
            held = machine.anonymous_memory(server.pid)
            processes.tell_to_end(client)
    return {'idle': idle / 1e6, 'connection': (held - idle) / count / machine.KIB}


MEASUREMENTS = [
    Measurement(
        name='memory',
        title='memory of an idle server, and of an idle connection',
        metrics={'idle': 'server MB', 'connection': 'connection KiB'},
        stacks=_stacks,
        measure=_measure,
        claims=[
            Claim('memory of an idle server, MB', 'idle', at_most=1.5),
            Claim('memory of an idle connection, against bare nghttp2', 'connection', at_most=1.15,
                  against=('limit0',)),
        ],
    ),
]
