"""JSON files of a run: indented, keys in a stable order, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from pytest_framing.errors import FramingError, OutputError
from pytest_framing.records import text_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

E = TypeVar("E", bound=FramingError)


def canonical(value: object) -> str:
    """Serialise for digests: keys sorted, no white space, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def document_digest(value: object) -> str:
    """Digest of a JSON value that does not depend on key order or layout."""
    return text_digest(canonical(value))


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Absent:
    """What stands where one of two documents has nothing; ``null`` is something."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Final = _Absent()


class Difference(NamedTuple):
    """A place in which two documents differ (``suites.small.gates[2].status``), with both values or ``ABSENT``."""

    place: str
    ours: Any
    theirs: Any


def differences(ours: Any, theirs: Any, place: str = "") -> Iterator[Difference]:
    """Walk into two JSON values and yield every place in which they differ, in the order of the first."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys([*ours, *theirs]):
            yield from differences(
                ours.get(key, ABSENT), theirs.get(key, ABSENT), f"{place}.{key}" if place else str(key)
            )
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    # To Python, true is 1.
    elif ours != theirs or isinstance(ours, bool) is not isinstance(theirs, bool):
        yield Difference(place, ours, theirs)


def finite(value: float | None) -> float | None:
    """Number for JSON: what is undefined (NaN) or unbounded is ``null``, since JSON has no word for either."""
    return None if value is None or not math.isfinite(value) else float(value)


def write_document(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON document by replacing the file in one step, synced to disk.

    Raises
    ------
    OutputError
        When the folder cannot be written.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file by replacing it in one step, synced to disk.

    Raises
    ------
    OutputError
        When the folder cannot be written.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file by replacing it in one step, synced to disk.

    Raises
    ------
    OutputError
        When the folder cannot be written.
    """
    partial: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; a run folder is shared like any other output.
        umask = os.umask(0)
        os.umask(umask)
        Path(partial).chmod(0o666 & ~umask)
        Path(partial).replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        # Gone already where the replacement went through; left by anything else, an interrupt included.
        if partial is not None:
            Path(partial).unlink(missing_ok=True)


def parse_json(content: str | bytes, *, numbers_only: bool = False) -> Any:
    """Parse JSON whose numbers later stages can compute with.

    Parameters
    ----------
    content
        One JSON value.
    numbers_only
        Whether NaN and infinities are refused, which JSON has no word for and Python's parser takes.

    Raises
    ------
    ValueError
        When it is no JSON, a whole number in it has more than 64 bits, or a key stands twice in an object: readers
        differ in which of the two values they take.
    RecursionError
        When it is nested too deeply.
    """
    if not numbers_only:
        return json.loads(content, parse_int=_whole_number, object_pairs_hook=_unique)
    return json.loads(
        content,
        parse_int=_whole_number,
        parse_float=_finite_number,
        parse_constant=_no_number,
        object_pairs_hook=_unique,
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the key {next(key for key in counts if counts[key] > 1)[:40]!a} stands twice in an object")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) >= 2**63:
        raise ValueError(f"a number of {len(digits)} digits is out of range")
    return int(digits)


def _finite_number(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise ValueError("a number is out of range")
    return value


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not JSON")


def read_document(path: Path, kind: type[E]) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    FramingError
        Of the given ``kind``, naming file and line, when the file is missing or no JSON object.
    """
    try:
        value = parse_json(path.read_text(encoding="utf-8"), numbers_only=True)
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise kind(f"{path}: not UTF-8 (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise kind.at(path, error.lineno, f"not JSON: {error.msg}") from error
    except ValueError as error:
        raise kind(f"{path}: not JSON: {error}") from error
    except RecursionError as error:
        raise kind(f"{path}: nested too deeply") from error
    if not isinstance(value, dict):
        raise kind.at(path, 1, "expected a JSON object")
    return value
