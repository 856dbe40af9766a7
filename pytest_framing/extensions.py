"""What plugins of others add to a run: engines, judges, prompt sources and gates."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import SettingsError, first_line

if TYPE_CHECKING:
    from types import ModuleType

    from pytest_framing.engines.engine import Engine, EngineOptions
    from pytest_framing.gates.gate import Gate
    from pytest_framing.judges.judge import Judge
    from pytest_framing.records import PromptSet

HOOKS = ("pytest_framing_engines", "pytest_framing_judges", "pytest_framing_prompt_sources", "pytest_framing_gates")


@dataclass(frozen=True)
class Extensions:
    """Extensions by name; the hooks of :mod:`pytest_framing.hookspecs` fill them."""

    engines: Mapping[str, Callable[[EngineOptions], Engine]] = field(default_factory=dict)
    judges: Mapping[str, Callable[[], Judge]] = field(default_factory=dict)
    prompt_sources: Mapping[str, Callable[[], PromptSet]] = field(default_factory=dict)
    gates: tuple[Gate, ...] = ()


def load_extensions(names: Iterable[str]) -> Extensions:
    """Call the hooks of plugins outside pytest, for commands that look at a run again.

    Parameters
    ----------
    names
        Modules, or files such as ``suites/conftest.py``. They are imported, and so run.

    Raises
    ------
    SettingsError
        When one cannot be imported, or has no hook of ours.
    """
    found: dict[str, list[Any]] = {hook: [] for hook in HOOKS}
    for name in names:
        module = _import(name)
        hooks = [hook for hook in HOOKS if hasattr(module, hook)]
        if not hooks:
            raise SettingsError(f"-p {name}: none of {', '.join(HOOKS)} is in it")
        for hook in hooks:
            found[hook].append(getattr(module, hook)())
    engines, judges, sources = (
        {key: value for mapping in found[hook] for key, value in mapping.items()} for hook in HOOKS[:3]
    )
    return Extensions(engines, judges, sources, tuple(gate for gates in found[HOOKS[3]] for gate in gates))


def _import(name: str) -> ModuleType:
    path = Path(name)
    try:
        if path.suffix != ".py":
            # A console script does not look into the folder that it is called from.
            sys.path.insert(0, str(Path.cwd()))
            return importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(f"pytest_framing_plugin_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise ImportError("not a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except Exception as error:
        # Plugins are programs of others: they may raise anything.
        raise SettingsError(f"-p {name}: cannot be imported ({first_line(error)})") from error
    return module
