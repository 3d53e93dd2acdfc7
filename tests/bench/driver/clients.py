# SPDX-License-Identifier: MIT
"""The clients that measure: how they are called, and what their output means."""
import os
import re

from . import machine, processes
from .errors import Failed

SAY_HELLO = '/helloworld.Greeter/SayHello'
# HelloRequest{name: "world"} in a gRPC message frame.
HELLO_BODY = b'\0\0\0\0\x07\x0a\x05world'

PERCENTILES = re.compile(
    r'^(?P<what>\S+) n=(?P<n>\d+) miss=(?P<miss>\d+) us: min=(?P<min>[\d.]+) p50=(?P<p50>[\d.]+) '
    r'p90=(?P<p90>[\d.]+) p99=(?P<p99>[\d.]+) max=(?P<max>[\d.]+)', re.MULTILINE)


def percentiles(output, what):
    """A line of percentiles, in microseconds."""
    for line in PERCENTILES.finditer(output):
        if line['what'] == what:
            return {key: float(line[key]) for key in ('p50', 'p99', 'miss', 'n')}
    raise Failed(f'no line "{what}" in: {output.strip()[-200:]}')


def fields(output, word):
    """The numbers of a line "word name=1 other=2.5/s"."""
    for line in output.splitlines():
        if line.startswith(word + ' '):
            pairs = re.findall(r'(\w+)=([\d.]+)', line)
            return {name: float(number) for name, number in pairs}
    raise Failed(f'no line "{word}" in: {output.strip()[-200:]}')


class Clients:
    def __init__(self, stacks, work):
        self._stacks = stacks
        self._work = work
        self._body = os.path.join(work, 'hello.body')
        with open(self._body, 'wb') as body:
            body.write(HELLO_BODY)

    # ---- h2load ----------------------------------------------------------------------------------

    def h2load(self, server, count, connections, streams, tls=False, latencies=False):
        """count calls of SayHello. Returns calls a second, the server's CPU seconds for 100,000 calls and,
        if wanted, p50 and p99 in microseconds."""
        log = os.path.join(self._work, 'h2load.log')
        command = ['h2load', '-t1', '-n', str(count), '-c', str(connections), '-m', str(streams),
                   '-d', self._body, '-H', 'content-type: application/grpc', '-H', 'te: trailers']
        command += ['--log-file', log] if latencies else []
        command += [f'{"https" if tls else "http"}://{server.address}{SAY_HELLO}']
        before = machine.cpu_seconds(server.pid)
        output = processes.run(command, timeout=180)
        result = {'cpu': (machine.cpu_seconds(server.pid) - before) / count * 1e5}
        result['rate'] = self._h2load_rate(output, count)
        if tls and 'TLSv1.3' not in output:
            raise Failed('h2load did not get TLS 1.3')
        if latencies:
            result.update(self._h2load_latencies(log))
        return result

    def h2load_for(self, seconds, server, connections, streams, **more):
        """About so many seconds of it, after a warm-up."""
        warm = 300 if connections * streams == 1 else 4000
        rate = self.h2load(server, warm, connections, streams, tls=more.get('tls', False))['rate']
        count = int(min(600_000, max(warm, rate * seconds)))
        return self.h2load(server, count, connections, streams, **more)

    @staticmethod
    def _h2load_rate(output, count):
        rate = re.search(r'finished in [\d.]+\w+, ([\d.]+) req/s', output)
        good = re.search(r'status codes: (\d+) 2xx', output)
        if not rate or not good or int(good[1]) != count:
            raise Failed(f'h2load: {good[1] if good else 0} of {count} calls were answered')
        return float(rate[1])

    @staticmethod
    def _h2load_latencies(log):
        with open(log, encoding='ascii') as lines:
            us = sorted(int(line.split('\t')[2]) for line in lines)
        os.unlink(log)
        return {'p50': us[len(us) // 2], 'p99': us[len(us) * 99 // 100]}

    # ---- Clients of ours and of the peers ---------------------------------------------------------

    def raw_command(self, *words):
        return [self._stacks.program('limits/raw-client'), *map(str, words)]

    def raw(self, *words, timeout=180):
        return processes.run(self.raw_command(*words), timeout)

    def client_program(self, name):
        """belay's bench client, or that of the C++ or Go peers; None when it is not built."""
        if name == 'belay':
            return self._stacks.program('bench-client')
        return self._stacks.peer_program(f'bin/{name}_client')

    def client(self, name, *words, timeout=180):
        return processes.run([self.client_program(name), *map(str, words)], timeout)

    def stats(self, server):
        return fields(self.raw('stats', server.address, timeout=10), 'stats')
