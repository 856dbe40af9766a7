"""Documents that are nearly right: a valid one, changed at places and with values that a string of bytes chooses."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    2**31,
    2**64,
    10**30,
    -(10**400),
    0.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    "",
    "x",
    "0",
    "\x00\x1b[2J",
    "\ud800",
    "\u202e\u2028",
    "../../../etc/passwd",
    "free",
    "paid",
    "standard",
    "invalid",
    "y" * 5000,
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    {"": {}},
)
MOST_EDITS = 4
DEEPEST = 12


class Draw:
    """Choices read off a string of bytes; where it has ended, every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def number(self, limit: int) -> int:
        """Return a whole number from 0 to ``limit`` - 1."""
        size = 1 if limit <= 256 else 2
        return int.from_bytes(self._take(size), "little") % max(1, limit)

    def choice(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.number(len(values))]

    def text(self) -> str:
        """Return a short text of any characters, lone surrogates included."""
        return self._take(self.number(24)).decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        """Return what is left."""
        return self._take(len(self._data) - self._place)

    def _take(self, count: int) -> bytes:
        taken = self._data[self._place : self._place + count]
        self._place += count
        return taken


def edited(document: Any, draw: Draw) -> Any:
    """Return a copy of a JSON value with one to four places changed."""
    holder = [copy.deepcopy(document)]
    for _ in range(1 + draw.number(MOST_EDITS)):
        _edit(holder, draw)
    return holder[0]


def _edit(holder: list[Any], draw: Draw) -> None:
    """Walk down by chance, and replace, leave out, rename or add what is found there."""
    parent: Any = holder
    key: Any = 0
    for _ in range(draw.number(DEEPEST)):
        value: Any = parent[key]
        keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
        if not keys:
            break
        parent, key = value, draw.choice(keys)
    kind = draw.number(6)
    if kind == 4 and parent is not holder:
        del parent[key]
    elif kind == 5 and isinstance(parent, dict):
        parent[draw.text()] = parent[key]
    elif kind == 3:
        parent[key] = draw.text()
    elif kind == 2 and isinstance(parent[key], list) and parent[key]:
        parent[key].append(copy.deepcopy(draw.choice(parent[key])))
    else:
        parent[key] = copy.deepcopy(draw.choice(ODD_VALUES))


def as_json(value: Any) -> bytes:
    """Write a value as JSON, with the words that Python has beyond it."""
    return json.dumps(value).encode("ascii")
