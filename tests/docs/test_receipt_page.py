"""``docs/receipt.md`` explains each field of a receipt, as the schema has it, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pytest_framing.schemas import schema
from tests.docs.pages import DOCS

SCHEMA = schema("receipt")
SHAPES: Mapping[str, Mapping[str, Any]] = SCHEMA["$defs"]


def fields(inside: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every field below a schema with its description; a shape with a name of its own has a section of its own."""
    for one in inside.get("anyOf", ()):
        yield from fields(one, path)
    for name, one in inside.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        yield place, one.get("description") or SHAPES[one["$ref"].rsplit("/", 1)[-1]]["description"]
        yield from fields(one, place)
    for key, suffix in (("additionalProperties", ".*"), ("items", "[]")):
        if isinstance(inside.get(key), Mapping):
            yield from fields(inside[key], path + suffix)


def sections() -> dict[str, dict[str, str]]:
    """Fields and their meanings by the heading that they stand under."""
    found: dict[str, dict[str, str]] = {}
    heading = ""
    for line in (DOCS / "receipt.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif row := re.fullmatch(r"\| `([^`]+)` \| (.*?)(?: \(\[\w+\]\(#\w+\)\))? \|", line):
            found.setdefault(heading, {})[row[1]] = row[2]
    return found


EXPECTED = {"Fields": dict(fields(SCHEMA))} | {
    name: found for name, shape in SHAPES.items() if (found := dict(fields(shape)))
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_field_is_explained_as_in_the_schema(name: str) -> None:
    assert sections()[name] == EXPECTED[name]


def test_nothing_is_explained_that_is_not_there() -> None:
    assert sections().keys() == EXPECTED.keys()
    assert sum(map(len, EXPECTED.values())) > 100
    assert all(text for found in EXPECTED.values() for text in found.values())
