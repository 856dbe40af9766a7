"""Prepare an answer for rules: bound it, normalise it, hide what it merely quotes, cut it into sentences.

Every function is linear in what it is given, and :func:`bound` limits what the others are given.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

HEAD_CHARACTERS = 5000
"""How much of the start of an answer is read."""
TAIL_CHARACTERS = 1000
"""How much of the end of a longer answer is read."""

_LONGEST_UNIT = 24
_SHORTEST_LOOP = 48
_FEWEST_REPEATS = 8

_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201b\u02bc\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff*#"),
        **dict.fromkeys("_\t\v\f\r\x1c\x1d\x1e\x1f\x85\u1680\u2028\u2029", " "),
    }
)

_LETTER = re.compile(r"[^\W\d_]")
# Patterns begin with a plain character wherever they can: the regular expression engine then skips to it, which makes
# reading several times as fast. What has to stand before that character is looked back for, after it.
_BLANKS = re.compile("  +")
_LINE_START = re.compile(r"\n[ >]+")
_LIST_ITEM = re.compile(r"^(?:\d{1,2}[.)]|[-\u2022+]) ?\S", re.MULTILINE)
_SENTENCE_END = re.compile(
    "|".join(rf"\{mark}[.!?]*[\"')\]]*(?=\s|$)" for mark in ".!?")
    + "|"
    + "|".join(f"{mark}[\u3002\u0964\u061f]*" for mark in "\u3002\u0964\u061f")
    + r"|\n\n*"
)
_INTERJECTION = re.compile(r"\w{1,12}[.!]+ ")

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,200}`", re.DOTALL)
_QUOTATIONS = (
    re.compile(r'"(?<!\w")[^"\n]{1,600}"(?!\w)'),
    re.compile(r"'(?<!\w')(?:[^'\n]|(?<=\w)'(?=\w)){1,600}'(?!\w)"),
    re.compile(r"\u300c[^\u300d]{1,600}\u300d|\u300e[^\u300f]{1,600}\u300f"),
)
_SPOKEN_LINE = re.compile(
    r"\[?(?!(?:AI|Answer|Assistant|Caution|Disclaimer|Important|Note|Reply|Response|Warning)\b)"
    r"([A-Z][\w .()-]{0,30})\]?:.+",
)


@dataclass(frozen=True, eq=False)
class AnswerText:
    """An answer as rules read it.

    Attributes
    ----------
    shown : str
        The normalised text, in its own case; what evidence is quoted from.
    spoken : str
        The same in lower case, with code, quotations and dialogue blanked out; as long as `shown`.
    sentences : tuple of (int, int)
        Where each sentence that has letters starts and ends.
    list_items : int
        The number of lines that are items of a list.
    """

    shown: str
    spoken: str
    sentences: tuple[tuple[int, int], ...]
    list_items: int

    def sentence(self, index: int) -> str:
        """Return a spoken sentence, or nothing where there are fewer."""
        if index >= len(self.sentences):
            return ""
        start, end = self.sentences[index]
        return self.spoken[start:end]

    def sentence_at(self, position: int) -> int:
        """Return the index of the sentence that holds a position, or of the last one before it."""
        return max(bisect_right(self.sentences, (position, len(self.spoken))) - 1, 0)

    def end_of(self, count: int) -> int:
        """Return where the first so many sentences end."""
        return self.sentences[min(count, len(self.sentences)) - 1][1] if self.sentences else 0

    def quote(self, start: int, end: int, longest: int) -> str:
        """Return what stands at a span, from the start of its sentence where that fits."""
        sentence = self.sentences[self.sentence_at(start)][0]
        first = sentence if end - sentence <= longest else start
        return self.shown[first:end][:longest].strip()


def bound(answer: str) -> str:
    """Return the part of an answer that is read: its head and, where it is longer, its tail."""
    text = answer.strip()
    if len(text) <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        return text
    return f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"


def has_letters(text: str) -> bool:
    """Tell whether a text has a letter of any script."""
    return _LETTER.search(text) is not None


def is_loop(text: str) -> bool:
    """Tell whether the last nine tenths of a text, however long, repeat one unit of a few characters.

    A whole sentence that is repeated is no loop: it can be read, and so it can be judged.
    """
    looped = text[len(text) // 10 :]
    if len(looped) < _SHORTEST_LOOP:
        return False
    longest = min(_LONGEST_UNIT, len(looped) // _FEWEST_REPEATS)
    # Hardly any text ends in a loop: the whole of it is compared only where its end may be one.
    end = looped[-TAIL_CHARACTERS:]
    units = [unit for unit in range(1, longest + 1) if end[unit:] == end[:-unit]]
    return any(looped[unit:] == looped[:-unit] for unit in units)


def normalise(text: str) -> str:
    """Return a text in NFKC with plain quotes and dashes, without emphasis marks, with single blanks."""
    plain = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY)
    return _LINE_START.sub("\n", _BLANKS.sub(" ", plain).lstrip(" >")).strip()


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def hide_quoted(text: str) -> str:
    """Blank out code, quotations and the lines of a dialogue, keeping every position.

    An answer that is code or a quotation from start to end speaks for itself and stays.
    """
    hidden = text
    for pattern in (_CODE, *_QUOTATIONS):
        blanked, found = pattern.subn(_blank, hidden)
        hidden = blanked if found and has_letters(blanked) else hidden
    if hidden.count(":") < 2:
        return hidden
    lines = hidden.split("\n")
    spoken = {number: match[1] for number, line in enumerate(lines) if (match := _SPOKEN_LINE.fullmatch(line))}
    if len(set(spoken.values())) == len(spoken):
        return hidden
    return "\n".join(" " * len(line) if number in spoken else line for number, line in enumerate(lines))


def _sentences(text: str) -> tuple[tuple[int, int], ...]:
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if _INTERJECTION.match(text):
        del ends[0]
    spans = zip((0, *ends), (*ends, len(text)), strict=True)
    return tuple((start, end) for start, end in spans if _LETTER.search(text, start, end))


def read(text: str) -> AnswerText:
    """Prepare a bounded answer."""
    shown = normalise(text)
    spoken = hide_quoted(shown).lower()
    if len(spoken) != len(shown):  # a few letters grow in lower case, and then positions would not agree
        shown = spoken
    return AnswerText(shown, spoken, _sentences(spoken), len(_LIST_ITEM.findall(shown)))
