"""A run as Inspect logs: one a framing and mode of each suite, prompts as samples, replicates as epochs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest_framing
from pytest_framing.errors import OutputError, first_line
from pytest_framing.framings import suite_catalogue
from pytest_framing.inspect_interop.names import (
    CORRECT,
    FIRST_REPLICATE,
    NAMESPACE,
    NOT_SHOWN,
    REFUSED,
    SHOWN,
    VERDICT,
    registered,
    require_inspect,
)
from pytest_framing.inspect_interop.prompt_texts import prompt_texts
from pytest_framing.inspect_interop.samples import SampleTexts, make_sample
from pytest_framing.records import CHECK_MODE, text_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from inspect_ai.log import EvalLog, EvalSpec

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.finished_run import FinishedRun
    from pytest_framing.records import Case

Format = Literal["eval", "json"]


def export_run(run: FinishedRun, folder: Path, *, show_text: bool = False, log_format: Format = "eval") -> list[Path]:
    """Write the logs of a run, each suite in a folder of its own.

    Parameters
    ----------
    run
        What is exported.
    folder
        Is made; it has to be empty where it exists.
    show_text
        Whether samples hold what was asked and answered. Otherwise they say that it is not shown, with its digest.
    log_format
        ``eval`` (small, Inspect's default) or ``json``.

    Raises
    ------
    MissingPackageError
        Without inspect_ai.
    OutputError
        When the folder holds something already, or cannot be written.
    """
    require_inspect("framing export --to inspect")
    from inspect_ai.log import write_eval_log

    _hold_empty(folder)
    logs = list(run_logs(run, show_text=show_text))
    written: list[Path] = []
    for name, log in logs:
        path = folder / name / f"{_file_stem(log.eval)}.{log_format}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_eval_log(log, str(path), format=log_format)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {first_line(error)}") from error
        written.append(path)
    return written


def run_logs(run: FinishedRun, *, show_text: bool = False) -> Iterator[tuple[str, EvalLog]]:
    """Make the logs of a run, each with the name of its suite."""
    for name, evidence in run.evidence.items():
        suite = run.record.suites[name]
        texts = SampleTexts(
            show_text,
            suite_catalogue(suite),
            suite.placement or "system",
            # The demonstrations before a prompt are not on record, and without them it is another conversation.
            prompt_texts(suite, evidence.plan.prompts) if show_text and not evidence.plan.contexts else {},
        )
        groups: dict[tuple[str, str], list[Case]] = {}
        for case in evidence.plan.cases:
            groups.setdefault((case.mode, case.framing), []).append(case)
        for _, cases in sorted(groups.items()):
            yield name, _log(run, evidence, cases, texts)


def _log(run: FinishedRun, evidence: SuiteEvidence, cases: Sequence[Case], texts: SampleTexts) -> EvalLog:
    from inspect_ai.log import EvalLog, EvalPlan, EvalPlanStep, EvalStats, recompute_metrics
    from inspect_ai.model import ModelUsage

    # Inspect looks the metrics and the reducer up that this module registers.
    import pytest_framing.inspect_interop.tasks  # noqa: F401

    spec = _spec(run, evidence, cases, texts)
    fingerprint = run.record.fingerprints[cases[0].suite].digest
    samples = [
        make_sample(case, evidence, spec.model, fingerprint, texts) for case in cases if case.key in evidence.responses
    ]
    whole = all(case.key in evidence.responses and case.key in evidence.verdicts for case in cases)
    usage = [one for sample in samples for one in sample.model_usage.values()]
    log = EvalLog(
        status="success" if whole else "cancelled",
        eval=spec,
        plan=EvalPlan(steps=[EvalPlanStep(solver="system_message"), EvalPlanStep(solver="generate")]),
        stats=EvalStats(
            started_at=spec.created,
            completed_at=spec.created,
            model_usage={
                spec.model: ModelUsage(
                    input_tokens=sum(one.input_tokens for one in usage),
                    output_tokens=sum(one.output_tokens for one in usage),
                    total_tokens=sum(one.total_tokens for one in usage),
                )
            },
        ),
        samples=samples,
    )
    recompute_metrics(log)
    if log.results is not None:
        # What was planned and never ran counts, too.
        log.results.total_samples = len(cases)
    return log


def _spec(run: FinishedRun, evidence: SuiteEvidence, cases: Sequence[Case], texts: SampleTexts) -> EvalSpec:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalSpec

    record, case = run.record, cases[0]
    task = f"{case.suite}-{case.framing}-{case.mode}"
    ids = list(dict.fromkeys(one.prompt_id for one in cases))
    prompts = evidence.plan.prompts
    shuffled = record.suites[case.suite].order.prompts == "shuffled"
    return EvalSpec(
        eval_id=_short(record.run_id, task, "eval"),
        run_id=record.run_id,
        created=_created(record.run_id).isoformat(),
        task=task,
        task_id=_short(record.run_id, task),
        dataset=EvalDataset(name=prompts.source, samples=len(ids), sample_ids=ids, shuffled=shuffled),
        model=record.subject.name,
        config=EvalConfig(
            epochs=max(one.replicate for one in cases),
            epochs_reducer=[registered(FIRST_REPLICATE)],
        ),
        packages={NAMESPACE: pytest_framing.__version__},
        scorers=_scorers(CORRECT if case.mode == CHECK_MODE else REFUSED),
        metadata={NAMESPACE: _task_metadata(run, case, texts)},
    )


def _scorers(number: str) -> list[dict[str, Any]]:
    """Describe the scorers; as documents, which Inspect validates: the classes of these are not public."""
    rate = "correct_rate" if number == CORRECT else "refusal_rate"
    metrics = [{"name": registered(rate)}, {"name": "inspect_ai/stderr"}]
    return [{"name": VERDICT, "metrics": []}, {"name": number, "metrics": metrics}]


def _task_metadata(run: FinishedRun, case: Case, texts: SampleTexts) -> Mapping[str, Any]:
    record, suite = run.record, run.record.suites[case.suite]
    roles = {suite.framings.reference: "reference", suite.framings.treatment: "treatment"}
    told = texts.catalogue.framings.get(case.framing)
    concluded = run.results.get("suites", {}).get(case.suite, {})
    return {
        "version": pytest_framing.__version__,
        "run_id": record.run_id,
        "suite": case.suite,
        "framing": case.framing,
        "framing_role": roles.get(case.framing, case.role),
        "framing_text": told.message if told else "",
        "mode": case.mode,
        "judge": record.judges[case.suite],
        "scorer": VERDICT,
        "protocol_digest": record.protocol_digest,
        "plan_digest": record.plan.digest,
        "fingerprint": record.fingerprints[case.suite].digest,
        "verdict": run.verdict,
        "gates": [{name: gate[name] for name in ("name", "scope", "status")} for gate in concluded.get("gates", [])],
        "text": SHOWN if texts.shown else NOT_SHOWN,
    }


def _short(*parts: str) -> str:
    """Make an id of Inspect's length; the same run has the same ids in each export."""
    return text_digest(*parts).removeprefix("sha256:")[:22]


def _created(run_id: str) -> datetime:
    """Read when the run began from its id."""
    try:
        return datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)


def _file_stem(spec: EvalSpec) -> str:
    """Name a file as Inspect does: time, task and id; by its pattern ``inspect log list`` finds ``.json`` files."""
    stamp = datetime.fromisoformat(spec.created).strftime("%Y-%m-%dT%H-%M-%S+00-00")
    task = re.sub(r"[^A-Za-z0-9.-]+", "-", spec.task)
    return f"{stamp}_{task}_{spec.task_id}"


def _hold_empty(folder: Path) -> None:
    try:
        held = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}; choose another --out") from error
    if held:
        raise OutputError(f"{folder}: is not empty; choose another --out (an export overwrites nothing)")
