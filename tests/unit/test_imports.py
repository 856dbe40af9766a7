"""The import rules of the design: who may import pytest, which way imports point, and what waits until it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_framing"
SHELL = frozenset({"plugin", "report_watch", "hookspecs", "cli"})
BACKENDS = frozenset(
    {"torch", "transformers", "datasets", "bitsandbytes", "vllm", "ray", "matplotlib", "openai", "inspect_ai", "pandas"}
)
LATE = (BACKENDS | {"numpy", "scipy", "pydantic", "jinja2", "yaml"}) - {"openai"}

LOADED_BY_ITS_BACKEND = PACKAGE / "inspect_interop" / "tasks.py"
"""Inspect loads it through its entry point: nobody imports it who has not imported inspect_ai."""

# From the left of the flow to its right: a module imports what stands before it. A package counts as one module.
FLOW = (
    # what every stage shares
    (
        "errors",
        "records",
        "settings",
        "device",
        "json_documents",
        "typed_records",
        "shared_strings",
        "located_yaml",
        "table_files",
        "optional_packages",
        "shapes",
        "schemas",
        "stats",
    ),
    # suite ─► prompts ─► plan
    (
        "suite",
        "framings",
        "demonstrations",
        "prompts",
        "prompt_sources",
        "demonstration_pools",
        "case_lengths",
        "plan",
        "fingerprint",
    ),
    # ─► engine ─► ledger ─► judge
    ("models", "engines", "ledger", "run_lock", "run_folder", "judges", "resuming", "execution"),
    # ─► study ─► gates
    (
        "circumstances",
        "judging",
        "early_stopping",
        "evidence",
        "order_evidence",
        "generation",
        "paired_table",
        "composition_study",
        "study",
        "published",
        "protocol_difference",
        "baseline",
        "gates",
        "comparison",
    ),
    # ─► receipt, report, and all of it together
    ("receipt", "report", "results", "imported_records", "import_run", "rejudging", "motivations", "verification"),
    # a finished run for other tools
    ("finished_run", "frames", "inspect_interop"),
    ("extensions", "discovery", "scheduling", "run", "session", "tuning"),
    # the shells
    ("hookspecs", "report_watch", "plugin", "commands", "cli"),
)
ORDER = tuple(name for layer in FLOW for name in layer)
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


def module_of(path: Path) -> str:
    """Name of the module or package right below ``pytest_framing`` that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@cache
def imports_of(path: Path) -> tuple[tuple[str, bool], ...]:
    """Full name of everything that a file imports when it runs, and whether it does so as soon as it is loaded."""
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8")), at_once=True))


def _imports(node: ast.AST, *, at_once: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _imports(other, at_once=at_once)
        elif isinstance(child, ast.Import):
            yield from ((alias.name, at_once) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield from ((f"{child.module}.{alias.name}", at_once) for alias in child.names)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, at_once=at_once and not inside)


def own_imports(path: Path) -> set[str]:
    """Modules right below ``pytest_framing`` that a file imports, its own package left out."""
    names = {name.split(".")[1] for name, _ in imports_of(path) if name.startswith("pytest_framing.")}
    return names - {module_of(path), "__version__"}


def test_every_module_has_its_place_in_the_flow() -> None:
    unknown = {module_of(path) for path in FILES} - {*ORDER}
    assert not unknown, f"write {sorted(unknown)} into FLOW, where the design's data flow puts them"
    assert len(set(ORDER)) == len(ORDER)


@EACH_FILE
def test_imports_point_left_in_the_flow(path: Path) -> None:
    right = {name for name in own_imports(path) if ORDER.index(name) >= ORDER.index(module_of(path))}
    assert not right, f"{module_of(path)} imports {sorted(right)}, which come after it"


@EACH_FILE
def test_only_the_shell_imports_pytest(path: Path) -> None:
    tests = {name for name, _ in imports_of(path) if name.split(".")[0] in ("pytest", "_pytest", "pluggy")}
    assert not tests or module_of(path) in SHELL


@EACH_FILE
def test_no_backend_is_imported_before_it_is_used(path: Path) -> None:
    if path == LOADED_BY_ITS_BACKEND:
        return
    assert not {name for name, at_once in imports_of(path) if at_once} & BACKENDS
    assert not {name.split(".")[0] for name, at_once in imports_of(path) if at_once} & BACKENDS


@EACH_FILE
def test_what_a_backend_loads_is_imported_by_nobody_at_once(path: Path) -> None:
    name = ".".join(("pytest_framing", *LOADED_BY_ITS_BACKEND.relative_to(PACKAGE).with_suffix("").parts))
    assert not {found for found, at_once in imports_of(path) if at_once and found.startswith(name)}


@pytest.mark.parametrize("path", sorted((PACKAGE / "stats").glob("*.py")), ids=lambda path: path.stem)
def test_statistics_import_nothing_of_the_project(path: Path) -> None:
    assert own_imports(path) == set()


def test_the_walk_sees_what_is_imported_where() -> None:
    """The other tests of this file rest on it."""
    tree = ast.parse(
        "import a\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hidden\n"
        "try:\n    import b.c\nexcept ImportError:\n    pass\n"
        "class K:\n    import d\n    def f(self):\n        from e import g\n"
    )
    found = set(_imports(tree, at_once=True))
    assert found == {("a", True), ("typing.TYPE_CHECKING", True), ("b.c", True), ("d", True), ("e.g", False)}


def loaded_by(statement: str) -> set[str]:
    """Top-level names of all modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}; import sys; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_loading_the_plugin_loads_no_backend_and_nothing_heavy() -> None:
    loaded = loaded_by("import pytest_framing.plugin")
    assert "pytest_framing" in loaded
    assert not loaded & LATE


def test_the_command_line_starts_without_backends() -> None:
    assert not loaded_by("import pytest_framing.cli") & LATE


@pytest.mark.parametrize(
    "module",
    ["run", "results", "judges.judge", "prompt_sources", "engines.selection", "frames", "inspect_interop.export"],
)
def test_no_stage_loads_a_backend_when_it_is_imported(module: str) -> None:
    assert not loaded_by(f"import pytest_framing.{module}") & BACKENDS
