"""Settings of an engine as the user wrote them, read by the engine that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from pytest_framing.errors import SettingsError
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping


class EngineSettings(BaseModel):
    """Base of an engine's settings: strict about names, lenient about how a number is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Read = TypeVar("Read", bound=EngineSettings)


def read_engine_settings(model: type[Read], engine: str, given: Mapping[str, Any]) -> Read:
    """Read ``--framing-engine-option`` values.

    Raises
    ------
    SettingsError
        For a name that the engine does not know, or a value out of range.
    """
    for name in given:
        if name not in model.model_fields:
            hint = did_you_mean(name, model.model_fields)
            raise SettingsError(f"--framing-engine-option {name}: the engine {engine} has no such setting; {hint}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        raise SettingsError(f"--framing-engine-option {name}={given[name]}: {first['msg']}") from None
