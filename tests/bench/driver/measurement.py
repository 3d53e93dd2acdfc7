# SPDX-License-Identifier: MIT
"""What a measurement is made of. Each module in measurements/ makes one or more of these."""
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Sequence

from .claims import Claim


@dataclass(frozen=True)
class Measurement:
    name: str
    title: str
    # Figures that measure() gives, and how each is called in tables, with its unit.
    metrics: Dict[str, str]
    # Which stacks take part here: stacks(bench) -> names.
    stacks: Callable[['Bench'], Sequence[str]]
    # One round of one stack: measure(bench, stack) -> {metric: figure}. Starts its server, ends it.
    measure: Callable[['Bench', str], Dict[str, float]]
    claims: Sequence[Claim] = ()
    # Fewer than asked for where a figure does not vary.
    rounds: Optional[int] = None


@dataclass
class Bench:
    """What measurements are given to work with."""
    options: object
    stacks: object      # stacks.Stacks
    clients: object     # clients.Clients

    def serve(self, stack, *arguments, tls=False):
        return self.stacks.serve(stack, arguments, tls)
