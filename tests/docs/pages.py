"""The documentation as the tests read it: pages, code blocks, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = DOCS / "reference"
# Pages with commands that a reader types; what is made from the code has none.
PAGES = (ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if MADE not in path.parents))
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)```\n", re.S
)


@dataclass(frozen=True)
class Block:
    """A fenced block; ``mark`` is the HTML comment on the line before it."""

    page: Path
    language: str
    title: str
    mark: str
    text: str

    @property
    def parsed_only(self) -> bool:
        return self.mark.startswith("parsed only: ")

    @property
    def runs(self) -> bool:
        """Whether its commands are run and their output compared."""
        return self.language == "console" and not self.parsed_only

    def exchanges(self) -> list[tuple[str, str]]:
        """Commands of a console block, each with what it prints."""
        found = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", self.text, re.M)
        return [(command, output) for command, output in found]

    def commands(self) -> list[list[str]]:
        """Every simple command of the block, as words; the part before ``&&`` and the part after are two."""
        lines = (
            [command for command, _ in self.exchanges()]
            if self.language == "console"
            else self.text.replace("\\\n", " ").splitlines()
            if self.language == "bash"
            else []
        )
        words = [shlex.split(line, comments=True) for line in lines]
        return [simple for line in words for simple in _simple(line) if simple]


def _simple(words: list[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word == "&&":
            commands.append([])
        elif not commands[-1] and re.match(r"[A-Z_]+=", word):
            continue  # an assignment for this command
        else:
            commands[-1].append(word)
    return commands


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, found["language"], found["title"] or "", found["mark"] or "", found["text"])
        for found in _BLOCK.finditer(text)
    ]


def commands_of(program: str) -> list[tuple[str, list[str]]]:
    """Every call of a program in the documentation: page and line for a test id, and its arguments."""
    return [
        (f"{page.relative_to(ROOT)}: {shlex.join(words)}", words[1:])
        for page in PAGES
        for block in blocks(page)
        for words in block.commands()
        if Path(words[0]).name == program
    ]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as the site makes them."""
    from markdown.extensions.toc import slugify  # type: ignore[import-untyped,unused-ignore]  # the docs extra alone

    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return {slugify(re.sub(r"[`*]", "", title), "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}


def links(page: Path) -> list[tuple[str, str]]:
    """Links of a page out of code blocks: target and anchor, either may be empty."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return [
        (target, anchor)
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text)
        if not re.match(r"\w+:", target)
    ]
