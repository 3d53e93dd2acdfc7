# SPDX-License-Identifier: MIT
"""The report that is read: targets first, then the medians of every stack."""
from .claims import Spread


def number(value):
    """Three figures that count, and no exponents."""
    if value is None:
        return '-'
    if value == 0:
        return '0'
    if abs(value) >= 1000:
        return f'{value:,.0f}'
    decimals = 2 - (len(str(int(abs(value)))) - 1) if abs(value) >= 1 else 3
    return f'{value:.{max(decimals, 0)}f}'


def spread(figure):
    if figure is None:
        return '-'
    if figure.low == figure.high:
        return number(figure.median)
    return f'{number(figure.median)} ({number(figure.low)}-{number(figure.high)})'


def report(record):
    """record: as record.make() gives it, or as it was read from a file."""
    parts = [_machine(record), _claims(record)]
    parts += [_medians(measurement) for measurement in record['measurements'] if measurement['stacks']]
    parts += [_remarks(record)]
    return '\n\n'.join(part for part in parts if part) + '\n'


def _machine(record):
    machine = record['machine']
    return (f'{machine["cores"]} cores, {machine["processor"]}; Linux {machine["kernel"]}; '
            f'{machine["compiler"]}; rounds: {record["rounds"]}'
            + ('; quick: not to be compared' if record['quick'] else ''))


# ---- Targets -------------------------------------------------------------------------------------


def _claims(record):
    rows = [('what', 'belay', 'against', 'ratio', 'target', '')]
    for measurement in record['measurements']:
        rows += [_claim_row(claim) for claim in measurement['claims']]
    return _lay_out(rows) if len(rows) > 1 else ''


def _claim_row(claim):
    measured, reference = _of(claim['measured']), _of(claim['reference'])
    against = f'{claim["reference"]["stack"]} {spread(reference)}' if reference else ''
    ratio = number(claim['figure']) if reference else ''
    if claim['ratio_low'] is not None and claim['ratio_low'] != claim['ratio_high']:
        ratio += f' ({number(claim["ratio_low"])}-{number(claim["ratio_high"])})'
    met = {True: 'met', False: 'NOT MET', None: f'not available: {claim["why_not"]}'}[claim['met']]
    name = claim['measured']['stack'] + ' ' if measured and claim['measured']['stack'] != 'belay' else ''
    return (claim['what'], name + spread(measured), against, ratio, claim['target'], met)


def _of(side):
    return Spread(tuple(side['samples'])) if side else None


# ---- Everything ----------------------------------------------------------------------------------


def _medians(measurement):
    stacks = measurement['stacks']
    metrics = [name for name in measurement['metrics'] if any(name in figures for figures in stacks.values())]
    rows = [(measurement['name'], *[measurement['metrics'][name] for name in metrics])]
    for stack, figures in stacks.items():
        cells = [spread(Spread(tuple(figures[name]))) if figures.get(name) else '' for name in metrics]
        rows.append((stack, *cells))
    return f'{measurement["title"]}\n{_lay_out(rows)}'


def _remarks(record):
    lines = [f'not available: {measurement["name"]}, {stack}: {reason}'
             for measurement in record['measurements']
             for stack, reason in measurement['unavailable'].items()]
    lines += [f'went wrong: {problem}' for problem in record['problems']]
    return '\n'.join(lines)


def _lay_out(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, '-' * max(len(line) for line in lines))
    return '\n'.join(lines)
