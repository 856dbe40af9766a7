"""Small runs made by hand: a suite, a plan of nonsense prompts, and verdicts that add up to a given table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import settings

from pytest_framing.baseline import Baseline, load_baseline, save_baseline
from pytest_framing.engines.engine import EngineIdentity, EngineOptions, Invariance
from pytest_framing.evidence import SuiteEvidence, gather_evidence
from pytest_framing.fingerprint import Fingerprint, RenderedFraming, fingerprint
from pytest_framing.framings import builtin_catalogue, suite_catalogue
from pytest_framing.gates.evaluation import evaluate, known_gates
from pytest_framing.gates.gate import Gate, GateContext, GateResult
from pytest_framing.judges.manipulation_check import LABEL as CHECK_JUDGE
from pytest_framing.ledger import LedgerWriter
from pytest_framing.models.registry import ModelSpec
from pytest_framing.plan import Plan, plan_suite
from pytest_framing.records import Case, CaseKey, Prompt, PromptSet, Response, Verdict, VerdictLabel
from pytest_framing.results import Conclusion, conclude
from pytest_framing.run_folder import RunRecord, Subject, write_plan
from pytest_framing.study import SuiteStudy, study_suite
from pytest_framing.suite import Suite

REFUSAL, PARTIAL = VerdictLabel.REFUSAL, VerdictLabel.PARTIAL_REFUSAL
COMPLIANCE, INVALID = VerdictLabel.COMPLIANCE, VerdictLabel.INVALID
JUDGE = "rules/test"
NAME = "teapots"
Cell = tuple[VerdictLabel, VerdictLabel]
"""Verdict under ``free`` and verdict under ``paid``."""
ANSWER = "Fog is ironed on both sides."
"""What every model of a test answers, unless told otherwise."""
some_examples = settings(max_examples=50)
"""For properties of parsers: enough to find what is wrong."""


def make_suite(**changes: Any) -> Suite:
    """Return a suite of one mode without control arms."""
    document: dict[str, Any] = {
        "suite": NAME,
        "framings": {"reference": "free", "treatment": "paid"},
        "modes": ["standard"],
        "order": {"seed": 7},
        "controls": {"repeat_fraction": 0, "placebo": False},
        "gates": {"complete": {}},
    }
    return Suite.model_validate(document | changes)


def make_prompts(count: int, prefix: str = "teapot") -> PromptSet:
    """Return nonsense prompts with ids that sort in their order."""
    prompts = tuple(Prompt(f"{prefix}_{n:04d}", f"Describe {prefix} number {n}.") for n in range(count))
    return PromptSet("nonsense", "nowhere", "made for a test", prompts)


def make_plan(suite: Suite, prompts: PromptSet) -> Plan:
    """Plan a suite with a token count that varies from prompt to prompt."""
    framings = (suite.framings.reference, suite.framings.treatment)
    asked = suite_catalogue(suite).questions_about(*framings) if "manipulation_check" in suite.gates else ()
    return Plan((plan_suite(suite, prompts, count_tokens, [question.prompt() for question in asked]),))


def count_tokens(prompt: Prompt, framing: str, mode: str) -> int:
    """Stand in for a tokenizer: lengths from 40 to 239, in several buckets."""
    return 40 + len(framing) + (sum(map(ord, prompt.id)) * 37) % 190 + (6 if mode == "forcing" else 0)


def table(
    both: int = 0,
    free_only: int = 0,
    paid_only: int = 0,
    neither: int = 0,
    *,
    free_invalid: int = 0,
    paid_invalid: int = 0,
) -> list[Cell]:
    """Return one pair of verdicts a prompt, so that they add up to the table of a study."""
    return (
        [(REFUSAL, REFUSAL)] * both
        + [(REFUSAL, COMPLIANCE)] * free_only
        + [(COMPLIANCE, REFUSAL)] * paid_only
        + [(COMPLIANCE, COMPLIANCE)] * neither
        + [(INVALID, COMPLIANCE)] * free_invalid
        + [(COMPLIANCE, INVALID)] * paid_invalid
    )


PILOT = table(16, 20, 7, 157)
"""Published: refusals of the pilot, 4-bit and batched."""
REPLICATION = table(18, 5, 4, 373)
"""Published: refusals of the replication, 16-bit and sequential."""


@dataclass(frozen=True)
class Run:
    """A suite with its plan and everything that a ledger would hold of it."""

    suite: Suite
    plan: Plan
    responses: tuple[Response, ...]
    verdicts: tuple[Verdict, ...]
    deselected: frozenset[CaseKey] = field(default_factory=frozenset)
    interrupted: bool = False

    def without(self, *cases: Case, deselected: bool = False) -> Run:
        """Return the run as if these cases had not run, by mishap or because the user left them out."""
        keys = {case.key for case in cases}
        return replace(
            self,
            responses=tuple(one for one in self.responses if one.key not in keys),
            verdicts=tuple(one for one in self.verdicts if one.key not in keys),
            deselected=frozenset(keys) if deselected else self.deselected,
        )

    @property
    def cases(self) -> Sequence[Case]:
        """All cases in planned order."""
        return self.plan.suites[0].cases

    @property
    def evidence(self) -> SuiteEvidence:
        """Join the records with the plan."""
        return gather_evidence(
            self.plan,
            self.responses,
            self.verdicts,
            judges={self.suite.name: JUDGE},
            deselected=self.deselected,
            interrupted=self.interrupted,
        )[self.suite.name]

    @property
    def study(self) -> SuiteStudy:
        """The estimates, with as many comparisons as the suite has modes."""
        return study_suite(self.suite, self.evidence, len(self.suite.modes))

    def context(self, baseline: Baseline | None = None, note: str = "no baseline exists yet", **settings: Any) -> Any:
        """Return what gates look at."""
        return GateContext(self.suite, self.evidence, self.study, make_fingerprint(self, **settings), baseline, note)

    def with_gate(self, name: str, **parameters: Any) -> Run:
        """Return the run under a suite that asks for one gate alone."""
        return replace(self, suite=self.suite.model_copy(update={"gates": {name: parameters}}))


def make_run(
    *tables: list[Cell],
    suite: Suite | None = None,
    prompts: PromptSet | None = None,
    placebo: Mapping[str, VerdictLabel] | None = None,
    again: Mapping[str, VerdictLabel] | None = None,
    answered: Mapping[str, VerdictLabel] | None = None,
) -> Run:
    """Run a suite on paper: one table a mode.

    ``placebo`` has the verdicts of placebo cases by prompt id (others: as under ``free``), ``again`` those of second
    replicates by case id (others: as in the first), ``answered`` those of questions by case id (others: correct).
    """
    modes = ["standard", "forcing"][: len(tables)]
    suite = suite or make_suite(modes=modes)
    prompts = prompts or make_prompts(len(tables[0]))
    plan = make_plan(suite, prompts)
    ids = sorted(prompt.id for prompt in prompts.prompts)
    by_mode: dict[str, dict[str, Cell]] = {
        mode: dict(zip(ids, cells, strict=True)) for mode, cells in zip(suite.modes, tables, strict=True)
    }

    def label(case: Case) -> VerdictLabel:
        if case.role == "check":
            return (answered or {}).get(case.id, VerdictLabel.CORRECT)
        free, paid = by_mode[case.mode][case.prompt_id]
        if case.role == "placebo":
            return (placebo or {}).get(case.prompt_id, free)
        return (again or {}).get(case.id, paid if case.framing == "paid" else free)

    verdicts = tuple(
        make_verdict(case, label(case), CHECK_JUDGE if case.role == "check" else JUDGE) for case in plan.suites[0].cases
    )
    return Run(suite, plan, execute(plan), verdicts)


def make_verdict(case: Case, label: VerdictLabel, judge: str = JUDGE) -> Verdict:
    """Judge a case as told."""
    return Verdict.on(case, judge, label)


def make_response(case: Case, **changes: Any) -> Response:
    """Answer a case with nonsense."""
    response = Response(
        suite=case.suite,
        case_id=case.id,
        answer=ANSWER,
        reasoning="",
        reasoning_cut=False,
        finish_reason="stop",
        prompt_tokens=60,
        new_tokens=7,
        worker="main",
        sequence=1,
        batch=case.batch,
        slot=case.slot,
        started=0.0,
        seconds=1.0,
    )
    return replace(response, **changes)


def execute(plan: Plan) -> tuple[Response, ...]:
    """Run a plan as planned: batch after batch, and turn after turn where they are sequential."""
    responses: list[Response] = []
    clock = 100.0
    for batch in plan.batches.values():
        for case_id in batch.case_ids:
            case = plan.cases[batch.suite, case_id]
            responses.append(make_response(case, sequence=len(responses) + 1, started=clock, seconds=1.0))
            clock += 1.0 if batch.sequential else 0.0
        clock += 1.0
    return tuple(responses)


def make_fingerprint(
    run: Run,
    *,
    weights: str = "sha256:aa",
    dtype: str = "float32",
    judge: str = JUDGE,
    invariance: Invariance = "kernel",
) -> Fingerprint:
    """Take the fingerprint of a run on an engine that exists on paper alone."""
    identity = EngineIdentity("scripted", "1", invariance, 4096, "sha256:template", "sha256:tokenizer", weights, "")
    names = ("free", "paid", "placebo")
    return fingerprint(
        run.suite,
        run.plan.suites[0],
        builtin_catalogue(),
        {name: RenderedFraming(f"sha256:{name}", 50) for name in names},
        identity,
        EngineOptions(ModelSpec("paper", "/models/paper"), dtype),
        judge,
    )


def make_baseline(run: Run, folder: Path, **settings: Any) -> Baseline:
    """Save a run as a baseline and read it back."""
    path = folder / "baseline.json"
    save_baseline(
        path,
        model="paper",
        run_id="run-1",
        verdict="pass",
        fingerprint=make_fingerprint(run, **settings),
        study=run.study,
        evidence=run.evidence,
    )
    return load_baseline(path)


def judged(
    run: Run, gate: str, *, baseline: Baseline | None = None, release: bool = False, **parameters: Any
) -> list[GateResult]:
    """Evaluate one gate, one result a scope."""
    return gate_results(run.with_gate(gate, **parameters), baseline=baseline, release=release)


def gate_results(
    run: Run,
    *,
    baseline: Baseline | None = None,
    release: bool = False,
    gates: Mapping[str, Gate] | None = None,
    **settings: Any,
) -> list[GateResult]:
    """Evaluate every gate of the run's suite, as a session of this suite alone does."""
    contexts = {run.suite.name: run.context(baseline, **settings)}
    return list(evaluate(gates or known_gates(), contexts, release=release)[run.suite.name].results)


def make_record(run: Run, *, name: str = "paper", run_id: str = "run-1", **settings: Any) -> RunRecord:
    """Return what the folder of a run says before its first response; ``settings`` are of its fingerprint."""
    return RunRecord(
        run_id=run_id,
        salt="5a17" * 8,
        subject=Subject(name, "", "", "none", "float32"),
        release=False,
        allowed_mismatch=(),
        suites={run.suite.name: run.suite},
        judges={run.suite.name: JUDGE},
        fingerprints={run.suite.name: make_fingerprint(run, **settings)},
        plan=run.plan,
    )


def write_run(run: Run, folder: Path, **about: Any) -> Conclusion:
    """Leave a run folder behind as a session does, and conclude it; ``about`` is what `make_record` takes."""
    record = make_record(run, **about)
    write_plan(folder, record)
    write_ledger(folder, run.responses, run.verdicts)
    return conclude(record, folder, known_gates(), {run.suite.name: (None, "no baseline exists yet")})


def write_ledger(
    folder: Path, responses: Iterable[Response], verdicts: Iterable[Verdict], worker: str = "main"
) -> None:
    """Append records as one worker does."""
    ledger = LedgerWriter(folder, worker)
    for response in responses:
        ledger.add_response(response)
    for verdict in verdicts:
        ledger.add_verdict(verdict)
    ledger.close()
