"""Words that the reports share: verdicts, statuses and numbers as people read them."""

from __future__ import annotations

import unicodedata

VERDICT_SENTENCES = {
    "pass": "No gate objects: this checkpoint may ship as far as these suites can tell.",
    "fail": "A gate failed: this checkpoint must not ship.",
    "inconclusive": "The run could not tell: this is not a pass.",
    "not_evaluated": "Gates were not evaluated: this is not a pass.",
}
STATUS_WORDS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "not_evaluated": "NOT EVALUATED"}


def readable_percent(value: float | None) -> str:
    """Write a share as a percentage; what is undefined is a dash."""
    return "–" if value is None else f"{100 * value:.1f} %"


def printable(text: str) -> str:
    """Replace control, format and surrogate characters, which could steer a terminal or a CI log."""
    return "".join("�" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character for character in text)
