"""Records read back from JSON, held to the types that they declare: a file may have been edited by anybody."""

from __future__ import annotations

import dataclasses
import enum
import typing
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

R = TypeVar("R")


class SlottedRecord(Protocol):
    """A dataclass with slots, and with nothing nested in them."""

    __slots__: tuple[str, ...]


_STRICT = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)


def typed_record(kind: type[R], fields: Mapping[str, Any]) -> R:
    """Make a record of a dataclass, with exactly its fields and each of its type; a number is no text, nor 1 a truth.

    Raises
    ------
    ValueError
        Naming the first field that is wrong, without its value: that may be a prompt or an answer.
    """
    try:
        model = _model(cast("Hashable", kind)).model_validate(fields)
    except ValidationError as error:
        raise ValueError(_first(error)) from None
    return kind(**dict(model))


def typed_value(kind: Any, value: Any) -> Any:
    """Return a JSON value that has a type, such as ``dict[str, str]``; an array stands for a tuple.

    Raises
    ------
    ValueError
        Naming the first place that is wrong, without its value.
    """
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        raise ValueError(_first(error)) from None


def flat_fields(record: SlottedRecord) -> dict[str, Any]:
    """Return a flat record as a mapping; ``dataclasses.asdict`` copies deeply, which costs more than judging does."""
    return {name: getattr(record, name) for name in record.__slots__}


@cache
def _model(kind: Any) -> type[BaseModel]:
    hints = typing.get_type_hints(kind)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        default: Any = ...
        if field.default is not dataclasses.MISSING:
            default = field.default
        elif field.default_factory is not dataclasses.MISSING:
            default = Field(default_factory=field.default_factory)
        fields[field.name] = (_from_json(hints[field.name]), default)
    return create_model(kind.__name__, __config__=_STRICT, **fields)


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_from_json(kind), config=_STRICT)


def _from_json(hint: Any) -> Any:
    """Take what JSON has no word for as it is written: tuples as arrays, enumerations as their values."""
    origin = typing.get_origin(hint)
    if origin in (tuple, list, dict):
        inner = tuple(part if part is ... else _from_json(part) for part in typing.get_args(hint))
        return Annotated[origin[inner], Field(strict=origin is not tuple)]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return Annotated[hint, Field(strict=False)]
    return hint


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part)[:60] for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
