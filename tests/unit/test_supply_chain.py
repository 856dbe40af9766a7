"""The lock says exactly what the constraints say, with a hash for every file that may be installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def locked() -> dict[str, tuple[set[str], int]]:
    """Versions and number of hashes of each package of the lock."""
    found: dict[str, tuple[set[str], int]] = {}
    for block in re.split(r"\n(?=[a-z])", re.sub(r"^ *#.*\n", "", LOCK, flags=re.MULTILINE)):
        requirement = Requirement(block.split("\\")[0].strip())
        versions, hashes = found.get(canonicalize_name(requirement.name), (set(), 0))
        version = str(requirement.specifier).removeprefix("==")
        found[canonicalize_name(requirement.name)] = (versions | {version}, hashes + block.count("--hash=sha256:"))
    return found


def test_every_locked_package_has_its_hashes() -> None:
    assert len(locked()) > 50
    assert [name for name, (_, hashes) in locked().items() if not hashes] == []


def test_lock_and_constraints_name_the_same_versions() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    constrained: dict[str, str] = {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}
    differing = [name for name, (found, _) in locked().items() if constrained.get(name) not in {*found, None}]
    assert differing == []


def test_all_that_the_package_requires_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {canonicalize_name(Requirement(one).name) for one in project["dependencies"]} <= locked().keys()
