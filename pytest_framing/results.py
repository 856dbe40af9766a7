"""The end of a run: evidence, study and gates brought together, and ``results.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.baseline import keep_baselines, kept_baseline
from pytest_framing.circumstances import Circumstances, write_circumstances
from pytest_framing.early_stopping import read_stops
from pytest_framing.errors import LedgerError
from pytest_framing.evidence import SuiteEvidence, gather_evidence
from pytest_framing.gates.corrected import DEFAULT_FILE
from pytest_framing.gates.corrected import NAME as CORRECTED_GAP
from pytest_framing.gates.evaluation import evaluate, verdict
from pytest_framing.gates.gate import GateContext, GateResult, GateStatus, SessionTest
from pytest_framing.generation import Generation, describe_generation
from pytest_framing.json_documents import finite, read_document, write_bytes, write_document, write_text
from pytest_framing.judges.accuracy import measured_accuracy
from pytest_framing.judges.calibration import KEPT as CORRECTION
from pytest_framing.judges.calibration import read_calibrations
from pytest_framing.judging import Judging, judging_of
from pytest_framing.ledger import read_responses, read_verdicts
from pytest_framing.published import PublishedBaseline, differing_protocol
from pytest_framing.receipt.statement import receipt_document
from pytest_framing.report.html import write_report
from pytest_framing.report.markdown import markdown_summary
from pytest_framing.report.receipt_page import receipt_page
from pytest_framing.resuming import count_sessions
from pytest_framing.run_folder import RECEIPT, RECEIPT_PAGE, RESULTS, SUMMARY
from pytest_framing.schemas import hold_to_schema
from pytest_framing.study import SuiteStudy, study_suite
from pytest_framing.suite import RELEASE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_framing.baseline import Baseline
    from pytest_framing.gates.gate import Gate
    from pytest_framing.records import CaseKey
    from pytest_framing.run_folder import RunRecord
    from pytest_framing.suite import Suite

SCHEMA_VERSION = 1
DEFAULT_MARGIN = 0.05
GAP_GATES = frozenset({"gap_contains_zero", "gap_equivalent"})


@dataclass(frozen=True)
class SuiteConclusion:
    """What a run says of one suite."""

    evidence: SuiteEvidence
    study: SuiteStudy
    gates: tuple[GateResult, ...]
    baseline: Baseline | PublishedBaseline | None
    baseline_note: str
    profile: str = RELEASE
    lint: tuple[str, ...] = ()
    tests: tuple[SessionTest, ...] = ()
    deciding: Mapping[str, Any] = field(default_factory=dict)
    gap_gate: Mapping[str, Any] = field(default_factory=dict)
    judging: Judging | None = None
    calibration: bytes | None = field(default=None, repr=False)

    @cached_property
    def generation(self) -> Generation:
        """What generating cost, and how it went."""
        return describe_generation(self.evidence)

    @property
    def margin(self) -> float:
        """The largest gap that does not matter to the suite."""
        margin = self.gap_gate.get("margin", DEFAULT_MARGIN)
        return float(margin) if isinstance(margin, int | float) and 0 < margin < 1 else DEFAULT_MARGIN

    def published(self) -> dict[str, Any]:
        """Citation of the published results that the run was set beside, and each difference of protocol."""
        if not isinstance(self.baseline, PublishedBaseline):
            return {}
        return {
            "published": {
                "citation": self.baseline.citation,
                "differences": differing_protocol(self.baseline, self.deciding),
            }
        }


@dataclass(frozen=True)
class Conclusion:
    """What a run says altogether; ``judge`` is named where it was not the run's own.

    ``accuracy`` has what is known of each judge by its label, ``None`` where nothing is; ``calibrations`` has what
    labels of this very run say of it.
    """

    record: RunRecord
    suites: Mapping[str, SuiteConclusion]
    torn: tuple[Path, ...] = field(default=())
    sessions: int = 1
    judge: str = ""
    accuracy: Mapping[str, Any] = field(default_factory=dict)
    calibrations: Mapping[str, Any] = field(default_factory=dict)

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

    @property
    def waived(self) -> frozenset[str]:
        """Gates that would hold the run back, and were waived."""
        return frozenset(result.name for result in self.gates if result.waived)

    @property
    def circumstances(self) -> Circumstances:
        """What has to be known, besides plan and ledger, to come to the same conclusion again."""
        return Circumstances(
            deselected=frozenset(key for one in self.suites.values() for key in one.evidence.deselected),
            interrupted=any(one.evidence.interrupted for one in self.suites.values()),
            waived=self.waived,
            judge=self.judge,
            without_baseline={name: one.baseline_note for name, one in self.suites.items() if one.baseline is None},
            accuracy=self.accuracy,
            calibrations=self.calibrations,
        )

    def document(self) -> dict[str, Any]:
        """Content of ``results.json``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.record.run_id,
            "verdict": self.verdict.value,
            "release": self.record.release,
            "waived": sorted(self.waived),
            "model": asdict(self.record.subject),
            "protocol": {
                "digest": self.record.protocol_digest,
                "plan": self.record.plan.digest,
                "allowed_mismatch": list(self.record.allowed_mismatch),
                "fields": {name: one.document() for name, one in self.record.fingerprints.items()},
            },
            "sessions": self.sessions,
            "torn_files": [path.name for path in self.torn],
            "skipped_suites": dict(self.record.skipped),
            "suites": {name: self._suite_document(name, one) for name, one in self.suites.items()},
        }

    @staticmethod
    def _suite_document(name: str, one: SuiteConclusion) -> dict[str, Any]:
        evidence = one.evidence
        return {
            "profile": one.profile,
            "lint": list(one.lint),
            "prompts": asdict(evidence.plan.prompts),
            "baseline": {
                "path": kept_baseline(Path(), name).name if one.baseline else "",
                "note": one.baseline_note,
                **one.published(),
            },
            "counts": dict(one.study.counts),
            "generation": one.generation.document(),
            "evidence": {
                "missing": len(evidence.missing),
                "deselected": len(evidence.deselected),
                "unjudged": len(evidence.unjudged),
                "duplicated": len(evidence.duplicated),
                "unplanned": len(evidence.unplanned),
                "interrupted": evidence.interrupted,
                "stopped": asdict(evidence.stopped) if evidence.stopped else None,
            },
            "estimates": {mode: study.document() for mode, study in one.study.modes.items()},
            "unpaired": {mode: rate.document("refusals") for mode, rate in one.study.singles.items()},
            **({"composition": one.study.composition.document()} if one.study.composition else {}),
            "manipulation_check": {name: rate.document("correct") for name, rate in one.study.checks.items()},
            "judging": one.judging.document() if one.judging else None,
            "tests": [
                {"gate": test.gate, "scope": test.scope, "p": finite(test.p), "adjusted": finite(test.adjusted)}
                for test in one.tests
            ],
            "gates": [result.document() for result in one.gates],
        }


def conclude(
    record: RunRecord,
    folder: Path,
    gates: Mapping[str, Gate],
    baselines: Mapping[str, tuple[Baseline | PublishedBaseline | None, str]],
    *,
    deselected: Collection[CaseKey] = frozenset(),
    interrupted: bool = False,
    waived: Collection[str] = frozenset(),
    judge: str = "",
    as_known: Circumstances | None = None,
    calibration_kept: bool = True,
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
    waived
        Gates that do not hold the run back, unless it decides a release.
    judge
        Label of the judge whose verdicts count, where the record was changed for another than the run's own.
    as_known
        Circumstances that tell what was known of each judge (default: what was measured of it by now, and what labels
        of this run say). With them nothing outside of the folder is read.
    calibration_kept
        Whether a suite's gap is corrected by the calibration that the run keeps, where it keeps one.

    Raises
    ------
    LedgerError
        When the ledger, or the record of early stops, is damaged.
    """
    responses, verdicts = read_responses(folder), read_verdicts(folder)
    evidence = gather_evidence(
        record.plan,
        responses.records,
        verdicts.records,
        judges=record.judges,
        deselected=deselected,
        interrupted=interrupted,
        stops=read_stops(folder),
    )
    comparisons = gap_comparisons(record.suites.values())
    contexts = {
        name: GateContext(
            suite,
            evidence[name],
            study_suite(suite, evidence[name], comparisons),
            record.fingerprints[name],
            *baselines[name],
            run_id=record.run_id,
            calibration=_calibration(suite, folder, kept=calibration_kept, outside=as_known is None),
        )
        for name, suite in record.suites.items()
    }
    evaluations = evaluate(gates, contexts, release=record.release, waived=waived)
    suites = {
        name: SuiteConclusion(
            context.evidence,
            context.study,
            evaluations[name].results,
            context.baseline,
            context.baseline_note,
            context.suite.profile,
            record.lint.get(name, ()),
            evaluations[name].tests,
            record.fingerprints[name].deciding,
            context.suite.gates.get("gap_equivalent", {}),
            judging_of(verdicts.records, name, record.judges[name]),
            context.calibration,
        )
        for name, context in contexts.items()
    }
    sessions = count_sessions({response.worker for response in responses.records})
    known = as_known or known_of_judges(record, folder)
    torn = responses.torn + verdicts.torn
    return Conclusion(record, suites, torn, sessions, judge, known.accuracy, known.calibrations)


def _calibration(suite: Suite, folder: Path, *, kept: bool, outside: bool) -> bytes | None:
    """Return the calibration that corrects a suite's gap: the run's copy, else the file beside the suite."""
    if CORRECTED_GAP not in suite.gates:
        return None
    named = suite.gates[CORRECTED_GAP].get("calibration", DEFAULT_FILE)
    paths = [folder / f"{CORRECTION}{suite.name}.json"] if kept else []
    if outside:
        paths.append(suite.path.parent / str(named))
    for path in paths:
        try:
            return path.read_bytes()
        except OSError:
            continue
    return None


def known_of_judges(record: RunRecord, folder: Path) -> Circumstances:
    """Return what is known by now of the judges of a run.

    Raises
    ------
    JudgeError
        When a file in the folder that should be a calibration is none.
    """
    labels = sorted(set(record.judges.values()))
    calibrations = read_calibrations(folder)
    return Circumstances(
        accuracy={label: measured_accuracy(label) for label in labels},
        calibrations={label: calibrations[label] for label in labels if label in calibrations},
    )


def gap_comparisons(suites: Iterable[Suite]) -> int:
    """Count the gap comparisons of a session: each mode of each suite whose gates look at its gap."""
    looked_at = sum(len(suite.modes) for suite in suites if GAP_GATES & suite.gates.keys())
    return max(1, looked_at)


def write_conclusion(conclusion: Conclusion, folder: Path, *, show_text: bool = False) -> None:
    """Write ``results.json`` and what it rests on, ``summary.md``, the receipt with its page, and ``report.html``.

    The receipt binds everything but the pages, which can be made again with other options.

    Parameters
    ----------
    conclusion
        What the run says.
    folder
        The run folder.
    show_text
        Whether answers stand in the report, folded away.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    document = conclusion.document()
    keep_baselines(folder, {name: one.baseline for name, one in conclusion.suites.items()})
    for name, one in conclusion.suites.items():
        if one.calibration is not None:
            write_bytes(folder / f"{CORRECTION}{name}.json", one.calibration)
    write_document(folder / RESULTS, document)
    write_text(folder / SUMMARY, markdown_summary(document))
    write_receipt(conclusion, folder)
    write_report(conclusion, folder, show_text)


def write_receipt(conclusion: Conclusion, folder: Path) -> None:
    """Write the receipt of a run whose results are written, with its page and the circumstances that it rests on.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    write_circumstances(folder, conclusion.circumstances)
    receipt = receipt_document(conclusion, folder)
    write_document(folder / RECEIPT, receipt)
    write_text(folder / RECEIPT_PAGE, receipt_page(receipt))


def read_results(folder: Path) -> dict[str, Any]:
    """Return ``results.json``; it is empty where the session died before it was written.

    Raises
    ------
    LedgerError
        When the file is damaged, of another schema version, or of another shape.
    """
    path = folder / RESULTS
    if not path.is_file():
        return {}
    document = read_document(path, LedgerError)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise LedgerError(
            f"{path}: schema version {version!r}, but this version of pytest-framing reads {SCHEMA_VERSION}; use the "
            "version that wrote it"
        )
    hold_to_schema(document, "results", path, LedgerError)
    return document
