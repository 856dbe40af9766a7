"""The end of a run: evidence, study and gates brought together, and ``results.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.evidence import SuiteEvidence, gather_evidence
from pytest_framing.gates.evaluation import evaluate, verdict
from pytest_framing.gates.gate import GateContext, GateResult, GateStatus
from pytest_framing.json_documents import write_document, write_text
from pytest_framing.ledger import read_responses, read_verdicts
from pytest_framing.receipt import receipt_document
from pytest_framing.report.markdown import markdown_summary
from pytest_framing.run_folder import RECEIPT, RESULTS, SUMMARY
from pytest_framing.study import SuiteStudy, study_suite
from pytest_framing.suite import RELEASE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pytest_framing.baseline import Baseline
    from pytest_framing.gates.gate import Gate
    from pytest_framing.records import CaseKey
    from pytest_framing.run_folder import RunRecord

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SuiteConclusion:
    """What a run says of one suite."""

    evidence: SuiteEvidence
    study: SuiteStudy
    gates: tuple[GateResult, ...]
    baseline: Baseline | None
    baseline_note: str
    profile: str = RELEASE
    lint: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conclusion:
    """What a run says altogether."""

    record: RunRecord
    suites: Mapping[str, SuiteConclusion]
    torn: tuple[Path, ...] = field(default=())

    @property
    def gates(self) -> list[GateResult]:
        """Every gate of every suite, in order."""
        return [result for suite in self.suites.values() for result in suite.gates]

    @property
    def profiles(self) -> set[str]:
        """Profiles in use; any but the release profile decides nothing about a checkpoint."""
        return {one.profile for one in self.suites.values()}

    @property
    def verdict(self) -> GateStatus:
        """The verdict of the session; a run that was narrowed on purpose has none."""
        found = verdict(self.gates)
        complete = all(one.evidence.complete for one in self.suites.values())
        return found if complete or found is not GateStatus.PASS else GateStatus.NOT_EVALUATED

    def document(self) -> dict[str, Any]:
        """Content of ``results.json``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.record.run_id,
            "verdict": self.verdict.value,
            "release": self.record.release,
            "model": asdict(self.record.subject),
            "protocol": {
                "digest": self.record.protocol_digest,
                "plan": self.record.plan.digest,
                "allowed_mismatch": list(self.record.allowed_mismatch),
                "fields": {name: one.document() for name, one in self.record.fingerprints.items()},
            },
            "torn_files": [path.name for path in self.torn],
            "suites": {name: self._suite_document(one) for name, one in self.suites.items()},
        }

    @staticmethod
    def _suite_document(one: SuiteConclusion) -> dict[str, Any]:
        evidence = one.evidence
        return {
            "profile": one.profile,
            "lint": list(one.lint),
            "prompts": asdict(evidence.plan.prompts),
            "baseline": {"path": str(one.baseline.path) if one.baseline else "", "note": one.baseline_note},
            "counts": dict(one.study.counts),
            "evidence": {
                "missing": len(evidence.missing),
                "deselected": len(evidence.deselected),
                "unjudged": len(evidence.unjudged),
                "duplicated": len(evidence.duplicated),
                "unplanned": len(evidence.unplanned),
                "interrupted": evidence.interrupted,
            },
            "estimates": {mode: study.document() for mode, study in one.study.modes.items()},
            "gates": [result.document() for result in one.gates],
        }


def conclude(
    record: RunRecord,
    folder: Path,
    gates: Mapping[str, Gate],
    baselines: Mapping[str, tuple[Baseline | None, str]],
    *,
    deselected: Collection[CaseKey] = frozenset(),
    interrupted: bool = False,
) -> Conclusion:
    """Judge the evidence in a run folder; no engine and no prompt text is needed.

    Parameters
    ----------
    record
        The plan of the run with its suites.
    folder
        Where its ledger lies.
    gates
        Known gates by name.
    baselines
        Baseline of each suite, or ``None`` and why.
    deselected
        Cases that the user left out on purpose.
    interrupted
        Whether the run ended before its last case.

    Raises
    ------
    LedgerError
        When the ledger is damaged.
    """
    responses, verdicts = read_responses(folder), read_verdicts(folder)
    evidence = gather_evidence(
        record.plan,
        responses.records,
        verdicts.records,
        judges=record.judges,
        deselected=deselected,
        interrupted=interrupted,
    )
    comparisons = sum(len(suite.modes) for suite in record.suites.values())
    suites = {}
    for name, suite in record.suites.items():
        study = study_suite(suite, evidence[name], comparisons)
        baseline, note = baselines[name]
        context = GateContext(suite, evidence[name], study, record.fingerprints[name], baseline, note)
        results = evaluate(gates, context, release=record.release)
        suites[name] = SuiteConclusion(
            evidence[name], study, tuple(results), baseline, note, suite.profile, record.lint.get(name, ())
        )
    return Conclusion(record, suites, responses.torn + verdicts.torn)


def write_conclusion(conclusion: Conclusion, folder: Path) -> None:
    """Write ``results.json``, ``summary.md`` and, binding them all, ``receipt.json``.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    document = conclusion.document()
    write_document(folder / RESULTS, document)
    write_text(folder / SUMMARY, markdown_summary(document))
    write_document(folder / RECEIPT, receipt_document(folder, document))
