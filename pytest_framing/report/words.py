"""Words that the reports share: verdicts, statuses and numbers as people read them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from pytest_framing.suite import RELEASE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any, Self

    from pytest_framing.results import Conclusion

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


class Reservations(NamedTuple):
    """What a pass does not rest on: waived gates, gates that had nothing to go by, protocol fields that may differ."""

    waived: Collection[str] = ()
    unasked: Collection[str] = ()
    mismatch: Collection[str] = ()

    @classmethod
    def of(cls, waived: Collection[str], gates: Iterable[Mapping[str, Any]], mismatch: Collection[str]) -> Self:
        """Gather them; ``gates`` are entries of ``results.json`` or of a receipt."""
        excused = {gate["name"] for gate in gates if gate["excused"]}
        return cls(waived, excused - set(waived), mismatch)


def verdict_sentence(verdict: str, profiles: set[str], reservations: Reservations) -> str:
    """Say what a verdict means; a pass means less under another profile than release, and with reservations."""
    if verdict != "pass":
        return VERDICT_SENTENCES[verdict]
    waived, unasked, mismatch = (", ".join(sorted(names)) for names in reservations)
    if waived:
        sentence = f"It passes only because somebody waived {waived}: what these gates say stands."
    elif profiles != {RELEASE}:
        sentence = OTHER_PROFILE
    else:
        sentence = VERDICT_SENTENCES[verdict]
    if unasked:
        sentence += f" Not evaluated: {unasked}."
    if mismatch:
        sentence += f" The baseline was made under another protocol, which was allowed: {mismatch}."
    return sentence


def conclusion_sentence(conclusion: Conclusion) -> str:
    """Say what the verdict of a conclusion means."""
    gates = [result.document() for result in conclusion.gates]
    reservations = Reservations.of(conclusion.waived, gates, conclusion.record.allowed_mismatch)
    return verdict_sentence(conclusion.verdict.value, conclusion.profiles, reservations)
