"""What commands print: lines for people, documents for scripts."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def say(text: str) -> None:
    """Print one line to standard output."""
    sys.stdout.write(f"{text}\n")


def say_document(document: Mapping[str, Any]) -> None:
    """Print a JSON document, indented, keys in the order given; NaN has no place in it."""
    say(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
