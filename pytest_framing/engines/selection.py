"""The choice of an engine by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.engines.continuous import NAME as CONTINUOUS
from pytest_framing.engines.continuous import ContinuousEngine
from pytest_framing.engines.transformers import NAME as TRANSFORMERS
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import SettingsError
from pytest_framing.settings import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_framing.engines.engine import Engine, EngineOptions

BUILTIN: Mapping[str, Callable[[EngineOptions], Engine]] = {
    TRANSFORMERS: TransformersEngine,
    CONTINUOUS: ContinuousEngine,
}
DEFAULT = TRANSFORMERS


def choose_engine(
    name: str | None, options: EngineOptions, extensions: Mapping[str, Callable[[EngineOptions], Engine]]
) -> Engine:
    """Make the engine of that name; ``None`` is the default. Weights are not loaded yet.

    Raises
    ------
    SettingsError
        For an unknown name.
    """
    known = {**BUILTIN, **extensions}
    name = name or DEFAULT
    if name not in known:
        raise SettingsError(f"unknown engine {name!r} (--framing-engine): {did_you_mean(name, known)}")
    return known[name](options)
