# SPDX-License-Identifier: MIT
"""Medians with their spread, and what is held against what."""
import statistics
from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class Spread:
    """What several rounds gave for one figure."""
    samples: Tuple[float, ...]

    @property
    def median(self):
        return statistics.median(self.samples)

    @property
    def low(self):
        return min(self.samples)

    @property
    def high(self):
        return max(self.samples)


@dataclass(frozen=True)
class Claim:
    """A figure of belay must be at most, or at least, so many times another's in the same run; without
    `against`, it must be at most or at least the number itself."""
    what: str
    metric: str
    at_most: Optional[float] = None
    at_least: Optional[float] = None
    of: Tuple[str, ...] = ('belay',)    # of several, the worst counts
    against: Tuple[str, ...] = ()       # of several, the best that was measured counts
    against_metric: Optional[str] = None

    def target(self):
        number = self.at_most if self.at_most is not None else self.at_least
        sign = '<=' if self.at_most is not None else '>='
        return f'{sign} {number:.3g}' + (' x' if self.against else '')


@dataclass(frozen=True)
class Verdict:
    claim: Claim
    measured: Optional[Tuple[str, Spread]] = None     # stack, figure
    reference: Optional[Tuple[str, Spread]] = None
    why_not: str = ''

    @property
    def figure(self):
        """What is compared with the target."""
        if self.measured is None or (self.claim.against and self.reference is None):
            return None
        value = self.measured[1].median
        if not self.claim.against:
            return value
        divisor = self.reference[1].median
        return value / divisor if divisor else None

    @property
    def met(self):
        if self.figure is None:
            return None
        if self.claim.at_most is not None:
            return self.figure <= self.claim.at_most
        return self.figure >= self.claim.at_least

    def ratio_spread(self):
        """The lowest and the highest of the ratios of single rounds."""
        if self.measured is None or self.reference is None:
            return None
        ratios = [a / b for a, b in zip(self.measured[1].samples, self.reference[1].samples) if b]
        return (min(ratios), max(ratios)) if ratios else None


def judge(claim, samples, why_not=''):
    """samples: {stack: {metric: [figure of each round]}}."""
    less_is_better = claim.at_most is not None
    measured = _pick(samples, claim.of, claim.metric, lowest=not less_is_better)
    reference = _pick(samples, claim.against, claim.against_metric or claim.metric, lowest=less_is_better)
    if measured is None:
        return Verdict(claim, why_not=why_not or 'not measured')
    if claim.against and reference is None:
        return Verdict(claim, measured, why_not=f'none of {", ".join(claim.against)}')
    return Verdict(claim, measured, reference)


def _pick(samples, stacks, metric, lowest):
    found = [(stack, Spread(tuple(samples[stack][metric])))
             for stack in stacks if samples.get(stack, {}).get(metric)]
    if not found:
        return None
    choose = min if lowest else max
    return choose(found, key=lambda pair: pair[1].median)
