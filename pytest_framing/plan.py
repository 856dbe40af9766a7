"""The plan: every case of a run with its drawn order and its batch, fixed before the first token."""

from __future__ import annotations

import hashlib
import random
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_framing.demonstrations import ContextSummary
from pytest_framing.errors import PromptError, SuiteError
from pytest_framing.framings import UNFRAMED
from pytest_framing.json_documents import document_digest
from pytest_framing.records import (
    CHECK_MODE,
    STANDARD_MODE,
    Batch,
    Case,
    CaseKey,
    Prompt,
    PromptSet,
    PromptSummary,
    PromptTraits,
    Role,
)
from pytest_framing.shapes import BatchLimits, Shape, fixed_shape
from pytest_framing.typed_records import flat_fields, typed_record, typed_value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pytest_framing.suite import Suite

DEFAULT_BATCH_SIZE = 8


@dataclass(frozen=True)
class SuitePlan:
    """The cases of one suite in planned order, the batches that they run in, and what is known of each prompt.

    ``contexts`` has the contexts of demonstrations by the mode of their cases, and ``pools`` what their demonstrations
    were drawn from; both are empty for suites without demonstrations.
    """

    suite: str
    prompts: PromptSummary
    cases: tuple[Case, ...] = field(repr=False)
    batches: tuple[Batch, ...] = field(repr=False)
    traits: Mapping[str, PromptTraits] = field(repr=False)
    contexts: Mapping[str, ContextSummary] = field(default_factory=dict, repr=False)
    pools: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def document(self) -> dict[str, Any]:
        """Return the plan of the suite as JSON."""
        return {
            "prompts": asdict(self.prompts),
            "batches": [
                {
                    "id": batch.id,
                    "rows": batch.rows,
                    "length": batch.length,
                    "prefix": batch.prefix,
                    "cases": list(batch.case_ids),
                    **({} if batch.fits else {"fits": False}),
                }
                for batch in self.batches
            ],
            "cases": [flat_fields(case) for case in self.cases],
            "traits": {prompt_id: flat_fields(one) for prompt_id, one in self.traits.items()},
            "contexts": {mode: asdict(one) for mode, one in self.contexts.items()},
            "pools": dict(self.pools),
        }

    @classmethod
    def from_document(cls, suite: str, document: Mapping[str, Any]) -> SuitePlan:
        """Read a plan of a suite back from JSON.

        Raises
        ------
        KeyError, TypeError, ValueError
            When the document is not a plan.
        """
        return cls(
            suite,
            typed_record(PromptSummary, document["prompts"]),
            tuple(typed_record(Case, case) for case in document["cases"]),
            tuple(
                typed_record(
                    Batch,
                    {"suite": suite, "case_ids": batch["cases"]}
                    | {name: value for name, value in batch.items() if name != "cases"},
                )
                for batch in document["batches"]
            ),
            {prompt_id: typed_record(PromptTraits, one) for prompt_id, one in document["traits"].items()},
            {mode: typed_record(ContextSummary, one) for mode, one in document["contexts"].items()},
            typed_value(dict[str, Any], document["pools"]),
        )


@dataclass(frozen=True)
class Plan:
    """The plans of all suites of a session."""

    suites: tuple[SuitePlan, ...]

    @cached_property
    def cases(self) -> Mapping[CaseKey, Case]:
        """Every case by key, in planned order."""
        return {case.key: case for suite in self.suites for case in suite.cases}

    @cached_property
    def batches(self) -> Mapping[str, Batch]:
        """Every batch by id."""
        return {batch.id: batch for suite in self.suites for batch in suite.batches}

    def prompts(self, suite: str) -> Collection[str]:
        """Ids of the prompts that a suite asks."""
        return next(one.traits for one in self.suites if one.suite == suite).keys()

    @cached_property
    def digest(self) -> str:
        """Digest of everything that was planned, wherever the prompts were read from."""
        document = self.document()
        for suite in document.values():
            suite["prompts"] = {name: suite["prompts"][name] for name in ("count", "digest")}
            suite["pools"] = {name: pool["digest"] for name, pool in suite["pools"].items()}
        return document_digest(document)

    def document(self) -> dict[str, Any]:
        """Return the plan as JSON; it holds ids and digests, no prompt text."""
        return {plan.suite: plan.document() for plan in self.suites}


def treatment_first(seed: int, suite: str, prompt_id: str, mode: str, replicate: int) -> bool:
    """Draw which framing of a pair goes first.

    A fair coin that depends on its arguments alone, so that selection, sharding and worker counts cannot change it.
    """
    return bool(_uniform_bits(seed, suite, prompt_id, mode, str(replicate)) & 1)


def _uniform_bits(seed: int, *parts: str) -> int:
    text = "\x1f".join((str(seed), *parts))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def case_id(prompt_id: str, framing: str, mode: str, replicate: int) -> str:
    """Return the id that pytest shows for a case."""
    return f"{prompt_id}-{framing}-{mode}" + (f"-r{replicate}" if replicate > 1 else "")


@dataclass(frozen=True)
class _Unit:
    """Cases that share a batch: a pair in drawn order, a question under both framings, or one placebo case.

    ``prefix`` and ``length`` are the larger numbers of tokens: of those that the engine computes once, and of those
    behind them. Units that do not fit the model's window are planned and do not run.
    """

    prompt: Prompt
    mode: str
    replicate: int
    role: Role
    framings: tuple[str, ...]
    prefix: int
    length: int
    context: str = ""
    fits: bool = True

    @property
    def pair(self) -> str:
        suffix = f"-r{self.replicate}" if self.replicate > 1 else ""
        return f"{self.prompt.id}-{self.mode}{suffix}" if self.role == "pair" else ""


@dataclass(frozen=True)
class _Sizes:
    """Tokens of a prompt under a framing and a mode, and those of them that all prompts share."""

    tokens: Callable[[Prompt, str, str], int]
    shared: Callable[[str, str], int]

    def of(self, prompt: Prompt, framings: tuple[str, ...], mode: str) -> tuple[int, int]:
        """Return prefix and length of a unit."""
        prefixes = [self.shared(framing, mode) for framing in framings]
        behind = (self.tokens(prompt, framing, mode) - n for framing, n in zip(framings, prefixes, strict=True))
        return max(prefixes), max(behind)


def plan_suite(
    suite: Suite,
    prompts: PromptSet,
    count_tokens: Callable[[Prompt, str, str], int],
    questions: Sequence[Prompt] = (),
    shape: Callable[[int, BatchLimits], Shape] = fixed_shape,
    contexts: Mapping[str, ContextSummary] | None = None,
    pools: Mapping[str, Any] | None = None,
    fits: Callable[[Prompt, str, str], bool] | None = None,
    shared: Callable[[str, str], int] | None = None,
) -> SuitePlan:
    """Plan every case of a suite.

    Parameters
    ----------
    suite
        With the profile and all overrides applied.
    prompts
        What is asked.
    count_tokens
        Number of tokens of the rendered prompt under a framing and a mode.
    questions
        Questions of the manipulation check, which run under both framings in batches of their own.
    shape
        The engine's shape of a batch for a number of tokens.
    contexts, pools
        Contexts of demonstrations by the mode of their cases, and what they were drawn from. With contexts, prompts are
        asked under the framing ``none`` in each of them and without any; where a context is framed, as pairs too.
    fits
        Tells whether a prompt under a framing and a mode fits the model's window; one that does not is planned, and
        does not run.
    shared
        Number of the tokens under a framing and a mode that all prompts share, and that the engine computes once.

    Raises
    ------
    PromptError
        When two prompts would lead to the same case id.
    """
    ordered = list(prompts.prompts)
    if suite.order.prompts == "shuffled":
        random.Random(f"{suite.order.seed}:{suite.name}:prompts").shuffle(ordered)
    contexts = contexts or {}
    sizes = _Sizes(count_tokens, shared or (lambda *_: 0))
    asked = _units(suite, ordered, sizes)
    if contexts:
        asked = _units_in_contexts(suite, ordered, contexts, sizes, fits or (lambda *_: True))
    groups = _batched(suite, [*asked, *_checks(suite, questions, sizes)], shape)
    if suite.order.prompts == "shuffled":
        random.Random(f"{suite.order.seed}:{suite.name}:batches").shuffle(groups)
    if contexts:
        # Batches of one context follow one another, so that the engine reads its demonstrations once.
        drawn: dict[str, int] = {}
        groups.sort(key=lambda group: drawn.setdefault(group[1][0].mode, len(drawn)))
    cases: list[Case] = []
    batches: list[Batch] = []
    for number, ((rows, length), group) in enumerate(groups):
        batch = f"{suite.name}/{number:05d}"
        members = list(_cases(suite.name, batch, group))
        cases.extend(members)
        prefix = max(unit.prefix for unit in group)
        fitting = all(unit.fits for unit in group)
        batches.append(Batch(batch, suite.name, rows, length, tuple(case.id for case in members), prefix, fitting))
    hold_unique(cases)
    reference, mode = suite.framings.reference, suite.modes[0]
    traits = {
        prompt.id: PromptTraits(
            prompt.functional_category,
            prompt.semantic_category,
            count_tokens(prompt, UNFRAMED if contexts else reference, mode),
            prompt.source,
        )
        for prompt in sorted(prompts.prompts, key=lambda prompt: prompt.id)
    }
    return SuitePlan(suite.name, prompts.summary(), tuple(cases), tuple(batches), traits, contexts, pools or {})


def hold_unique_suites(suites: Iterable[tuple[str, Path]]) -> None:
    """Refuse two suites of one name: their cases and gates could not be told apart.

    Raises
    ------
    SuiteError
        Naming both files.
    """
    seen: dict[str, Path] = {}
    for name, path in suites:
        if name in seen:
            raise SuiteError(f"{path}: suite {name!r} stands in {seen[name]} too; give one of them another name")
        seen[name] = path


def _units(suite: Suite, prompts: list[Prompt], sizes: _Sizes) -> Iterator[_Unit]:
    pair = (suite.framings.reference, suite.framings.treatment)
    repeated = _repeated(suite, prompts)
    for prompt in prompts:
        for mode in suite.modes:
            size = sizes.of(prompt, pair, mode)
            for replicate in (1, 2) if prompt.id in repeated else (1,):
                swap = suite.order.conditions == "bernoulli" and treatment_first(
                    suite.order.seed, suite.name, prompt.id, mode, replicate
                )
                yield _Unit(prompt, mode, replicate, "pair", pair[::-1] if swap else pair, *size)
            if suite.controls.placebo:
                placebo = (suite.framings.placebo,)
                yield _Unit(prompt, mode, 1, "placebo", placebo, *sizes.of(prompt, placebo, mode))


def _units_in_contexts(
    suite: Suite,
    prompts: list[Prompt],
    contexts: Mapping[str, ContextSummary],
    sizes: _Sizes,
    fits: Callable[[Prompt, str, str], bool],
) -> Iterator[_Unit]:
    """Yield every prompt in every context and without any."""
    pair = (suite.framings.reference, suite.framings.treatment)
    framed = {mode for mode, context in contexts.items() if context.framed}
    for mode in (STANDARD_MODE, *contexts):
        # An effect of the framing in a context is set against the one without demonstrations.
        in_pairs = mode in framed or (mode == STANDARD_MODE and bool(framed))
        for prompt in prompts:
            units: list[tuple[Role, tuple[str, ...]]] = [("single", (UNFRAMED,))]
            if in_pairs:
                swap = suite.order.conditions == "bernoulli" and treatment_first(
                    suite.order.seed, suite.name, prompt.id, mode, 1
                )
                units.append(("pair", pair[::-1] if swap else pair))
            for role, framings in units:
                fit = all(fits(prompt, framing, mode) for framing in framings)
                yield _Unit(prompt, mode, 1, role, framings, *sizes.of(prompt, framings, mode), mode, fit)


def _checks(suite: Suite, questions: Sequence[Prompt], sizes: _Sizes) -> Iterator[_Unit]:
    framings = (suite.framings.reference, suite.framings.treatment)
    for question in questions:
        yield _Unit(question, CHECK_MODE, 1, "check", framings, *sizes.of(question, framings, CHECK_MODE))


def _repeated(suite: Suite, prompts: list[Prompt]) -> frozenset[str]:
    """Ids of the prompts that run twice: the share asked for, chosen by the seed and each prompt's own id."""
    count = round(suite.controls.repeat_fraction * len(prompts))
    ranked = sorted(prompts, key=lambda prompt: _uniform_bits(suite.order.seed, suite.name, prompt.id, "repeat"))
    return frozenset(prompt.id for prompt in ranked[:count])


def _batched(
    suite: Suite, units: Iterable[_Unit], shape: Callable[[int, BatchLimits], Shape]
) -> list[tuple[Shape, list[_Unit]]]:
    """Put units into batches of one shape and one context; sequential execution has no shape (0, 0)."""
    if suite.execution.mode == "sequential":
        return [(Shape(0, 0), [unit]) for unit in units]
    size, tokens = suite.execution.batch_size or DEFAULT_BATCH_SIZE, suite.execution.batch_tokens
    limits = BatchLimits(size, tokens)
    shapes: dict[tuple[bool, int, int], Shape] = {}
    waiting: dict[tuple[Role, int, str, int, Shape], list[_Unit]] = defaultdict(list)
    over: list[_Unit] = []
    for unit in units:
        if not unit.fits:
            over.append(unit)
            continue
        length = (bool(unit.context), unit.prefix, unit.length)
        if length not in shapes:
            shapes[length] = _shape(unit, limits, shape)
        # Replicates, placebo cases and questions have batches of their own: beside a pair they could share its fate.
        waiting[unit.role, unit.replicate, unit.context, unit.prefix, shapes[length]].append(unit)
    groups: list[tuple[Shape, list[_Unit]]] = []
    for (*_, planned), members in waiting.items():
        share = planned.rows // len(members[0].framings)
        groups.extend((planned, members[start : start + share]) for start in range(0, len(members), share))
    return [*groups, *((Shape(0, 0), [unit]) for unit in over)]


def _shape(unit: _Unit, limits: BatchLimits, shape: Callable[[int, BatchLimits], Shape]) -> Shape:
    """Return the shape of a unit's batch behind what the engine computes once."""
    if unit.context:
        # Beside a long context all queries are short: by the length of both they would be padded by hundreds of tokens.
        # It takes its room in every row all the same.
        rows = max(2, min(limits.rows, limits.tokens // (unit.prefix + unit.length))) if unit.prefix else limits.rows
        return shape(unit.length, BatchLimits(rows, limits.tokens))
    # A framing is short: requests behind it are grouped as they would be with it, in as few batches.
    rows, length = shape(unit.prefix + unit.length, limits)
    return Shape(rows, max(0, length - unit.prefix))


def _cases(suite: str, batch: str, units: list[_Unit]) -> Iterator[Case]:
    slot = 0
    for unit in units:
        # One object for all cases of a prompt: a worker holds the whole plan.
        digest, pair = sys.intern(unit.prompt.digest), unit.pair
        for position, framing in enumerate(unit.framings, start=1):
            yield Case(
                id=case_id(unit.prompt.id, framing, unit.mode, unit.replicate),
                suite=suite,
                prompt_id=unit.prompt.id,
                prompt_digest=digest,
                framing=framing,
                mode=unit.mode,
                replicate=unit.replicate,
                role=unit.role,
                pair=pair,
                period=position if unit.role == "pair" else 0,
                batch=batch,
                slot=slot,
            )
            slot += 1


def hold_unique(cases: Iterable[Case]) -> None:
    """Refuse prompts whose ids lead to the same case id.

    Raises
    ------
    PromptError
        Naming both.
    """
    seen: dict[str, str] = {}
    for case in cases:
        if case.id in seen:
            raise PromptError(
                f"the prompts {seen[case.id]!r} and {case.prompt_id!r} both make the case id {case.id!r}; rename one"
            )
        seen[case.id] = case.prompt_id
