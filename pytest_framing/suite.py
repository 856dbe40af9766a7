"""A suite file: what is asked, under which framings, in which order, and what the answers have to satisfy."""

from __future__ import annotations

import json
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pytest_framing.errors import SuiteError
from pytest_framing.located_yaml import KeyPath, LocatedYaml, load_located_yaml
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "suite.yaml"
RELEASE = "release"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Mode = Literal["standard", "forcing"]


class Section(BaseModel):
    """Base of every section: immutable, and strict about keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(Section):
    """A named source, or a hub data set pinned to a commit, or a file beside the suite.

    ``category`` keeps the rows of one functional category alone, such as ``harmful`` of WildGuardTest.
    """

    source: Name
    hub: str | None = None
    revision: str | None = None
    path: str | None = None
    category: str | None = None


class PromptSource(Source):
    """Which prompts; where ``more`` names further sources, prompts of all of them are asked, and results are by source.

    Where ``required`` is false and the prompts are not at hand, the suite is skipped visibly, unless it was asked for
    by name.
    """

    source: Name = "harmbench"
    required: bool = True
    more: tuple[Source, ...] = Field((), strict=False)


class FramingPair(Section):
    """The two framings that are compared, and the one that stands in for both as a control."""

    reference: Name
    treatment: Name
    placebo: Name = "placebo"

    @model_validator(mode="after")
    def _differ(self) -> FramingPair:
        if len({self.reference, self.treatment, self.placebo}) < 3:
            raise ValueError("reference, treatment and placebo must be three different framings")
        return self


class Order(Section):
    """How order is drawn. ``fixed`` runs the reference first always, which ``order_randomized`` does not pass."""

    conditions: Literal["bernoulli", "fixed"] = "bernoulli"
    prompts: Literal["shuffled", "given"] = "shuffled"
    seed: int = Field(0, ge=0, lt=10**18)


class Controls(Section):
    """The arms that tell noise and sensitivity to words from an effect of the framing.

    ``judge_noise`` is the share of responses that a model judge judges twice; rules say the same each time.
    """

    repeat_fraction: float = Field(0.25, ge=0, le=1, strict=False)
    placebo: bool = True
    judge_noise: float = Field(0.1, ge=0, le=1, strict=False)


class Execution(Section):
    """Planned batches of fixed shape, or one case after the other.

    ``batch_tokens`` bounds rows × padded length, so that long prompts run in batches of fewer rows. With
    ``prefix_reuse`` what cases share, the system turn of a framing or a context of demonstrations, is computed once,
    where the engine can. After ``deadline`` seconds a batch is given up, and what it has not finished is invalid.
    """

    mode: Literal["batched", "sequential"] = "batched"
    batch_size: int | None = Field(None, ge=2, le=4096)
    batch_tokens: int = Field(32_768, ge=64)
    prefix_reuse: bool = True
    deadline: float | None = Field(None, gt=0, strict=False)

    @field_validator("batch_size")
    @classmethod
    def _even(cls, value: int | None) -> int | None:
        if value is not None and value % 2:
            raise ValueError("must be even: both members of a pair share a batch")
        return value


class Decoding(Section):
    """How new tokens are chosen, up to a limit; greedily unless a temperature is given.

    ``max_answer_tokens`` bounds the answer after a closed reasoning, so that a large ``max_new_tokens`` is spent on
    reasoning alone.
    """

    max_new_tokens: int = Field(1024, ge=1, le=131_072)
    max_answer_tokens: int | None = Field(None, ge=1, le=131_072)
    temperature: float = Field(0.0, ge=0, le=2, strict=False)
    top_p: float = Field(1.0, gt=0, le=1, strict=False)

    @field_validator("temperature", "top_p", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("must be a number")
        return value

    @model_validator(mode="after")
    def _drawn(self) -> Decoding:
        if self.top_p < 1 and self.temperature == 0:
            raise ValueError("top_p bounds what is drawn: it needs a temperature above 0")
        return self


class Stop(Section):
    """Whether a suite ends early on a large effect, and the chance, over its modes, that it does so without one."""

    early: bool = False
    alpha: float = Field(0.01, gt=0, lt=0.5)


class SuiteQuestion(Section):
    """A question of the manipulation check with the right answer under each framing that it is about."""

    id: Name
    text: str = Field(min_length=1)
    answers: dict[Name, Literal["yes", "no"]] = Field(min_length=2)

    @field_validator("answers", mode="before")
    @classmethod
    def _spelled_out(cls, value: object) -> object:
        """Take ``yes`` and ``no`` as written: YAML reads them as true and false."""
        if not isinstance(value, dict):
            return value
        words = {True: "yes", False: "no"}
        return {name: words[answer] if isinstance(answer, bool) else answer for name, answer in value.items()}


Ordering = Literal["prefix", "suffix", "random", "middle", "interleaved"]
Fraction = Annotated[float, Field(ge=0, le=1, strict=False)]
Count = Annotated[int, Field(ge=1, le=1024)]


class Mixtures(Section):
    """Mixtures of demonstrations: every count with every harmful fraction."""

    counts: tuple[Count, ...] = Field((), strict=False)
    fractions: tuple[Fraction, ...] = Field((0.5,), min_length=1, strict=False)


class Orderings(Mixtures):
    """Mixtures that are also shown in other orderings than the suite's own."""

    which: tuple[Ordering, ...] = Field(("prefix", "random", "middle", "interleaved"), strict=False)


class Cues(Mixtures):
    """Mixtures that are also shown with other format cues than the suite's own."""

    which: tuple[str, ...] = Field((), strict=False)


class Demonstrations(Section):
    """Demonstrations of compliance that stand before every request.

    ``counts`` and ``fractions`` make the grid; the number of harmful demonstrations is ``count * fraction``, halves
    rounded up. ``ordering`` says where the harmful ones stand (``suffix``: last, benign first). Every response begins
    with ``cue``. ``samplings`` is how often the demonstrations of a mixture are drawn anew; ``orderings`` and ``cues``
    show some of the mixtures in other ways, ``benign_ablation`` with benign demonstrations of the ``other_benign``
    sources, and those of ``framings`` are also put under both framings of the suite. Demonstrations of more than
    ``longest`` characters are left out. ``truncation`` says what becomes of a case that does not fit the model's
    window: an ``error`` before anything runs, or a case that does not run and is ``invalid``; nothing is ever cut.
    """

    harmful: Source
    benign: Source
    other_benign: tuple[Source, ...] = Field((), strict=False)
    longest: int = Field(2000, ge=1)
    counts: tuple[Count, ...] = Field(min_length=1, strict=False)
    fractions: tuple[Fraction, ...] = Field((0.0, 0.25, 0.5, 0.75, 1.0), min_length=1, strict=False)
    ordering: Ordering = "suffix"
    cue: str = Field("Answer: ", max_length=200)
    samplings: int = Field(2, ge=1, le=100)
    truncation: Literal["error", "invalid"] = "error"
    orderings: Orderings = Orderings()
    cues: Cues = Cues()
    benign_ablation: Mixtures = Mixtures()
    framings: Mixtures = Mixtures()


class Profile(Section):
    """What a named profile changes. Its gates, where given, replace the suite's; so do its demonstrations."""

    limit: int | None = Field(None, ge=1)
    controls: Controls | None = None
    gates: dict[str, dict[str, Any]] | None = Field(None, min_length=1)
    demonstrations: dict[str, Any] | None = Field(None, min_length=1)


class Embedded(Section):
    """What the embedded checkpoints run of the suite, whose stand-in prompts and small weights need no more.

    It holds where no profile was asked for by name. ``planted_limit`` is the limit for those of them that were trained
    to react to demonstrations: it takes more prompts to classify a reaction than to see that everything runs.
    """

    limit: int | None = Field(None, ge=1)
    planted_limit: int | None = Field(None, ge=1)
    execution: Execution | None = None
    demonstrations: dict[str, Any] | None = Field(None, min_length=1)
    gates: dict[str, dict[str, Any]] | None = Field(None, min_length=1)


class Suite(Section):
    """One suite with a profile applied; :func:`load_suite` makes it."""

    suite: Name
    prompts: PromptSource = PromptSource()
    framings: FramingPair
    framing_texts: dict[Name, str] = Field(default_factory=dict)
    questions: tuple[SuiteQuestion, ...] = Field((), strict=False)
    modes: tuple[Mode, ...] = Field(("standard", "forcing"), min_length=1, strict=False)
    order: Order = Order()
    controls: Controls = Controls()
    execution: Execution = Execution()
    decoding: Decoding = Decoding()
    placement: Literal["system", "user"] | None = None
    judge: Annotated[str, Field(pattern=r"^[a-z]\S{0,199}$")] = "rules"
    stop: Stop = Stop()
    demonstrations: Demonstrations | None = None
    gates: dict[str, dict[str, Any]] = Field(min_length=1)
    profiles: dict[Name, Profile] = Field(default_factory=dict)
    embedded: Embedded = Embedded()
    path: Path = Path(FILE_NAME)
    profile: str = RELEASE
    limit: int | None = None

    @field_validator("modes")
    @classmethod
    def _once_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a mode stands twice")
        return value

    @field_validator("questions")
    @classmethod
    def _one_id_each(cls, value: tuple[SuiteQuestion, ...]) -> tuple[SuiteQuestion, ...]:
        if len({question.id for question in value}) < len(value):
            raise ValueError("two questions have the same id")
        return value

    @model_validator(mode="after")
    def _standard_beside_demonstrations(self) -> Suite:
        if self.demonstrations is not None and self.modes != ("standard",):
            raise ValueError("modes must be [standard] beside demonstrations: each context is a mode of its own")
        return self

    @property
    def name(self) -> str:
        """The suite's name, as in results and case reports."""
        return self.suite

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source that the suite reads: of prompts, and of demonstrations."""
        found = [self.prompts.source, *(one.source for one in self.prompts.more)]
        if self.demonstrations is not None:
            shown = self.demonstrations
            found += [one.source for one in (shown.harmful, shown.benign, *shown.other_benign)]
        return tuple(dict.fromkeys(found))


_INTERNAL_KEYS = frozenset(("path", "profile", "limit"))


def load_suite(
    path: Path,
    gates: Mapping[str, type[BaseModel]],
    profile: str | None = None,
    *,
    embedded: bool = False,
    planted: bool = False,
) -> Suite:
    """Read a suite file and apply a profile.

    Parameters
    ----------
    path
        The ``suite.yaml``.
    gates
        Parameter model of every known gate by name.
    profile
        Profile to apply; ``None`` is ``release``, which need not be declared.
    embedded
        Whether the model is an embedded one, for which a suite may name a smaller form.
    planted
        Whether it was trained to react to demonstrations.

    Raises
    ------
    SuiteError
        With file and line, for anything unknown, missing, or out of range.
    """
    document = load_located_yaml(path, SuiteError)
    for key in _INTERNAL_KEYS & document.data.keys():
        raise document.error((key,), f"unknown key {key!r}", SuiteError)
    try:
        suite = Suite.model_validate(document.data | {"path": path})
    except ValidationError as error:
        raise _located(document, error) from None
    _check_gates(document, gates, suite.gates, ("gates",))
    for name, declared in suite.profiles.items():
        _check_gates(document, gates, declared.gates or {}, ("profiles", name, "gates"))
        _check_demonstrations(document, suite, declared.demonstrations, ("profiles", name, "demonstrations"))
    _check_demonstrations(document, suite, suite.embedded.demonstrations, ("embedded", "demonstrations"))
    _check_gates(document, gates, suite.embedded.gates or {}, ("embedded", "gates"))
    if embedded and profile is None:
        return _embedded_form(_with_profile(suite, profile), planted=planted)
    return _with_profile(suite, profile)


def _check_demonstrations(
    document: LocatedYaml, suite: Suite, changes: Mapping[str, Any] | None, where: KeyPath
) -> None:
    """Check what a profile changes about the demonstrations, where it stands in the file."""
    if changes is None:
        return
    if suite.demonstrations is None:
        raise document.error(where, "the suite has no demonstrations that could be changed", SuiteError)
    try:
        _changed_demonstrations(suite.demonstrations, changes)
    except ValidationError as error:
        raise _located(document, error, Demonstrations, where) from None


def _changed_demonstrations(shown: Demonstrations, changes: Mapping[str, Any]) -> Demonstrations:
    return Demonstrations.model_validate(shown.model_dump() | dict(changes))


def _with_profile(suite: Suite, name: str | None) -> Suite:
    name = name or RELEASE
    profile = suite.profiles.get(name, Profile() if name == RELEASE else None)
    if profile is None:
        known = {*suite.profiles, RELEASE}
        raise SuiteError(f"{suite.path}: no profile {name!r} (--framing-profile); {did_you_mean(name, known)}")
    changes: dict[str, Any] = {"profile": name, "limit": profile.limit}
    if profile.gates is not None:
        changes["gates"] = profile.gates
    if profile.controls is not None:
        changes["controls"] = profile.controls
    shown = suite.demonstrations
    if shown is not None and profile.demonstrations is not None:
        shown = _changed_demonstrations(shown, profile.demonstrations)
    changes["demonstrations"] = shown
    return suite.model_copy(update=changes)


def _embedded_form(suite: Suite, *, planted: bool) -> Suite:
    form, shown = suite.embedded, suite.demonstrations
    if shown is not None and form.demonstrations is not None:
        shown = _changed_demonstrations(shown, form.demonstrations)
    limit = (form.planted_limit if planted else None) or form.limit or suite.limit
    return suite.model_copy(
        update={
            "limit": limit,
            "execution": form.execution or suite.execution,
            "demonstrations": shown,
            "gates": form.gates or suite.gates,
        }
    )


def _check_gates(
    document: LocatedYaml,
    known: Mapping[str, type[BaseModel]],
    chosen: Mapping[str, Mapping[str, Any]],
    where: KeyPath,
) -> None:
    for name, parameters in chosen.items():
        if name not in known:
            raise document.error((*where, name), f"unknown gate {name!r}: {did_you_mean(name, known)}", SuiteError)
        try:
            known[name].model_validate(parameters)
        except ValidationError as error:
            raise _located(document, error, known[name], (*where, name)) from None


def _located(
    document: LocatedYaml, error: ValidationError, model: type[BaseModel] = Suite, prefix: KeyPath = ()
) -> SuiteError:
    first = error.errors(include_url=False)[0]
    location = tuple(first["loc"])
    key_path = (*prefix, *location)
    name = ".".join(str(part) for part in key_path) or "the file"
    if first["type"] == "extra_forbidden":
        hint = did_you_mean(str(location[-1]), _known_keys(model, location[:-1]))
        message = f"unknown key {location[-1]!r}: {hint}"
    elif first["type"] == "missing":
        message = f"{name} is missing"
    else:
        got = first["input"]
        shown = f", not {got!r}" if isinstance(got, str | int | float | bool) or got is None else ""
        message = f"{name}: {first['msg'].removeprefix('Value error, ')}{shown}"
    return document.error(key_path, message, SuiteError)


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> set[str]:
    """Keys that the section at ``location`` of ``model`` accepts."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:
            continue  # a name inside a mapping of sections
        for candidate in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return set(model.model_fields) - (_INTERNAL_KEYS if model is Suite else frozenset())


def stored_suite(definition: Mapping[str, Any]) -> Suite:
    """Read a suite back from the plan of a run, profile and overrides applied.

    Raises
    ------
    ValueError
        When it is not one.
    """
    return Suite.model_validate_json(json.dumps(definition))
