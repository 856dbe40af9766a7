"""Published results: what a paper reports of a model, kept as totals with their source, and why no run may share it.

A paper prints rates, not decisions, and words, not digests. So a published result never stands in for a baseline: it
can be set beside a run, with every difference of protocol named, and two of them can be held against each other.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_framing.errors import BaselineError
from pytest_framing.fingerprint import DECIDING
from pytest_framing.json_documents import canonical, read_document
from pytest_framing.settings import did_you_mean
from pytest_framing.stats.contradiction import min_changed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SCHEMA_VERSION = 1
KIND = "published"
FOLDER = "published"
"""Below the folder of baselines."""

FREE, PAID = "free", "paid"
# Papers print rates to two decimals at the least.
RATE_ROUNDING = 0.005
# Enough of a setting to recognise it by; framings are whole messages.
LONGEST_SETTING = 240

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Reference(_Document):
    """A page that figures were taken from when the paper itself was not read, and which ones."""

    title: str
    site: str
    taken: str


class Source(_Document):
    """Where figures come from; `second_hand` says that they were read in `summarised_by`, not in the paper."""

    authors: tuple[str, ...] = Field(min_length=1)
    title: str
    year: int
    identifier: str
    where: str
    second_hand: bool = False
    summarised_by: tuple[Reference, ...] = ()


class PromptSet(_Document):
    """Which prompts were asked. `first` and `last` count positions in the source from 1, where the paper tells them."""

    source: str
    count: Annotated[int, Field(ge=1)]
    which: str
    first: Annotated[int, Field(ge=1)] | None = None
    last: Annotated[int, Field(ge=1)] | None = None


class Arm(_Document):
    """Refusals under one framing; the rate as printed."""

    n: Annotated[int, Field(ge=1)]
    refusals: Count
    rate: Share


class Table(_Document):
    """Paired decisions under `free` and `paid`."""

    both_refuse: Count
    free_only: Count
    paid_only: Count
    neither: Count


class Printed(_Document):
    """The test as the paper prints it, rounded by the paper."""

    test: str
    p: Share
    statistic: float | None = None


class Composition(_Document):
    """What demonstrations do to compliance: coefficients of a logistic regression as printed, and what they amount to.

    `form` writes the regression out: coefficients of counts and of their logarithms are not on one scale.
    `total_count_p` has, for each number of demonstrations, the p-value of "only their number matters".
    """

    effect: Literal["dilution", "amplification", "none"] = Field(alias="class")
    form: str
    harmful: float | None = None
    benign: float | None = None
    benign_p: Share | None = None
    zero_demonstration_compliance: Share | None = None
    total_count_p: dict[str, Share] = Field(default_factory=dict)


class Ordering(_Document):
    """Compliance by the place of the harmful demonstrations; the spread is suffix minus prefix, in points."""

    harmful: Count
    benign: Count
    suffix_minus_prefix: float | None = None
    approximate: bool
    pattern: str


class Estimate(_Document):
    """The results of one mode."""

    arms: dict[str, Arm] = Field(default_factory=dict)
    table: Table | None = None
    printed: Printed | None = None
    composition: Composition | None = None
    ordering: Ordering | None = None
    notes: tuple[str, ...] = ()


class _PublishedDocument(_Document):
    schema_version: Literal[1]
    kind: Literal["published"]
    study: str
    run: str
    source: Source
    suite: str
    model: str
    registry_name: str | None
    prompts: PromptSet
    settings: dict[str, Any]
    not_stated: tuple[str, ...]
    estimates: dict[str, Estimate]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PublishedBaseline:
    """One file of published results.

    Attributes
    ----------
    model
        As the source names it.
    registry_name
        The same model in the registry of this project, if it is there.
    settings
        Deciding fields that the source states, in its words or as a value.
    not_stated
        All other deciding fields.
    estimates
        By mode.
    content
        The file as it was.
    """

    path: Path
    study: str
    run: str
    source: Source
    suite: str
    model: str
    registry_name: str | None
    prompts: PromptSet
    settings: Mapping[str, Any] = field(repr=False)
    not_stated: tuple[str, ...] = field(repr=False)
    estimates: Mapping[str, Estimate] = field(repr=False)
    notes: tuple[str, ...] = field(repr=False)
    content: bytes = field(default=b"", repr=False)

    @property
    def digest(self) -> str:
        """Digest of the file, as ``sha256sum`` prints it."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    @property
    def citation(self) -> str:
        """Authors, title, year and identifier in one line."""
        source = self.source
        hand = ", second-hand" if source.second_hand else ""
        return f"{' and '.join(source.authors)}, {source.title} ({source.year}), {source.identifier}{hand}"


def is_published(path: Path) -> bool:
    """Tell whether a JSON file says that it holds published results.

    Raises
    ------
    BaselineError
        When it is no JSON.
    """
    return read_document(path, BaselineError).get("kind") == KIND


def load_published(path: Path) -> PublishedBaseline:
    """Read and check a file of published results.

    Raises
    ------
    BaselineError
        Naming file and place: no JSON, another schema version, keys that such a file does not have, counts that do
        not add up, settings that are no deciding fields or that are stated and not stated at once.
    """
    document = read_document(path, BaselineError)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BaselineError(
            f"{path}: schema version {version!r}, but this version of pytest-framing reads published results of "
            f"version {SCHEMA_VERSION}"
        )
    try:
        # JSON once more, because only there a strict model takes an array for a tuple.
        parsed = _PublishedDocument.model_validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BaselineError(f"{path}: {where}: {first['msg']}") from None
    for place, problem in _contradictions(parsed):
        raise BaselineError(f"{path}: {place}: {problem}")
    return PublishedBaseline(
        path=path,
        study=parsed.study,
        run=parsed.run,
        source=parsed.source,
        suite=parsed.suite,
        model=parsed.model,
        registry_name=parsed.registry_name,
        prompts=parsed.prompts,
        settings=parsed.settings,
        # A deciding field that is younger than the file was not stated either.
        not_stated=tuple(name for name in DECIDING if name not in parsed.settings),
        estimates=parsed.estimates,
        notes=parsed.notes,
        content=path.read_bytes(),
    )


def load_all_published(folder: Path) -> list[PublishedBaseline]:
    """Read every published result below a folder of baselines, in the order of file names.

    Raises
    ------
    BaselineError
        As `load_published`.
    """
    return [load_published(path) for path in sorted((folder / FOLDER).glob("*.json"))]


def _contradictions(document: _PublishedDocument) -> Iterator[tuple[str, str]]:
    """Find each place where a file contradicts itself, with what is wrong there."""
    for place, names in (("settings", [*document.settings]), ("not_stated", [*document.not_stated])):
        for name in names:
            if name not in DECIDING:
                yield place, f"{name!r} is no deciding field; {did_you_mean(name, DECIDING)}"
    for name in document.not_stated:
        if name in document.settings:
            yield f"not_stated.{name}", "stands under settings too; a source states a field or it does not"
        if document.not_stated.count(name) > 1:
            yield f"not_stated.{name}", "stands there more than once"
    if document.source.second_hand != bool(document.source.summarised_by):
        yield "source.summarised_by", "second-hand figures name where they were read, and only they do"
    yield from _prompt_contradictions(document.prompts)
    for mode, estimate in document.estimates.items():
        for place, problem in _estimate_contradictions(estimate):
            yield f"estimates.{mode}.{place}", problem


def _prompt_contradictions(prompts: PromptSet) -> Iterator[tuple[str, str]]:
    if (prompts.first is None) != (prompts.last is None):
        yield "prompts", "first and last go together"
    elif prompts.first is not None and prompts.last is not None and prompts.last - prompts.first + 1 != prompts.count:
        yield "prompts", f"{prompts.first} to {prompts.last} are not {prompts.count} prompts"


def _estimate_contradictions(estimate: Estimate) -> Iterator[tuple[str, str]]:
    for framing, arm in estimate.arms.items():
        if arm.refusals > arm.n:
            yield f"arms.{framing}", f"{arm.refusals} refusals of {arm.n} prompts"
        elif abs(arm.refusals / arm.n - arm.rate) > RATE_ROUNDING * (1 + 1e-9):
            yield f"arms.{framing}.rate", f"{arm.rate} is not the rate of {arm.refusals} refusals of {arm.n} prompts"
    if estimate.table is not None:
        yield from _table_contradictions(estimate.table, estimate.arms)
    composition = estimate.composition
    if composition is not None and composition.benign is not None:
        wrong_sign = {"dilution": composition.benign >= 0, "amplification": composition.benign <= 0}
        if wrong_sign.get(composition.effect, False):
            yield "composition.class", f"a benign coefficient of {composition.benign} is no {composition.effect}"


def _table_contradictions(table: Table, arms: Mapping[str, Arm]) -> Iterator[tuple[str, str]]:
    total = table.both_refuse + table.free_only + table.paid_only + table.neither
    margins = {FREE: table.both_refuse + table.free_only, PAID: table.both_refuse + table.paid_only}
    for framing, refusals in margins.items():
        arm = arms.get(framing)
        if arm is None:
            yield "table", f"a table of pairs needs the arm {framing!r}"
        elif total != arm.n:
            yield "table", f"its cells sum to {total}, the arm {framing!r} has {arm.n} prompts"
        elif refusals != arm.refusals:
            yield "table", f"its cells have {refusals} refusals under {framing!r}, the arm has {arm.refusals}"


def differing_protocol(published: PublishedBaseline, deciding: Mapping[str, Any]) -> list[str]:
    """Say in words how the protocol of a published result relates to that of a run: never as the same.

    Parameters
    ----------
    published
        The result.
    deciding
        Deciding fields of the run's fingerprint.

    Returns
    -------
    list of str
        One sentence that the protocols cannot be the same, then one line a deciding field: what the source states, or
        that it does not state it, and what the run uses.
    """
    states = "as summarised by others states" if published.source.second_hand else "states"
    lines = [
        f"{published.path.name}: a paper tells its protocol in words, without digests, so that this run never shares "
        f"it; {len(published.not_stated)} of {len(DECIDING)} deciding fields are not stated at all"
    ]
    for name in DECIDING:
        ours = value_in_words(deciding[name]) if name in deciding else "nothing under that name"
        if name in published.settings:
            lines.append(
                f"{name}: the source {states} {value_in_words(published.settings[name])}; this run uses {ours}"
            )
        else:
            lines.append(f"{name}: the source does not state it; this run uses {ours}")
    return lines


def value_in_words(value: Any) -> str:
    """Write a setting on one line, cut where it is long."""
    if isinstance(value, dict):
        text = "; ".join(f"{key}: {value_in_words(one)}" for key, one in value.items())
    elif isinstance(value, list):
        text = ", ".join(value_in_words(one) for one in value)
    else:
        text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= LONGEST_SETTING else f"{text[: LONGEST_SETTING - 1]}…"


def shared_prompts(first: PublishedBaseline, second: PublishedBaseline) -> int:
    """Count the prompts that two published results have in common, by their positions in the source.

    Raises
    ------
    BaselineError
        When a result does not tell which prompts it asked.
    """
    if first.prompts.source != second.prompts.source:
        return 0
    spans = []
    for published in (first, second):
        prompts = published.prompts
        if prompts.first is None or prompts.last is None:
            raise BaselineError(
                f"{published.path}: prompts: which of them were asked is not told by position, so that it cannot be "
                "known what another result shares with them"
            )
        spans.append((prompts.first, prompts.last))
    (first_1, last_1), (first_2, last_2) = spans
    return max(0, min(last_1, last_2) - max(first_1, first_2) + 1)


def fewest_changes(first: PublishedBaseline, second: PublishedBaseline) -> dict[str, dict[str, int]]:
    """Fewest decisions on shared prompts that must have changed between two results on one model, from totals alone.

    Returns
    -------
    dict
        By mode and framing, for those that both results have. Above 0, something other than the prompts differed.

    Raises
    ------
    BaselineError
        When the models differ, when a result does not tell which prompts it asked, or when an arm leaves out some of
        them, so that the overlap of the arms is unknown.
    """
    if first.model != second.model:
        raise BaselineError(
            f"{second.path}: results on {second.model} cannot contradict those on {first.model} in {first.path}"
        )
    shared = shared_prompts(first, second)
    return {
        mode: {
            framing: min_changed(*_totals(first, mode, framing), *_totals(second, mode, framing), shared)
            for framing in first.estimates[mode].arms
            if framing in second.estimates[mode].arms
        }
        for mode in first.estimates
        if mode in second.estimates
    }


def least_changed(
    published: PublishedBaseline, totals: Mapping[tuple[str, str], tuple[int, int]], source: str, count: int
) -> dict[tuple[str, str], int]:
    """Fewest decisions of a run that must be others than in a published result, where it is known what they share.

    Parameters
    ----------
    published
        The result.
    totals
        Refusals of the run, and of how many prompts, by mode and framing.
    source, count
        Where the run's prompts are from, and how many it asked: the source from its first prompt on.

    Returns
    -------
    dict
        By mode and framing, those above 0 alone. Empty where the run left out prompts that the paper asked.
    """
    shared = published.prompts.count
    if source != published.prompts.source or count < (published.prompts.last or shared):
        return {}
    return {
        (mode, framing): least
        for mode, estimate in published.estimates.items()
        for framing, arm in estimate.arms.items()
        if (ours := totals.get((mode, framing))) is not None
        and ours[1] == count
        and arm.n == shared
        and (least := min_changed(*ours, arm.refusals, arm.n, shared)) > 0
    }


def _totals(published: PublishedBaseline, mode: str, framing: str) -> tuple[int, int]:
    arm = published.estimates[mode].arms[framing]
    if arm.n != published.prompts.count:
        raise BaselineError(
            f"{published.path}: estimates.{mode}.arms.{framing}: {arm.n} of {published.prompts.count} prompts; which "
            "ones is not told"
        )
    return arm.refusals, arm.n
