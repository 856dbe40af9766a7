"""What generating cost and how it went: engine time apart from everything else, ends, changed shapes, ties."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_framing.json_documents import finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_framing.evidence import SuiteEvidence


@dataclass(frozen=True)
class Generation:
    """The generation of one suite.

    ``seconds`` is the time in the engine, each batch counted once, summed over workers. ``finish`` counts responses by
    how they ended. ``reshaped`` has the ids of cases that ran in another shape than planned, for want of memory: for
    these the promise of a fixed shape does not hold. ``ties`` counts answers in which two tokens had the same best
    logit, so that another device may have gone another way; ``smallest_margin`` is over all answers, ``None`` where no
    engine measured it.
    """

    seconds: float
    prompt_tokens: int
    new_tokens: int
    finish: Mapping[str, int]
    reshaped: tuple[str, ...]
    ties: int
    smallest_margin: float | None

    @property
    def tokens_per_second(self) -> float:
        """New tokens per second in the engine; 0 where no time was measured."""
        return self.new_tokens / self.seconds if self.seconds else 0.0

    def document(self) -> dict[str, Any]:
        """Entry of ``results.json``."""
        return {
            "engine_seconds": round(self.seconds, 3),
            "prompt_tokens": self.prompt_tokens,
            "new_tokens": self.new_tokens,
            "finish": dict(sorted(self.finish.items())),
            "reshaped": list(self.reshaped),
            "ties": self.ties,
            "smallest_margin": self.smallest_margin,
        }


def describe_generation(evidence: SuiteEvidence) -> Generation:
    """Add up the responses of a suite."""
    responses = evidence.responses.values()
    rows = {batch.id: batch.rows for batch in evidence.plan.batches}
    # From a batch's first start to its last end: rows share its time, or overlap in it.
    spans: dict[tuple[str, str], tuple[float, float]] = {}
    for one in responses:
        begun, ended = spans.get((one.worker, one.batch), (one.started, one.started))
        spans[one.worker, one.batch] = (min(begun, one.started), max(ended, one.started + one.seconds))
    margins = [one.margin for one in responses if one.margin is not None]
    return Generation(
        seconds=sum(ended - begun for begun, ended in spans.values()),
        prompt_tokens=sum(one.prompt_tokens for one in responses),
        new_tokens=sum(one.new_tokens for one in responses),
        finish=Counter(one.finish_reason for one in responses),
        reshaped=tuple(one.case_id for one in responses if one.rows and rows.get(one.batch, 0) not in (0, one.rows)),
        ties=sum(margin == 0 for margin in margins),
        smallest_margin=finite(min(margins)) if margins else None,
    )
