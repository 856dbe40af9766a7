"""The site builds without a warning, loads nothing from elsewhere, and its links lead somewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_framing.gates.evaluation import BUILTIN
from pytest_framing.gates.gate import Gate
from tests.docs.pages import DOCS, MADE, PAGES, ROOT, anchors, blocks, links

ALL = [*PAGES, *sorted(MADE.glob("*.md"))]
EXAMPLES = ROOT / "examples" / "plugins"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("material") is None:
        pytest.skip("mkdocs-material is not installed (pip install -e '.[docs]')")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    built = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    assert {path.relative_to(DOCS) for path in DOCS.rglob("*.md")} <= built


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="?([^" >]+)|<link[^>]+href="?([^" >]+)', text)
        assert not [one for pair in loaded for one in pair if re.match(r"(https?:)?//", one)], page.name


def test_search_light_and_dark_are_there(site: Path) -> None:
    assert (site / "search" / "search_index.json").stat().st_size > 10_000
    front = (site / "index.html").read_text(encoding="utf-8")
    assert 'data-md-color-scheme="slate"' in front
    assert 'data-md-color-scheme="default"' in front


@pytest.mark.parametrize("page", ALL, ids=[str(page.relative_to(ROOT)) for page in ALL])
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    pytest.importorskip("markdown", reason="the docs extra is not installed")
    for target, anchor in links(page):
        path = (page.parent / target).resolve() if target else page
        assert path.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{page.name}: {target}#{anchor}"


def test_the_reference_is_what_the_code_says() -> None:
    result = subprocess.run([sys.executable, "docs/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("gate", BUILTIN, ids=lambda gate: gate.name)
def test_every_gate_has_its_reason(gate: Gate) -> None:
    """The reader of a failed gate finds it both in the table and in the reference."""
    name = f"`{gate.name}`"
    assert name in (DOCS / "gates.md").read_text(encoding="utf-8").replace(":", "`")
    assert f"## {name.strip('`')}\n" in (MADE / "gates.md").read_text(encoding="utf-8")


def test_code_of_the_examples_is_quoted_word_for_word() -> None:
    sources = [path.read_text(encoding="utf-8") for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".toml")]
    quoted = [one for one in blocks(DOCS / "how-to" / "extend.md") if one.language in ("python", "toml")]
    assert len(quoted) >= 5
    for block in quoted:
        assert any(block.text in source for source in sources), block.text


@pytest.mark.parametrize("page", ALL, ids=[str(page.relative_to(ROOT)) for page in ALL])
def test_no_page_names_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(work|tmp|home|root|Users)/", text)
