"""The JSON Schemas that ship with the package, and documents held to them when they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    from pathlib import Path

    from jsonschema.protocols import Validator

E = TypeVar("E", bound=FramingError)
SchemaName = Literal["results", "receipt", "circumstances"]
LONGEST_MESSAGE = 160
WORDS: Mapping[SchemaName, str] = {
    "results": "the results of a run",
    "receipt": "a receipt of pytest-framing",
    "circumstances": "the circumstances of a run",
}


@cache
def schema(name: SchemaName) -> Mapping[str, Any]:
    """Return a schema of the package (JSON Schema, draft 2020-12)."""
    document: Mapping[str, Any] = json.loads(
        files("pytest_framing").joinpath(f"schemas/{name}.json").read_text(encoding="utf-8")
    )
    return document


def hold_to_schema(document: Mapping[str, Any], name: SchemaName, path: Path, kind: type[E]) -> None:
    """Refuse a document of another shape, so that nothing that reads it has to ask what is there.

    Raises
    ------
    FramingError
        Of the given ``kind``, naming the file, the place in it, and what was expected there.
    """
    from jsonschema.exceptions import best_match

    error = best_match(_validator(name).iter_errors(document))
    if error is None:
        return
    where = ".".join(str(part) for part in error.absolute_path) or "the document"
    message = error.message if len(error.message) <= LONGEST_MESSAGE else f"{error.message[:LONGEST_MESSAGE]}…"
    raise kind(f"{path}: not {WORDS[name]}: {where}: {message}")


@cache
def _validator(name: SchemaName) -> Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(name))
