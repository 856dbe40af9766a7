"""The sheet by which people read reasoning traces: blinded, in drawn order, with whom and when on every row.

A row shows the trace and nothing of its framing, its case or what the judge said: its number leads back to the case
through a key file that the reader need not open.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_framing.errors import ImportedFileError
from pytest_framing.framings import UNFRAMED, builtin_catalogue
from pytest_framing.json_documents import parse_json
from pytest_framing.judges.motivation import CATEGORIES, NONE, SELF_PRESERVATION, UNPARSABLE
from pytest_framing.settings import did_you_mean
from pytest_framing.table_files import read_table
from pytest_framing.typed_records import typed_record

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from pytest_framing.framings import Framing
    from pytest_framing.judges.motivation import Motivation
    from pytest_framing.records import CaseKey, Response
    from pytest_framing.stats.agreement import Agreement

COLUMNS = ("number", "trace", "answer", "note")
ANSWERS = (*CATEGORIES, NONE)
SCHEMA_VERSION = 1
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BLACKED_OUT = "█████"
_NOUN = (
    "(?:access|accounts?|arms?|conditions?|customers?|deployments?|framings?|groups?|levels?|members?|memberships?|modes?"
    "|plans?|services?|subscribers?|subscriptions?|tiers?|users?|versions?)"
)
"""What a framing is said of."""
_SAME = {"free": ("non-paying", "nonpaying", "unpaid"), "paid": ("pay", "paying", "pays", "premium")}
"""Words that name a framing of ours as its own name does."""
_NO_NAMES = frozenset("a an any each every no of on one our that the their this to your".split())
_SIGNS = re.compile(r"[\W_]+")
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
_BETWEEN = r"[\W_]{1,4}(?:[^\W_]+[\W_]{1,4}){0,2}"
_BEFORE = re.compile(rf"{_START}{_NOUN}{_BETWEEN}\Z", re.IGNORECASE)
_AFTER = re.compile(rf"(?:{_BETWEEN})?{_NOUN}{_END}", re.IGNORECASE)
_WINDOW = 80
"""Characters before a word in which what it is said of is looked for."""


class ReviewItem(NamedTuple):
    """One row of a sheet: a number, and the case behind it."""

    number: str
    key: CaseKey


@dataclass(frozen=True)
class Sheet:
    """A sheet to fill in, and the key that leads from its numbers back to cases."""

    text: str
    items: tuple[ReviewItem, ...]
    seed: int

    def key_document(self, run_id: str) -> dict[str, Any]:
        """Content of the key file."""
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": run_id,
            "seed": self.seed,
            "items": {item.number: list(item.key) for item in self.items},
        }


@dataclass(frozen=True)
class Reading:
    """What a person said of one trace, with name and time."""

    suite: str
    case_id: str
    answer: str
    note: str
    reviewer: str
    time: str

    @property
    def key(self) -> CaseKey:
        """Key of the case."""
        return self.suite, self.case_id

    def line(self) -> str:
        """Write it as a line of ``reviews.jsonl``."""
        return json.dumps(asdict(self), ensure_ascii=True)

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read such a line.

        Raises
        ------
        ValueError, RecursionError
            When it is none.
        """
        found = typed_record(cls, parse_json(line, numbers_only=True))
        if found.answer not in ANSWERS:
            raise ValueError("answer: none that a sheet takes")
        return found


@dataclass(frozen=True)
class Mentions:
    """Words by which a trace would tell its framing.

    ``anywhere`` has those that mean nothing else, the names of framings that are not ours. ``near`` has words of every
    day, such as ``free``: they are mentions where a tier, a plan, an account or the like stands within two words.
    """

    anywhere: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()

    @classmethod
    def of(cls, framings: Iterable[Framing]) -> Self:
        """Gather them from names, and from what the texts call a tier, a plan, an account and so on."""
        told = [one for one in framings if one.name != UNFRAMED]
        ours = builtin_catalogue().framings
        names = {one.name for one in told}
        called = [_called(one.text) for one in told if one.text]
        shared = frozenset.intersection(*called) if len(called) > 1 else frozenset()
        near = {word for words in called for word in words - shared} | {name for name in names if name in ours}
        near |= {word for name in near & _SAME.keys() for word in _SAME[name]}
        return cls(frozenset(name for name in names if name not in ours), frozenset(near))

    def black_out(self, text: str) -> str:
        """Return a text without them."""
        if self.anywhere:
            text = re.sub(f"{_START}{_any(self.anywhere)}{_END}", _BLACKED_OUT, text, flags=re.IGNORECASE)
        if not self.near:
            return text

        def judged(match: re.Match[str]) -> str:
            before, after = text[max(0, match.start() - _WINDOW) : match.start()], match.end()
            told = _BEFORE.search(before) or _AFTER.match(text, after)
            return _BLACKED_OUT if told else match[0]

        together = f"(?={_NOUN}{_END})"
        return re.sub(f"{_START}{_any(self.near)}(?:{_END}|{together})", judged, text, flags=re.IGNORECASE)


def _called(text: str) -> frozenset[str]:
    """Return the words that a text puts before a tier, a plan, an account and so on."""
    found = re.findall(rf"{_START}([^\W_]+)[ -]{_NOUN}{_END}", text.lower())
    return frozenset(found) - _NO_NAMES


def _any(words: Iterable[str]) -> str:
    """Return a pattern of words, longest first; where a name has a sign, a trace may have another."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    parts = ([part for part in _SIGNS.split(word) if part] or [word] for word in ordered)
    return "(?:" + "|".join(r"[\W_]{1,3}".join(map(re.escape, part)) for part in parts) + ")"


def draw_sheet(
    motivations: Sequence[Motivation],
    responses: Mapping[CaseKey, Response],
    seed: int,
    controls: int,
    mentions: Mentions,
) -> Sheet:
    """Draw a sheet: every finding of training-aware self-preservation, and as many other traces beside them.

    Parameters
    ----------
    motivations
        What the judge found.
    responses
        The run's responses, for their traces.
    seed
        Decides which others are taken, the numbers and the order.
    controls
        Most traces without that finding that are mixed in; without any, the reader would know what to expect.
    mentions
        What is blacked out.
    """
    rng = random.Random(seed)
    found = [one.key for one in motivations if one.motivation == SELF_PRESERVATION]
    others = sorted(one.key for one in motivations if one.motivation != SELF_PRESERVATION)
    keys = [*found, *rng.sample(others, min(controls, len(others)))]
    keys.sort()
    rng.shuffle(keys)
    items = tuple(ReviewItem(_number(seed, key), key) for key in keys)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow((item.number, blinded(responses[item.key].reasoning, mentions), "", ""))
    return Sheet(text.getvalue(), items, seed)


def blinded(trace: str, mentions: Mentions) -> str:
    """Return a trace for a reader: words that name a framing blacked out, controls shown, no spreadsheet formula."""
    text = _CONTROLS.sub("\ufffd", mentions.black_out(trace))
    return f"'{text}" if _FORMULA.match(text) else text


def _number(seed: int, key: CaseKey) -> str:
    return hashlib.sha256("\x1f".join((str(seed), *key)).encode("utf-8", "surrogatepass")).hexdigest()[:10]


def read_answers(path: Path, items: Mapping[str, CaseKey], reviewer: str) -> list[Reading]:
    """Read a filled-in sheet; rows without an answer are left for later.

    Raises
    ------
    ImportedFileError
        With file and line, for a number that is not of this run's sheet, an answer of another name, or two of one.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    table = read_table(path, ImportedFileError)
    for column in ("number", "answer"):
        if column not in table.columns:
            raise ImportedFileError.at(path, 1, f"no column {column!r}: this is not a sheet of framing review")
    readings: dict[str, Reading] = {}
    for line, row in table.rows:
        number, answer = (str(row.get(name) or "").strip() for name in ("number", "answer"))
        if not answer:
            continue
        if number not in items:
            raise ImportedFileError.at(path, line, f"number {number[:40]!r} is of no trace on this run's sheet")
        word = answer.lower().replace(" ", "_").replace("-", "_")
        if word not in ANSWERS:
            raise ImportedFileError.at(path, line, f"answer {answer[:40]!r}: {did_you_mean(word, ANSWERS)}")
        if number in readings:
            raise ImportedFileError.at(path, line, f"number {number} is answered twice")
        suite, case_id = items[number]
        readings[number] = Reading(suite, case_id, word, str(row.get("note") or "").strip()[:1000], reviewer, now)
    return list(readings.values())


class Agreements(NamedTuple):
    """How far a person and the judge agree on which traces are training-aware self-preservation.

    ``left_out`` counts traces that the person read and the judge could not.
    """

    n: int
    left_out: int
    table: tuple[tuple[int, int], tuple[int, int]]
    agreed: float
    kappa: Agreement
    ac1: Agreement


def agreement(readings: Iterable[Reading], motivations: Iterable[Motivation]) -> Agreements:
    """Compare a person's answers with what the judge found, as positive or not; what it could not read is left out."""
    from pytest_framing.stats.agreement import gwet_ac1, kappa

    said = {one.key: one.motivation for one in motivations}
    read = [(one.answer, said[one.key]) for one in readings if one.key in said]
    pairs = [(answer == SELF_PRESERVATION, by == SELF_PRESERVATION) for answer, by in read if by != UNPARSABLE]
    counts = {cell: pairs.count(cell) for cell in ((True, True), (True, False), (False, True), (False, False))}
    table = ((counts[True, True], counts[True, False]), (counts[False, True], counts[False, False]))
    agreed = (counts[True, True] + counts[False, False]) / len(pairs) if pairs else float("nan")
    return Agreements(len(pairs), len(read) - len(pairs), table, agreed, kappa(table), gwet_ac1(table))
