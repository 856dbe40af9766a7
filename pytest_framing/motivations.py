"""What a run folder holds of motivations and of their readings by people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from pytest_framing.errors import LedgerError, OutputError
from pytest_framing.json_documents import read_document, write_text
from pytest_framing.judges.motivation import Motivation
from pytest_framing.judges.review import Reading
from pytest_framing.records import CaseKey
from pytest_framing.rejudging import slug
from pytest_framing.typed_records import typed_value

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
KEY = "review-key.json"
READINGS = "reviews.jsonl"


def motivations_path(folder: Path, label: str) -> Path:
    """Return where the findings of a judge go."""
    return folder / f"{slug(label)}.jsonl"


def write_motivations(path: Path, motivations: Iterable[Motivation]) -> None:
    """Write findings; those of an earlier call of the same judge, with the same seed, are replaced."""
    write_text(path, "".join(f"{one.line()}\n" for one in motivations))


def recorded_seed(path: Path) -> int | None:
    """Return the seed that findings of an earlier call were drawn with; nothing where there are none.

    Raises
    ------
    LedgerError
        When they are damaged.
    """
    found = read_motivations(path) if path.is_file() else []
    return found[0].seed if found else None


def find_motivations(folder: Path, judge: str | None) -> Path:
    """Return the file of a judge's findings; without a name, the only one.

    Raises
    ------
    LedgerError
        When there is none, or several and no name.
    """
    if judge is not None:
        path = motivations_path(folder, judge)
        if path.is_file():
            return path
    found = sorted(folder.glob("motivation-*.jsonl"))
    if len(found) == 1 and judge is None:
        return found[0]
    if not found:
        raise LedgerError(f"{folder}: no motivations; framing motivation {folder} --judge MODEL makes them")
    names = ", ".join(path.name for path in found)
    raise LedgerError(f"{folder}: motivations of several judges ({names}): say which with --judge LABEL")


def read_motivations(path: Path) -> list[Motivation]:
    """Read findings.

    Raises
    ------
    LedgerError
        With file and line, when one is damaged.
    """
    return [_parsed(path, number, line, Motivation.parse) for number, line in _lines(path)]


def add_readings(folder: Path, readings: Iterable[Reading]) -> None:
    """Append what a person said; nothing said before is changed.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    try:
        with (folder / READINGS).open("a", encoding="utf-8") as file:
            file.writelines(f"{one.line()}\n" for one in readings)
    except OSError as error:
        raise OutputError(f"{folder / READINGS}: cannot be written: {error.strerror or error}") from error


def read_readings(folder: Path) -> list[Reading]:
    """Return the latest reading of each trace by each person.

    Raises
    ------
    LedgerError
        With file and line, when one is damaged.
    """
    path = folder / READINGS
    if not path.is_file():
        return []
    found = [_parsed(path, number, line, Reading.parse) for number, line in _lines(path)]
    return list({(one.key, one.reviewer): one for one in found}.values())


def read_key(folder: Path) -> Mapping[str, CaseKey]:
    """Return the cases behind the numbers of the run's sheet.

    Raises
    ------
    LedgerError
        When no sheet was drawn, or its key is damaged.
    """
    path = folder / KEY
    if not path.is_file():
        raise LedgerError(f"{folder}: no {KEY}: draw a sheet first (framing review RUN)")
    document = read_document(path, LedgerError)
    try:
        return cast("dict[str, CaseKey]", typed_value(dict[str, CaseKey], document["items"]))
    except (KeyError, ValueError) as error:
        raise LedgerError(f"{path}: not the key of a sheet: items: {error}") from None


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    try:
        return list(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"{path}: cannot be read: {error}") from error


def _parsed(path: Path, number: int, line: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(line)
    except (ValueError, RecursionError) as error:
        reason = f"damaged record: {error}" if type(error) is ValueError else "damaged record: not JSON"
        raise LedgerError.at(path, number, reason) from None
