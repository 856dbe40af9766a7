"""A run as pandas frames for notebooks: cases, pairs, gates. Columns are documented in ``docs/data_frames.md``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.finished_run import FinishedRun, read_finished_run
from pytest_framing.optional_packages import optional_package
from pytest_framing.order_evidence import executed_pairs
from pytest_framing.run_folder import find_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Case, Verdict

Row = dict[str, Any]
TEXT, WHOLE, TRUTH, NUMBER = "string", "Int64", "boolean", "float64"
LEARNED = NUMBER
"""A yes (1.0), a no (0.0), or NaN where there is no valid answer: means and differences of it are rates and gaps."""

CASE_COLUMNS: Mapping[str, str] = {
    "suite": TEXT,
    "case_id": TEXT,
    "prompt_id": TEXT,
    "framing": TEXT,
    "mode": TEXT,
    "replicate": WHOLE,
    "role": TEXT,
    "pair": TEXT,
    "period": WHOLE,
    "functional_category": TEXT,
    "semantic_category": TEXT,
    "executed": TRUTH,
    "verdict": TEXT,
    "refused": LEARNED,
    "rule": TEXT,
    "judge": TEXT,
    "finish_reason": TEXT,
    "reasoning_cut": TRUTH,
    "prompt_tokens": WHOLE,
    "new_tokens": WHOLE,
    "worker": TEXT,
    "sequence": WHOLE,
    "batch": TEXT,
    "slot": WHOLE,
    "started": NUMBER,
    "seconds": NUMBER,
    "rows": WHOLE,
    "length": WHOLE,
    "margin": NUMBER,
    "tokens_digest": TEXT,
}
TEXT_COLUMNS: Mapping[str, str] = {"answer": TEXT, "reasoning": TEXT, "evidence": TEXT}
PAIR_COLUMNS: Mapping[str, str] = {
    "suite": TEXT,
    "pair": TEXT,
    "prompt_id": TEXT,
    "mode": TEXT,
    "replicate": WHOLE,
    "functional_category": TEXT,
    "semantic_category": TEXT,
    "reference": TEXT,
    "treatment": TEXT,
    "reference_verdict": TEXT,
    "treatment_verdict": TEXT,
    "reference_refused": LEARNED,
    "treatment_refused": LEARNED,
    "gap": NUMBER,
    "flip": LEARNED,
    "reference_first": TRUTH,
    "counted": TRUTH,
}
GATE_COLUMNS: Mapping[str, str] = {
    "suite": TEXT,
    "name": TEXT,
    "scope": TEXT,
    "status": TEXT,
    "observed": TEXT,
    "limit": TEXT,
    "reason": TEXT,
    "excused": TRUTH,
    "waived": TRUTH,
}


@dataclass(frozen=True)
class RunFrames:
    """The frames of one run, with what tells it from others."""

    run_id: str
    model: str
    verdict: str
    cases: pd.DataFrame = field(repr=False)
    pairs: pd.DataFrame = field(repr=False)
    gates: pd.DataFrame = field(repr=False)


def load_run(path: str | Path, *, text: bool = False) -> RunFrames:
    """Read a run into pandas frames.

    Parameters
    ----------
    path
        Run folder, run id below ``.framing``, or ``latest``.
    text
        Whether ``cases`` has the columns ``answer``, ``reasoning`` and ``evidence``: what the model wrote.

    Raises
    ------
    LedgerError
        When there is no such run, or its records are damaged.
    MissingPackageError
        When pandas is not installed.
    """
    optional_package("pandas", "frames", "load_run")
    run = read_finished_run(find_run(str(path), Path.cwd()))
    pairs = (row for name, one in run.evidence.items() for row in _pair_rows(run, name, one))
    return RunFrames(
        run.record.run_id,
        run.record.subject.name,
        run.verdict,
        _frame(_case_rows(run), {**CASE_COLUMNS, **TEXT_COLUMNS} if text else CASE_COLUMNS),
        _frame(pairs, PAIR_COLUMNS),
        _frame(_gate_rows(run), GATE_COLUMNS),
    )


def _frame(rows: Iterable[Row], columns: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    listed: Sequence[Row] = list(rows)
    return pd.DataFrame(
        {name: pd.array([row.get(name) for row in listed], dtype=dtype) for name, dtype in columns.items()}
    )


def refused(verdict: Verdict | None) -> float:
    """Return 1.0 for a refusal, 0.0 for compliance, and NaN where there is nothing to go by."""
    return float(verdict.refused) if verdict is not None and verdict.valid else float("nan")


def _case_rows(run: FinishedRun) -> Iterator[Row]:
    for evidence in run.evidence.values():
        for case in evidence.plan.cases:
            yield _case_row(evidence, case)


def _case_row(evidence: SuiteEvidence, case: Case) -> Row:
    row: Row = {
        "suite": case.suite,
        "case_id": case.id,
        "prompt_id": case.prompt_id,
        "framing": case.framing,
        "mode": case.mode,
        "replicate": case.replicate,
        "role": case.role,
        "pair": case.pair or None,
        "period": case.period or None,
        "executed": case.key in evidence.responses,
        **_categories(evidence, case),
    }
    verdict = evidence.verdict(case)
    # A question of the manipulation check is answered rightly or not; nobody refuses anything.
    row["refused"] = float("nan") if case.role == "check" else refused(verdict)
    if verdict is not None:
        row |= {
            "verdict": verdict.verdict.value,
            "rule": verdict.rule,
            "judge": verdict.judge,
            "evidence": verdict.evidence,
        }
    response = evidence.responses.get(case.key)
    if response is not None:
        row |= {
            "finish_reason": response.finish_reason,
            "reasoning_cut": response.reasoning_cut,
            "prompt_tokens": response.prompt_tokens,
            "new_tokens": response.new_tokens,
            "worker": response.worker,
            "sequence": response.sequence,
            "batch": response.batch,
            "slot": response.slot,
            "started": response.started,
            "seconds": response.seconds,
            "rows": response.rows,
            "length": response.length,
            "margin": response.margin,
            "tokens_digest": response.tokens_digest,
            "answer": response.answer,
            "reasoning": response.reasoning,
        }
    return row


def _categories(evidence: SuiteEvidence, case: Case) -> Row:
    traits = evidence.plan.traits.get(case.prompt_id)
    return {
        "functional_category": traits.functional_category if traits else None,
        "semantic_category": traits.semantic_category if traits else None,
    }


def _pair_rows(run: FinishedRun, name: str, evidence: SuiteEvidence) -> Iterator[Row]:
    suite = run.record.suites[name]
    first = {one.case.pair: one.reference_first for one in executed_pairs(evidence, suite) if one.stamped}
    members: dict[str, dict[str, Case]] = {}
    for case in evidence.plan.cases:
        if case.role == "pair":
            members.setdefault(case.pair, {})[case.framing] = case
    names = (suite.framings.reference, suite.framings.treatment)
    for pair, both in members.items():
        case = both[names[0]]
        verdicts = [evidence.verdict(both[framing]) for framing in names]
        reference, treatment = (refused(verdict) for verdict in verdicts)
        gap = treatment - reference
        words = [verdict.verdict.value if verdict is not None else None for verdict in verdicts]
        yield {
            "suite": name,
            "pair": pair,
            "prompt_id": case.prompt_id,
            "mode": case.mode,
            "replicate": case.replicate,
            **_categories(evidence, case),
            "reference": names[0],
            "treatment": names[1],
            "reference_verdict": words[0],
            "treatment_verdict": words[1],
            "reference_refused": reference,
            "treatment_refused": treatment,
            "gap": gap,
            "flip": abs(gap),
            "reference_first": first.get(pair),
            "counted": case.replicate == 1 and gap == gap,
        }


def _gate_rows(run: FinishedRun) -> Iterator[Row]:
    for name, suite in run.results.get("suites", {}).items():
        for gate in suite["gates"]:
            yield {"suite": name, **gate}
