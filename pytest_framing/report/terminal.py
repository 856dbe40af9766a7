"""What the terminal shows: what is gated, before; the gates with their reasons, after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_framing.gates.gate import GateStatus, interval_text, percent, points
from pytest_framing.published import PublishedBaseline, differing_protocol
from pytest_framing.report.words import STATUS_WORDS, printable, verdict_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_framing.results import Conclusion, SuiteConclusion
    from pytest_framing.run import PreparedRun

_MARKUP: Mapping[GateStatus, Mapping[str, bool]] = {
    GateStatus.PASS: {"green": True},
    GateStatus.FAIL: {"red": True, "bold": True},
    GateStatus.INCONCLUSIVE: {"yellow": True, "bold": True},
    GateStatus.NOT_EVALUATED: {"yellow": True},
}


@dataclass(frozen=True)
class Line:
    """A line of text and how a colour terminal may mark it."""

    text: str
    markup: Mapping[str, bool] = field(default_factory=dict)


def header_lines(run: PreparedRun, folder: Path | None) -> list[str]:
    """Say what is gated, on which prompts and against which baseline."""
    subject, model = run.record.subject, run.model
    checkpoint = f" at {subject.checkpoint}" if subject.checkpoint else ""
    lines = [f"framing: model {model.name}{checkpoint}, {subject.dtype}, quantization {subject.quantization}"]
    for name, one in run.suites.items():
        prompts, suite = one.plan.prompts, one.suite
        lines.append(
            f"framing: suite {name}, profile {suite.profile}: {len(one.plan.cases)} cases in {len(one.plan.batches)} "
            f"batches, {suite.execution.mode}, seed {suite.order.seed}"
        )
        lines.append(f"framing: prompts {prompts.source} ({prompts.count}): {prompts.resolution}")
        lines.append(f"framing: baseline: {one.baseline.path if one.baseline else one.baseline_note}")
        if isinstance(one.baseline, PublishedBaseline):
            deciding = run.record.fingerprints[name].deciding
            lines.append(f"framing: {one.baseline.citation}; {one.baseline.model}")
            lines.extend(f"framing: {difference}" for difference in differing_protocol(one.baseline, deciding))
        lines.extend(f"framing: lint: {finding}" for finding in one.lint)
    for name, reason in run.record.skipped.items():
        lines.append(f"framing: suite {name} is skipped: {reason}")
    if folder is not None:
        lines.append(f"framing: run folder {folder}")
    return [printable(line) for line in lines]


def summary_lines(conclusion: Conclusion, folder: Path) -> Iterator[Line]:
    """Yield the summary: rates and gap of each mode, one line a gate, the verdict, and where the record lies."""
    for name, suite in conclusion.suites.items():
        for line in _suite_lines(name, suite):
            yield Line(printable(line.text), line.markup)
    for name, reason in conclusion.record.skipped.items():
        yield Line(printable(f"{name}: skipped. {reason}"), {"yellow": True})
    verdict = conclusion.verdict
    yield Line("")
    yield Line(
        f"{STATUS_WORDS[verdict.value]}: {printable(conclusion.record.subject.name)}. "
        f"{verdict_sentence(verdict.value, conclusion.profiles)}",
        _MARKUP[verdict],
    )
    yield Line(f"record: {folder}")


def _suite_lines(name: str, suite: SuiteConclusion) -> Iterator[Line]:
    counts = suite.study.counts
    yield Line(
        f"{name}: {counts['judged']} of {counts['planned']} cases judged, {counts['invalid']} invalid", {"bold": True}
    )
    for study in suite.study.modes.values():
        table = study.table
        arms = ", ".join(
            f"{framing} {rate.count} of {rate.n} refused ({percent(rate.rate)})" for framing, rate in study.arms.items()
        )
        low, high = table.interval()
        gap = (
            f"gap {points(table.gap)} [{interval_text(low, high)}], {table.flips.count} flips"
            if table.n
            else "no pairs"
        )
        yield Line(f"  {study.mode}: {arms}; {gap}")
    for result in suite.gates:
        word = STATUS_WORDS[result.status.value]
        waived = " (waived)" if result.waived else ""
        yield Line(f"  {word:<13} {result.label}{waived}: {result.reason}", _MARKUP[result.status])
