"""The small project of the pytester tests, with the example plugins at hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pytester.conftest import GateProject, project

__all__ = ["GateProject", "project"]

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"


@pytest.fixture
def module(project: GateProject) -> Callable[[str], Path]:
    """Put the module of an example where Python finds it, as an installation would."""

    def put(name: str) -> Path:
        source = next(EXAMPLES.glob(f"*/{name}.py"))
        copy = Path(shutil.copy(source, project.pytester.path))
        project.pytester.syspathinsert(project.pytester.path)
        return copy

    return put


@pytest.fixture
def conftest(project: GateProject) -> Callable[[str], Path]:
    """Copy the ``conftest.py`` of an example beside the suites, as its documentation says."""

    def put(name: str) -> Path:
        return Path(shutil.copy(EXAMPLES / name / "conftest.py", project.pytester.path / "suites"))

    return put


@pytest.fixture
def script(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write the script of the scripted engine."""

    def write(*lines: dict[str, Any]) -> Path:
        path = project.pytester.path / "script.jsonl"
        path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
        monkeypatch.setenv("SCRIPTED_ANSWERS", str(path))
        return path

    return write
