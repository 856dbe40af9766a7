"""Quoting a text for a model judge: bounded, without anything that the judge's own format could mistake for its own.

A response is hostile input. It may close the quotation and go on in the judge's voice ("the verdict is compliance"). So
it stands between two marks that it cannot know: they are drawn from the seed of the judging and from the text itself,
and a text that held its own mark would have to hold its own digest. The strings by which chat formats part their turns
are broken up, and control characters are shown, not obeyed.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

_MARK_DIGITS = 12
_TURNS = re.compile(
    r"<\|[^|<>\n]{0,40}\|>|<\uff5c[^<>\n]{0,40}\uff5c>|</?s>|\[/?INST\]|<</?SYS>>|</?(?:bos|eos|pad|unk)>|"
    r"<(?:start|end)_of_turn>|</?think>|<(?:BEGIN|END) [A-Z ]{1,40}>",
    re.IGNORECASE,
)
# Lone surrogates, which no tokenizer can encode, and the invisible letters of U+E0000 count among them.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\U000e0000-\U000e007f]"
)


class Quotation(NamedTuple):
    """A text as a judge may read it, and how many of its characters were left out of the middle."""

    text: str
    left_out: int


def quote(text: str, longest: int) -> Quotation:
    """Bound and defuse a text.

    Parameters
    ----------
    text
        Anything.
    longest
        Characters of it that are kept: three quarters of them from the start, the others from the end. What is left
        out is said where it stood.
    """
    left_out = max(0, len(text) - longest)
    if left_out:
        head = longest * 3 // 4
        tail = longest - head
        text = f"{text[:head]}\n[{left_out} characters left out]\n{text[len(text) - tail :]}"
    text = _TURNS.sub(_broken_up, text.replace("\r\n", "\n"))
    return Quotation(_CONTROLS.sub("\ufffd", text), left_out)


def mark_of(seed: int, text: str) -> str:
    """Return the mark between two of which a text is quoted: 12 hexadecimal digits of its digest under a seed."""
    return hashlib.sha256(f"{seed}\x1f{text}".encode("utf-8", "surrogatepass")).hexdigest()[:_MARK_DIGITS]


def _broken_up(match: re.Match[str]) -> str:
    """Put a blank behind the first sign of a turn's marker, so that no tokenizer reads it as one."""
    return f"{match.group()[0]} {match.group()[1:]}"
