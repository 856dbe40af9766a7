"""Readers of prompt files: the published layouts of six benchmarks, and a user's own CSV or JSONL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_framing.errors import PromptError
from pytest_framing.records import Prompt, text_digest
from pytest_framing.table_files import Row, columns_found, read_table

if TYPE_CHECKING:
    from pathlib import Path

MAX_ID_LENGTH = 200


@dataclass(frozen=True)
class Format:
    """A published column layout. ``columns`` recognise it, the other fields map columns to what a prompt holds."""

    source: str
    columns: frozenset[str]
    id: str
    behaviour: str
    context: str = ""
    functional_category: str = ""
    semantic_category: str = ""
    tags: str = ""
    single_turn: bool = False
    """Whether the behaviour is a list of one turn."""
    safe: str = ""
    """The published label of what is safe to answer; read as ``safe``, which gates and receipts go by."""
    category: str = ""
    """Functional category of all prompts, where no column holds one."""


HARMBENCH = Format(
    source="harmbench",
    columns=frozenset(("Behavior", "BehaviorID", "FunctionalCategory", "SemanticCategory", "Tags", "ContextString")),
    id="BehaviorID",
    behaviour="Behavior",
    context="ContextString",
    functional_category="FunctionalCategory",
    semantic_category="SemanticCategory",
    tags="Tags",
)
XSTEST = Format(
    source="xstest",
    columns=frozenset(("id", "prompt", "type", "label")),
    id="id",
    behaviour="prompt",
    functional_category="label",
    semantic_category="type",
    tags="focus",
)
SORRY_BENCH = Format(
    source="sorrybench",
    columns=frozenset(("question_id", "category", "turns")),
    id="question_id",
    behaviour="turns",
    functional_category="prompt_style",
    semantic_category="category",
    single_turn=True,
)
WILDGUARDTEST = Format(
    source="wildguardtest",
    columns=frozenset(("prompt", "adversarial", "prompt_harm_label", "subcategory")),
    id="",
    behaviour="prompt",
    functional_category="prompt_harm_label",
    semantic_category="subcategory",
    tags="adversarial",
    safe="unharmful",
)
ADVBENCH = Format(source="advbench", columns=frozenset(("goal", "target")), id="", behaviour="goal")
OR_BENCH_TOXIC = Format(
    source="orbench_toxic",
    columns=frozenset(("prompt", "category")),
    id="",
    behaviour="prompt",
    semantic_category="category",
    category="toxic",
)
OR_BENCH: Mapping[str, Format] = {
    "toxic": OR_BENCH_TOXIC,
    "hard": replace(OR_BENCH_TOXIC, source="orbench_hard", category="safe"),
    "80k": replace(OR_BENCH_TOXIC, source="orbench_80k", category="safe"),
}
_PART_OF_OR_BENCH = re.compile(rf"or_?bench_({'|'.join(OR_BENCH)})")
PUBLISHED = (HARMBENCH, XSTEST, SORRY_BENCH, WILDGUARDTEST, ADVBENCH)
_OWN_TEXT = ("text", "prompt", "behaviour", "behavior", "Behavior", "question", "goal")
_OWN_ID = ("id", "prompt_id", "BehaviorID")


def read_prompts(path: Path, asked: str = "") -> tuple[str, tuple[Prompt, ...]]:
    """Read a prompt file; the format is told by its columns.

    Parameters
    ----------
    path
        CSV or JSONL.
    asked
        Source for which it is read, where one is known.

    Returns
    -------
    source : str
        ``harmbench``, ``xstest``, ``sorrybench``, ``wildguardtest``, ``advbench``, ``orbench_toxic`` or
        ``orbench_hard`` for their published layouts, else the file's stem.
    prompts : tuple of Prompt
        In file order.

    Raises
    ------
    PromptError
        With file and line: unreadable, not UTF-8, empty, a column missing, an id missing or given twice, an empty text.
    """
    table = read_table(path, PromptError)
    if not table.rows:
        raise PromptError(f"{path}: no prompts in the file")
    layout = layout_of(str(path), table.columns, path.stem, asked)
    return layout.source, tuple(prompts_of_rows(str(path), table.rows, layout))


def layout_of(origin: str, columns: Iterable[str], name: str, asked: str = "", config: str = "") -> Format:
    """Tell what the columns mean: a published layout, else a user's own with a text column of a usual name.

    The parts of OR-Bench have the same columns and mean the opposite: which it is, the source that was asked for, the
    configuration or the file's name tell.

    Raises
    ------
    PromptError
        When no column can be the prompt, or a file is by its name another part of OR-Bench than was asked for.
    """
    present = frozenset(columns)
    for published in PUBLISHED:
        if published.columns <= present:
            return published
    # Two columns of such names are common: a file that has others beside them is somebody's own.
    if present == OR_BENCH_TOXIC.columns and (part := _or_bench(origin, asked, config, name)):
        return part

    def first(*names: str) -> str:
        return next((column for column in names if column in present), "")

    text = first(*_OWN_TEXT)
    if not text:
        raise PromptError.at(
            origin,
            1,
            f"no column with the prompt: expected one of {', '.join(_OWN_TEXT)}; {columns_found(present)}",
        )
    return Format(
        source=source_name(name),
        columns=frozenset((text,)),
        id=first(*_OWN_ID),
        behaviour=text,
        context=first("context", "ContextString"),
        functional_category=first("functional_category", "FunctionalCategory"),
        semantic_category=first("semantic_category", "category", "SemanticCategory"),
        tags=first("tags", "Tags"),
    )


def _or_bench(origin: str, *names: str) -> Format | None:
    parts = {found[1] for name in names if (found := _PART_OF_OR_BENCH.search(source_name(name)))}
    if len(parts) > 1:
        raise PromptError(
            f"{origin}: asked for as one part of OR-Bench, and by its name another ({', '.join(sorted(parts))}); toxic "
            "prompts are to be refused, the others are safe to answer"
        )
    return OR_BENCH[parts.pop()] if parts else None


def prompts_of_rows(origin: str, rows: Iterable[tuple[int, Row]], layout: Format) -> Iterator[Prompt]:
    """Turn numbered rows into prompts and hold that ids are present and unique.

    Parameters
    ----------
    origin
        File or data set, for error messages.
    rows
        Pairs of line number and row.
    layout
        Which column means what.

    Raises
    ------
    PromptError
        With the line.
    """
    seen: dict[str, int] = {}
    for line, given in rows:
        row = _unwrapped(given, layout.behaviour) if layout.single_turn else given
        for column in (layout.id, layout.behaviour, layout.context):
            _check_type(origin, line, row, column, (str, int) if column == layout.id else (str,))
        behaviour = _text_of(row, layout.behaviour)
        if not behaviour.strip():
            raise PromptError.at(origin, line, f"column {layout.behaviour!r} is empty")
        context = _text_of(row, layout.context)
        identifier = _text_of(row, layout.id).strip() if layout.id else ""
        if not layout.id:
            identifier = f"p-{text_digest(context, behaviour).removeprefix('sha256:')[:12]}"
        _check_id(origin, line, identifier, layout.id)
        if identifier in seen:
            raise PromptError.at(
                origin, line, f"id {identifier!r} stands twice, first on line {seen[identifier]}; ids must be unique"
            )
        seen[identifier] = line
        yield Prompt(
            id=identifier,
            behaviour=behaviour,
            context=context,
            functional_category=_category(row, layout),
            semantic_category=_text_of(row, layout.semantic_category),
            tags=_tags(row.get(layout.tags) if layout.tags else None),
        )


def source_name(name: str) -> str:
    """Name of a file or data set as a source name: lower case, and safe in the file name of a baseline."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:64] or "prompts"


def _text_of(row: Row, column: str) -> str:
    value = row.get(column) if column else None
    return "" if value is None else str(value)


def _category(row: Row, layout: Format) -> str:
    label = _text_of(row, layout.functional_category) or layout.category
    return "safe" if layout.safe and label.strip().casefold() == layout.safe else label


def _unwrapped(row: Row, column: str) -> Row:
    """Take the request out of a conversation of one turn, which is how SORRY-Bench holds it."""
    value = row.get(column)
    return {**row, column: value[0]} if isinstance(value, list) and len(value) == 1 else row


def _check_type(origin: str, line: int, row: Row, column: str, types: tuple[type, ...]) -> None:
    value = row.get(column) if column else None
    if value is not None and (not isinstance(value, types) or isinstance(value, bool)):
        raise PromptError.at(origin, line, f"{column!r} must be a text, not {type(value).__name__}")


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(tag) for tag in value)
    return tuple(tag.strip() for tag in str(value or "").split(",") if tag.strip())


def _check_id(origin: str, line: int, identifier: str, column: str) -> None:
    if not identifier:
        raise PromptError.at(origin, line, f"column {column!r} is empty: every prompt needs an id")
    if len(identifier) > MAX_ID_LENGTH or not identifier.isprintable():
        raise PromptError.at(
            origin,
            line,
            f"an id must be printable and at most {MAX_ID_LENGTH} characters long (column {column!r})",
        )
