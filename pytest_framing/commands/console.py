"""What commands print: lines for people, documents for scripts."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

COLOURS = {"pass": "32", "fail": "31;1", "inconclusive": "33;1", "not_evaluated": "33"}
"""Codes of a colour terminal by status."""


def say(text: str) -> None:
    """Print one line to standard output."""
    sys.stdout.write(f"{text}\n")


def say_marked(text: str, status: str) -> None:
    """Print one line, coloured by a status where a terminal shows it and nobody turned colours off."""
    colour = COLOURS.get(status)
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    say(text if colour is None or plain else f"\x1b[{colour}m{text}\x1b[0m")


def say_document(document: Mapping[str, Any]) -> None:
    """Print a JSON document, indented, keys in the order given; NaN has no place in it."""
    say(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
