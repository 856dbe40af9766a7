"""Files of rows that users bring, CSV or JSONL, read with the line of every row."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    from pathlib import Path

Row = Mapping[str, Any]
E = TypeVar("E", bound=FramingError)
# A field of more is not a text to judge: csv's own limit would end in an error that names no file.
MAX_FIELD = 10_000_000


@dataclass(frozen=True)
class Table:
    """The rows of a file, each with the number of the line on which it begins, and the names of all columns."""

    rows: list[tuple[int, Row]]
    columns: frozenset[str]


def read_table(path: Path, kind: type[E]) -> Table:
    """Read a ``.csv`` or ``.jsonl`` file.

    Raises
    ------
    FramingError
        Of the given kind, with file and line: unreadable, not UTF-8, empty, a column given twice, a ragged row.
    """
    text = _read_text(path, kind)
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        rows = list(_jsonl_rows(path, text, kind))
        return Table(rows, frozenset(key for _, row in rows for key in row))
    if path.suffix.lower() == ".csv":
        return _csv_table(path, text, kind)
    raise kind(f"{path}: expected a .csv or .jsonl file")


def columns_found(columns: frozenset[str]) -> str:
    """Name the columns; but where the header is missing, what stands in its place is a prompt, and is not printed."""
    if all(len(column) <= 32 and re.fullmatch(r"[A-Za-z_][\w-]*( [\w-]+){0,2}", column) for column in columns):
        return f"found {', '.join(sorted(columns))}"
    return f"found {len(columns)} columns whose names look like texts: is the header line missing?"


def _read_text(path: Path, kind: type[E]) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise kind(f"{path}: no such file") from None
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise kind.at(path, line, "not UTF-8; save the file as UTF-8") from error


def _csv_table(path: Path, text: str, kind: type[E]) -> Table:
    # The default limit of 128 KiB a field is a limit of the process: it is put back.
    usual = csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1  # where the row begins that is being read; quoted texts may span lines
    try:
        columns = next(reader, [])
        if not columns:
            raise kind(f"{path}: the file is empty")
        if len(set(columns)) < len(columns):
            raise kind.at(path, 1, "a column name stands twice in the header")
        rows: list[tuple[int, Row]] = []
        line = reader.line_num + 1
        for values in reader:
            if values and len(values) != len(columns):
                raise kind.at(path, line, f"expected {len(columns)} columns as in the header, not {len(values)}")
            if values:
                rows.append((line, dict(zip(columns, values, strict=True))))
            line = reader.line_num + 1
    except csv.Error as error:
        raise kind.at(path, line, f"not CSV: {error}") from error
    finally:
        csv.field_size_limit(usual)
    return Table(rows, frozenset(columns))


def _jsonl_rows(path: Path, text: str, kind: type[E]) -> Iterator[tuple[int, Row]]:
    # Not splitlines(): U+2028 and its like may stand unescaped inside a JSON string.
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            row = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise kind.at(path, line, f"not JSON: {error}") from error
        if not isinstance(row, dict):
            raise kind.at(path, line, "expected a JSON object on each line")
        yield line, row
