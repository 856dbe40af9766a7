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
    from pytest_framing.suite import Suite

SYNTHETIC = Path(__file__).parent / "data" / "synthetic.jsonl"
HARMBENCH_FILE = "harmbench_behaviors_text_all.csv"
# Looked for below pytest's root folder when no option names a file.
LOCAL_PLACES: Mapping[str, tuple[str, ...]] = {
    "harmbench": (f"data/{HARMBENCH_FILE}", f"data/harmbench/{HARMBENCH_FILE}", HARMBENCH_FILE),
    "xstest": ("data/xstest_prompts.csv", "data/xstest/xstest_prompts.csv", "xstest_prompts.csv"),
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
    """Find and read the prompts of a suite.

    The first of these that applies: a ``--framing-prompts SOURCE=…`` that names the suite's source; a plain
    ``--framing-prompts …``, for suites whose source is ``harmbench``; a source registered by a plugin; the suite's own
    ``path`` or ``hub`` with ``revision``; a file below ``data/`` in the root folder; the embedded synthetic set, for
    the embedded models alone.

    Raises
    ------
    PromptsNotAtHandError
        When no way applies, telling how to get the prompts.
    PromptError
        When the file is bad.
    """
    source = suite.prompts.source
    chosen = _chosen(source, choices)
    if chosen is not None:
        prompts = _read(chosen.location, f"--framing-prompts {chosen.location}")
    elif extensions and source in extensions:
        prompts = extensions[source]()
    elif source == "synthetic":
        prompts = synthetic("the suite asks for the synthetic set")
    elif suite.prompts.path is not None:
        prompts = _read(str(suite.path.parent / suite.prompts.path), f"path in {suite.path}")
    elif suite.prompts.hub is not None:
        prompts = _read(f"hub:{suite.prompts.hub}@{suite.prompts.revision}", f"hub in {suite.path}")
    elif (local := _local(source, root)) is not None:
        prompts = _read(str(local), f"found at {local}")
    elif model.embedded and source == "harmbench":
        prompts = synthetic("no HarmBench at hand: the embedded, harmless synthetic set stands in for it")
    else:
        raise PromptsNotAtHandError(_how_to_get(suite, root))
    return _sampled(prompts, suite)


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


def read_hub(
    name: str, revision: str, config: str | None = None, *, resolution: str, load: Callable[..., Any] | None = None
) -> PromptSet:
    """Read a data set of the hub (or a local data set folder) at a pinned commit through ``datasets``.

    All splits are read; columns are recognised as in files.

    Raises
    ------
    PromptError
        When the data set cannot be loaded or has no column with prompts.
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
    if not rows:
        raise PromptError(f"hub:{name}@{revision}: the data set is empty")
    layout = layout_of(f"hub:{name}", rows[0], name.rsplit("/", 1)[-1])
    numbered = list(enumerate(rows, start=1))
    prompts = tuple(prompts_of_rows(f"hub:{name}", numbered, layout))
    return PromptSet(layout.source, f"hub:{name}", resolution, prompts, revision)


def _chosen(source: str, choices: tuple[PromptChoice, ...]) -> PromptChoice | None:
    named = [choice for choice in choices if choice.source == source]
    plain = [choice for choice in choices if not choice.source] if source == "harmbench" else []
    for same in (named, plain):
        if len(same) > 1:
            raise PromptError(f"--framing-prompts names {len(same)} places for the source {source!r}; give one")
        if same:
            return same[0]
    return None


def _read(location: str, resolution: str) -> PromptSet:
    if location.startswith("hub:"):
        parsed = _HUB.fullmatch(location)
        if parsed is None:
            raise PromptError(
                f"{location}: write hub:ORG/NAME@REVISION (or hub:ORG/NAME:CONFIG@REVISION) with the 40 hex digits of "
                "a commit; a data set that can change under its name is no evidence"
            )
        return read_hub(parsed["name"], parsed["revision"], parsed["config"], resolution=resolution)
    path = Path(location)
    source, prompts = read_prompts(path)
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


def _how_to_get(suite: Suite, root: Path) -> str:
    source = suite.prompts.source
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
