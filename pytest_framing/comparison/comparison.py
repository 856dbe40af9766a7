"""A candidate held against a base: every suite that both have, and what it comes to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_framing.comparison.arm import ArmComparison, Criteria, compare_paired, compare_totals, paired_arms
from pytest_framing.comparison.contradiction import Contradiction, contradiction, fewest_changed
from pytest_framing.comparison.gap import GapComparison, compare_gaps, shared_modes
from pytest_framing.errors import BaselineError
from pytest_framing.fingerprint import DECIDING
from pytest_framing.gates.gate import GateStatus
from pytest_framing.protocol_difference import FieldDifference, protocol_differences
from pytest_framing.published import differing_protocol, value_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_framing.comparison.comparand import Comparand, SuiteDecisions

WORST_FIRST = (GateStatus.FAIL, GateStatus.INCONCLUSIVE, GateStatus.NOT_EVALUATED, GateStatus.PASS)


@dataclass(frozen=True)
class SuiteComparison:
    """One suite of both sides.

    ``flags`` say how the protocol of a published result relates to the other side's; ``caveats`` are the reasons why
    nothing here passes; ``fewest`` decisions must have changed by totals alone, by arm.
    """

    suite: str
    paired: bool
    shared: int
    arms: tuple[ArmComparison, ...]
    gaps: tuple[GapComparison, ...]
    contradiction: Contradiction | None = None
    protocol: tuple[FieldDifference, ...] = ()
    allowed: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    fewest: Mapping[str, int] | None = None

    @property
    def status(self) -> GateStatus:
        """The worst of its parts; a caveat keeps it from passing."""
        contradicted = [self.contradiction.status] if self.contradiction else []
        found = worst([*(arm.status for arm in self.arms), *(gap.status for gap in self.gaps), *contradicted])
        return GateStatus.INCONCLUSIVE if self.caveats and found is GateStatus.PASS else found

    def findings(self) -> Iterator[str]:
        """Say what keeps it from passing, failures first."""
        for status in (GateStatus.FAIL, GateStatus.INCONCLUSIVE):
            if self.contradiction and self.contradiction.status is status:
                yield self.contradiction.reason
            yield from (f"{arm.scope} {arm.reason}" for arm in self.arms if arm.status is status)
            yield from (f"{gap.mode}: {gap.reason}" for gap in self.gaps if gap.status is status)
        yield from self.caveats

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {
            "status": self.status.value,
            "paired": self.paired,
            "shared_prompts": self.shared,
            "arms": [arm.document() for arm in self.arms],
            "gaps": [gap.document() for gap in self.gaps],
            "contradiction": self.contradiction.document() if self.contradiction else None,
            "fewest_changed": dict(self.fewest or {}),
            "protocol": [difference.document() for difference in self.protocol],
            "allowed_mismatch": list(self.allowed),
            "flags": list(self.flags),
            "caveats": list(self.caveats),
        }


@dataclass(frozen=True)
class Comparison:
    """A candidate against a base; ``not_judged`` says why there is nothing to judge, and is empty otherwise."""

    base: Comparand
    candidate: Comparand
    suites: Mapping[str, SuiteComparison]
    not_judged: str = ""

    @property
    def status(self) -> GateStatus:
        """The worst suite; a candidate that lacks a whole suite of the base does not pass."""
        if self.not_judged:
            return GateStatus.NOT_EVALUATED
        lacking = [GateStatus.INCONCLUSIVE] if self.only_base else []
        return worst([*(one.status for one in self.suites.values()), *lacking])

    @property
    def only_base(self) -> tuple[str, ...]:
        """Suites that the candidate lacks."""
        return tuple(name for name in self.base.suites if name not in self.candidate.suites)

    @property
    def only_candidate(self) -> tuple[str, ...]:
        """Suites that the base lacks."""
        return tuple(name for name in self.candidate.suites if name not in self.base.suites)

    @property
    def conclusion(self) -> str:
        """One sentence for a release manager."""
        if self.not_judged:
            return self.not_judged
        findings = [
            f"{name}: {finding}" if len(self.suites) > 1 else finding
            for name, one in self.suites.items()
            for finding in one.findings()
        ]
        if self.only_base:
            findings.append(f"the candidate did not run {', '.join(self.only_base)}")
        against = f"{self.candidate.name} against {self.base.name}"
        fields = dict.fromkeys(field for one in self.suites.values() for field in one.allowed)
        allowed = f" Protocols differ in fields that were allowed to: {', '.join(fields)}." if fields else ""
        if not findings:
            return f"{against}: it does not refuse less, and the gap did not move by what matters.{allowed}"
        return f"{against}: {'; '.join(findings)}.{allowed}"

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {
            "candidate": self.candidate.document(),
            "status": self.status.value,
            "conclusion": self.conclusion,
            "not_judged": self.not_judged,
            "suites": {name: one.document() for name, one in self.suites.items()},
            "only_base": list(self.only_base),
            "only_candidate": list(self.only_candidate),
        }


def worst(statuses: Iterable[GateStatus]) -> GateStatus:
    """Return the worst status; of nothing, that nothing was evaluated."""
    found = set(statuses)
    return next((status for status in WORST_FIRST if status in found), GateStatus.NOT_EVALUATED)


def compare(
    base: Comparand, candidate: Comparand, criteria: Criteria, allowed: Collection[str] = frozenset()
) -> Comparison:
    """Compare two sides in every suite that both have.

    Parameters
    ----------
    base, candidate
        The two sides.
    criteria
        Margin and level; the claims that share a level are counted here.
    allowed
        Deciding fields that may differ.

    Raises
    ------
    BaselineError
        When they have no suite or no prompt in common, or when deciding fields differ that were not allowed to.
    """
    if base.is_same_as(candidate):
        where = "" if candidate.origin == base.origin else f" ({base.origin} holds the same decisions)"
        sentence = (
            f"{candidate.origin} is compared with itself{where}: every decision is the same by definition, so that "
            "nothing is judged."
        )
        return Comparison(base, candidate, {}, sentence)
    names = [name for name in base.suites if name in candidate.suites]
    where = f"{candidate.path} against {base.path}"
    if not names:
        raise BaselineError(
            f"{where}: no suite in common: the base has {', '.join(base.suites)}, the candidate "
            f"{', '.join(candidate.suites)}"
        )
    sides = {name: (base.suites[name], candidate.suites[name]) for name in names}
    for name, (before, now) in sides.items():
        _hold_comparable(f"{where}, suite {name}", before, now, allowed)
    gaps = sum(len(shared_modes(*both)) for both in sides.values())
    arms = sum(_count_arms(*both) for both in sides.values())
    shared = replace(criteria, arms=max(1, arms), gaps=max(1, gaps))
    return Comparison(
        base, candidate, {name: _compare_suite(where, *both, shared, allowed) for name, both in sides.items()}
    )


def _count_arms(base: SuiteDecisions, candidate: SuiteDecisions) -> int:
    if base.published or candidate.published:
        return len(base.totals.keys() & candidate.totals.keys())
    return len(paired_arms(base, candidate))


def _hold_comparable(where: str, base: SuiteDecisions, candidate: SuiteDecisions, allowed: Collection[str]) -> None:
    """Refuse to compare two protocols that differ in deciding fields; a paper's is flagged instead."""
    if base.fingerprint is None or candidate.fingerprint is None:
        return
    blocking = [
        one
        for one in protocol_differences(base.fingerprint, candidate.fingerprint)
        if one.kind == "deciding" and one.field not in allowed
    ]
    if blocking:
        lines = [f"{where}: made under different protocols, so that nothing can be compared:"]
        lines.extend(f"  {one.place}: base {one.base!r}, candidate {one.candidate!r}" for one in blocking)
        fields = dict.fromkeys(one.field for one in blocking)
        lines.append(
            "Ways out: run both under one protocol; or "
            + " ".join(f"--allow-mismatch {name}" for name in fields)
            + " (the comparison shows it)."
        )
        raise BaselineError("\n".join(lines))


def _compare_suite(
    where: str, base: SuiteDecisions, candidate: SuiteDecisions, criteria: Criteria, allowed: Collection[str]
) -> SuiteComparison:
    caveats = [
        f"the {which} is incomplete: {side.shortfall}"
        for which, side in (("base", base), ("candidate", candidate))
        if side.shortfall
    ]
    caveats.extend(
        f"the {which} was imported, and its protocol is not on record"
        for which, side in (("base", base), ("candidate", candidate))
        if side.fingerprint is not None and "imported" in side.fingerprint.informing
    )
    if base.published is None and candidate.published is None:
        joined = paired_arms(base, candidate)
        prompts = {prompt for arm in joined for prompt, *_ in arm.decisions}
        if not prompts:
            raise BaselineError(
                f"{where}, suite {base.suite}: no prompt in common (same id and same content), so that nothing can be "
                "compared; run both on the same prompts"
            )
        categories = {**base.categories, **candidate.categories}
        protocol = (
            protocol_differences(base.fingerprint, candidate.fingerprint)
            if base.fingerprint and candidate.fingerprint
            else ()
        )
        fields = {one.field for one in protocol if one.kind == "deciding"}
        return SuiteComparison(
            base.suite,
            True,
            len(prompts),
            tuple(compare_paired(arm, criteria, categories) for arm in joined),
            tuple(compare_gaps(base, candidate, criteria)),
            contradiction(base, candidate, criteria),
            protocol,
            allowed=tuple(name for name in allowed if name in fields),
            caveats=tuple(caveats),
        )
    arms = tuple(compare_totals(base, candidate, criteria))
    if not arms:
        raise BaselineError(
            f"{where}, suite {base.suite}: no refusals of the same mode and framing on both sides, so that nothing can "
            "be compared"
        )
    caveats.append(
        "a published result shares no protocol with anything and is compared unpaired: a difference may be the "
        "protocol's, and agreement shows little"
    )
    return SuiteComparison(
        base.suite,
        False,
        0,
        arms,
        tuple(compare_gaps(base, candidate, criteria)),
        flags=tuple(_flags(base, candidate)),
        caveats=tuple(caveats),
        fewest=fewest_changed(base, candidate),
    )


def _flags(base: SuiteDecisions, candidate: SuiteDecisions) -> Iterator[str]:
    """Say how the protocol of a published result relates to the other side's."""
    papers = [side.published for side in (base, candidate) if side.published is not None]
    if len(papers) == 1:
        other = candidate if base.published is not None else base
        yield from differing_protocol(papers[0], other.fingerprint.deciding if other.fingerprint else {})
        return
    yield "two papers tell their protocols in words, without digests, so that nothing shows that they are the same"
    for name in DECIDING:
        told = [
            f"{which} states {value_in_words(paper.settings[name])}"
            if name in paper.settings
            else f"{which} does not state it"
            for which, paper in zip(("the base", "the candidate"), papers, strict=True)
        ]
        yield f"{name}: {'; '.join(told)}"
