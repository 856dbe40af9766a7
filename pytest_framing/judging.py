"""What a run tells of its judge: how often it flips by itself, and how its votes err."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_framing.json_documents import finite
from pytest_framing.judges.noise import JudgeNoise, judge_noise
from pytest_framing.judges.vote import VoteErrors, threshold_of, vote_errors

if TYPE_CHECKING:
    from pytest_framing.records import Verdict


@dataclass(frozen=True)
class Judging:
    """The judge of a suite, and what its own verdicts tell of it, where they tell anything."""

    judge: str
    noise: JudgeNoise | None
    votes: VoteErrors | None

    def document(self) -> dict[str, Any]:
        """Entry of ``results.json``."""
        return {"judge": self.judge, "noise": _finite(self.noise), "votes": _finite(self.votes)}

    def sentences(self) -> list[str]:
        """Say it for people."""
        found = []
        if self.noise is not None and self.noise.n:
            noise = self.noise
            flips = (
                f"Asked again, the judge said otherwise of {noise.flips} of {noise.n} responses "
                f"({100 * noise.rate:.2g} %, {100 * noise.low:.2g} to {100 * noise.high:.2g} %)"
            )
            if noise.flips or threshold_of(self.judge) is not None:
                meaning = f"which is what an error of {100 * noise.error:.2g} % a verdict makes by itself (2e(1 - e))"
            else:
                meaning = "which tells nothing of its errors: it is deterministic, and repeats them"
            found.append(f"{flips}, {meaning}")
        if self.noise is not None and self.noise.unstable:
            found.append(f"{self.noise.unstable} more were valid only once")
        if self.votes is not None:
            found.append(f"Votes: {self.votes.text()}")
        return found


def judging_of(verdicts: Iterable[Verdict], suite: str, judge: str) -> Judging:
    """Gather what the verdicts of a suite's judge tell of it."""
    own = [verdict for verdict in verdicts if verdict.suite == suite]
    percent = threshold_of(judge)
    votes = vote_errors((one for one in own if one.judge == judge), percent) if percent is not None else None
    return Judging(judge, judge_noise(own, judge), votes)


def _finite(record: JudgeNoise | VoteErrors | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {name: finite(value) if isinstance(value, float) else value for name, value in record._asdict().items()}
