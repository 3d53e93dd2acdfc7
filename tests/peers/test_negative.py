#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""belay as client of a server that breaks off or is odd: gRPC's negative HTTP/2 cases by interop-client."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
os.environ['BELAY_PEERS_GRPC'] = 'optional'
import harness
from harness import equal

suite = harness.Suite('peers-negative')
ONE_BY_ONE = 'calls %d, at once 1, pings 0, pongs 0'

# What the server says of its connections.
CASES = {
    'rst_after_header': [ONE_BY_ONE % 1],
    'rst_during_data': [ONE_BY_ONE % 1],
    'rst_after_data': [ONE_BY_ONE % 1],
    'goaway': [ONE_BY_ONE % 1, ONE_BY_ONE % 1],
    'max_streams': [ONE_BY_ONE % 16],
    'data_frame_padding': [ONE_BY_ONE % 1],
    'no_df_padding_sanity_test': [ONE_BY_ONE % 1],
}


def run(case):
    server = harness.Server(sys.executable, os.path.join(harness.SOURCES, 'negative_server.py'), case)
    host, port = server.address.rsplit(':', 1)
    client = subprocess.run([harness.INTEROP_CLIENT, '--server_host=' + host, '--server_port=' + port,
                             '--test_case=' + case], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, timeout=harness.PATIENCE)
    if client.returncode != 0:
        raise AssertionError('exit status %d: %s' % (client.returncode, client.stdout.decode()))
    return server


def passes(case, wanted):
    server = run(case)
    for line in wanted:
        equal(server.read_line(), line, 'connection')
    server.kill()
    equal(server.said(), '', 'log')


for case, wanted in CASES.items():
    suite.add(case, passes, case, wanted)


@suite.test
def ping():
    """All of them are answered, before the server says that the call has ended."""
    server = run('ping')
    calls, at_once, pings, pongs = [int(word.split()[-1]) for word in server.read_line().split(',')]
    equal((calls, at_once, pings), (1, 1, pongs))
    if pings < 20:
        raise AssertionError('only %d PINGs' % pings)
    server.kill()


suite.run()
