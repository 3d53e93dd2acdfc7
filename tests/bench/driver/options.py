# SPDX-License-Identifier: MIT
import argparse
import os


def parse(names, arguments=None):
    """names: of all measurements."""
    parser = argparse.ArgumentParser(
        prog='bench.py',
        description='Measures belay beside the limits and other gRPC stacks, and says which targets are met.')
    parser.add_argument('--build', default='build', metavar='DIR', help='the build folder (build)')
    parser.add_argument('--peers', default=os.environ.get('BENCH_PEERS'), metavar='DIR',
                        help="the folder with other stacks' programs, see README; also $BENCH_PEERS")
    parser.add_argument('--every-peer', action='store_true', help='also peers that no target speaks of')
    parser.add_argument('--rounds', type=_positive, default=5, help='how often each is measured (5)')
    parser.add_argument('--only', metavar='LIST', help='names of measurements, with commas')
    parser.add_argument('--quick', action='store_true', help='short: to see that it works, not to compare')
    parser.add_argument('--out', metavar='DIR',
                        help='where results go (tests/bench/results in the build folder)')
    parser.add_argument('--list', action='store_true', help='name the measurements')
    parser.add_argument('--show', metavar='FILE', help='table and plot of a results.json, without measuring')
    options = parser.parse_args(arguments)
    options.names = options.only.split(',') if options.only else list(names)
    unknown = sorted(set(options.names) - set(names))
    if unknown:
        parser.error(f'no measurement is called {", ".join(unknown)}; --list names them')
    options.out = options.out or os.path.join(options.build, 'tests', 'bench', 'results')
    _set_lengths(options)
    return options


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError('at least 1')
    return number


def _set_lengths(options):
    """How long a single measurement of a round is."""
    quick = options.quick
    options.seconds = 0.3 if quick else 1.5         # of load
    options.cancels = 40 if quick else 500
    options.client_calls = 3000 if quick else 30000
    options.connections = 100 if quick else 1000    # idle
    options.blocked = 10 if quick else 100          # connections with a hundred blocked calls each
    options.flood = 20000 if quick else 100000
    options.starts = 5 if quick else 20
