"""Every command that the documentation prints is one that the program takes."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache

import pytest

from pytest_framing.cli import _parser
from pytest_framing.settings import OPTIONS, parse_settings
from tests.docs.pages import PAGES, ROOT, blocks, commands_of

FRAMING, PYTEST = commands_of("framing"), commands_of("pytest")


@pytest.mark.parametrize("arguments", [words for _, words in FRAMING], ids=[name for name, _ in FRAMING])
def test_framing_takes_it(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        pytest.skip("it ends the process")
    assert _parser().parse_args(arguments).command


@cache
def _flags() -> dict[str, bool]:
    """Options of pytest with this plugin, and whether each takes a value."""
    text = subprocess.run([sys.executable, "-m", "pytest", "--help"], cwd=ROOT, capture_output=True, text=True).stdout
    found = re.findall(r"^ {2}((?:--?[\w-]+(?:[= ][^\s,]+)?(?:, )?)+)", text, re.M)
    return {
        flag: bool(value)
        for line in found
        for flag, value in re.findall(r"(?<![\w-])(--?[\w-]+)(?:[= ]([^\s,]+))?", line)
    }


@pytest.mark.parametrize("arguments", [words for _, words in PYTEST], ids=[name for name, _ in PYTEST])
def test_pytest_takes_it(arguments: list[str]) -> None:
    flags, given, paths = _flags(), dict[str, list[str]](), list[str]()
    rest = iter(arguments)
    for word in rest:
        flag, _, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if not word.startswith("-"):
            paths.append(word)
            continue
        assert flag in flags, f"pytest has no option {flag}"
        given.setdefault(flag, []).append(value or (next(rest) if flags[flag] else "yes"))
    for path in paths:
        assert path in ("suites/watched",) or (ROOT / path).exists(), f"{path} is not in the repository"
    by_kind = {
        option: found if option.kind == "list" else True if option.kind == "flag" else found[-1]
        for option in OPTIONS
        if (found := given.get(option.flag))
    }
    settings = parse_settings(by_kind.get, root=ROOT, invocation_dir=ROOT)
    assert (settings is None) == ("--model" not in given)


def test_commands_are_found_at_all() -> None:
    assert len(FRAMING) > 30
    assert len(PYTEST) > 20


def test_what_needs_a_gpu_or_a_hub_is_marked() -> None:
    """A block of commands that is not run says why, or shows nothing that it would print."""
    pages = [page for page in PAGES if page.name != "README.md"]
    shown = [block for page in pages for block in blocks(page) if block.language == "console"]
    assert all(block.parsed_only or block.runs for block in shown)
    assert all(len(block.mark) > len("parsed only: ") for block in shown if block.parsed_only)
