"""What plugins of others add to a run: engines, judges, prompt sources and gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_framing.engines.engine import Engine, EngineOptions
    from pytest_framing.gates.gate import Gate
    from pytest_framing.judges.judge import Judge
    from pytest_framing.records import PromptSet


@dataclass(frozen=True)
class Extensions:
    """Extensions by name; the hooks of :mod:`pytest_framing.hookspecs` fill them."""

    engines: Mapping[str, Callable[[EngineOptions], Engine]] = field(default_factory=dict)
    judges: Mapping[str, Callable[[], Judge]] = field(default_factory=dict)
    prompt_sources: Mapping[str, Callable[[], PromptSet]] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()
