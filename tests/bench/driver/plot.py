# SPDX-License-Identifier: MIT
"""The figure: CPU of a call, latencies of cancels, chains, memory. Drawn by gnuplot from a record."""
import shutil
import subprocess
from dataclasses import dataclass
from typing import List, Tuple

from .claims import Spread

# As they are called in the figure. Of several limits, the first that a measurement has stands there.
STACKS = {
    'belay': ('belay',),
    'limit': ('limit4w', 'limit1w', 'limit8w', 'wake-limit', 'hand-limit', 'limit0'),
    'C++ cb': ('cpp_cb',),
    'C++ sync': ('cpp_sync',),
    'Go': ('go',),
    'tonic': ('tonic',),
}
COLOURS = ('#1b6ca8', '#e07b39', '#4f9d69', '#b0506a')


@dataclass(frozen=True)
class Panel:
    title: str
    axis: str
    # Bars side by side for each stack: label, measurement, metric.
    bars: List[Tuple[str, str, str]]
    scale: float = 1
    logarithmic: bool = True


PANELS = [
    Panel('Unary calls: what a call costs the server', 'CPU, us a call', [
        ('8 connections x 32 streams', 'unary', 'cpu'), ('one at a time', 'single', 'cpu')], scale=10),
    Panel('From a cancel to the handler that sees it', 'us', [
        ('p50', 'cancel', 'p50'), ('p99', 'cancel', 'p99'), ('p50, all cores busy', 'busy', 'p50'),
        ('p99, all cores busy', 'busy', 'p99')]),
    Panel('Chain of three servers: from the cancel to the last handler', 'us', [
        ('p50', 'chain', 'p50'), ('p99', 'chain', 'p99')]),
    Panel('Memory', 'KiB', [
        ('idle connection', 'memory', 'connection'), ('call blocked in its handler', 'blocked', 'call'),
    ], logarithmic=False),
]


def draw(record, path):
    """Returns why there is no plot, or None."""
    if not shutil.which('gnuplot'):
        return 'no plot: gnuplot is missing (Debian, Ubuntu: apt-get install gnuplot-nox)'
    script = make_script(record, path)
    if script is None:
        return 'no plot: nothing of what it shows was measured'
    done = subprocess.run(['gnuplot'], input=script, capture_output=True, text=True, timeout=60, check=False)
    return f'no plot: gnuplot: {done.stderr.strip()[:200]}' if done.returncode != 0 else None


def make_script(record, path):
    panels = [(panel, _rows(record, panel)) for panel in PANELS]
    panels = [(panel, rows) for panel, rows in panels if rows]
    if not panels:
        return None
    lines = [
        "set terminal svg size 1200,840 font 'sans-serif,13' background '#ffffff'",
        f"set output '{path}'",
        f"set multiplot layout {(len(panels) + 1) // 2},{min(2, len(panels))} margins 0.07,0.98,0.07,0.94 "
        'spacing 0.08,0.13',
        'set style data histograms',
        'set style histogram errorbars gap 1 lw 1',
        "set style fill solid 0.9 border rgb '#444444'",
        'set boxwidth 0.9',
        "set format y '%g'",
        "set grid ytics lc '#dddddd'",
        'set border 3',
        'set tics nomirror',
        "set datafile missing '?'",
        'set key top left reverse Left samplen 1',
    ]
    for panel, rows in panels:
        lines += _panel(panel, rows)
    return '\n'.join(lines + ['unset multiplot', ''])


def _panel(panel, rows):
    block = f'$data{PANELS.index(panel)}'
    lines = [f'{block} << EOD']
    lines += [' '.join([f'"{stack}"', *[_columns(spread, panel.scale) for spread in spreads]])
              for stack, spreads in rows]
    lines += ['EOD', f"set title '{panel.title}'", f"set ylabel '{panel.axis}'",
              ('set' if panel.logarithmic else 'unset') + ' logscale y',
              'set yrange [{}:{}]'.format(*_range(panel, rows))]
    bars = [f"{block} using {3 * index + 2}:{3 * index + 3}:{3 * index + 4}:xtic(1) title '{label}' "
            f"lc rgb '{COLOURS[index]}'" for index, (label, _, _) in enumerate(panel.bars)]
    return lines + ['plot ' + ', '.join(bars)]


def _columns(spread, scale):
    if spread is None:
        return '? ? ?'
    return ' '.join(f'{value * scale:.6g}' for value in (spread.median, spread.low, spread.high))


def _range(panel, rows):
    """Room below the lowest bar on a logarithmic axis, and above the highest for the key."""
    spreads = [spread for _, spreads in rows for spread in spreads if spread]
    lowest = min(spread.low for spread in spreads) * panel.scale
    highest = max(spread.high for spread in spreads) * panel.scale
    if panel.logarithmic:
        return f'{lowest / 2:.3g}', f'{highest * 2.2 ** len(panel.bars):.3g}'
    return '0', f'{highest * (1 + 0.12 * len(panel.bars)):.3g}'


def _rows(record, panel):
    """The stacks of which there is something, each with a Spread or None for each bar."""
    measured = {measurement['name']: measurement['stacks'] for measurement in record['measurements']}
    rows = [(label, [_spread(measured.get(name, {}), stacks, metric) for _, name, metric in panel.bars])
            for label, stacks in STACKS.items()]
    return [(label, spreads) for label, spreads in rows if any(spreads)]


def _spread(measured, stacks, metric):
    """None also for what a logarithmic axis cannot show."""
    samples = next((measured[stack][metric] for stack in stacks if measured.get(stack, {}).get(metric)), None)
    return Spread(tuple(samples)) if samples and min(samples) > 0 else None
