# SPDX-License-Identifier: MIT
"""Everything that was measured, as it stands in results.json: enough for the table and the plot."""
import json


def make(options, machine, measurements, run):
    return {
        'machine': machine,
        'rounds': options.rounds,
        'quick': options.quick,
        'measurements': [_measurement(measurement, run) for measurement in measurements],
        'problems': run.problems,
    }


def _measurement(measurement, run):
    return {
        'name': measurement.name,
        'title': measurement.title,
        'metrics': measurement.metrics,
        'stacks': run.samples.get(measurement.name, {}),
        'unavailable': run.unavailable.get(measurement.name, {}),
        'claims': [_claim(verdict) for verdict in run.verdicts(measurement)],
    }


def _claim(verdict):
    low, high = verdict.ratio_spread() or (None, None)
    return {
        'what': verdict.claim.what,
        'metric': verdict.claim.metric,
        'target': verdict.claim.target(),
        'measured': _side(verdict.measured),
        'reference': _side(verdict.reference),
        'figure': verdict.figure,
        'ratio_low': low,
        'ratio_high': high,
        'met': verdict.met,
        'why_not': verdict.why_not,
    }


def _side(side):
    if side is None:
        return None
    stack, spread = side
    return {'stack': stack, 'median': spread.median, 'samples': list(spread.samples)}


def save(record, path):
    with open(path, 'w', encoding='utf-8') as file:
        json.dump(record, file, indent=1)
        file.write('\n')


def load(path):
    with open(path, encoding='utf-8') as file:
        return json.load(file)
