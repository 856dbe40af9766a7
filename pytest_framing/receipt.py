"""The receipt: an in-toto Statement that binds the files of a run by digest to the verdict."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest_framing

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
# What is bound: the plan, every response and verdict, and what was concluded from them.
BOUND = ("plan.json", "stopped.json", "responses*.jsonl", "verdicts*.jsonl", "results.json", "summary.md")
RESULT_WORDS = {"pass": "PASSED", "fail": "FAILED", "inconclusive": "WARNED", "not_evaluated": "WARNED"}


def receipt_document(folder: Path, results: dict[str, Any]) -> dict[str, Any]:
    """Return the Statement for a run folder whose other files are all written.

    Parameters
    ----------
    folder
        The run folder.
    results
        Content of its ``results.json``.
    """
    paths = sorted({path for pattern in BOUND for path in folder.glob(pattern)})
    gates = [(suite, gate) for suite, entry in results["suites"].items() for gate in entry["gates"]]

    def named(*statuses: str) -> list[str]:
        return [f"{suite}/{gate['name']}[{gate['scope']}]" for suite, gate in gates if gate["status"] in statuses]

    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": path.name, "digest": {"sha256": file_digest(path)}} for path in paths],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": RESULT_WORDS[results["verdict"]],
            "configuration": [
                {"name": f"baseline of {suite}", "digest": {"sha256": file_digest(Path(entry["baseline"]["path"]))}}
                for suite, entry in results["suites"].items()
                if entry["baseline"]["path"]
            ],
            "passedTests": named("pass"),
            "warnedTests": named("inconclusive", "not_evaluated"),
            "failedTests": named("fail"),
            "framing": {
                "version": pytest_framing.__version__,
                "run_id": results["run_id"],
                "verdict": results["verdict"],
                "release": results["release"],
                "waived": results["waived"],
                "sessions": results["sessions"],
                "torn_files": results["torn_files"],
                "model": results["model"],
                "protocol_digest": results["protocol"]["digest"],
                "plan_digest": results["protocol"]["plan"],
                "allowed_mismatch": results["protocol"]["allowed_mismatch"],
                "prompts": {suite: entry["prompts"] for suite, entry in results["suites"].items()},
                "profiles": {suite: entry["profile"] for suite, entry in results["suites"].items()},
                "lint": {suite: entry["lint"] for suite, entry in results["suites"].items()},
                "skipped_suites": results["skipped_suites"],
                "evidence": {suite: entry["evidence"] for suite, entry in results["suites"].items()},
                "baselines": {suite: _baseline(entry["baseline"]) for suite, entry in results["suites"].items()},
            },
        },
    }


def _baseline(entry: dict[str, Any]) -> str:
    if "published" in entry:
        return f"published totals, under another protocol: {entry['published']['citation']}"
    return str(entry["note"] or Path(entry["path"]).name)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
