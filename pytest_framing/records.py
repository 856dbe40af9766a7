"""The frozen records that flow from prompts to gates.

Texts of prompts and answers are kept out of every ``repr``: pytest prints representations of arguments when a test
fails, and benchmark texts must not reach a log that way.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Collection

Role = Literal["pair", "placebo", "check", "single"]
FinishReason = Literal["stop", "length", "timeout", "not_finite", "over_window", "error"]
"""``timeout``: given up after its deadline; ``not_finite``: the model's logits were no numbers; ``over_window``: it did
not fit the model's window, and did not run."""
CaseKey = tuple[str, str]

STANDARD_MODE = "standard"
FORCING_MODE = "forcing"
CHECK_MODE = "check"
"""Mode of the manipulation check's questions, which belong to no mode of the prompts."""


class VerdictLabel(StrEnum):
    """What a judge may say of an answer; the last two are for the questions of the manipulation check alone."""

    REFUSAL = "refusal"
    PARTIAL_REFUSAL = "partial_refusal"
    COMPLIANCE = "compliance"
    INVALID = "invalid"
    CORRECT = "correct"
    INCORRECT = "incorrect"


REFUSED = frozenset({VerdictLabel.REFUSAL, VerdictLabel.PARTIAL_REFUSAL})


def mode_order(mode: str) -> tuple[bool, str]:
    """Sort modes by this, and not by the plan, whose order is drawn: the standard one first."""
    return mode != STANDARD_MODE, mode


def with_waived(verdict: str, waived: Collection[str]) -> str:
    """Write the verdict of a run with the gates that were waived for it."""
    return verdict + (f" with {', '.join(waived)} waived" if waived else "")


def text_digest(*parts: str) -> str:
    """SHA-256 of the parts as ``sha256:<64 hex digits>``; parts are length-prefixed, so none can run into the next."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(encoded)}:".encode())
        digest.update(encoded)
    return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request with its stable id; ``context`` stands before ``behaviour`` in what the model reads.

    ``source`` names where it came from, for suites of several sources.
    """

    id: str
    behaviour: str = field(repr=False)
    context: str = field(default="", repr=False)
    functional_category: str = ""
    semantic_category: str = ""
    tags: tuple[str, ...] = ()
    source: str = ""

    @property
    def text(self) -> str:
        """What the user turn says. The separator between context and behaviour is HarmBench's."""
        return f"{self.context}\n\n---\n\n{self.behaviour}" if self.context else self.behaviour

    @property
    def digest(self) -> str:
        """Digest of the content alone, so that the same id with another text is noticed."""
        return text_digest(self.context, self.behaviour)


@dataclass(frozen=True, slots=True)
class PromptTraits:
    """What is known of a prompt without its text.

    ``tokens`` is its length as rendered under the reference framing; ``source`` names where it came from, in suites of
    several sources.
    """

    functional_category: str
    semantic_category: str
    tokens: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class PromptSummary:
    """Where prompts came from and what they were, without their texts.

    ``source`` is the short name that baselines are filed under (``harmbench``, ``synthetic``, …), ``origin`` the path
    or data set they were read from, ``resolution`` says why this source was taken. ``digest`` is taken over ids and
    contents, whatever their order.
    """

    source: str
    origin: str
    revision: str
    resolution: str
    count: int
    digest: str


@dataclass(frozen=True, slots=True)
class PromptSet:
    """Prompts with where they came from; the fields mean what they mean in :class:`PromptSummary`."""

    source: str
    origin: str
    resolution: str
    prompts: tuple[Prompt, ...] = field(repr=False)
    revision: str = ""

    def summary(self) -> PromptSummary:
        """Return what may be stored and shown."""
        ordered = sorted(self.prompts, key=lambda prompt: prompt.id)
        digest = text_digest(*(f"{prompt.id}={prompt.digest}" for prompt in ordered))
        return PromptSummary(self.source, self.origin, self.revision, self.resolution, len(self.prompts), digest)


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt × framing × mode × replicate, with its place in the plan.

    A case whose role is ``check`` puts a question of the manipulation check in place of a prompt; one that is
    ``single`` was imported under the framing ``none`` and belongs to no pair. ``pair`` is the id
    shared by the cases that differ in framing alone; ``period`` says whether the draw put the case first (1) or second
    (2) in its pair. Placebo cases and questions have neither. ``slot`` is its place in the batch: a row in batched
    execution, a turn in sequential execution.
    """

    id: str
    suite: str
    prompt_id: str
    prompt_digest: str
    framing: str
    mode: str
    replicate: int
    role: Role
    pair: str
    period: int
    batch: str
    slot: int

    @property
    def key(self) -> CaseKey:
        """What tells the case from every other one of a session."""
        return (self.suite, self.id)


@dataclass(frozen=True, slots=True)
class Batch:
    """A planned batch: ``rows`` × ``length`` tokens is its fixed shape (0 × 0 where cases run one by one).

    Where its cases share a context that is computed once, ``prefix`` is that context's length, and ``length`` what
    follows it. What does not fit the model's window is planned and does not run.
    """

    id: str
    suite: str
    rows: int
    length: int
    case_ids: tuple[str, ...]
    prefix: int = 0
    fits: bool = True

    @property
    def sequential(self) -> bool:
        """Whether its cases run one by one, in slot order."""
        return self.rows == 0


@dataclass(frozen=True, slots=True)
class Response:
    """The new tokens of one case, split into reasoning and answer, with the stamps that prove the executed order.

    ``sequence`` counts responses per worker, ``slot`` is the row or turn that the case really had, ``started`` is the
    worker's monotonic clock in seconds, ``seconds`` the duration of the batch that produced the response. ``rows`` and
    ``length`` are the shape that it really ran in (0 where unknown), ``margin`` the smallest distance of the best logit
    from the second best over its tokens, ``tokens_digest`` the digest of its token ids.
    """

    suite: str
    case_id: str
    answer: str = field(repr=False)
    reasoning: str = field(repr=False)
    reasoning_cut: bool
    finish_reason: FinishReason
    prompt_tokens: int
    new_tokens: int
    worker: str
    sequence: int
    batch: str
    slot: int
    started: float
    seconds: float
    rows: int = 0
    length: int = 0
    margin: float | None = None
    tokens_digest: str = ""

    @property
    def key(self) -> CaseKey:
        """Key of the case that it answers."""
        return (self.suite, self.case_id)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of one case; ``evidence`` quotes the answer and is therefore kept out of the ``repr``."""

    suite: str
    case_id: str
    prompt_id: str
    framing: str
    mode: str
    replicate: int
    judge: str
    verdict: VerdictLabel
    rule: str = ""
    evidence: str = field(default="", repr=False)

    @classmethod
    def on(cls, case: Case, judge: str, verdict: VerdictLabel, rule: str = "", evidence: str = "") -> Self:
        """Return the verdict of a judge on a case, which lends its ids."""
        return cls(
            suite=case.suite,
            case_id=case.id,
            prompt_id=case.prompt_id,
            framing=case.framing,
            mode=case.mode,
            replicate=case.replicate,
            judge=judge,
            verdict=verdict,
            rule=rule,
            evidence=evidence,
        )

    @property
    def key(self) -> CaseKey:
        """Key of the case that it judges."""
        return (self.suite, self.case_id)

    @property
    def refused(self) -> bool:
        """Whether the verdict counts as a refusal in every rate (a partial refusal does)."""
        return self.verdict in REFUSED

    @property
    def valid(self) -> bool:
        """Whether the answer could be judged at all."""
        return self.verdict is not VerdictLabel.INVALID
