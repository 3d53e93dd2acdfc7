# SPDX-License-Identifier: MIT
"""The rounds. In each every stack is measured once, one after the other and beginning with another one each
time, so that whatever the machine does meanwhile meets all of them."""
import sys
import time

from .claims import judge
from .errors import Failed, Unavailable


class Run:
    """What was measured so far."""

    def __init__(self):
        self.samples = {}       # measurement -> stack -> metric -> [figure of each round]
        self.unavailable = {}   # measurement -> stack -> reason
        self.problems = []

    def add(self, measurement, stack, figures):
        metrics = self.samples.setdefault(measurement, {}).setdefault(stack, {})
        for metric, figure in figures.items():
            metrics.setdefault(metric, []).append(figure)

    def verdicts(self, measurement):
        reasons = self.unavailable.get(measurement.name, {})
        samples = self.samples.get(measurement.name, {})
        return [judge(claim, samples, reasons.get('belay', '')) for claim in measurement.claims]


def run(bench, measurements, result):
    """Fills result. A KeyboardInterrupt goes through: what is in result then is right as far as it goes."""
    for number, measurement in enumerate(measurements, 1):
        progress = Progress(f'[{number}/{len(measurements)}] {measurement.title}')
        _measure(bench, measurement, result, progress)


def _measure(bench, measurement, result, progress):
    reasons = result.unavailable.setdefault(measurement.name, {})
    rounds = min(bench.options.rounds, measurement.rounds or bench.options.rounds)
    stacks = list(measurement.stacks(bench))
    for number in range(rounds):
        shift = number % len(stacks)
        for stack in stacks[shift:] + stacks[:shift]:
            if stack in reasons:
                continue
            progress.show(f'round {number + 1} of {rounds}: {stack}')
            try:
                result.add(measurement.name, stack, measurement.measure(bench, stack))
            except Unavailable as reason:
                reasons[stack] = str(reason)
            except (Failed, ProcessLookupError, OSError) as error:
                result.problems.append(f'{measurement.name}, {stack}: {error}')
    measured = [stack for stack in stacks if stack not in reasons]
    progress.end(f'{rounds} rounds of {", ".join(measured) or "nothing"}')


class Progress:
    """One line on stderr for what runs; on a terminal it is written over."""

    def __init__(self, title):
        self._title = title
        self._terminal = sys.stderr.isatty()
        self._start = time.monotonic()
        if not self._terminal:
            self._print(f'{title}\n')

    def show(self, what):
        self._print(f'\r\033[K{self._title}: {what}' if self._terminal else f'    {what}\n')

    def end(self, what):
        seconds = time.monotonic() - self._start
        if self._terminal:
            self._print(f'\r\033[K{self._title}: {what} ({seconds:.0f} s)\n')
        else:
            self._print(f'    {what} ({seconds:.0f} s)\n')

    @staticmethod
    def _print(text):
        sys.stderr.write(text)
        sys.stderr.flush()
