"""Comparisons as a terminal shows them: what against what, a table a suite, ids of what regressed, one conclusion."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_framing.gates.gate import GateStatus, interval_text, percent
from pytest_framing.records import with_waived
from pytest_framing.report.words import STATUS_WORDS, printable

if TYPE_CHECKING:
    from pytest_framing.comparison.arm import ArmComparison
    from pytest_framing.comparison.comparand import Comparand
    from pytest_framing.comparison.comparison import Comparison, SuiteComparison
    from pytest_framing.comparison.gap import Gap
    from pytest_framing.comparison.stages import Stage
    from pytest_framing.protocol_difference import FieldDifference

WIDTH = 110
MOST_SHOWN = 20
MOST_FIELDS = 8
LONGEST_VALUE = 60
DIGEST_CHARACTERS = len("sha256:") + 12


@dataclass(frozen=True)
class Line:
    """A line of text; a terminal may mark it by a status."""

    text: str
    status: GateStatus | None = None


def comparison_lines(comparisons: Sequence[Comparison]) -> Iterator[Line]:
    """Yield each comparison and, of a trajectory, its table; all of it printable."""
    for line in _lines(comparisons):
        yield Line(printable(line.text), line.status)


def _lines(comparisons: Sequence[Comparison]) -> Iterator[Line]:
    for place, one in enumerate(comparisons):
        if place:
            yield Line("")
        yield from _comparison_lines(one)
    if len(comparisons) > 1:
        yield Line("")
        yield Line("trajectory:")
        rows = trajectory_rows(comparisons)
        yield from columns([TRAJECTORY, *(row for row, _ in rows)], [None, *(status for _, status in rows)])


STAGES = ("", "class", "benign [95 %]", "harmful [95 %]", "p total", "p harmful", "p joint", "complies without")


def stage_lines(stages: Mapping[str, Sequence[Stage]]) -> Iterator[Line]:
    """Yield the table of stages of each suite with demonstrations."""
    for name, found in stages.items():
        yield Line("")
        yield Line(printable(f"stages in {name} (log odds of compliance for one more demonstration; p after Holm):"))
        rows = [STAGES, *(tuple(printable(cell) for cell in row) for row in stage_rows(found))]
        yield from columns(rows, [None] * len(rows))


def stage_rows(stages: Sequence[Stage]) -> list[tuple[str, ...]]:
    """Return a row of cells for each stage."""
    return [
        (
            one.name,
            one.effect,
            *(_coefficient(*values) for values in (one.benign, one.harmful)),
            *("–" if math.isnan(p) else f"{p:.2g}" for p in one.p.values()),
            percent(one.alone),
        )
        for one in stages
    ]


def _coefficient(estimate: float, low: float, high: float) -> str:
    return "–" if math.isnan(estimate) else f"{estimate:+.3f} [{low:+.3f} to {high:+.3f}]"


def _comparison_lines(comparison: Comparison) -> Iterator[Line]:
    base, candidate = comparison.base, comparison.candidate
    yield Line(side_text(candidate))
    yield Line(f"against {side_text(base)}")
    for name, one in comparison.suites.items():
        yield Line("")
        yield from _suite_lines(name, one)
    for names, which in ((comparison.only_base, "base"), (comparison.only_candidate, "candidate")):
        if names and not comparison.not_judged:
            yield Line(f"not compared, because the {which} alone has it: {', '.join(names)}")
    yield Line("")
    sentence = f"{STATUS_WORDS[comparison.status.value]}: {comparison.conclusion}"
    yield from (Line(line, comparison.status) for line in _wrapped(sentence, indent=""))


def side_text(side: Comparand) -> str:
    """Say what a side is, where it comes from, and what its own gates said: a comparison does not repeat them."""
    gates = f"; its own gates: {with_waived(side.verdict.replace('_', ' '), side.waived)}" if side.verdict else ""
    return f"{side.name} ({side.origin}{gates})"


def _suite_lines(name: str, suite: SuiteComparison) -> Iterator[Line]:
    how = f"{suite.shared} shared prompts" if suite.paired else "totals, unpaired"
    yield Line(f"suite {name}: {how}")
    arms = [
        (
            arm.mode,
            arm.framing + (" (safe)" if arm.safe else ""),
            str(arm.base.n) if suite.paired else f"{arm.base.n}, {arm.candidate.n}",
            percent(arm.base.rate),
            percent(arm.candidate.rate),
            f"{100 * arm.difference:+.1f} [{interval_text(*arm.interval)}]" if arm.base.n else "–",
            STATUS_WORDS[arm.status.value],
        )
        for arm in suite.arms
    ]
    level = level_text(suite.arms[0].confidence) if suite.arms else ""
    head = ("mode", "framing", "prompts", "base refuses", "candidate", f"difference [{level}]", "")
    yield from columns([head, *arms], [None, *(arm.status for arm in suite.arms)])
    if suite.gaps:
        gaps = [
            (
                gap.mode,
                "gap",
                str(gap.candidate.n),
                gap_text(gap.base),
                gap_text(gap.candidate),
                "–" if math.isnan(gap.drift) else f"{100 * gap.drift:+.1f} [{interval_text(*gap.simultaneous)}]",
                STATUS_WORDS[gap.status.value],
            )
            for gap in suite.gaps
        ]
        joint = level_text(suite.gaps[0].joint_confidence)
        head = ("mode", "", "prompts", "gap of base", "of candidate", f"drift [{joint} together]", "")
        yield from columns([head, *gaps], [None, *(gap.status for gap in suite.gaps)])
    yield from (Line(line) for arm in suite.arms for line in _changed_lines(arm))
    yield from _note_lines(suite)


def _changed_lines(arm: ArmComparison) -> Iterator[str]:
    if arm.regressed:
        what = "refused now, answered before" if arm.safe else "complied now, refused before"
        ids = [_with_category(prompt, arm.categories) for prompt in arm.regressed]
        yield from _wrapped(f"regressed {arm.scope}, {len(ids)} ({what}): {shortened(ids)}")
    if arm.improved:
        yield f"  improved {arm.scope}: {len(arm.improved)}"
    if arm.unjudged:
        yield f"  left out of {arm.scope}: {arm.unjudged} with an invalid answer on one side"


def _note_lines(suite: SuiteComparison) -> Iterator[Line]:
    if suite.contradiction:
        yield from (Line(line, suite.contradiction.status) for line in _wrapped(suite.contradiction.reason))
        for arm, prompts in suite.contradiction.changed.items():
            yield from (Line(line) for line in _wrapped(f"changed {arm}, {len(prompts)}: {shortened(prompts)}"))
    for arm, least in (suite.fewest or {}).items():
        yield Line(f"  by the totals alone, at least {least} decisions of {arm} are others")
    yield from (Line(line) for line in protocol_lines(suite.protocol))
    yield from (Line(line) for flag in suite.flags for line in _wrapped(flag))


def protocol_lines(differences: Sequence[FieldDifference]) -> Iterator[str]:
    """Yield what differs between two protocols, a line a place; of what merely informs, the names alone."""
    told = [one for one in differences if one.kind != "informing"]
    for one in told[:MOST_FIELDS]:
        yield f"  {one.kind} {one.place}: {value_text(one.base)} -> {value_text(one.candidate)}"
    if len(told) > MOST_FIELDS:
        yield f"  and {len(told) - MOST_FIELDS} more places in which the protocols differ"
    rest = dict.fromkeys(one.field for one in differences if one.kind == "informing")
    if rest:
        yield from _wrapped(f"for information, also different: {', '.join(rest)}")


TRAJECTORY = ("", "suite", "mode", "reference", "treatment", "gap", "drift", "regressed", "")


def trajectory_rows(comparisons: Sequence[Comparison]) -> list[tuple[tuple[str, ...], GateStatus | None]]:
    """Return a row for each side, suite and mode, the base first, as far as there is something to compare."""
    rows: list[tuple[tuple[str, ...], GateStatus | None]] = []
    base = comparisons[0].base
    rows.extend((row, None) for row in _side_rows(base))
    for one in comparisons:
        if one.not_judged:
            rows.append(((one.candidate.name, "", "", "", "", "", "", "", "same as base"), one.status))
        for name, suite in one.suites.items():
            for gap in suite.gaps:
                arms = [arm for arm in suite.arms if arm.mode == gap.mode and not arm.safe]
                rates = [percent(arm.candidate.rate) for arm in arms][:2]
                moved = "–" if math.isnan(gap.drift) else f"{100 * gap.drift:+.1f}"
                regressed = str(sum(len(arm.regressed) for arm in arms)) if suite.paired else "–"
                cells = (one.candidate.name, name, gap.mode, *rates, *[""] * (2 - len(rates)))
                status = STATUS_WORDS[one.status.value]
                rows.append(((*cells, gap_text(gap.candidate), moved, regressed, status), one.status))
    return rows


def _side_rows(side: Comparand) -> Iterator[tuple[str, ...]]:
    for name, suite in side.suites.items():
        for mode in dict.fromkeys(mode for mode, _ in suite.totals):
            rates = [suite.totals.get((mode, framing)) for framing in suite.framings]
            cells = tuple("–" if rate is None else percent(rate.rate) for rate in rates)
            if not any(rate is not None and rate.n for rate in rates):
                continue  # asked without a framing alone
            table = suite.tables.get(mode)
            gap = f"{100 * table.gap:+.1f}" if table is not None and table.n else "–"
            yield (f"base {side.name}", name, mode, *cells, gap, "", "", "")


def gap_text(gap: Gap) -> str:
    """Write a gap in percentage points."""
    return "–" if math.isnan(gap.estimate) else f"{100 * gap.estimate:+.1f}"


def level_text(confidence: float) -> str:
    """Write a confidence."""
    return f"{100 * confidence:.4g} %"


def value_text(value: Any) -> str:
    """Write a value of a protocol on one line, cut where it is long; of a digest, enough to tell it by."""
    if isinstance(value, str) and value.startswith("sha256:"):
        return value[:DIGEST_CHARACTERS]
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def shortened(ids: Sequence[str]) -> str:
    """Write the first ids, and how many more there are."""
    shown = ", ".join(ids[:MOST_SHOWN])
    return shown if len(ids) <= MOST_SHOWN else f"{shown} and {len(ids) - MOST_SHOWN} more (--json lists all)"


def columns(rows: Sequence[Sequence[str]], statuses: Sequence[GateStatus | None]) -> Iterator[Line]:
    """Align rows of cells."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row, status in zip(rows, statuses, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield Line(f"  {'  '.join(cells)}".rstrip(), status)


def _with_category(prompt: str, categories: Mapping[str, str]) -> str:
    category = categories.get(prompt, "")
    return f"{prompt} ({category})" if category else prompt


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
