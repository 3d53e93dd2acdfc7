# SPDX-License-Identifier: MIT
"""Programs that are run and ended. Everything has a time limit, and only what was started here is ended."""
import contextlib
import socket
import subprocess
import time

from .errors import Failed, Unavailable

LOOPBACK = '127.0.0.1'
USAGE = 2   # the exit status of our programs that do not understand their words


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def run(command, timeout=120):
    """Runs a program to its end and returns its output."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f'{command[0]} is missing') from error
    except subprocess.TimeoutExpired as error:
        raise Failed(f'{_name(command)} took longer than {timeout} s') from error
    if done.returncode == USAGE and 'usage' in done.stderr:
        raise Unavailable(f'{_name(command)} does not know {command[1]}')
    if done.returncode != 0:
        raise Failed(f'{_name(command)}: exit {done.returncode}: {_last_line(done.stdout + done.stderr)}')
    return done.stdout


def end(process, grace=5):
    """SIGTERM, then SIGKILL. Returns the exit status, or None when it had to be killed."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


@contextlib.contextmanager
def background(command, grace=5):
    """A program beside us, which can be talked to by its stdin and stdout."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        end(process, grace)
        process.stdin.close()
        process.stdout.close()


def tell_to_end(process):
    """For programs that end when their stdin is closed. Returns what they still say."""
    process.stdin.close()
    said = process.stdout.read()
    process.wait(30)
    return said


class Server:
    """A server on a port of the loopback device."""

    def __init__(self, name, command, port, log):
        self.name = name
        self.port = port
        self.address = f'{LOOPBACK}:{port}'
        self._log = log
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=log)
        self.pid = self._process.pid

    def alive(self):
        return self._process.poll() is None

    def wait_until_it_listens(self, limit=20):
        until = time.monotonic() + limit
        while time.monotonic() < until and self.alive():
            try:
                socket.create_connection((LOOPBACK, self.port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise Unavailable(f'{self.name} did not start: {self._complaint()}')

    def end(self):
        return end(self._process)

    def _complaint(self):
        self._log.seek(0)
        return _last_line(self._log.read()) or 'it said nothing'


def _name(command):
    return str(command[0]).rsplit('/', 1)[-1]


def _last_line(text):
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else ''
