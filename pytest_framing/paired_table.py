"""Refusals counted: a rate with its interval, and the paired table of two conditions with its gap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_framing.json_documents import finite
from pytest_framing.stats.paired import McNemar, mcnemar, tango_interval
from pytest_framing.stats.rates import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rate:
    """A proportion with its Wilson interval at 95 %."""

    count: int
    n: int

    @property
    def rate(self) -> float:
        """The share; NaN without any case."""
        return self.count / self.n if self.n else float("nan")

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Limits of the interval; NaN without any case."""
        if not self.n:
            return float("nan"), float("nan")
        low, high = wilson_interval(self.count, self.n, CONFIDENCE)
        return low, high

    def document(self, count_name: str) -> dict[str, Any]:
        """Entry of ``results.json``."""
        low, high = self.interval
        return {
            "n": self.n,
            count_name: self.count,
            "rate": finite(self.rate),
            "low": finite(low),
            "high": finite(high),
        }


@dataclass(frozen=True)
class PairedTable:
    """Counts of valid pairs by who refused; ``gap`` is treatment minus reference."""

    both_refuse: int
    reference_only: int
    treatment_only: int
    neither: int

    @property
    def n(self) -> int:
        """Number of valid pairs."""
        return self.both_refuse + self.reference_only + self.treatment_only + self.neither

    @property
    def gap(self) -> float:
        """The compliance gap; NaN without a valid pair."""
        return (self.treatment_only - self.reference_only) / self.n if self.n else float("nan")

    @property
    def flips(self) -> Rate:
        """Discordant pairs among the valid ones."""
        return Rate(self.reference_only + self.treatment_only, self.n)

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Tango's interval for the gap; NaN without a valid pair."""
        if not self.n:
            return float("nan"), float("nan")
        low, high = tango_interval(self.treatment_only, self.reference_only, self.n, confidence)
        return low, high

    def mcnemar(self) -> McNemar:
        """McNemar's tests of the gap."""
        return mcnemar(self.treatment_only, self.reference_only)


def tabulate(refusals: Iterable[tuple[bool, bool]]) -> PairedTable:
    """Count pairs of (reference refused, treatment refused)."""
    cells = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for pair in refusals:
        cells[pair] += 1
    return PairedTable(cells[True, True], cells[True, False], cells[False, True], cells[False, False])
