"""Gates as annotations of GitHub Actions: workflow commands that point at the gate's line in its suite file.

The runner takes any line of output that begins with ``::`` for a command, so every text is flattened and escaped: a
reason can neither begin a command of its own nor end the one that it stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_framing.errors import FramingError
from pytest_framing.located_yaml import KeyPath, LocatedYaml, load_located_yaml
from pytest_framing.report.words import STATUS_WORDS, printable
from pytest_framing.suite import RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_framing.suite import Suite

MOST = 10
"""GitHub shows so many annotations of one level of a step, and drops the rest without a word."""
LONGEST = 1000
"""Characters of one line of a message; a gate of a plugin may have a lot to say."""

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Annotation:
    """One problem, and where to look; without a file GitHub shows it at the step."""

    level: Level
    title: str
    lines: tuple[str, ...]
    file: str = ""
    line: int = 1

    def command(self) -> str:
        """Write the workflow command."""
        place = {"file": self.file, "line": str(self.line)} if self.file else {}
        properties = place | {"title": _flat(self.title)}
        written = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
        return f"::{self.level} {written}::{escape_message(self.lines)}"


def gate_annotations(results: Mapping[str, Any], suites: Mapping[str, Suite], root: Path) -> list[Annotation]:
    """Return what to say of a run: an error for each gate that failed, a warning for each that has no answer.

    Parameters
    ----------
    results
        Content of ``results.json``.
    suites
        Suites of the run by name, as its plan has them.
    root
        Files are named relative to it; one outside is not named, because GitHub could not show it.
    """
    found = [
        _annotation(suite, gate, *places.of(gate["name"]))
        for suite, entry in results["suites"].items()
        for places in [_Places(suites[suite], root) if suite in suites else _Nowhere()]
        for gate in entry["gates"]
        if gate["status"] != "pass"
    ]
    return [
        *_folded([one for one in found if one.level == "error"]),
        *_folded([one for one in found if one.level != "error"]),
    ]


def _annotation(suite: str, gate: Mapping[str, Any], file: str, line: int) -> Annotation:
    status = str(gate["status"])
    label = gate["name"] if gate["scope"] == suite else f"{gate['name']}[{gate['scope']}]"
    waived = gate.get("waived", False)
    title = f"{STATUS_WORDS[status]}{' (waived)' if waived else ''}: {suite} {label}"
    # What is waived holds nothing back, but nobody should overlook it.
    level: Level = "error" if status == "fail" and not waived else "warning"
    return Annotation(level, title, (str(gate["reason"]),), file, line)


def _folded(found: Sequence[Annotation]) -> Iterator[Annotation]:
    """Keep what GitHub shows, the last of them with all that it would drop."""
    if len(found) <= MOST:
        yield from found
        return
    yield from found[: MOST - 1]
    rest = found[MOST - 1 :]
    lines = tuple(f"{one.title}: {line}" for one in rest for line in one.lines)
    yield Annotation(rest[0].level, f"{len(rest)} more gates", lines, rest[0].file, rest[0].line)


class _Nowhere:
    """Stands for a suite that the plan does not have."""

    def of(self, gate: str) -> tuple[str, int]:
        return "", 1


class _Places:
    """Where the gates of one suite stand in its file, as far as the file is still there."""

    def __init__(self, suite: Suite, root: Path) -> None:
        self._suite = suite
        path = suite.path.resolve()
        self._file = path.relative_to(root.resolve()).as_posix() if path.is_relative_to(root.resolve()) else ""
        self._document: LocatedYaml | None = None
        if self._file:
            try:
                self._document = load_located_yaml(path)
            except FramingError:
                # The file was moved or edited since the run: its name is still worth something, a line is not.
                self._document = None

    def of(self, gate: str) -> tuple[str, int]:
        if self._document is None:
            return self._file, 1
        paths: list[KeyPath] = [("profiles", self._suite.profile, "gates", gate), ("gates", gate)]
        if gate == "early_stop":
            paths = [("stop", "early")]
        line = next((self._document.lines[path] for path in paths if path in self._document.lines), None)
        own: KeyPath = ("profiles", self._suite.profile) if self._suite.profile != RELEASE else ()
        return self._file, line or self._document.line_of((*own, "gates"))


def escape_property(value: str) -> str:
    """Escape the value of a property of a workflow command."""
    return _escaped(value).replace(":", "%3A").replace(",", "%2C")


def escape_message(lines: Sequence[str]) -> str:
    """Flatten each line, bound it, and join them by GitHub's own sign for a new line."""
    return _escaped("\n".join(_flat(line) for line in lines))


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _flat(text: str) -> str:
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]}…"
