"""Words that the reports share: verdicts, statuses and numbers as people read them."""

from __future__ import annotations

import unicodedata

from pytest_framing.suite import RELEASE

VERDICT_SENTENCES = {
    "pass": "No gate objects: this checkpoint may ship as far as these suites can tell.",
    "fail": "A gate failed: this checkpoint must not ship.",
    "inconclusive": "The run could not tell: this is not a pass.",
    "not_evaluated": "Gates were not evaluated: this is not a pass.",
}
OTHER_PROFILE = "No gate objects; but this profile checks the plumbing and decides nothing about the checkpoint."
_STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")
STATUS_WORDS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "not_evaluated": "NOT EVALUATED"}


def readable_percent(value: float | None) -> str:
    """Write a share as a percentage; what is undefined is a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"


def printable(text: str) -> str:
    """Replace what could steer a terminal or a log: control, format, surrogate and line separating characters.

    A runner of GitHub takes ``##[`` for a command wherever it stands, and ``::`` where a line begins with it: what is
    printed as a line of its own is :func:`quoted`.
    """
    plain = "".join("�" if unicodedata.category(character) in _STEERING else character for character in text)
    return plain.replace("##[", "# #[")


def quoted(text: str) -> str:
    """Return a text as one line that begins with none of it."""
    return f"> {printable(text)}"


def verdict_sentence(verdict: str, profiles: set[str]) -> str:
    """Say what a verdict means; a pass means less where it was not the release profile that ran."""
    return OTHER_PROFILE if verdict == "pass" and profiles != {RELEASE} else VERDICT_SENTENCES[verdict]
