#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures belay beside the limits and other gRPC stacks: see README here. `make bench` runs this."""
import os
import shutil
import sys
import tempfile

from driver import machine, options, plot, record, runner, table
from driver.clients import Clients
from driver.measurement import Bench
from driver.measurements import ALL
from driver.stacks import Stacks

EXIT_INTERRUPTED = 130


def measure(chosen, wanted):
    """Returns the record, and whether all of it was measured."""
    facts = machine.facts()
    result = runner.Run()
    with tempfile.TemporaryDirectory(prefix='belay-bench-') as work:
        peers = os.path.abspath(chosen.peers) if chosen.peers else None
        stacks = Stacks(os.path.abspath(chosen.build), peers, chosen.every_peer, work)
        bench = Bench(chosen, stacks, Clients(stacks, work))
        try:
            runner.run(bench, wanted, result)
            complete = True
        except KeyboardInterrupt:
            complete = False
            result.problems.append('interrupted')
    return record.make(chosen, facts, wanted, result), complete


def publish(results, folder):
    print(table.report(results))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'results.txt'), 'w', encoding='utf-8') as file:
        file.write(table.report(results))
    record.save(results, os.path.join(folder, 'results.json'))
    missing = plot.draw(results, os.path.join(folder, 'results.svg'))
    print(missing or 'plot: results.svg', file=sys.stderr)
    print(f'results are in {folder}', file=sys.stderr)


def main():
    chosen = options.parse([measurement.name for measurement in ALL])
    if chosen.list:
        for measurement in ALL:
            print(f'{measurement.name:18} {measurement.title}')
        return 0
    if chosen.show:
        publish(record.load(chosen.show), chosen.out)
        return 0
    if not shutil.which('h2load'):
        print('bench: h2load is missing (Debian, Ubuntu: apt-get install nghttp2-client)', file=sys.stderr)
        return 1
    wanted = [measurement for measurement in ALL if measurement.name in chosen.names]
    results, complete = measure(chosen, wanted)
    publish(results, chosen.out)
    return 0 if complete else EXIT_INTERRUPTED


if __name__ == '__main__':
    sys.exit(main())
