#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""belay as client, grpcio as server: calls of all four kinds that end early, in every way. What the client is
told, and that the server's handlers end."""
import sys

sys.dont_write_bytecode = True
import harness
from harness import equal, until

import services

suite = harness.Suite('peers-endings')
server = harness.python_server()
watcher = services.Peer(server.address)

# The last one is a stream whose sender is blocked, as the server takes nothing.
KINDS = 'unary', 'upload', 'download', 'chat', 'blocked'


def open_call(kind, way, address=server.address):
    client = harness.Program(harness.ENDING_CLIENT, address, kind, way)
    equal(client.read_line(), 'open')
    return client


def says(client, *words):
    """What it says last begins with these words."""
    equal(client.read_line().split(' ', len(words))[:len(words)], list(words))
    status = client.wait()
    equal((status, client.said()), (0, ''), 'exit status and log')


def running(count):
    until(lambda: watcher.counters().handlers_running == count, '%d handlers to run' % count)


def server_sees_it(before):
    until(watcher.is_idle, 'the handler to return')
    until(lambda: watcher.counters().calls_cancelled == before + 1, 'the call to be cancelled')


def cancelled(kind):
    before = watcher.counters().calls_cancelled
    client = open_call(kind, 'cancel')
    running(1)
    client.press_enter()
    says(client, 'CANCELLED', 'CANCELLED', 'enough')
    server_sees_it(before)


def last_words(client):
    """The code of the function that was blocked, and that of the call."""
    codes = client.read_line().split(' ')[:2]
    equal(client.wait(), 0, 'exit status')
    return codes


def out_of_time(kind):
    """When the server's clock is the faster one a sender learns that the call has ended, and asks how."""
    blocked, code = last_words(open_call(kind, 'deadline'))
    equal(code, 'DEADLINE_EXCEEDED')
    if blocked != code:
        equal((blocked, kind), ('END_OF_STREAM', 'blocked'))
    until(watcher.is_idle, 'the handler to return')


def freed(kind):
    before = watcher.counters().calls_cancelled
    client = open_call(kind, 'free')
    running(1)
    client.press_enter()
    says(client, 'freed')
    server_sees_it(before)


def client_killed(kind):
    before = watcher.counters().calls_cancelled
    client = open_call(kind, 'wait')
    running(1)
    client.kill()
    server_sees_it(before)


for kind in KINDS:
    suite.add('cancelled: ' + kind, cancelled, kind)
    suite.add('deadline: ' + kind, out_of_time, kind)
    suite.add('freed: ' + kind, freed, kind)
    suite.add('client killed: ' + kind, client_killed, kind)


def clients_at(other):
    """One of each kind, under way."""
    peer = services.Peer(other.address)
    clients = [open_call(kind, 'wait', other.address) for kind in KINDS]
    until(lambda: peer.counters().handlers_running == len(KINDS), 'handlers to run')
    peer.close()
    return clients


@suite.test
def server_killed():
    other = harness.python_server()
    clients = clients_at(other)
    other.kill()
    for kind, client in zip(KINDS, clients):
        blocked = 'END_OF_STREAM' if kind == 'blocked' else 'UNAVAILABLE'
        equal(last_words(client), [blocked, 'UNAVAILABLE'], kind)


@suite.test
def nothing_is_left():
    until(watcher.is_idle, 'handlers to return')
    watcher.close()
    equal(server.terminate(), 0, 'exit status of the Python server')
    equal(server.said(), '', 'log of the Python server')


suite.run()
