"""Texts that many records have in common, kept in memory once."""

from __future__ import annotations

import sys
from typing import Any

LONGEST = 256
"""Longer texts are answers or captured output, which no two records share."""


def with_shared_strings(value: Any) -> Any:
    """Return a JSON value whose short texts are the same objects wherever they occur.

    What comes over a wire has each text anew: of 100,000 cases the names, keywords and places of three reports each.
    """
    if type(value) is str:
        return sys.intern(value) if len(value) <= LONGEST else value
    if type(value) is dict:
        return {with_shared_strings(name): with_shared_strings(one) for name, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(with_shared_strings, value))
    return value
