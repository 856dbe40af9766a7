"""What a run of a given size can tell: the numbers behind ``framing power``."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from pytest_framing.json_documents import finite
from pytest_framing.stats.power import (
    connor_power,
    equivalence_power,
    mcnemar_power,
    minimum_detectable_effect,
    pairs_to_settle,
    pairs_without_flips,
    sample_size,
)
from pytest_framing.stats.rates import wilson_interval

ENUMERATED_AT_MOST = 10**6
"""Prompts up to which all tables are summed in a tenth of a second; beyond, Connor's formula will do."""


@dataclass(frozen=True)
class Question:
    """A run that is planned: its prompts, the flips expected, the gap that matters, and how sure one wants to be.

    ``alpha`` is shared by the ``comparisons`` of gaps, and the level of each one-sided test of equivalence.
    """

    prompts: int
    flip_rate: float
    margin: float
    comparisons: int = 2
    alpha: float = 0.05
    power: float = 0.8


@dataclass(frozen=True)
class Detectability:
    """What that run can see and what it can rule out; NaN is undefined, and ``undefined`` has the reason."""

    question: Question
    level: float
    smallest_detectable_gap: float
    power_to_detect_margin: float
    power_method: str | None
    prompts_to_detect_margin: float
    power_to_show_equivalence: float
    prompts_to_show_equivalence: float
    prompts_without_flips: float
    flip_rate_bound_without_flips: float
    undefined: dict[str, str]

    @property
    def sees_margin(self) -> bool:
        """Whether a gap of the margin is detectable, as the gate ``power`` judges it."""
        return self.smallest_detectable_gap <= self.question.margin

    @property
    def shows_equivalence(self) -> bool:
        """Whether the run would show that no gap matters, were there none at all."""
        return self.power_to_show_equivalence >= self.question.power

    def document(self) -> dict[str, Any]:
        """JSON object with unrounded numbers; undefined ones are ``null``."""
        return {
            **asdict(self.question),
            "level": self.level,
            "smallest_detectable_gap": finite(self.smallest_detectable_gap),
            "power_to_detect_margin": finite(self.power_to_detect_margin),
            "power_to_detect_margin_method": self.power_method,
            "prompts_to_detect_margin": finite(self.prompts_to_detect_margin),
            "equivalence_confidence": 1 - 2 * self.question.alpha,
            "power_to_show_equivalence": finite(self.power_to_show_equivalence),
            "prompts_to_show_equivalence": _whole(self.prompts_to_show_equivalence),
            "prompts_to_show_equivalence_without_flips": _whole(self.prompts_without_flips),
            "flip_rate_bound_without_flips": finite(self.flip_rate_bound_without_flips),
            "undefined": self.undefined,
        }


def _whole(pairs: float) -> int | None:
    return None if math.isnan(pairs) else int(pairs)


def detectability(question: Question) -> Detectability:
    """Work out what a run can see and rule out, in the terms of the gates on the compliance gap."""
    prompts, flip_rate, margin = question.prompts, question.flip_rate, question.margin
    level = question.alpha / question.comparisons
    undefined: dict[str, str] = {}

    smallest = minimum_detectable_effect(prompts, flip_rate, level, question.power)
    if math.isnan(smallest):
        undefined["smallest_detectable_gap"] = (
            f"about {prompts * flip_rate:.3g} of the pairs would flip, which is too few even if all went one way"
        )
    detecting, needed, method = math.nan, math.nan, None
    if margin > flip_rate:
        bounded = f"a gap cannot exceed the flip rate, and the margin does ({margin:g} > {flip_rate:g})"
        undefined |= {"power_to_detect_margin": bounded, "prompts_to_detect_margin": bounded}
    else:
        needed = sample_size(flip_rate, margin, level, question.power)
        if prompts <= ENUMERATED_AT_MOST:
            # The sum over all tables may miss 1 in its last bit.
            detecting, method = min(1.0, mcnemar_power(prompts, flip_rate, margin, level, "mid_p")), "exact"
        else:
            detecting, method = connor_power(prompts, flip_rate, margin, level), "approximate"

    settling = pairs_to_settle(flip_rate, margin, 0.0, question.power, question.alpha)
    if math.isnan(settling):
        undefined["prompts_to_show_equivalence"] = "more than 10 million prompts"
    return Detectability(
        question=question,
        level=level,
        smallest_detectable_gap=smallest,
        power_to_detect_margin=detecting,
        power_method=method,
        prompts_to_detect_margin=needed,
        power_to_show_equivalence=min(1.0, equivalence_power(prompts, flip_rate, 0.0, margin, question.alpha)),
        prompts_to_show_equivalence=settling,
        prompts_without_flips=pairs_without_flips(margin, question.alpha),
        flip_rate_bound_without_flips=wilson_interval(0, prompts, 0.95, sides=1).high,
        undefined=undefined,
    )
