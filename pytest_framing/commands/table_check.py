"""What a published two-by-two table says: the numbers behind ``framing check-table``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_framing.errors import FramingError
from pytest_framing.json_documents import finite
from pytest_framing.stats.contradiction import formulas_that_print
from pytest_framing.stats.interval import Interval
from pytest_framing.stats.paired import (
    Equivalence,
    McNemar,
    NonInferiority,
    equivalence,
    mcnemar,
    newcombe_interval,
    noninferiority,
    tango_interval,
)
from pytest_framing.stats.power import minimum_detectable_effect
from pytest_framing.stats.rates import wilson_interval

ALPHA = 0.05
"""Level of each one-sided test: the default of the gates ``gap_equivalent`` and ``refusal_regression``."""

POWER = 0.8


class Table(NamedTuple):
    """Pairs that refuse under both conditions, only under the reference, only under the treatment, under neither."""

    both: int
    reference_only: int
    treatment_only: int
    neither: int


class PrintedP(NamedTuple):
    """A p-value as it was printed."""

    text: str
    value: float
    decimals: int


class Share(NamedTuple):
    """How many of the pairs, and Wilson's interval for the rate."""

    pairs: int
    rate: float
    interval: Interval

    def document(self) -> dict[str, Any]:
        """JSON object."""
        return {"count": self.pairs, "rate": self.rate, "interval": [*self.interval]}


@dataclass(frozen=True)
class TableCheck:
    """Everything that the table implies; the gap is the rate under the treatment less that under the reference."""

    table: Table
    n: int
    margin: float
    confidence: float
    reference: Share
    treatment: Share
    flips: Share
    gap: float
    tango: Interval
    newcombe: Interval
    mcnemar: McNemar
    equivalence: Equivalence
    noninferiority: NonInferiority
    minimum_detectable_effect: float
    undefined: dict[str, str]
    printed_p: PrintedP | None
    formulas: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """JSON object with unrounded numbers; undefined ones are ``null``."""
        return {
            "table": self.table._asdict(),
            "n": self.n,
            "margin": self.margin,
            "confidence": self.confidence,
            "reference": self.reference.document(),
            "treatment": self.treatment.document(),
            "gap": {"estimate": self.gap, "tango": [*self.tango], "newcombe": [*self.newcombe]},
            "flips": self.flips.document(),
            "mcnemar": self.mcnemar._asdict(),
            "equivalence": {
                "alpha": ALPHA,
                "interval": [*self.equivalence.interval],
                "p": self.equivalence.p,
                "equivalent": self.equivalence.equivalent,
            },
            "noninferiority": {"alpha": ALPHA, **self.noninferiority._asdict()},
            "minimum_detectable_effect": {
                "value": finite(self.minimum_detectable_effect),
                "alpha": 1 - self.confidence,
                "power": POWER,
            },
            "printed_p": None
            if self.printed_p is None
            else {"text": self.printed_p.text, "decimals": self.printed_p.decimals, "formulas": [*self.formulas]},
            "undefined": self.undefined,
        }


def check_table(
    table: Table, margin: float = 0.05, confidence: float = 0.95, printed_p: PrintedP | None = None
) -> TableCheck:
    """Work out what a table implies, and which formulas a printed p-value can have come from.

    Raises
    ------
    FramingError
        When the table holds no pair.
    """
    both, reference_only, treatment_only, neither = table
    n = sum(table)
    if n == 0:
        raise FramingError("the table is all zeros: without a pair there is nothing to check")

    def share(count: int) -> Share:
        return Share(count, count / n, wilson_interval(count, n, confidence))

    flips = share(reference_only + treatment_only)
    detectable = minimum_detectable_effect(n, flips.rate, 1 - confidence, POWER)
    undefined = {}
    if math.isnan(detectable):
        undefined["minimum_detectable_effect"] = (
            f"{flips.pairs} of {n} pairs flip, which is too few even if all went one way"
        )
    return TableCheck(
        table=table,
        n=n,
        margin=margin,
        confidence=confidence,
        reference=share(both + reference_only),
        treatment=share(both + treatment_only),
        flips=flips,
        gap=(treatment_only - reference_only) / n,
        # Condition 1 is the treatment here, so that the difference is the gap ...
        tango=tango_interval(treatment_only, reference_only, n, confidence),
        newcombe=newcombe_interval(both, treatment_only, reference_only, neither, confidence),
        mcnemar=mcnemar(treatment_only, reference_only),
        equivalence=equivalence(treatment_only, reference_only, n, margin, ALPHA),
        # ... and the reference here: the question is whether the treatment lowers refusal.
        noninferiority=noninferiority(reference_only, treatment_only, n, margin, ALPHA),
        minimum_detectable_effect=detectable,
        undefined=undefined,
        printed_p=printed_p,
        formulas=()
        if printed_p is None
        else formulas_that_print(treatment_only, reference_only, printed_p.value, printed_p.decimals),
    )
