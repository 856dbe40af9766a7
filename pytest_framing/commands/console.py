"""What commands print: lines for people, documents for scripts."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLOURS = {"pass": "32", "fail": "31;1", "inconclusive": "33;1", "not_evaluated": "33"}
"""Codes of a colour terminal by status."""


def say(text: str) -> None:
    """Print one line to standard output.

    Raises
    ------
    OutputError
        When standard output cannot be written, on a full disk for instance.
    """
    with _reader_may_leave():
        sys.stdout.write(f"{text}\n")


def finish() -> None:
    """Print what is still held back; errors as in :func:`say`."""
    with _reader_may_leave():
        sys.stdout.flush()


@contextmanager
def _reader_may_leave() -> Iterator[None]:
    """Print no more once nobody reads, as in ``framing ... | head``; the command goes on, and so does its exit code."""
    try:
        yield
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            raise OutputError(f"standard output: {error.strerror}") from error


def say_marked(text: str, status: str) -> None:
    """Print one line, coloured by a status where a terminal shows it and nobody turned colours off."""
    colour = COLOURS.get(status)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    say(text if colour is None or plain else f"\x1b[{colour}m{text}\x1b[0m")


def say_document(document: Mapping[str, Any]) -> None:
    """Print a JSON document, indented, keys in the order given; NaN has no place in it."""
    say(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
