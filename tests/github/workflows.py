"""The workflow files of this repository, parsed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / ".github" / "scripts"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
FILES = (*WORKFLOWS, ACTION)


def read(path: Path) -> dict[str, Any]:
    """Parse a file; YAML 1.1 takes the key ``on`` for true."""
    document: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in document.items()}


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    """Jobs of a workflow; a composite action has none."""
    found: dict[str, dict[str, Any]] = read(path).get("jobs", {})
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    """Every step of a workflow or a composite action."""
    document = read(path)
    for job in document.get("jobs", {}).values():
        yield from job.get("steps", ())
    yield from document.get("runs", {}).get("steps", ())
