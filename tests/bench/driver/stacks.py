# SPDX-License-Identifier: MIT
"""Which servers there are and how each is started. A stack whose program is missing does not take part."""
import contextlib
import os
import shutil
import tempfile

from . import processes
from .errors import Failed, Unavailable

LIMITS = {
    'limit0': ['0'],            # answers in the I/O thread
    'limit1w': ['1'],           # one worker
    'limit4w': ['4', 'chain'],  # four, woken as cheaply as is known
    'limit8w': ['8', 'chain'],
}

# belay whose workers are all batch work, not only those that compute.
BELAY_BATCH = 'belay_batch'

# What must be there in the peers' folder, and how it is called. {dir} and {port} are filled in; certificate
# and key follow where TLS is known.
PEERS = {
    'cpp_cb': ('bin/server_cb', ['{dir}/bin/server_cb', '{port}']),
    'cpp_sync': ('bin/server_sync', ['{dir}/bin/server_sync', '{port}']),
    'cpp_async': ('bin/server_async', ['{dir}/bin/server_async', '{port}', '2']),
    'go': ('bin/go_server', ['{dir}/bin/go_server', '{port}']),
    'tonic': ('bin/tonic_server', ['{dir}/bin/tonic_server', '{port}']),
    'java': ('java/cp.sh', ['sh', '-c', 'exec java -cp "$({dir}/java/cp.sh)" Server {port}']),
    'node': ('node/server.js', ['node', '{dir}/node/server.js', '{port}']),
    'python': ('python/server.py', ['python3', '{dir}/python/server.py', '{port}', '16']),
}
CPP_AND_GO = ('cpp_cb', 'cpp_sync', 'cpp_async', 'go')
USUAL = (*CPP_AND_GO, 'tonic')
WITH_TLS = ('belay', 'cpp_cb', 'cpp_sync', 'go', 'node')


class Stacks:
    """Knows the folders, starts the servers."""

    def __init__(self, build, peers, every_peer, work):
        self.bench = os.path.join(build, 'tests', 'bench')
        self.library = os.path.join(build, '.libs', 'libbelay.so')
        self.stream_peers = os.path.join(self.bench, 'peers')
        self.peers = peers
        self.every_peer = every_peer
        self._work = work
        self._certificate = None

    # ---- Programs --------------------------------------------------------------------------------

    def program(self, name):
        """A program of ours: bench-client, limits/raw-client, ..."""
        path = os.path.join(self.bench, name)
        if not os.path.exists(path):
            raise Unavailable(f'{name} is not built')
        return path

    def peer_program(self, name):
        """A program of the peers, or None where it is not built."""
        path = os.path.join(self.peers, name) if self.peers else ''
        return path if os.path.isfile(path) else None

    def peers_of(self, names):
        """Those of these peers that are built; the others only when all peers were asked for."""
        wanted = list(names) + ([name for name in PEERS if name not in USUAL] if self.every_peer else [])
        return [name for name in wanted if self.peer_program(PEERS[name][0])]

    # ---- Servers ---------------------------------------------------------------------------------

    def command(self, name, port, arguments=()):
        if name == 'belay':
            return [self.program('bench-server'), str(port), *arguments]
        if name == BELAY_BATCH:
            return self.command('belay', port, ('--batch', 'always', *arguments))
        if name in LIMITS:
            return [self.program('limits/limit-server'), str(port), *LIMITS[name]]
        return [word.format(dir=self.peers, port=port) for word in PEERS[name][1]] + list(arguments)

    @contextlib.contextmanager
    def serve(self, name, arguments=(), tls=False):
        """A server of a stack, from when it listens to its end."""
        if tls and name not in WITH_TLS:
            raise Unavailable(f'{name} without TLS')
        words = [*(self.certificate() if tls else ()), *arguments]
        with self.serve_command(name, lambda port: self.command(name, port, words)) as server:
            yield server

    @contextlib.contextmanager
    def serve_command(self, name, command_for):
        port = processes.free_port()
        with tempfile.TemporaryFile('w+', dir=self._work) as log:
            server = processes.Server(name, command_for(port), port, log)
            try:
                server.wait_until_it_listens()
                yield server
                # belay promises 0, and 3 tells that handlers had to be abandoned. The others just die.
                code = server.end()
                if name == 'belay' and code != 0:
                    raise Failed(f'bench-server ended with {code}')
            finally:
                server.end()

    def certificate(self):
        """A certificate and its key for localhost, made once a run."""
        if self._certificate is None:
            if not shutil.which('openssl'):
                raise Unavailable('openssl is missing')
            certificate, key = os.path.join(self._work, 'cert.pem'), os.path.join(self._work, 'key.pem')
            processes.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                           '-nodes', '-keyout', key, '-out', certificate, '-days', '30', '-subj',
                           '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'])
            self._certificate = (certificate, key)
        return self._certificate
