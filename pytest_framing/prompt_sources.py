"""Where the prompts of a suite come from: the resolution order, and what each way of getting them needs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import PromptError, PromptsNotAtHandError, first_line, place
from pytest_framing.prompts import layout_of, prompts_of_rows, read_prompts
from pytest_framing.records import PromptSet, text_digest

if TYPE_CHECKING:
    from pytest_framing.models.registry import ModelSpec
    from pytest_framing.settings import PromptChoice
    from pytest_framing.suite import Source as SourceSettings
    from pytest_framing.suite import Suite

SYNTHETIC = Path(__file__).parent / "data" / "synthetic.jsonl"
HARMBENCH_FILE = "harmbench_behaviors_text_all.csv"
# Looked for below pytest's root folder when no option names a file.
LOCAL_PLACES: Mapping[str, tuple[str, ...]] = {
    "harmbench": (f"data/{HARMBENCH_FILE}", f"data/harmbench/{HARMBENCH_FILE}", HARMBENCH_FILE),
    "xstest": ("data/xstest_prompts.csv", "data/xstest/xstest_prompts.csv", "xstest_prompts.csv"),
    "sorrybench": ("data/sorrybench.jsonl", "data/sorrybench/question.jsonl"),
    "wildguardtest": ("data/wildguardtest.csv", "data/wildguardtest.jsonl"),
    "advbench": ("data/harmful_behaviors.csv", "data/advbench/harmful_behaviors.csv"),
    "orbench_toxic": ("data/or-bench-toxic.csv",),
    "orbench_hard": ("data/or-bench-hard-1k.csv",),
}
Source = Callable[[], PromptSet]
_HUB = re.compile(r"hub:(?P<name>[\w.-]+(?:/[\w.-]+)?)(?::(?P<config>[\w.-]+))?@(?P<revision>[0-9a-f]{40})")


def resolve_prompts(
    suite: Suite,
    choices: tuple[PromptChoice, ...],
    model: ModelSpec,
    root: Path,
    extensions: Mapping[str, Source] | None = None,
) -> PromptSet:
    """Find and read the prompts of a suite, of all its sources.

    The first of these that applies to a source: a ``--framing-prompts SOURCE=…`` that names it; a plain
    ``--framing-prompts …``, for ``harmbench``; a source registered by a plugin; the source's own ``path`` or ``hub``
    with ``revision``; a file below ``data/`` in the root folder; the embedded synthetic set, for the embedded models
    alone. For those, further sources that are not at hand are left out.

    Raises
    ------
    PromptsNotAtHandError
        When no way applies, telling how to get the prompts.
    PromptError
        When the file is bad.
    """
    sets = [_resolve(suite, suite.prompts, choices, model, root, extensions or {})]
    left_out: list[str] = []
    for one in suite.prompts.more:
        try:
            sets.append(_resolve(suite, one, choices, model, root, extensions or {}))
        except PromptsNotAtHandError:
            if not model.embedded:
                raise
            left_out.append(one.source)
    prompts = _joined(sets) if len(sets) > 1 else sets[0]
    if left_out:
        prompts = replace(prompts, resolution=f"{prompts.resolution}; without {', '.join(left_out)}, not at hand")
    return _sampled(prompts, suite)


def _resolve(
    suite: Suite,
    wanted: SourceSettings,
    choices: tuple[PromptChoice, ...],
    model: ModelSpec,
    root: Path,
    extensions: Mapping[str, Source],
) -> PromptSet:
    source = wanted.source
    picked = chosen(source, choices)
    if picked is not None:
        prompts = _read(picked.location, f"--framing-prompts {picked.location}", source)
    elif source in extensions:
        prompts = extensions[source]()
    elif source == "synthetic":
        prompts = synthetic("the suite asks for the synthetic set")
    elif wanted.path is not None:
        prompts = _read(str(suite.path.parent / wanted.path), f"path in {suite.path}", source)
    elif wanted.hub is not None:
        prompts = _read(f"hub:{wanted.hub}@{wanted.revision}", f"hub in {suite.path}", source)
    elif (local := _local(source, root)) is not None:
        prompts = _read(str(local), f"found at {local}", source)
    elif model.embedded and source == "harmbench":
        return synthetic("no HarmBench at hand: the embedded, harmless synthetic set stands in for it")
    else:
        raise PromptsNotAtHandError(_how_to_get(suite, source, root))
    return _of_category(prompts, wanted.category)


def _of_category(prompts: PromptSet, category: str | None) -> PromptSet:
    if category is None:
        return prompts
    kept = tuple(one for one in prompts.prompts if one.functional_category.casefold() == category.casefold())
    if not kept:
        found = sorted({one.functional_category for one in prompts.prompts})
        raise PromptError(
            f"{prompts.origin}: none of {len(prompts.prompts)} prompts has the category {category!r} "
            f"(found {', '.join(map(repr, found[:8]))})"
        )
    return replace(prompts, prompts=kept)


def _joined(sets: list[PromptSet]) -> PromptSet:
    """Return the prompts of several sources as one set; ids begin with the source, so that none can clash."""
    names = [one.source for one in sets]
    if len(set(names)) < len(names):
        raise PromptError(f"two of the sources are the same file or data set: {', '.join(names)}")
    prompts = tuple(
        replace(prompt, id=f"{one.source}-{prompt.id}", source=one.source) for one in sets for prompt in one.prompts
    )
    return PromptSet(
        source="_".join(names)[:64],
        origin="; ".join(one.origin for one in sets),
        resolution="; ".join(f"{one.source}: {one.resolution}" for one in sets),
        prompts=prompts,
        revision="; ".join(one.revision for one in sets if one.revision),
    )


def hold_choices_used(choices: tuple[PromptChoice, ...], sources: set[str]) -> None:
    """Refuse a ``--framing-prompts`` that no suite reads: a typo would otherwise gate on other prompts than meant.

    Raises
    ------
    PromptError
        Naming the sources that the suites read.
    """
    for choice in choices:
        if (choice.source or "harmbench") not in sources:
            meant = f"the source {choice.source!r}" if choice.source else "a plain path (it stands for harmbench)"
            raise PromptError(
                f"--framing-prompts {choice.location}: no suite of this run reads {meant}; they read "
                f"{', '.join(sorted(sources))} (write SOURCE=PATH)"
            )


def synthetic(resolution: str) -> PromptSet:
    """Return the embedded set of 400 harmless prompts, with HarmBench's categories."""
    _, prompts = read_prompts(SYNTHETIC)
    return PromptSet("synthetic", "embedded", resolution, prompts)


def read_hub_rows(
    name: str, revision: str, config: str | None = None, *, load: Callable[..., Any] | None = None
) -> list[dict[str, Any]]:
    """Return the rows of all splits of a data set of the hub (or a local data set folder) at a pinned commit.

    Raises
    ------
    PromptError
        When it cannot be loaded.
    """
    if load is None:
        from datasets import load_dataset

        load = load_dataset
    try:
        splits = load(name, config, revision=revision)
        rows = [dict(row) for split in splits.values() for row in split]
    except Exception as error:
        # Whatever the network, the hub and the file formats raise: all of it means that the prompts are not at hand.
        raise PromptError(
            f"hub:{name}@{revision}: cannot be loaded ({first_line(error)}); "
            "without a connection, name a local file: --framing-prompts FILE.csv"
        ) from error
    return rows


def parse_hub(location: str) -> tuple[str, str | None, str]:
    """Return name, configuration and revision of ``hub:ORG/NAME[:CONFIG]@REVISION``.

    Raises
    ------
    PromptError
        When it is written otherwise, or names no commit.
    """
    parsed = _HUB.fullmatch(location)
    if parsed is None:
        raise PromptError(
            f"{location}: write hub:ORG/NAME@REVISION (or hub:ORG/NAME:CONFIG@REVISION) with the 40 hex digits of "
            "a commit; a data set that can change under its name is no evidence"
        )
    return parsed["name"], parsed["config"], parsed["revision"]


def read_hub(
    name: str,
    revision: str,
    config: str | None = None,
    *,
    resolution: str,
    asked: str = "",
    load: Callable[..., Any] | None = None,
) -> PromptSet:
    """Read a data set of the hub (or a local data set folder) at a pinned commit through ``datasets``.

    All splits are read; columns are recognised as in files.

    Raises
    ------
    PromptError
        When the data set cannot be loaded or has no column with prompts.
    """
    rows = read_hub_rows(name, revision, config, load=load)
    if not rows:
        raise PromptError(f"hub:{name}@{revision}: the data set is empty")
    layout = layout_of(f"hub:{name}", rows[0], name.rsplit("/", 1)[-1], asked, config or "")
    numbered = list(enumerate(rows, start=1))
    prompts = tuple(prompts_of_rows(f"hub:{name}", numbered, layout))
    return PromptSet(layout.source, f"hub:{name}", resolution, prompts, revision)


def chosen(source: str, choices: tuple[PromptChoice, ...]) -> PromptChoice | None:
    """Return the ``--framing-prompts`` that serves a source, if there is one.

    Raises
    ------
    PromptError
        When there are two.
    """
    named = [choice for choice in choices if choice.source == source]
    plain = [choice for choice in choices if not choice.source] if source == "harmbench" else []
    for same in (named, plain):
        if len(same) > 1:
            raise PromptError(f"--framing-prompts names {len(same)} places for the source {source!r}; give one")
        if same:
            return same[0]
    return None


def _read(location: str, resolution: str, asked: str) -> PromptSet:
    if location.startswith("hub:"):
        name, config, revision = parse_hub(location)
        return read_hub(name, revision, config, resolution=resolution, asked=asked)
    path = Path(location)
    source, prompts = read_prompts(path, asked)
    return PromptSet(source, str(path), resolution, prompts)


def _local(source: str, root: Path) -> Path | None:
    candidates = (root / place for place in LOCAL_PLACES.get(source, ()))
    return next((path for path in candidates if path.is_file()), None)


def _sampled(prompts: PromptSet, suite: Suite) -> PromptSet:
    """Apply the profile's limit: a sample drawn from the seed, in the source's order; a larger one holds a smaller."""
    if suite.limit is None or suite.limit >= len(prompts.prompts):
        return prompts
    ranked = sorted(prompts.prompts, key=lambda p: text_digest(str(suite.order.seed), suite.name, "sample", p.id))
    kept = {prompt.id for prompt in ranked[: suite.limit]}
    return replace(prompts, prompts=tuple(prompt for prompt in prompts.prompts if prompt.id in kept))


def _how_to_get(suite: Suite, source: str, root: Path) -> str:
    suite_file, data = place(suite.path, root), f"{place(root / 'data', root)}{os.sep}"
    if source == "harmbench":
        return (
            "HarmBench is not at hand. Either download its behaviours "
            f"(data/behavior_datasets/{HARMBENCH_FILE} of the repository centerforaisafety/HarmBench) and "
            f"pass --framing-prompts {HARMBENCH_FILE} (or put it into {data}), or read a pinned copy from "
            "the hub: --framing-prompts hub:ORG/NAME@REVISION"
        )
    if source == "xstest":
        return (
            f"{suite_file}: XSTest is not at hand; download its prompts (xstest_prompts.csv of the repository "
            f"paul-rottger/xstest) and pass --framing-prompts xstest=xstest_prompts.csv, or put it into {data}"
        )
    return (
        f"{suite_file}: no prompts for the source {source!r}; pass --framing-prompts {source}=FILE, or name `path` or "
        "`hub` with `revision` under `prompts`"
    )
