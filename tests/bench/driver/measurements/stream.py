# SPDX-License-Identifier: MIT
"""Streams of messages. Each stack's server is measured twice: with belay's client, so that servers compare,
and with the stack's own client, so that whole programs do."""
import os
from dataclasses import dataclass

from .. import clients, machine, processes
from ..claims import Claim
from ..errors import Failed
from ..measurement import Measurement

OTHERS = ('cpp', 'go')


@dataclass(frozen=True)
class Load:
    """What `bench-client stream` is told: see there for what the kinds are."""
    kind: str
    streams: int
    messages: int
    size: int


def _peer(bench, stack, what):
    """A stream program of the peers, which are built from tests/bench/peers."""
    return os.path.join(bench.stacks.stream_peers, f'{stack}_stream_{what}')


def _stacks(bench):
    built = [name for name in OTHERS
             if all(os.path.exists(_peer(bench, name, what)) for what in ('server', 'client'))]
    return ['belay', *built]


def _serve(bench, stack):
    if stack == 'belay':
        return bench.serve('belay')
    return bench.stacks.serve_command(stack, lambda port: [_peer(bench, stack, 'server'), str(port)])


def _stream(bench, client, server, load):
    """Returns the line's figures, and the server's CPU seconds for 100,000 messages."""
    messages = max(load.streams, load.messages // (20 if bench.options.quick else 1))
    words = ['stream', server.address, load.kind, load.streams, messages, load.size]
    before = machine.cpu_seconds(server.pid)
    if client == 'belay':
        output = bench.clients.client('belay', *words)
    else:
        output = processes.run([_peer(bench, client, 'client'), *map(str, words)], timeout=180)
    line = clients.fields(output, 'stream')
    if line.get('bad'):
        raise Failed(f'{line["bad"]:.0f} bad messages')
    line['server_cpu'] = (machine.cpu_seconds(server.pid) - before) / messages * 1e5
    return line


def _measure(load):
    def measure(bench, stack):
        with _serve(bench, stack) as server:
            own = _stream(bench, stack, server, load)
            common = own if stack == 'belay' else _stream(bench, 'belay', server, load)
        return {
            'rate': common['rate'], 'own_rate': own['rate'], 'mb_per_s': own['mb_per_s'],
            'server_cpu': common['server_cpu'], 'client_cpu': own['cpu_s_per_100k'],
        }
    return measure


METRICS = {
    'rate': "messages/s, belay's client", 'own_rate': 'messages/s, its own client', 'mb_per_s': 'MB/s',
    'server_cpu': 'server CPU s/100k', 'client_cpu': 'own client CPU s/100k',
}


def _small(name, title, load):
    return Measurement(
        name=name,
        title=title,
        metrics=METRICS,
        stacks=_stacks,
        measure=_measure(load),
        claims=[
            Claim(f"{title}: messages/s, all with belay's client", 'rate', at_least=3, against=OTHERS),
            Claim(f'{title}: messages/s, each with its own client', 'own_rate', at_least=3, against=OTHERS),
        ],
    )


def _large(name, title, load):
    return Measurement(name=name, title=title, metrics=METRICS, stacks=_stacks, measure=_measure(load))


MEASUREMENTS = [
    _small('stream_one', 'ping-pong of 1 KiB on one stream', Load('pingpong', 1, 20_000, 1024)),
    _small('stream_many', 'ping-pong of 1 KiB on 32 streams', Load('pingpong', 32, 100_000, 1024)),
    _small('stream_echo', 'messages of 1 KiB each way, many under way', Load('echo', 8, 400_000, 1024)),
    _small('stream_pull', 'messages of 1 KiB from the server', Load('pull', 8, 200_000, 1024)),
    _large('stream_large', 'ping-pong of 1 MiB on one stream', Load('pingpong', 1, 500, 1 << 20)),
    _large('stream_large_pull', 'messages of 1 MiB from the server', Load('pull', 1, 1000, 1 << 20)),
]
