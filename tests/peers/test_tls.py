#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""TLS between belay and grpcio, in both directions: certificates of servers and of clients, those that are
refused, files that change under a server, and calls that are cancelled."""
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import harness
from harness import equal, until
import grpc

import services
from services import payload, relay, testing

if not shutil.which('openssl'):
    print('peers-tls: skipped, no openssl command')
    sys.exit(77)

suite = harness.Suite('peers-tls')
folder = tempfile.TemporaryDirectory(prefix='belay-tls-')
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
FOREVER_MS = 600000


# ---- Certificates ----------------------------------------------------------------------------------------

def path(name):
    return os.path.join(folder.name, name)


def openssl(*words):
    subprocess.run(['openssl', *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def make(name, issuer=None, names='DNS:localhost,IP:127.0.0.1'):
    """NAME.pem and NAME.key, by an authority made before, or by itself."""
    new_key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path(name + '.key')]
    if issuer is None:
        openssl('req', '-x509', *new_key, '-out', path(name + '.pem'), '-days', '2', '-subj', '/CN=' + name)
        return
    openssl('req', *new_key, '-out', path(name + '.csr'), '-subj', '/CN=' + name)
    with open(path(name + '.ext'), 'w', encoding='ascii') as file:
        file.write('subjectAltName=' + names + '\n')
    openssl('x509', '-req', '-in', path(name + '.csr'), '-CA', path(issuer + '.pem'), '-CAkey',
            path(issuer + '.key'), '-CAcreateserial', '-days', '2', '-extfile', path(name + '.ext'),
            '-out', path(name + '.pem'))


def read(name):
    with open(path(name), 'rb') as file:
        return file.read()


def replace(name, by):
    """As whoever renews certificates should: each file in one go."""
    for ending in '.pem', '.key':
        shutil.copy(path(by + ending), path('new'))
        os.rename(path('new'), path(name + ending))


make('ca')
make('other-ca')
make('server', 'ca')
make('client', 'ca', 'URI:spiffe://example/client')
make('elsewhere', 'ca', 'DNS:elsewhere.example')
make('stranger', 'other-ca')


# ---- Both sides ------------------------------------------------------------------------------------------

def belay_server(name='server', *options):
    return harness.belay_server('--use_tls=true', '--tls_cert_file=' + path(name + '.pem'),
                                '--tls_key_file=' + path(name + '.key'), *options)


def credentials(authority='ca', own=None):
    return grpc.ssl_channel_credentials(read(authority + '.pem'), own and read(own + '.key'),
                                        own and read(own + '.pem'))


def peer_of(server, **more):
    return services.Peer(server.address, services.NO_LIMITS, credentials(**more))


def fails(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    raise AssertionError('it should have failed')


def interop_client(address, *options, case='empty_unary'):
    host, port = address.rsplit(':', 1)
    return subprocess.run([harness.INTEROP_CLIENT, '--server_host=' + host, '--server_port=' + port,
                           '--use_tls=true', '--test_case=' + case, *options], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=harness.PATIENCE)


def passes(address, *options, **more):
    result = interop_client(address, *options, **more)
    if result.returncode != 0:
        raise AssertionError('exit status %d: %s' % (result.returncode, result.stdout.decode()))


def is_refused(address, words, *options):
    result = interop_client(address, *options)
    equal(result.returncode, 1, 'exit status')
    if words not in result.stdout.decode():
        raise AssertionError('"%s" is not in: %s' % (words, result.stdout.decode()))


TRUST = '--tls_ca_file=' + path('ca.pem')
OWN = ['--tls_cert_file=' + path('client.pem'), '--tls_key_file=' + path('client.key')]


# ---- grpcio calls belay ----------------------------------------------------------------------------------

server = belay_server()
peer = peer_of(server)


@suite.test
def python_calls_belay():
    equal(peer.test.EmptyCall(testing.Empty()), testing.Empty())
    equal(peer.test.UnaryCall(testing.SimpleRequest(response_size=314159, payload=payload(271828))),
          testing.SimpleResponse(payload=payload(314159)))
    requests = [testing.StreamingOutputCallRequest(response_parameters=[testing.ResponseParameters(size=size)])
                for size in (31415, 9, 2653, 58979)]
    equal([len(reply.payload.body) for reply in peer.test.FullDuplexCall(iter(requests))],
          [31415, 9, 2653, 58979])


@suite.test
def python_cancels_on_belay():
    call = peer.relay.Call.future(relay.RelayRequest(run=1, leaf=relay.LEAF_SLEEP, leaf_ms=FOREVER_MS))
    until(lambda: peer.counters().handlers_running == 1, 'a handler to run')
    call.cancel()
    until(peer.is_idle, 'the handler to return')
    equal([record.cause for record in peer.seen(1)], [relay.CAUSE_PEER_CANCELLED])


@suite.test
def python_believes_another_authority():
    stranger = peer_of(server, authority='other-ca')
    equal(fails(lambda: stranger.test.EmptyCall(testing.Empty())), UNAVAILABLE)
    stranger.close()


@suite.test
def python_shows_a_certificate_or_none():
    asking = belay_server('server', '--tls_client_ca_file=' + path('ca.pem'))
    known, unknown, stranger = (peer_of(asking, own=own) for own in ('client', None, 'stranger'))
    equal(known.test.EmptyCall(testing.Empty()), testing.Empty())
    equal(fails(lambda: unknown.test.EmptyCall(testing.Empty())), UNAVAILABLE)
    equal(fails(lambda: stranger.test.EmptyCall(testing.Empty())), UNAVAILABLE)
    for one in known, unknown, stranger:
        one.close()
    equal(asking.terminate(), 0, 'exit status')
    for words in 'the client has shown no certificate', 'is by no authority that is trusted here':
        if words not in asking.said():
            raise AssertionError('"%s" is not in the log: %s' % (words, asking.said()))


@suite.test
def certificates_are_renewed_under_a_server():
    make('renewed', 'ca', 'DNS:localhost,IP:127.0.0.1')
    make('current', 'other-ca')
    changing = belay_server('current')
    is_refused(changing.address, 'by no authority that is trusted here', TRUST)
    with open(path('current.pem'), 'w', encoding='ascii') as file:
        file.write('half a certifi')
    until(lambda: 'NOT used, those from before stay in force' in changing.said(), 'the bad file to be told of')
    is_refused(changing.address, 'by no authority that is trusted here', TRUST)
    replace('current', 'renewed')
    until(lambda: interop_client(changing.address, TRUST).returncode == 0, 'the new certificate to be shown')
    equal(changing.terminate(), 0, 'exit status')


# ---- belay calls grpcio ----------------------------------------------------------------------------------

python = harness.python_server('--tls', path('server.pem'), path('server.key'))


for name in ('empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong',
             'cancel_after_begin', 'cancel_after_first_response', 'timeout_on_sleeping_server', 'channel_soak'):
    suite.add('belay calls python: ' + name, lambda name: passes(python.address, TRUST, case=name), name)


@suite.test
def belay_looks_at_the_certificate():
    is_refused(python.address, 'by no authority that is trusted here', '--tls_ca_file=' + path('other-ca.pem'))
    is_refused(python.address, 'by no authority that is trusted here')
    is_refused(python.address, 'the certificate is for localhost, 127.0.0.1, not for bank.example', TRUST,
               '--server_host_override=bank.example')
    elsewhere = harness.python_server('--tls', path('elsewhere.pem'), path('elsewhere.key'))
    is_refused(elsewhere.address, 'the certificate is for elsewhere.example, not for 127.0.0.1', TRUST)
    passes(elsewhere.address, TRUST, '--server_host_override=elsewhere.example')
    equal(elsewhere.terminate(), 0, 'exit status')


@suite.test
def belay_shows_a_certificate_or_none():
    asking = harness.python_server('--tls', path('server.pem'), path('server.key'), path('ca.pem'))
    passes(asking.address, TRUST, *OWN)
    equal(interop_client(asking.address, TRUST).returncode, 1, 'exit status')
    asking.terminate()


@suite.test
def nothing_is_left():
    until(peer.is_idle, 'calls to be gone')
    peer.close()
    equal(server.terminate(), 0, 'exit status')
    equal(python.terminate(), 0, 'exit status of the Python server')


suite.run()
