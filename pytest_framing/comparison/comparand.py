"""One side of a comparison: a run, a baseline or a published result, brought to one form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pytest_framing.baseline import DIGEST_CHARACTERS
from pytest_framing.composition_study import study_composition
from pytest_framing.errors import BaselineError
from pytest_framing.gates.safe_prompts import SAFE
from pytest_framing.paired_table import PairedTable, Rate, tabulate
from pytest_framing.published import FREE, PAID
from pytest_framing.records import REFUSED, VerdictLabel, mode_order

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_framing.baseline import Baseline, DecisionKey
    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.fingerprint import Fingerprint
    from pytest_framing.published import PublishedBaseline
    from pytest_framing.run_folder import RunRecord

Kind = Literal["run", "baseline", "published"]


@dataclass(frozen=True)
class SuiteDecisions:
    """What one side knows of one suite.

    ``decisions`` are of replicate 1, keyed as in a baseline. A published result has none, and no ``fingerprint``: its
    ``totals`` and ``tables`` are those of the paper. ``framings`` are reference and treatment. ``categories``, and
    which prompts are ``safe`` to answer, are known to runs alone. ``shortfall`` says what is missing of the plan.
    ``asked`` is the source of the prompts and how many were asked from its first on; 0 where a part was drawn, or
    nobody knows. ``composition`` is what demonstrations did, as results hold it, where there were any.
    """

    suite: str
    framings: tuple[str, str]
    totals: Mapping[tuple[str, str], Rate]
    tables: Mapping[str, PairedTable]
    fingerprint: Fingerprint | None = None
    decisions: Mapping[DecisionKey, VerdictLabel] = field(default_factory=dict, repr=False)
    categories: Mapping[str, str] = field(default_factory=dict, repr=False)
    safe: frozenset[str] = frozenset()
    shortfall: str = ""
    asked: tuple[str, int] = ("", 0)
    published: PublishedBaseline | None = None
    composition: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Comparand:
    """One side, with every suite that it holds.

    ``verdict`` is that of its own gates, empty where there is none; ``waived`` names those that do not hold.
    """

    kind: Kind
    path: Path
    run_id: str
    model: str
    checkpoint: str
    suites: Mapping[str, SuiteDecisions]
    verdict: str = ""
    waived: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it: the model, and the checkpoint where one was given."""
        return f"{self.model} at {self.checkpoint}" if self.checkpoint else self.model

    @property
    def origin(self) -> str:
        """Where it comes from."""
        return f"run {self.run_id}" if self.kind == "run" else f"{self.kind} {self.path.name}"

    def is_same_as(self, other: Comparand) -> bool:
        """Tell whether both are one result, be it a copy of the folder or a baseline that was saved from the run."""
        if self.kind == "published" or other.kind == "published":
            return self.kind == other.kind and self.path.resolve() == other.path.resolve()
        shared = self.suites.keys() & other.suites.keys()
        return (
            self.run_id == other.run_id
            and bool(shared)
            and all(self.suites[name].decisions == other.suites[name].decisions for name in shared)
            and all(self.suites[name].fingerprint == other.suites[name].fingerprint for name in shared)
        )

    def document(self) -> dict[str, Any]:
        """Entry of JSON output."""
        return {
            "kind": self.kind,
            "path": str(self.path),
            "run_id": self.run_id,
            "model": self.model,
            "checkpoint": self.checkpoint,
            "verdict": self.verdict,
            "waived": list(self.waived),
            "suites": list(self.suites),
            "missing": {name: one.shortfall for name, one in self.suites.items() if one.shortfall},
        }


def run_comparand(
    path: Path,
    record: RunRecord,
    evidence: Mapping[str, SuiteEvidence],
    verdict: str = "",
    waived: tuple[str, ...] = (),
) -> Comparand:
    """Take a run, complete or not, with the verdict of its gates and those that were waived for it."""
    suites = {}
    for name, one in evidence.items():
        decisions = {
            (case.mode, case.framing, case.prompt_id, case.prompt_digest[:DIGEST_CHARACTERS]): judged.verdict
            for case in one.plan.cases
            if case.replicate == 1 and case.role != "check" and (judged := one.verdict(case)) is not None
        }
        suite = record.suites[name]
        whole = one.plan.prompts.count if suite.limit is None else 0
        suites[name] = _of_decisions(
            name,
            (suite.framings.reference, suite.framings.treatment),
            record.fingerprints[name],
            decisions,
            # What a benchmark calls a category differs; the finer one says more.
            categories={
                prompt: traits.semantic_category or traits.functional_category
                for prompt, traits in one.plan.traits.items()
            },
            safe=frozenset(
                prompt for prompt, traits in one.plan.traits.items() if traits.functional_category.casefold() == SAFE
            ),
            shortfall=one.shortfall(),
            asked=(one.plan.prompts.source, whole),
            composition=found.document() if (found := study_composition(suite, one)) is not None else {},
        )
    subject = record.subject
    return Comparand("run", path, record.run_id, subject.name, subject.checkpoint, suites, verdict, waived)


def baseline_comparand(baseline: Baseline) -> Comparand:
    """Take a baseline.

    Raises
    ------
    BaselineError
        When its protocol does not name its framings.
    """
    try:
        framings = baseline.fingerprint.deciding["framings"]
        names = (framings["reference"]["name"], framings["treatment"]["name"])
    except (KeyError, TypeError):
        raise BaselineError(
            f"{baseline.path}: fingerprint.deciding.framings: no reference and treatment are named there"
        ) from None
    suite = _of_decisions(
        baseline.suite, names, baseline.fingerprint, baseline.decisions, composition=baseline.composition
    )
    checkpoint = str(baseline.fingerprint.subject.get("checkpoint") or "")
    suites = {baseline.suite: suite}
    return Comparand(
        "baseline",
        baseline.path,
        baseline.run_id,
        baseline.model,
        checkpoint,
        suites,
        baseline.verdict,
        baseline.waived,
    )


def published_comparand(published: PublishedBaseline) -> Comparand:
    """Take the totals of a paper."""
    suite = SuiteDecisions(
        published.suite,
        (FREE, PAID),
        totals={
            (mode, framing): Rate(arm.refusals, arm.n)
            for mode, estimate in published.estimates.items()
            for framing, arm in estimate.arms.items()
        },
        tables={
            mode: PairedTable(table.both_refuse, table.free_only, table.paid_only, table.neither)
            for mode, estimate in published.estimates.items()
            if (table := estimate.table) is not None
        },
        published=published,
    )
    run_id = f"{published.study} {published.run}"
    return Comparand("published", published.path, run_id, published.model, "", {published.suite: suite})


def _of_decisions(
    suite: str,
    framings: tuple[str, str],
    fingerprint: Fingerprint,
    decisions: Mapping[DecisionKey, VerdictLabel],
    **more: Any,
) -> SuiteDecisions:
    """Count the valid pairs, as a study of the run does."""
    reference, treatment = framings
    totals, tables = {}, {}
    # A context that is asked without a framing has no gap to compare.
    paired = {mode for mode, framing, *_ in decisions if framing in framings}
    for mode in sorted(paired, key=mode_order):
        table = tabulate(
            (verdict in REFUSED, other in REFUSED)
            for (in_mode, framing, *prompt), verdict in decisions.items()
            if (in_mode, framing) == (mode, reference)
            and verdict is not VerdictLabel.INVALID
            and (other := decisions.get((mode, treatment, prompt[0], prompt[1]))) is not None
            and other is not VerdictLabel.INVALID
        )
        tables[mode] = table
        totals[mode, reference] = Rate(table.both_refuse + table.reference_only, table.n)
        totals[mode, treatment] = Rate(table.both_refuse + table.treatment_only, table.n)
    return SuiteDecisions(suite, framings, totals, tables, fingerprint, decisions, **more)
