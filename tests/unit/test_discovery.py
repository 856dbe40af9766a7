from __future__ import annotations

from pathlib import Path

import pytest

from pytest_framing.discovery import find_suites


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for place in ("suites/a", "suites/b/deep", ".hidden/c", "venv/d", "suites/node_modules/e", "env/f", "suites/none"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "test_it.py").touch()
        if not place.endswith("none"):
            (tmp_path / place / "suite.yaml").touch()
    (tmp_path / "env" / "pyvenv.cfg").touch()
    return tmp_path.resolve()


def found(tree: Path, *arguments: str, ignored: tuple[str, ...] = (), globs: tuple[str, ...] = ()) -> list[str]:
    return [str(path.parent.relative_to(tree)) for path in find_suites(arguments, tree, ignored, globs)]


@pytest.mark.parametrize(
    ("argument", "suites"),
    [
        pytest.param("suites", ["suites/a", "suites/b/deep"], id="folder"),
        pytest.param("suites/b", ["suites/b/deep"], id="folder further down"),
        pytest.param("suites/a/test_it.py", ["suites/a"], id="test file"),
        pytest.param("suites/a/test_it.py::test_case[kettle-free-standard]", ["suites/a"], id="node id"),
        pytest.param("suites/a/suite.yaml", ["suites/a"], id="suite file"),
        pytest.param("suites/none/test_it.py", [], id="test without a suite"),
        pytest.param("suites/gone", [], id="no such folder"),
        pytest.param(".", ["suites/a", "suites/b/deep"], id="everything but environments and hidden folders"),
    ],
)
def test_a_command_line_means_the_suites_below_its_paths(tree: Path, argument: str, suites: list[str]) -> None:
    assert found(tree, argument) == suites


def test_an_absolute_path_is_taken_as_it_is(tree: Path) -> None:
    assert found(tree, str(tree / "suites" / "a")) == ["suites/a"]


def test_a_suite_that_is_named_twice_is_found_once(tree: Path) -> None:
    assert found(tree, "suites", "suites/a", "suites/a/test_it.py::test_x") == ["suites/a", "suites/b/deep"]


def test_suites_are_found_in_one_order_whatever_the_order_of_arguments(tree: Path) -> None:
    assert found(tree, "suites/b", "suites/a") == found(tree, "suites/a", "suites/b")


def test_a_link_to_a_suite_is_the_suite(tree: Path) -> None:
    (tree / "link").symlink_to("suites/a", target_is_directory=True)
    assert found(tree, "link", "suites/a") == ["suites/a"]


def test_ignored_paths_hold_no_suites(tree: Path) -> None:
    assert found(tree, "suites", ignored=("suites/b",)) == ["suites/a"]
    assert found(tree, "suites", ignored=("suites/a/suite.yaml",)) == ["suites/b/deep"]


def test_ignored_patterns_hold_no_suites(tree: Path) -> None:
    assert found(tree, "suites", globs=("suites/*/deep",)) == ["suites/a"]
    assert found(tree, "suites", globs=("*/suite.yaml",)) == []
