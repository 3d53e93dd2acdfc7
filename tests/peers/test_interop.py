#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gRPC's interoperability cases between belay's programs and those of other stacks, in both directions, in
plaintext and over TLS: grpc-go's own interop client and server (grpc-go-interop-client and
grpc-go-interop-server in PATH), and a server on grpcio. What is not there is left out."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
os.environ['BELAY_PEERS_GRPC'] = 'optional'
import harness
from harness import until

GO_CLIENT = shutil.which('grpc-go-interop-client')
GO_SERVER = shutil.which('grpc-go-interop-server')

if not GO_CLIENT and not GO_SERVER and not harness.HAS_GRPC:
    print('peers-interop: skipped, neither grpc-go-interop-client nor -server in PATH, and no python3-grpcio')
    sys.exit(77)

suite = harness.Suite('peers-interop')
folder = tempfile.TemporaryDirectory(prefix='belay-interop-')

# What every server answers.
CASES = ['empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong', 'empty_stream',
         'custom_metadata', 'status_code_and_message', 'special_status_message', 'unimplemented_method',
         'unimplemented_service', 'cancel_after_begin', 'cancel_after_first_response', 'timeout_on_sleeping_server']
SOAKS = ['rpc_soak', 'channel_soak']
# What grpc-go's client has no case for, or only with Google's accounts.
OURS = SOAKS + ['concurrent_large_unary', 'per_rpc_creds', 'small_messages']
# What only grpc-go's client has.
GOS = SOAKS + ['pick_first_unary']
# What grpc-go's server does not do. (Neither tells whether a request was compressed.)
PYTHONS = ['cacheable_unary', 'server_compressed_unary', 'server_compressed_streaming']


# ---- Certificates ----------------------------------------------------------------------------------------

def path(name):
    return os.path.join(folder.name, name)


def openssl(*words):
    subprocess.run(['openssl', *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def make_certificates():
    """An authority (ca.pem), and a server of that (server.pem, server.key)."""
    new_key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout']
    openssl('req', '-x509', *new_key, path('ca.key'), '-out', path('ca.pem'), '-days', '2', '-subj', '/CN=ca')
    openssl('req', *new_key, path('server.key'), '-out', path('server.csr'), '-subj', '/CN=server')
    with open(path('names'), 'w', encoding='ascii') as file:
        file.write('subjectAltName=DNS:interop.test,IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', path('server.csr'), '-CA', path('ca.pem'), '-CAkey', path('ca.key'),
            '-CAcreateserial', '-days', '2', '-extfile', path('names'), '-out', path('server.pem'))


HAS_TLS = shutil.which('openssl') is not None
if HAS_TLS:
    make_certificates()
SERVER_FILES = ['--tls_cert_file=' + path('server.pem'), '--tls_key_file=' + path('server.key')]


# ---- Servers: started when they are first asked for ------------------------------------------------------

class GoServer(harness.Program):
    """It does not say that it listens, nor choose a port."""

    def __init__(self, *options):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        super().__init__(GO_SERVER, '--port=%d' % port, *options)
        self.address = '127.0.0.1:%d' % port
        until(self.listens, 'grpc-go-interop-server to listen')

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError('grpc-go-interop-server did not start: ' + self.said())
        try:
            socket.create_connection(self.address.rsplit(':', 1), harness.PATIENCE).close()
            return True
        except ConnectionRefusedError:
            return False


def start(stack, tls):
    if stack == 'belay':
        return harness.belay_server(*(['--use_tls=true'] + SERVER_FILES if tls else []))
    if stack == 'go':
        return GoServer(*(['--use_tls=true'] + SERVER_FILES if tls else []))
    return harness.python_server(*(['--tls', path('server.pem'), path('server.key')] if tls else []))


servers = {}


def server_of(stack, tls):
    if (stack, tls) not in servers:
        servers[stack, tls] = start(stack, tls)
    return servers[stack, tls]


# ---- Clients ---------------------------------------------------------------------------------------------

def run(command, tls, case, server):
    host, port = server.address.rsplit(':', 1)
    result = subprocess.run([*command, '--server_host=' + host, '--server_port=' + port, '--test_case=' + case, *tls],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            timeout=harness.PATIENCE)
    if result.returncode != 0:
        raise AssertionError('exit status %d: %s' % (result.returncode, result.stdout.decode(errors='replace')))


def belay_calls(stack, tls, case):
    options = ['--use_tls=true', '--tls_ca_file=' + path('ca.pem'), '--server_host_override=interop.test']
    run([harness.INTEROP_CLIENT], options if tls else [], case, server_of(stack, tls))


def go_calls(tls, case):
    options = ['--use_tls=true', '--use_test_ca=true', '--ca_file=' + path('ca.pem'),
               '--server_host_override=interop.test']
    # How long a call of a soak may take: nothing is measured.
    patience = ['--soak_per_iteration_max_acceptable_latency_ms=%d' % (1000 * harness.PATIENCE),
                '--soak_overall_timeout_seconds=%d' % harness.PATIENCE]
    run([GO_CLIENT] + patience, options if tls else [], case, server_of('belay', tls))


for tls in [False, True] if HAS_TLS else [False]:
    words = ' over TLS' if tls else ''
    for case in CASES + OURS:
        if GO_SERVER:
            suite.add('belay calls Go%s, %s' % (words, case), belay_calls, 'go', tls, case)
    for case in CASES + OURS + PYTHONS:
        if harness.HAS_GRPC:
            suite.add('belay calls Python%s, %s' % (words, case), belay_calls, 'python', tls, case)
    for case in CASES + GOS:
        if GO_CLIENT:
            suite.add('Go calls belay%s, %s' % (words, case), go_calls, tls, case)


@suite.test
def servers_end_well():
    """Nothing is left of any call, and nobody complained but of a client whose millisecond was over before the
    handshake was."""
    for (stack, tls), server in servers.items():
        status = server.terminate()
        said = [line for line in server.said().splitlines() if not (tls and 'TLS handshake: ' in line)]
        if stack == 'belay' and (status != 0 or said):
            raise AssertionError('exit status %d: %s' % (status, said))


suite.run()
