"""A gate run from settings to the started engine: everything that has to be right before the first token."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.baseline import NONE, Baseline, check_allowed_fields, find_baseline, hold_comparable
from pytest_framing.case_lengths import count_lengths
from pytest_framing.demonstration_pools import hold_no_leakage, resolve_pool
from pytest_framing.demonstrations import contexts, demonstrations_document
from pytest_framing.engines.engine import Decoding
from pytest_framing.engines.openai import NAME as OPENAI
from pytest_framing.engines.selection import choose_engine, default_batch_size, engine_options, resolve_model_for
from pytest_framing.errors import BaselineError, PromptsNotAtHandError, SettingsError, SuiteError
from pytest_framing.execution import CaseRunner
from pytest_framing.extensions import Extensions
from pytest_framing.fingerprint import RenderedFraming, fingerprint
from pytest_framing.framings import conversation, lint_framings, suite_catalogue
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.judges.asking import JudgeSetup
from pytest_framing.judges.judge import JudgeSources, choose_judge
from pytest_framing.judges.manipulation_check import ManipulationCheckJudge
from pytest_framing.ledger import LedgerWriter
from pytest_framing.plan import Plan, hold_unique_suites, plan_suite
from pytest_framing.prompt_sources import hold_choices_used, resolve_prompts
from pytest_framing.records import Prompt, text_digest
from pytest_framing.report.plan_table import plan_lines
from pytest_framing.resuming import Recorded
from pytest_framing.run_folder import RunRecord, Subject
from pytest_framing.suite import RELEASE, load_suite

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from pytest_framing.demonstration_pools import Pool
    from pytest_framing.demonstrations import Context
    from pytest_framing.engines.engine import Conversation, Engine, EngineIdentity, EngineOptions
    from pytest_framing.framings import FramingCatalogue, Question
    from pytest_framing.gates.gate import Gate
    from pytest_framing.judges.judge import Judge
    from pytest_framing.models.registry import ModelSpec
    from pytest_framing.plan import SuitePlan
    from pytest_framing.published import PublishedBaseline
    from pytest_framing.records import Case, PromptSet
    from pytest_framing.settings import Settings
    from pytest_framing.suite import Suite

DEFAULT_PLACEMENT = "system"
# A stand-in request, for looking at what a template makes of a framing.
_EMPTY_REQUEST = Prompt(id="empty", behaviour="-")


@dataclass(frozen=True)
class PreparedSuite:
    """One suite, ready to run."""

    suite: Suite
    prompts: PromptSet
    catalogue: FramingCatalogue
    judge: Judge
    plan: SuitePlan
    baseline: Baseline | PublishedBaseline | None
    baseline_note: str
    lint: tuple[str, ...]
    questions: Mapping[str, Question]
    prompts_by_id: Mapping[str, Prompt] = field(repr=False)
    contexts: Mapping[str, Context] = field(default_factory=dict, repr=False)

    @property
    def check(self) -> Judge:
        """The judge of the manipulation check."""
        return ManipulationCheckJudge(self.questions)

    def prompt(self, case: Case) -> Prompt:
        """Return the request of a case of this suite: a prompt, or a question of the manipulation check."""
        return self.questions[case.prompt_id].prompt() if case.role == "check" else self.prompts_by_id[case.prompt_id]

    def converse(self, case: Case) -> Conversation:
        """Return what the model reads for a case of this suite."""
        return _converse(self.suite, self.catalogue, self.prompt(case), case.framing, case.mode, self.contexts)


@dataclass(frozen=True)
class PreparedRun:
    """All suites of a session with their engine; weights are not loaded yet.

    ``skipped`` has the files of the suites that were left out because their prompts are not at hand, and why.
    """

    settings: Settings
    model: ModelSpec
    engine: Engine
    suites: Mapping[str, PreparedSuite]
    gates: Mapping[str, Gate]
    record: RunRecord
    skipped: Mapping[Path, str] = field(default_factory=dict)

    def explain(self) -> Iterator[str]:
        """Yield the lines that say what the plan of each suite will run; nothing is loaded but the tokenizer."""
        for one in self.suites.values():
            conversations = [one.converse(case) for case in one.plan.cases]
            tokens = dict(
                zip((case.key for case in one.plan.cases), self.engine.count_tokens(conversations), strict=True)
            )
            for case, asked in zip(one.plan.cases, conversations, strict=True):
                if self.record.plan.batches[case.batch].prefix:
                    tokens[case.key] -= self.engine.count_shared(asked)
            yield from plan_lines(one.plan, tokens, one.suite.decoding.max_new_tokens)
            yield ""

    def runner(self, folder: Path, worker: str, recorded: Recorded | None = None) -> CaseRunner:
        """Load the weights and return what runs cases, less those that earlier sessions of the run recorded."""
        self.engine.start()
        return CaseRunner(
            plan=self.record.plan,
            engine=self.engine,
            judges={name: one.judge for name, one in self.suites.items()},
            checks={name: one.check for name, one in self.suites.items()},
            ledger=LedgerWriter(folder, worker),
            converse=lambda case: self.suites[case.suite].converse(case),
            decoding={name: _decoding(one.suite) for name, one in self.suites.items()},
            worker=worker,
            judge_noise={name: one.suite.controls.judge_noise for name, one in self.suites.items()},
            recorded=recorded or Recorded(),
        )


def prepare(
    settings: Settings,
    suite_files: Sequence[Path],
    extensions: Extensions,
    run_id: str,
    named: Collection[Path] = (),
    salt: str = "",
) -> PreparedRun:
    """Read and check everything, draw the plan, and hold the baseline's protocol against this one.

    It depends on its arguments alone, so that every worker of a session comes to the same plan.

    Parameters
    ----------
    settings
        What the user asked for.
    suite_files
        The ``suite.yaml`` of every suite below the paths of the command line.
    extensions
        Engines, judges, prompt sources and gates of plugins.
    run_id
        Name of the run.
    named
        Suite files that were asked for by name: these are never skipped for want of prompts.
    salt
        What the digests of the run's receipt are salted with.

    Raises
    ------
    FramingError
        For anything that is wrong with the options, suites, prompts, model or baseline; nothing has been generated.
    """
    check_allowed_fields(settings.allow_mismatch)
    model = resolve_model_for(settings)
    gates = known_gates(extensions.gates)
    suites = [
        _with_overrides(
            load_suite(
                path,
                parameter_models(gates),
                settings.profile,
                embedded=model.embedded,
                planted=model.planted == "demonstrations",
            ),
            settings,
            model,
        )
        for path in suite_files
    ]
    if settings.release and settings.profile not in (None, RELEASE):
        raise SettingsError(f"--framing-profile {settings.profile}: a release run takes the profile {RELEASE!r} alone")
    if not suites:
        raise SuiteError(f"--model {settings.model}: no suite (a folder with suite.yaml) among the given paths")
    hold_unique_suites((suite.name, suite.path) for suite in suites)
    options = engine_options(settings, model)
    prepared: dict[str, PreparedSuite] = {}
    server = options if settings.engine == OPENAI else None
    judges = _choose_judges(suites, extensions, lambda case: prepared[case.suite].prompt(case).text, server)
    engine = choose_engine(settings.engine, options, extensions.engines)
    hold_choices_used(settings.prompts, {source for suite in suites for source in suite.sources})
    material, skipped = _material(suites, settings, model, extensions, named)
    suites = [suite for suite in suites if suite.name in material]
    identity = engine.identity()
    prints = {}
    found = False
    for suite in suites:
        _hold_obeyed(suite, identity)
        catalogue = suite_catalogue(suite)
        framings = suite.framings
        names = (framings.reference, framings.treatment, framings.placebo)
        try:
            lint = lint_framings([catalogue.framing(name) for name in names])
        except SuiteError as error:
            raise SuiteError(f"{suite.path}: {error}") from None
        prompts, shown = material[suite.name]
        questions = catalogue.questions_about(framings.reference, framings.treatment) if _asks(suite) else ()
        plan = _plan(suite, prompts, questions, catalogue, engine, identity, shown)
        print_ = fingerprint(
            suite,
            plan,
            catalogue,
            _rendered(suite, catalogue, engine),
            identity,
            options,
            judges[suite.name].label,
            questions,
            shown.document(suite, plan),
        )
        baseline, note = find_baseline(settings, model.name, suite.name, prompts.source)
        if isinstance(baseline, Baseline):
            hold_comparable(print_, baseline, settings.allow_mismatch)
        prints[suite.name] = print_
        found = found or baseline is not None
        prepared[suite.name] = PreparedSuite(
            suite=suite,
            prompts=prompts,
            catalogue=catalogue,
            judge=judges[suite.name],
            plan=plan,
            baseline=baseline,
            baseline_note=note,
            lint=tuple(lint),
            questions={question.prompt().id: question for question in questions},
            prompts_by_id={prompt.id: prompt for prompt in prompts.prompts},
            contexts=shown.contexts,
        )
    if settings.baseline not in (None, NONE) and not found:
        raise BaselineError(
            f"--framing-baseline {settings.baseline}: no baseline for any suite of this run: "
            + "; ".join(one.baseline_note for one in prepared.values())
        )
    record = RunRecord(
        run_id=run_id,
        salt=salt,
        subject=Subject(model.name, model.checkpoint, identity.revision, options.quantization, options.dtype),
        release=settings.release,
        allowed_mismatch=tuple(sorted(settings.allow_mismatch)),
        suites={name: one.suite for name, one in prepared.items()},
        judges={name: one.judge.label for name, one in prepared.items()},
        fingerprints=prints,
        plan=Plan(tuple(one.plan for one in prepared.values())),
        lint={name: one.lint for name, one in prepared.items()},
        skipped={suite.name: reason for suite, reason in skipped},
        baselines={name: one.baseline.digest if one.baseline else "" for name, one in prepared.items()},
    )
    return PreparedRun(
        settings, model, engine, prepared, gates, record, {suite.path: reason for suite, reason in skipped}
    )


@dataclass(frozen=True)
class ShownDemonstrations:
    """What stands before the requests of a suite: nothing, or contexts drawn from pools."""

    pools: Mapping[str, Pool] = field(default_factory=dict, repr=False)
    contexts: Mapping[str, Context] = field(default_factory=dict, repr=False)

    def document(self, suite: Suite, plan: SuitePlan) -> dict[str, Any] | None:
        """Return what the fingerprint holds of them."""
        if suite.demonstrations is None:
            return None
        return demonstrations_document(suite.demonstrations, self.pools, plan.contexts)


def _material(
    suites: Sequence[Suite],
    settings: Settings,
    model: ModelSpec,
    extensions: Extensions,
    named: Collection[Path],
) -> tuple[dict[str, tuple[PromptSet, ShownDemonstrations]], list[tuple[Suite, str]]]:
    """Return prompts and demonstrations of each suite by its name, and the suites to skip for want of theirs."""
    found: dict[str, tuple[PromptSet, ShownDemonstrations]] = {}
    lacking: list[tuple[Suite, PromptsNotAtHandError]] = []
    for suite in suites:
        try:
            prompts = resolve_prompts(suite, settings.prompts, model, settings.root, extensions.prompt_sources)
            found[suite.name] = prompts, _demonstrations(suite, prompts, settings, model)
        except PromptsNotAtHandError as error:
            if suite.prompts.required or suite.path in named:
                raise
            lacking.append((suite, error))
    if not found:
        raise lacking[0][1]
    return found, [(suite, str(error)) for suite, error in lacking]


def _choose_judges(
    suites: Sequence[Suite], extensions: Extensions, request: Callable[[Case], str], server: EngineOptions | None
) -> dict[str, Judge]:
    """Make the judge of each suite; suites that name the same judge share it, and with it a model's weights."""
    made: dict[tuple[str, int], Judge] = {}
    for suite in suites:
        key = (suite.judge, suite.order.seed)
        if key not in made:
            setup = JudgeSetup(request, suite.order.seed)
            sources = JudgeSources(extensions.judges, extensions.engines, setup=setup, server=server)
            made[key] = choose_judge(suite.judge, sources)
    return {suite.name: made[suite.judge, suite.order.seed] for suite in suites}


def _demonstrations(suite: Suite, prompts: PromptSet, settings: Settings, model: ModelSpec) -> ShownDemonstrations:
    shown = suite.demonstrations
    if shown is None:
        return ShownDemonstrations()
    wanted = {shown.harmful.source: (shown.harmful, "restricted")}
    wanted |= {one.source: (one, "everyday") for one in (shown.benign, *shown.other_benign)}
    pools = {
        name: resolve_pool(suite, source, stand_in, settings.prompts, model, settings.root)
        for name, (source, stand_in) in wanted.items()
    }
    hold_no_leakage(pools.values(), prompts)
    return ShownDemonstrations(pools, contexts(suite, shown, pools))


def _asks(suite: Suite) -> bool:
    """Whether the questions of the manipulation check are put in this run: they are where its gate looks at them."""
    return "manipulation_check" in suite.gates


def _with_overrides(suite: Suite, settings: Settings, model: ModelSpec) -> Suite:
    """Settle what suite, model and options each may say: an option wins over the suite, the suite over the model.

    The limit of new tokens is the exception: a reasoning model's own is the larger one, and a smaller limit would cut
    its answers off.
    """
    order, execution, decoding = suite.order, suite.execution, suite.decoding
    if settings.seed is not None:
        order = order.model_copy(update={"seed": settings.seed})
    if settings.execution is not None:
        execution = execution.model_copy(update={"mode": settings.execution})
    if execution.batch_size is None:
        execution = execution.model_copy(update={"batch_size": default_batch_size(settings.engine, model)})
    if model.max_new_tokens is not None and model.max_new_tokens > decoding.max_new_tokens:
        decoding = decoding.model_copy(update={"max_new_tokens": model.max_new_tokens})
    return suite.model_copy(
        update={
            "order": order,
            "execution": execution,
            "decoding": decoding,
            "placement": settings.placement or suite.placement or model.placement or DEFAULT_PLACEMENT,
            "judge": settings.judge or suite.judge,
        }
    )


def _hold_obeyed(suite: Suite, engine: EngineIdentity) -> None:
    """Refuse a setting that the engine would pass over in silence."""
    asked = {
        "temperature": (suite.decoding.temperature > 0, "decoding.temperature"),
        "max_answer_tokens": (suite.decoding.max_answer_tokens is not None, "decoding.max_answer_tokens"),
        "deadline": (suite.execution.deadline is not None, "execution.deadline"),
    }
    for name, (given, key) in asked.items():
        if given and name not in engine.obeys:
            raise SuiteError(f"{suite.path}: {key}: the engine {engine.name} cannot follow it; leave it out")


def _decoding(suite: Suite) -> Decoding:
    return Decoding(**suite.decoding.model_dump(), deadline=suite.execution.deadline)


def _converse(
    suite: Suite,
    catalogue: FramingCatalogue,
    prompt: Prompt,
    framing: str,
    mode: str,
    contexts: Mapping[str, Context] | None = None,
) -> Conversation:
    context = (contexts or {}).get(mode)
    return conversation(
        prompt,
        catalogue.framing(framing),
        mode,
        suite.placement or DEFAULT_PLACEMENT,
        catalogue,
        context.messages if context is not None else (),
    )


def _plan(
    suite: Suite,
    prompts: PromptSet,
    questions: Sequence[Question],
    catalogue: FramingCatalogue,
    engine: Engine,
    identity: EngineIdentity,
    shown: ShownDemonstrations,
) -> SuitePlan:
    asked = [question.prompt() for question in questions]

    def converse(prompt: Prompt, framing: str, mode: str) -> Conversation:
        return _converse(suite, catalogue, prompt, framing, mode, shown.contexts)

    lengths = count_lengths(suite, prompts, asked, shown.contexts, converse, engine, identity)
    return plan_suite(
        suite,
        prompts,
        lengths.tokens,
        asked,
        engine.shape,
        {name: lengths.summarise(context) for name, context in shown.contexts.items()},
        {name: pool.document() for name, pool in shown.pools.items()},
        lengths.fits,
        lengths.shared,
    )


def _rendered(suite: Suite, catalogue: FramingCatalogue, engine: Engine) -> dict[str, RenderedFraming]:
    names = (suite.framings.reference, suite.framings.treatment, suite.framings.placebo)
    conversations = [_converse(suite, catalogue, _EMPTY_REQUEST, name, "standard") for name in names]
    counts = engine.count_tokens(conversations)
    return {
        name: RenderedFraming(text_digest(engine.render(one)), count)
        for name, one, count in zip(names, conversations, counts, strict=True)
    }
