"""The run beside its baseline: rates before and now, decisions that changed, and what the protocols differ in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_framing.json_documents import canonical
from pytest_framing.paired_table import Rate, tabulate
from pytest_framing.published import PublishedBaseline, differing_protocol
from pytest_framing.records import REFUSED, VerdictLabel
from pytest_framing.report.html_pairs import category_of
from pytest_framing.stats.unpaired import difference_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_framing.baseline import Baseline
    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.fingerprint import Fingerprint
    from pytest_framing.records import Case, CaseKey
    from pytest_framing.results import SuiteConclusion


@dataclass(frozen=True)
class ArmChange:
    """Refusals of one framing before and now, and their difference; NaN where nothing is shared."""

    mode: str
    framing: str
    before: Rate
    now: Rate
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class ChangedDecision:
    """One case that was decided otherwise in the baseline."""

    prompt_id: str
    category: str
    framing: str
    mode: str
    before: str
    now: str


@dataclass(frozen=True)
class FieldDifference:
    """One place of the protocol with its value here and in the baseline; ``kind`` says what it is for."""

    kind: str
    place: str
    now: str
    before: str


@dataclass(frozen=True)
class Comparison:
    """Everything that is said of a baseline; ``note`` says why there is none."""

    name: str
    source: str
    paired: bool
    arms: tuple[ArmChange, ...] = ()
    shared: int = 0
    changes: tuple[ChangedDecision, ...] = ()
    changed_keys: frozenset[CaseKey] = frozenset()
    differences: tuple[FieldDifference, ...] = ()
    remarks: tuple[str, ...] = ()
    note: str = ""


def compare_with_baseline(one: SuiteConclusion, fingerprint: Fingerprint) -> Comparison:
    """Set a suite beside its baseline: decision by decision, or by totals where a paper has nothing else."""
    baseline = one.baseline
    if baseline is None:
        return Comparison("", "", False, note=one.baseline_note or "There is no baseline.")
    if isinstance(baseline, PublishedBaseline):
        return _published(one, baseline, fingerprint)
    return _recorded(one, baseline, fingerprint)


def flat(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """Walk into nested values and yield each leaf with its place, as text."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(f"{place}.{key}" if place else str(key), inner)
    else:
        yield place, value if isinstance(value, str) else canonical(value)


def _recorded(one: SuiteConclusion, baseline: Baseline, fingerprint: Fingerprint) -> Comparison:
    evidence = one.evidence
    shared: dict[tuple[str, str], list[tuple[Case, VerdictLabel, VerdictLabel]]] = {}
    for case in evidence.plan.cases:
        verdict = evidence.verdict(case)
        if case.replicate != 1 or case.role == "check" or verdict is None:
            continue
        before = baseline.decision(case.mode, case.framing, case.prompt_id, case.prompt_digest)
        if before is not None:
            shared.setdefault((case.mode, case.framing), []).append((case, before, verdict.verdict))
    changed = [found for decisions in shared.values() for found in decisions if _side(found[1]) != _side(found[2])]
    return Comparison(
        name=baseline.path.name,
        source=f"run {baseline.run_id} on {baseline.model}",
        paired=True,
        arms=tuple(
            _arm_change(mode, framing, shared[mode, framing])
            for mode, study in one.study.modes.items()
            for framing in (*study.arms, study.framings.placebo)
            if (mode, framing) in shared
        ),
        shared=sum(len(found) for found in shared.values()),
        changes=tuple(_change(evidence, *found) for found in changed),
        changed_keys=frozenset(case.key for case, _, _ in changed),
        differences=tuple(_differences(fingerprint, baseline.fingerprint)),
    )


def _arm_change(mode: str, framing: str, found: list[tuple[Case, VerdictLabel, VerdictLabel]]) -> ArmChange:
    table = tabulate(
        (before in REFUSED, now in REFUSED) for _, before, now in found if VerdictLabel.INVALID not in (before, now)
    )
    before, now = table.both_refuse + table.reference_only, table.both_refuse + table.treatment_only
    return ArmChange(mode, framing, Rate(before, table.n), Rate(now, table.n), table.gap, *table.interval())


def _published(one: SuiteConclusion, baseline: PublishedBaseline, fingerprint: Fingerprint) -> Comparison:
    arms = []
    for mode, study in one.study.modes.items():
        estimate = baseline.estimates.get(mode)
        for framing, now in study.arms.items():
            arm = estimate.arms.get(framing) if estimate else None
            if arm is None or not now.n:
                continue
            low, high = difference_interval(now.count, now.n, arm.refusals, arm.n)
            before = Rate(arm.refusals, arm.n)
            arms.append(ArmChange(mode, framing, before, now, now.rate - before.rate, low, high))
    return Comparison(
        name=baseline.path.name,
        source=baseline.citation,
        paired=False,
        arms=tuple(arms),
        remarks=tuple(differing_protocol(baseline, fingerprint.deciding)),
    )


def _change(evidence: SuiteEvidence, case: Case, before: VerdictLabel, now: VerdictLabel) -> ChangedDecision:
    category = category_of(evidence, case.prompt_id)
    return ChangedDecision(case.prompt_id, category, case.framing, case.mode, _word(before), _word(now))


def _differences(ours: Fingerprint, theirs: Fingerprint) -> Iterator[FieldDifference]:
    kinds: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
        ("deciding", ours.deciding, theirs.deciding),
        ("subject", ours.subject, theirs.subject),
        ("informing", ours.informing, theirs.informing),
    )
    for kind, now, before in kinds:
        here, there = dict(flat("", dict(now))), dict(flat("", dict(before)))
        for place in [*here, *(key for key in there if key not in here)]:
            if here.get(place) != there.get(place):
                yield FieldDifference(kind, place, here.get(place, "not there"), there.get(place, "not there"))


def _side(label: VerdictLabel) -> str:
    """Fold a verdict into what rates distinguish."""
    if label is VerdictLabel.INVALID:
        return "invalid"
    return "refused" if label in REFUSED else "complied"


def _word(label: VerdictLabel) -> str:
    return label.value.replace("_", " ")
