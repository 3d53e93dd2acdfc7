#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the driver makes of figures: nothing is measured here."""
import os
import subprocess
import sys
import tempfile
import unittest
from types import SimpleNamespace

from driver import clients, options, plot, record, runner, table
from driver.claims import Claim, judge
from driver.errors import Failed, Unavailable
from driver.measurement import Bench, Measurement
from driver.measurements import ALL

FACTS = {'cores': 2, 'processor': 'P', 'kernel': 'K', 'compiler': 'C'}


def make_measurement(measure, **more):
    return Measurement(name='m', title='a title', metrics={'cpu': 'CPU'},
                       stacks=lambda bench: ['belay', 'go', 'cpp'], measure=measure, **more)


def run(measurement, rounds=3):
    result = runner.Run()
    silent = open(os.devnull, 'w', encoding='ascii')
    stderr, sys.stderr = sys.stderr, silent
    try:
        runner.run(Bench(SimpleNamespace(rounds=rounds), None, None), [measurement], result)
    finally:
        sys.stderr = stderr
        silent.close()
    return result


class Claims(unittest.TestCase):
    SAMPLES = {
        'belay': {'cpu': [2, 1, 3]},
        'go': {'cpu': [10, 30, 20]},
        'cpp': {'cpu': [9, 8, 7], 'load': [4, 4, 4]},
    }

    def test_ratio_is_of_medians(self):
        verdict = judge(Claim('', 'cpu', at_most=1 / 5, against=('go',)), self.SAMPLES)
        self.assertEqual(verdict.figure, 0.1)
        self.assertTrue(verdict.met)

    def test_best_of_several_counts(self):
        verdict = judge(Claim('', 'cpu', at_most=1 / 5, against=('go', 'cpp', 'missing')), self.SAMPLES)
        self.assertEqual(verdict.reference[0], 'cpp')
        self.assertFalse(verdict.met)

    def test_best_of_rates_is_the_highest(self):
        verdict = judge(Claim('', 'cpu', at_least=3, against=('go', 'cpp')), self.SAMPLES)
        self.assertEqual(verdict.reference[0], 'go')
        self.assertFalse(verdict.met)

    def test_worst_of_belay_counts(self):
        both = ('belay', 'cpp')
        verdict = judge(Claim('', 'cpu', at_most=3, of=both, against=both), self.SAMPLES)
        self.assertEqual((verdict.measured[0], verdict.reference[0]), ('cpp', 'belay'))
        self.assertEqual(verdict.figure, 4)

    def test_other_metric_can_be_the_reference(self):
        verdict = judge(Claim('', 'cpu', at_most=1, against=('cpp',), against_metric='load'), self.SAMPLES)
        self.assertEqual(verdict.figure, 0.5)

    def test_spread_of_ratios_is_over_rounds(self):
        verdict = judge(Claim('', 'cpu', at_most=1, against=('go',)), self.SAMPLES)
        self.assertEqual(verdict.ratio_spread(), (1 / 30, 0.2))

    def test_number_itself(self):
        self.assertTrue(judge(Claim('', 'cpu', at_most=2), self.SAMPLES).met)
        self.assertFalse(judge(Claim('', 'cpu', at_most=1.9), self.SAMPLES).met)

    def test_what_is_missing_is_neither_met_nor_not(self):
        for claim in (Claim('', 'cpu', at_most=1, against=('java',)), Claim('', 'p50', at_most=1)):
            verdict = judge(claim, self.SAMPLES)
            self.assertIsNone(verdict.met)
            self.assertNotEqual(verdict.why_not, '')


class Rounds(unittest.TestCase):
    def test_stacks_take_turns(self):
        order = []

        def measure(_bench, stack):
            order.append(stack)
            return {'cpu': len(order)}

        result = run(make_measurement(measure))
        self.assertEqual(' '.join(order), 'belay go cpp go cpp belay cpp belay go')
        self.assertEqual(result.samples['m']['belay']['cpu'], [1, 6, 8])

    def test_measurement_may_want_fewer_rounds(self):
        result = run(make_measurement(lambda bench, stack: {'cpu': 1}, rounds=1))
        self.assertEqual(result.samples['m']['go']['cpu'], [1])

    def test_unavailable_is_not_asked_again(self):
        asked = []

        def measure(_bench, stack):
            asked.append(stack)
            raise Unavailable('no such thing')

        result = run(make_measurement(measure))
        self.assertEqual(len(asked), 3)
        self.assertEqual(result.unavailable['m'], dict.fromkeys(('belay', 'go', 'cpp'), 'no such thing'))

    def test_failure_costs_one_sample_and_is_told(self):
        rounds = {'belay': 0}

        def measure(_bench, stack):
            if stack == 'belay':
                rounds['belay'] += 1
                if rounds['belay'] == 2:
                    raise Failed('once')
            return {'cpu': 1}

        result = run(make_measurement(measure))
        self.assertEqual(result.samples['m']['belay']['cpu'], [1, 1])
        self.assertEqual(result.problems, ['m, belay: once'])


class Reports(unittest.TestCase):
    def make_record(self):
        figures = {'belay': 1.5, 'go': 3, 'cpp': 4}
        measurement = make_measurement(
            lambda bench, stack: {'cpu': figures[stack]},
            claims=[
                Claim('it is cheap', 'cpu', at_most=0.4, against=('go',)),
                Claim('it is there', 'p50', at_most=1),
            ])
        result = run(measurement)
        return record.make(SimpleNamespace(rounds=3, quick=False), FACTS, [measurement], result)

    def test_table_says_what_is_met(self):
        text = table.report(self.make_record())
        self.assertRegex(text, r'it is cheap +1\.50 +go 3\.00 +0\.500 +<= 0\.4 x +NOT MET')
        self.assertRegex(text, r'it is there .*<= 1 +not available: not measured')
        self.assertRegex(text, r'\ncpp +4\.00\n')

    def test_record_comes_back_from_its_file(self):
        made = self.make_record()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'results.json')
            record.save(made, path)
            self.assertEqual(table.report(record.load(path)), table.report(made))

    def test_numbers_have_three_figures(self):
        numbers = [0, 0.1234, 1.234, 12.34, 123.4, 1234.5]
        texts = ['0', '0.123', '1.23', '12.3', '123', '1,234']
        self.assertEqual([table.number(value) for value in numbers], texts)

    def test_plot_has_the_panels_that_were_measured(self):
        made = self.make_record()
        self.assertIsNone(plot.make_script(made, 'x.svg'))
        made['measurements'][0]['name'] = 'unary'
        script = plot.make_script(made, 'x.svg')
        self.assertEqual(script.count('\nplot '), 1)
        self.assertIn('"belay" 15 15 15 ? ? ?', script)


class Programs(unittest.TestCase):
    def test_lines_of_clients_are_read(self):
        output = ('unary threads=1 bad=0 rate=7200/s cpu_s_per_100k=0.5\n'
                  'latency n=9 miss=1 us: min=1.0 p50=2.5 p90=3.0 p99=4.5 max=9.0\n')
        self.assertEqual(clients.fields(output, 'unary')['rate'], 7200)
        self.assertEqual(clients.percentiles(output, 'latency'), {'p50': 2.5, 'p99': 4.5, 'miss': 1, 'n': 9})
        with self.assertRaises(Failed):
            clients.percentiles('latency none miss=3', 'latency')

    def test_measurements_have_names_of_their_own_and_know_their_metrics(self):
        names = [measurement.name for measurement in ALL]
        self.assertEqual(len(names), len(set(names)))
        for measurement in ALL:
            for claim in measurement.claims:
                self.assertIn(claim.metric, measurement.metrics)
                self.assertIn(claim.against_metric or claim.metric, measurement.metrics)

    def test_options(self):
        self.assertEqual(options.parse(['a', 'b'], ['--only', 'b']).names, ['b'])
        self.assertEqual(options.parse(['a'], ['--build', 'x']).out, 'x/tests/bench/results')

    def test_unknown_measurement_is_refused(self):
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'bench.py')
        done = subprocess.run([sys.executable, program, '--only', 'nonsense'], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn('no measurement is called nonsense', done.stderr)


if __name__ == '__main__':
    outcome = unittest.main(exit=False, verbosity=0).result
    bad = len(outcome.failures) + len(outcome.errors)
    print(f'driver: {outcome.testsRun - bad} passed, {bad} failed')
    sys.exit(1 if bad else 0)
