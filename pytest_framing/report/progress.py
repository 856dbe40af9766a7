"""How far a run is: cases and tokens a second and the time left, as a plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST, EVERY = 10.0, 30.0
"""Seconds before the first line, and between two."""


@dataclass
class Progress:
    """Counts cases as they end.

    Parameters
    ----------
    total
        Cases that were planned.
    clock
        Seconds, rising.
    """

    total: int
    clock: Callable[[], float] = time.monotonic
    cases: int = 0
    tokens: int = 0
    _began: float | None = field(default=None, init=False)
    _next: float = field(default=FIRST, init=False)

    def add(self, tokens: int) -> str:
        """Take in a case; return a line when it is time for one, else nothing."""
        now = self.clock()
        if self._began is None:
            # The first case waited for the weights, which says nothing about those to come.
            self._began = now
            self.cases, self.tokens = 1, 0
            return ""
        self.cases += 1
        self.tokens += tokens
        elapsed = now - self._began
        if elapsed < self._next or self.cases >= self.total:
            return ""
        self._next = elapsed + EVERY
        pace = (self.cases - 1) / elapsed
        left = (self.total - self.cases) / pace
        speed = f"{pace:,.1f} cases/s, {self.tokens / elapsed:,.0f} tokens/s"
        return f"framing: {self.cases:,} of {self.total:,} cases, {speed}, {duration(left)} left"


def duration(seconds: float) -> str:
    """Write a time as people say it: ``45 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"
