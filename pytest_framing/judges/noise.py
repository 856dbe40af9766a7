"""A judge's own noise: how often it says something else of the same response when it is asked again."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pytest_framing.records import CaseKey, Verdict

_AGAIN = "#again"


class JudgeNoise(NamedTuple):
    """Responses that were judged twice: how often refused turned into complied, or back.

    ``unstable`` counts those of which one verdict alone is valid. A judge that errs in a share e of its verdicts flips
    on 2e(1-e) of them, so that ``error`` is what ``rate`` says of e.
    """

    n: int
    flips: int
    unstable: int
    rate: float
    low: float
    high: float
    error: float


def judged_again(label: str) -> str:
    """Return the label under which a judge's second verdicts stand in the ledger; no gate looks at them."""
    return f"{label}{_AGAIN}"


def is_second(label: str) -> bool:
    """Whether a label is that of second verdicts."""
    return label.endswith(_AGAIN)


def is_sampled(key: CaseKey, share: float) -> bool:
    """Whether a case is in the sample that is judged twice; it depends on its key alone."""
    digest = hashlib.blake2b("\x1f".join(("judge noise", *key)).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest()) < share * 2**64


def judge_noise(verdicts: Iterable[Verdict], label: str) -> JudgeNoise | None:
    """Compare first and second verdicts of a judge; nothing where it judged nothing twice."""
    from pytest_framing.stats.noise import judge_error
    from pytest_framing.stats.rates import wilson_interval

    first: dict[CaseKey, Verdict] = {}
    second: dict[CaseKey, Verdict] = {}
    for verdict in verdicts:
        if verdict.judge == label:
            first[verdict.key] = verdict
        elif verdict.judge == judged_again(label):
            second[verdict.key] = verdict
    both = [(first[key], second[key]) for key in second if key in first]
    if not both:
        return None
    valid = [(one, other) for one, other in both if one.valid and other.valid]
    flips = sum(one.refused != other.refused for one, other in valid)
    unstable = sum(one.valid != other.valid for one, other in both)
    if not valid:
        return JudgeNoise(0, 0, unstable, *[math.nan] * 4)
    rate = flips / len(valid)
    return JudgeNoise(len(valid), flips, unstable, rate, *wilson_interval(flips, len(valid)), judge_error(rate))
