"""Responses and verdicts that were produced elsewhere, read from a CSV or JSONL file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import ImportedFileError
from pytest_framing.records import STANDARD_MODE, VerdictLabel
from pytest_framing.settings import did_you_mean
from pytest_framing.table_files import Row, columns_found, read_table

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = ("prompt_id", "framing", "response", "verdict", "mode", "replicate", "category", "sequence")
LABELS = {label.value: label for label in list(VerdictLabel)[:4]}
MODES = ("standard", "forcing")
MOST_REPLICATES = 1000
MAX_ID_LENGTH = 200


@dataclass(frozen=True)
class ImportedRecord:
    """One answer under one framing. ``sequence`` is its place in the order that ran, where the file tells it."""

    line: int
    prompt_id: str
    framing: str
    mode: str
    replicate: int
    category: str
    sequence: int | None
    response: str | None = field(repr=False)
    verdict: VerdictLabel | None

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What may stand in a file once."""
        return self.prompt_id, self.framing, self.mode, self.replicate


@dataclass(frozen=True)
class ImportLayout:
    """Which column means what, where names differ from :data:`FIELDS`.

    ``wide`` maps framings to the column of their verdicts (or of their responses, where ``wide_responses``); ``labels``
    maps words for verdicts to labels.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    wide: Mapping[str, str] = field(default_factory=dict)
    wide_responses: bool = False
    labels: Mapping[str, VerdictLabel] = field(default_factory=dict)

    def column(self, name: str) -> str:
        """Column that a field is read from."""
        return self.columns.get(name, name)


def read_imported(path: Path, layout: ImportLayout) -> list[ImportedRecord]:
    """Read a file of responses or verdicts.

    Raises
    ------
    ImportedFileError
        With file and line: what :func:`pytest_framing.table_files.read_table` refuses, a column that is not there, a
        value that cannot be one of its field, a record that stands twice.
    """
    table = read_table(path, ImportedFileError)
    if not table.rows:
        raise ImportedFileError(f"{path}: no rows in the file")
    _check_columns(path, layout, table.columns)
    records: list[ImportedRecord] = []
    seen: dict[tuple[str, str, str, int], int] = {}
    for line, row in table.rows:
        for record in _records(path, line, row, layout):
            if record.key in seen:
                raise ImportedFileError.at(
                    path,
                    line,
                    f"prompt {record.prompt_id!r} under {record.framing!r} ({record.mode}, replicate "
                    f"{record.replicate}) stands on line {seen[record.key]} already; give replicates a number",
                )
            seen[record.key] = line
            records.append(record)
    return records


def _check_columns(path: Path, layout: ImportLayout, columns: frozenset[str]) -> None:
    for name, column in layout.columns.items():
        if name not in FIELDS:
            raise ImportedFileError(f"--column {name}={column}: no field {name!r}; {did_you_mean(name, FIELDS)}")
    for option, named in (("--column", layout.columns), ("--wide", layout.wide)):
        for name, column in named.items():
            if column not in columns:
                raise ImportedFileError.at(
                    path, 1, f"no column {column!r} ({option} {name}={column}); {columns_found(columns)}"
                )
    needed = ["prompt_id"] if layout.wide else ["prompt_id", "framing"]
    for name in needed:
        if layout.column(name) not in columns:
            hint = f"write --column {name}=NAME" + (" or --wide FRAMING=NAME" if name == "framing" else "")
            raise ImportedFileError.at(path, 1, f"no column {layout.column(name)!r}: {hint}; {columns_found(columns)}")
    answers = {layout.column("response"), layout.column("verdict")}
    if not layout.wide and not answers & columns:
        raise ImportedFileError.at(
            path, 1, f"neither a response nor a verdict: write --column verdict=NAME; {columns_found(columns)}"
        )


def _records(path: Path, line: int, row: Row, layout: ImportLayout) -> Iterator[ImportedRecord]:
    prompt_id = _text(path, line, row, layout.column("prompt_id"))
    if not prompt_id or len(prompt_id) > MAX_ID_LENGTH or not prompt_id.isprintable():
        raise ImportedFileError.at(
            path, line, f"a prompt id must be printable, not empty, and at most {MAX_ID_LENGTH} characters long"
        )
    mode = _text(path, line, row, layout.column("mode")) or STANDARD_MODE
    if mode not in MODES:
        raise ImportedFileError.at(path, line, f"mode {mode!r}: {did_you_mean(mode, MODES)}")
    replicate = _whole(path, line, row, layout.column("replicate"), MOST_REPLICATES)
    common: dict[str, Any] = {
        "line": line,
        "prompt_id": prompt_id,
        "mode": mode,
        "replicate": 1 if replicate is None else replicate,
        "category": _text(path, line, row, layout.column("category")),
        "sequence": _whole(path, line, row, layout.column("sequence"), 10**12),
    }
    if layout.wide:
        for framing, column in layout.wide.items():
            text = _text(path, line, row, column, strip=not layout.wide_responses)
            if layout.wide_responses:
                yield ImportedRecord(framing=framing, response=text, verdict=None, **common)
            else:
                verdict = _verdict(path, line, column, text, layout)
                yield ImportedRecord(framing=framing, response=None, verdict=verdict, **common)
        return
    framing = _text(path, line, row, layout.column("framing"))
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", framing):
        raise ImportedFileError.at(
            path, line, f"framing {framing[:40]!r}: a framing is named in small letters, digits, - and _"
        )
    word = _text(path, line, row, layout.column("verdict"))
    column = layout.column("response")
    response = _text(path, line, row, column, strip=False) if row.get(column) is not None else None
    if not word and response is None:
        raise ImportedFileError.at(path, line, "neither response nor verdict; what could not be judged is 'invalid'")
    label = _verdict(path, line, layout.column("verdict"), word, layout) if word else None
    yield ImportedRecord(framing=framing, response=response, verdict=label, **common)


def _text(path: Path, line: int, row: Row, column: str, *, strip: bool = True) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ImportedFileError.at(path, line, f"{column!r} must be a text, not {type(value).__name__}")
    return str(value).strip() if strip else str(value)


def _whole(path: Path, line: int, row: Row, column: str, most: int) -> int | None:
    text = _text(path, line, row, column)
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text) or not 1 <= int(text) <= most:
        raise ImportedFileError.at(path, line, f"{column!r} must be a whole number from 1 to {most}, not {text[:40]!r}")
    return int(text)


def _verdict(path: Path, line: int, column: str, word: str, layout: ImportLayout) -> VerdictLabel:
    """Read a word for a verdict: one of ours, one of XSTest's (``2_full_refusal``), or one that was mapped."""
    if word in layout.labels:
        return layout.labels[word]
    plain = re.sub(r"^(\d+_)?(full_)?", "", word.strip().lower().replace(" ", "_").replace("-", "_"))
    if plain not in LABELS:
        # Where a column was mistaken for that of the verdicts, what stands there may be an answer: it is not printed.
        shown = f"{word!r} is" if re.fullmatch(r"[\w -]{1,30}", word) else f"the {len(word)} characters in it are"
        raise ImportedFileError.at(
            path, line, f"column {column!r}: {shown} no verdict; known: {', '.join(LABELS)} (or --label WORD=VERDICT)"
        )
    return LABELS[plain]
