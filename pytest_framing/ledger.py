"""The ledger: responses and verdicts of a run as append-only, checksummed lines; the border of the GPU."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pytest_framing.errors import LedgerError, OutputError
from pytest_framing.json_documents import parse_json
from pytest_framing.records import Response, Verdict, text_digest
from pytest_framing.typed_records import flat_fields, typed_record

MAIN_WORKER = "main"
# Lines are handed to the system at once and forced to the disk this often: syncing each of thousands of lines would
# cost more than computing them again after a power failure.
SYNC_SECONDS = 1.0
# Texts that no two lines share.
_UNIQUE = frozenset(("answer", "reasoning", "evidence", "tokens_digest"))
R = TypeVar("R")
# Made once: json.dumps makes one for each line that it sorts.
_CANONICAL = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"))


class _JsonLines:
    """One append-only file of checksummed lines, opened at its first line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._synced = 0.0

    def append(self, record: dict[str, Any]) -> None:
        body = json.dumps(record, ensure_ascii=True)
        line = f'{body[:-1]}, "checksum": "{_checksum(record)}"}}\n'.encode("ascii")
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
                _cut_torn_tail(self._descriptor)
            written = os.write(self._descriptor, line)
            if written < len(line):
                raise OSError(f"only {written} of {len(line)} bytes were written; is the disk full?")
            now = time.monotonic()
            if now - self._synced > SYNC_SECONDS:
                os.fsync(self._descriptor)
                self._synced = now
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        if self._descriptor is not None:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None


def _cut_torn_tail(descriptor: int) -> None:
    """Remove half a line at the end: a new line behind it would turn a torn tail into a damaged middle."""
    size = os.fstat(descriptor).st_size
    position, kept = size, 0
    while position > 0:
        start = max(0, position - 65_536)
        found = os.pread(descriptor, position - start, start).rfind(b"\n")
        if found >= 0:
            kept = start + found + 1
            break
        position = start
    if kept == size:
        return
    try:
        _parse(os.pread(descriptor, size - kept, kept))
    except (ValueError, RecursionError):
        os.ftruncate(descriptor, kept)
    else:
        # All of the record is there and its end alone is missing: it was read as one, and stays one.
        os.pwrite(descriptor, b"\n", size)


class LedgerWriter:
    """Appends the responses and verdicts of one worker to its own two files."""

    def __init__(self, folder: Path, worker: str = MAIN_WORKER) -> None:
        """Write below ``folder``; ``worker`` tells this process' files from those of its siblings."""
        suffix = "" if worker == MAIN_WORKER else f"-{worker}"
        self._responses = _JsonLines(folder / f"responses{suffix}.jsonl")
        self._verdicts = _JsonLines(folder / f"verdicts{suffix}.jsonl")

    def add_response(self, response: Response) -> None:
        """Append one response.

        Raises
        ------
        OutputError
            When the line could not be written whole.
        """
        self._responses.append(flat_fields(response))

    def add_verdict(self, verdict: Verdict) -> None:
        """Append one verdict.

        Raises
        ------
        OutputError
            When the line could not be written whole.
        """
        self._verdicts.append(flat_fields(verdict))

    def close(self) -> None:
        """Force everything to the disk."""
        self._responses.close()
        self._verdicts.close()


@dataclass(frozen=True)
class Records(Generic[R]):
    """What was read from all files of one kind, and the files whose last line was torn (and left out)."""

    records: tuple[R, ...]
    torn: tuple[Path, ...]


def read_responses(folder: Path) -> Records[Response]:
    """Read every response of a run.

    Raises
    ------
    LedgerError
        Naming file and line, for a line that is damaged anywhere but at the very end of its file.
    """
    return _read(folder, "responses", lambda fields: typed_record(Response, fields))


def read_verdicts(folder: Path) -> Records[Verdict]:
    """Read every verdict of a run.

    Raises
    ------
    LedgerError
        As for responses.
    """
    return _read(folder, "verdicts", lambda fields: typed_record(Verdict, fields))


def read_verdict_file(path: Path) -> Records[Verdict]:
    """Read the verdicts in one file.

    Raises
    ------
    LedgerError
        As for responses.
    """
    return _read_files([path], lambda fields: typed_record(Verdict, fields))


def _read(folder: Path, kind: str, make: Callable[[dict[str, Any]], R]) -> Records[R]:
    return _read_files(sorted(folder.glob(f"{kind}*.jsonl")), make)


def _read_files(paths: Iterable[Path], make: Callable[[dict[str, Any]], R]) -> Records[R]:
    records: list[R] = []
    torn: list[Path] = []
    for path in paths:
        for line, content, whole in _lines(path):
            try:
                records.append(make(_parse(content)))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                if whole:
                    raise LedgerError.at(
                        path, line, f"damaged record ({error}); the run's evidence was changed or lost after writing"
                    ) from error
                torn.append(path)
    return Records(tuple(records), tuple(torn))


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Yield number, content and wholeness of each line; only a last line without its end can be torn."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield number, line.removesuffix(b"\n"), line.endswith(b"\n")
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error.strerror}") from error


def _parse(content: bytes) -> dict[str, Any]:
    fields = parse_json(content)
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    checksum = fields.pop("checksum", None)
    if checksum != _checksum(fields):
        raise ValueError("the checksum does not match")
    # Ids and names stand in line after line: once in memory is enough.
    return {
        name: sys.intern(value) if type(value) is str and name not in _UNIQUE else value
        for name, value in fields.items()
    }


def _checksum(record: dict[str, Any]) -> str:
    digest = text_digest(_CANONICAL.encode(record))
    return digest.removeprefix("sha256:")[:16]
