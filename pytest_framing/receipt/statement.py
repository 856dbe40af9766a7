"""The Statement: subject the model by its digest, predicate a test result with all that the run rests on.

It is a function of the run folder alone: whoever has the folder comes to the same document.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest_framing
from pytest_framing.baseline import KEPT
from pytest_framing.circumstances import FILE as CIRCUMSTANCES
from pytest_framing.early_stopping import FILE as STOPPED
from pytest_framing.errors import ReceiptError
from pytest_framing.json_documents import file_digest, read_document
from pytest_framing.judges.calibration import FILES as CALIBRATIONS
from pytest_framing.judges.calibration import KEPT as CORRECTION
from pytest_framing.receipt.account import suite_account
from pytest_framing.receipt.contexts import Judged, contexts
from pytest_framing.run_folder import PLAN, RESULTS, SUMMARY
from pytest_framing.schemas import hold_to_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_framing.gates.gate import GateResult
    from pytest_framing.results import Conclusion
    from pytest_framing.run_folder import RunRecord

SCHEMA_VERSION = 1
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
CONFIGURATION = (PLAN, CIRCUMSTANCES, f"{KEPT}*.json", f"{CORRECTION}*.json")
"""What the run was to be, and was held against."""
BOUND = (*CONFIGURATION, STOPPED, CALIBRATIONS, "responses*.jsonl", "verdicts*.jsonl", RESULTS, SUMMARY)
"""All that the receipt binds: the configuration, every response and verdict, and what was concluded from them."""
RESULT_WORDS = {"pass": "PASSED", "fail": "FAILED", "inconclusive": "WARNED", "not_evaluated": "WARNED"}


def receipt_document(conclusion: Conclusion, folder: Path) -> dict[str, Any]:
    """Return the Statement for a run folder whose other files are all written.

    Parameters
    ----------
    conclusion
        What the run says.
    folder
        The run folder.
    """
    record, results = conclusion.record, conclusion.document()["suites"]
    gates = [(f"{name}/{gate.label}", gate) for name, one in conclusion.suites.items() for gate in one.gates]
    judged = {
        name: Judged(record.suites[name], record.fingerprints[name], one.evidence)
        for name, one in conclusion.suites.items()
    }
    return {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(record, folder)],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": RESULT_WORDS[conclusion.verdict.value],
            "configuration": _descriptors(folder, CONFIGURATION),
            "passedTests": _named(gates, "pass"),
            "warnedTests": _named(gates, "inconclusive", "not_evaluated"),
            "failedTests": _named(gates, "fail"),
            "framing": {
                "schema_version": SCHEMA_VERSION,
                "version": pytest_framing.__version__,
                "run_id": record.run_id,
                "verdict": conclusion.verdict.value,
                "release": record.release,
                "waived": sorted(conclusion.waived),
                "allowed_mismatch": list(record.allowed_mismatch),
                "sessions": conclusion.sessions,
                "torn_files": [path.name for path in conclusion.torn],
                "model": _model(record),
                "protocol_digest": record.protocol_digest,
                "plan_digest": record.plan.digest,
                "environment": _environment(record),
                "contexts": contexts(judged, record.skipped),
                "suites": {name: suite_account(conclusion, name, results[name]) for name in conclusion.suites},
                "skipped_suites": dict(record.skipped),
                "files": _descriptors(folder, BOUND),
            },
        },
    }


def read_receipt(path: Path) -> dict[str, Any]:
    """Read a receipt.

    Raises
    ------
    ReceiptError
        When it is no JSON, no statement of ours, or of another shape.
    """
    document = read_document(path, ReceiptError)
    hold_receipt(document, path)
    return document


def hold_receipt(document: Mapping[str, Any], path: Path) -> None:
    """Refuse what is no receipt.

    Raises
    ------
    ReceiptError
        Naming what it is not, or the place in which it has another shape.
    """
    if document.get("_type") != STATEMENT_TYPE or document.get("predicateType") != PREDICATE_TYPE:
        raise ReceiptError(f"{path}: not a receipt: an in-toto Statement with the test-result predicate was expected")
    predicate = document.get("predicate")
    if not isinstance(predicate, dict) or not isinstance(predicate.get("framing"), dict):
        raise ReceiptError(f"{path}: not a receipt of pytest-framing: there is no predicate.framing in it")
    hold_to_schema(document, "receipt", path, ReceiptError)


def _named(gates: list[tuple[str, GateResult]], *statuses: str) -> list[str]:
    return [name for name, gate in gates if gate.status.value in statuses]


def _descriptors(folder: Path, patterns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return name and digest of each file, as in-toto describes resources."""
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    return [{"name": path.name, "digest": {"sha256": file_digest(path)}} for path in paths]


def _subject(record: RunRecord, folder: Path) -> dict[str, Any]:
    """Return the model by its weights, else by its commit; else the plan: a name alone identifies nothing."""
    subject = _subject_fields(record)
    weights, revision = str(subject.get("weights") or ""), str(subject.get("revision") or "")
    if weights.startswith("sha256:"):
        return {"name": record.subject.name, "digest": {"sha256": weights.removeprefix("sha256:")}}
    if revision:
        return {"name": record.subject.name, "digest": {"gitCommit": revision}}
    return {"name": PLAN, "digest": {"sha256": file_digest(folder / PLAN)}}


def _subject_fields(record: RunRecord) -> Mapping[str, Any]:
    return next(iter(record.fingerprints.values())).subject


def _model(record: RunRecord) -> dict[str, Any]:
    subject, about = _subject_fields(record), record.subject
    return {
        "name": about.name,
        "stage": str(subject.get("stage") or ""),
        "checkpoint": about.checkpoint,
        "revision": about.revision,
        "weights": str(subject.get("weights") or ""),
        "tokenizer": str(subject.get("tokenizer") or ""),
        "quantization": about.quantization,
        "dtype": about.dtype,
        "trust_remote_code": subject.get("trust_remote_code"),
    }


def _environment(record: RunRecord) -> dict[str, Any]:
    informing = next(iter(record.fingerprints.values())).informing
    return {
        "engine": informing.get("engine"),
        "libraries": informing.get("libraries"),
        "device": informing.get("device"),
        "pytest_framing": informing.get("pytest_framing"),
    }
