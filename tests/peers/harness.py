# SPDX-License-Identifier: MIT
"""What the suites against another gRPC implementation share: tests and their sum, processes, waiting.

The peer is Python's grpcio as distributions package it (Debian: python3-grpcio). A suite imports this module
before grpc: it runs the suite again under the system's own Python when the first one in PATH has no grpc, and
skips it when that one has none either. Suites with other peers set BELAY_PEERS_GRPC to "optional" first, and look at
HAS_GRPC.
"""
import atexit
import faulthandler
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SYSTEM_PYTHON = '/usr/bin/python3'


def find_grpc():
    """Whether there is one; does not return when there must be one, and is not."""
    os.environ['PYTHONDONTWRITEBYTECODE'] = '1'
    try:
        import grpc
        import google.protobuf
        return True
    except ImportError as missing:
        reason = missing
    if os.path.exists(SYSTEM_PYTHON) and 'BELAY_PEERS_PYTHON' not in os.environ:
        os.environ['BELAY_PEERS_PYTHON'] = SYSTEM_PYTHON
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON] + sys.argv)
    if os.environ.get('BELAY_PEERS_GRPC') == 'optional':
        return False
    print('peers: skipped, %s (Debian: python3-grpcio, python3-protobuf)' % reason)
    sys.exit(77)


HAS_GRPC = find_grpc()

SOURCES = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('top_builddir', '.')
INTEROP_SERVER = os.path.join(BUILD, 'tests/interop/interop-server')
ENDING_CLIENT = os.path.join(BUILD, 'tests/peers/ending-client')
INTEROP_CLIENT = os.path.join(BUILD, 'tests/interop/interop-client')

# Only against hanging: nothing is measured.
PATIENCE = 30 * (5 if os.environ.get('SANITIZER_FLAGS') else 1)


# ---- Processes -----------------------------------------------------------------------------------------

class Program:
    """A process of a test's own. It does not outlive the suite."""
    running = set()

    def __init__(self, *command):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors)
        Program.running.add(self)

    def read_line(self):
        return self.process.stdout.readline().decode().rstrip('\n')

    def press_enter(self):
        self.process.stdin.write(b'\n')
        self.process.stdin.flush()

    def kill(self):
        """Ends it with SIGKILL."""
        self.process.kill()
        self.wait()

    def stop(self):
        """Stands still from now on: its kernel answers, it does not."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def begin_to_terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def terminate(self):
        """Asks it to end; gives its exit status."""
        self.begin_to_terminate()
        return self.wait()

    def wait(self):
        status = self.process.wait(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()
        Program.running.discard(self)
        return status

    def said(self):
        """What it wrote to its standard error."""
        self.errors.seek(0)
        return self.errors.read().decode(errors='replace')


class Server(Program):
    """A program that says where it listens."""
    pattern = re.compile(r'listening on (\S+)$')

    def __init__(self, *command):
        super().__init__(*command)
        match = self.pattern.match(self.read_line())
        if match is None:
            self.kill()
            raise AssertionError('%s did not start: %s' % (command[0], self.said()))
        self.address = match.group(1)


def belay_server(*options):
    return Server(INTEROP_SERVER, '--port=0', *options)


def python_server(*options):
    return Server(sys.executable, os.path.join(SOURCES, 'python_server.py'), *options)


def python_client(address, method, count, request):
    """Holds calls of Relay open until it is killed."""
    return Program(sys.executable, os.path.join(SOURCES, 'python_client.py'), address, method, str(count),
                   request.SerializeToString().hex())


def kill_all():
    for program in list(Program.running):
        program.process.kill()
        program.process.wait()


atexit.register(kill_all)
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


# ---- Waiting and expecting -----------------------------------------------------------------------------

def until(condition, what):
    """Asks again and again until a condition holds; gives what it gave."""
    end = time.monotonic() + PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError('waited in vain: ' + what)
        time.sleep(0)


def equal(found, wanted, what='value'):
    if found != wanted:
        raise AssertionError('%s: found %s, wanted %s' % (what, shorten(found), shorten(wanted)))


def shorten(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + '…'


# ---- Tests and their sum -------------------------------------------------------------------------------

class Suite:
    """Tests, run in the order in which they were added. With an argument on the command line, those whose
    name contains it."""

    def __init__(self, name):
        self.name = name
        self.tests = []

    def test(self, function):
        """Decorator: adds a function by its own name."""
        self.add(function.__name__.replace('_', ' '), function)
        return function

    def add(self, name, function, *arguments):
        self.tests.append((name, function, arguments))

    def run(self):
        """Runs all, prints the sum and ends the program."""
        failed = 0
        chosen = [test for test in self.tests if len(sys.argv) < 2 or sys.argv[1] in test[0]]
        for name, function, arguments in chosen:
            guard = threading.Timer(3 * PATIENCE, self.give_up, [name])
            guard.daemon = True
            guard.start()
            try:
                function(*arguments)
                print('ok      ' + name, flush=True)
            except Exception:
                failed += 1
                print('FAILED  ' + name, flush=True)
                traceback.print_exc(file=sys.stdout)
            guard.cancel()
        print('%s: %d passed, %d failed' % (self.name, len(chosen) - failed, failed), flush=True)
        sys.exit(1 if failed else 0)

    def give_up(self, name):
        print('FAILED  %s hangs' % name, flush=True)
        faulthandler.dump_traceback(sys.stdout)
        kill_all()
        os._exit(1)
