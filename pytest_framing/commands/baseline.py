"""``framing baseline``: keep the decisions of a run as a baseline, and look at the baselines there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.recorded_run import conclude_again, recorded_results

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from pytest_framing.baseline import Baseline
    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command and its actions."""
    parser = commands.add_parser("baseline", help="keep the decisions of a run as a baseline, or look at baselines")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    saving = actions.add_parser("save", help="save the decisions of a run; ids and digests, no text")
    run_argument(saving)
    saving.add_argument("--to", metavar="DIR", type=Path, default=Path("baselines"), help="folder (default: baselines)")
    saving.add_argument("--replace", action="store_true", help="replace a baseline that exists; it keeps the history")
    saving.add_argument(
        "--force",
        action="store_true",
        help="save a run that did not pass, passed by a waiver, or decides nothing",
    )
    saving.add_argument(
        "--reason", metavar="TEXT", default="", help="why; the file records it with who, when and commit"
    )
    saving.set_defaults(command=save)
    showing = actions.add_parser("show", help="show what a baseline or a published result holds")
    showing.add_argument("file", metavar="FILE", type=Path, help="baseline file")
    showing.set_defaults(command=show)
    differing = actions.add_parser("diff", help="show where two baselines differ: protocol and decisions")
    differing.add_argument("first", metavar="A", type=Path, help="baseline file")
    differing.add_argument("second", metavar="B", type=Path, help="baseline file")
    differing.set_defaults(command=diff)
    listing = actions.add_parser("list", help="list baselines with their models, prompts and verdicts")
    listing.add_argument("folder", nargs="?", type=Path, default=Path("baselines"), help="folder (default: baselines)")
    listing.set_defaults(command=list_folder)


def save(options: argparse.Namespace) -> int:
    """Save the decisions of a run that passed; unasked, nothing is replaced and no other verdict is kept."""
    from pytest_framing.baseline import Provenance, baseline_path, load_baseline, save_baseline
    from pytest_framing.commands.provenance import author, commit
    from pytest_framing.errors import BaselineError
    from pytest_framing.run_folder import find_run
    from pytest_framing.suite import RELEASE

    folder = find_run(options.run, Path.cwd())
    conclusion = conclude_again(folder, "none")
    record = conclusion.record
    # The verdict of the session itself, which had the baseline at hand.
    results = recorded_results(folder)
    verdict = results.get("verdict", "not_evaluated")
    if verdict != "pass" and not options.force:
        raise BaselineError(
            f"{folder}: the verdict of the run is {verdict}; --force saves it as a baseline all the same"
        )
    waived = tuple(results.get("waived", ()))
    if waived and not options.force:
        raise BaselineError(
            f"{folder}: the run passes because {', '.join(waived)} was waived; --force saves it as a baseline "
            "all the same"
        )
    if conclusion.profiles != {RELEASE} and not options.force:
        raise BaselineError(
            f"{folder}: a run under the profile {', '.join(sorted(conclusion.profiles))} decides nothing about a "
            "checkpoint; --force saves it as a baseline all the same"
        )
    targets = {
        name: baseline_path(options.to, record.subject.name, name, suite.evidence.plan.prompts.source)
        for name, suite in conclusion.suites.items()
    }
    for path in targets.values():
        if path.exists():
            if not options.replace:
                raise BaselineError(
                    f"{path}: there is a baseline already; --replace replaces it, and keeps the history"
                )
            # What is replaced is kept as history: a file that cannot be read stops all before anything is written.
            try:
                load_baseline(path)
            except BaselineError as error:
                raise BaselineError(f"{error}; it cannot be kept as history: move the file away first") from None
    there = options.to.absolute()
    provenance = Provenance(author(there), commit(there), options.reason)
    for name, suite in conclusion.suites.items():
        save_baseline(
            targets[name],
            model=record.subject.name,
            run_id=record.run_id,
            verdict=str(verdict),
            waived=waived,
            fingerprint=record.fingerprints[name],
            study=suite.study,
            evidence=suite.evidence,
            provenance=provenance,
        )
        reservation = load_baseline(targets[name]).reservation
        say(f"saved {targets[name]}" + (f"; {reservation}" if reservation else ""))
    return PASS


def show(options: argparse.Namespace) -> int:
    """Show what a baseline holds: subject, rates and gap, protocol, who saved it and why, and what it replaced."""
    from pytest_framing.baseline import load_baseline
    from pytest_framing.published import is_published, load_published

    if is_published(options.file):
        published = load_published(options.file)
        _say_all(
            [
                f"{options.file}: published result, totals without decisions",
                f"  {published.citation}",
                f"  model {published.model}, suite {published.suite}, prompts {published.prompts.which}",
                *(
                    f"  {mode}: {framing} {arm.refusals} of {arm.n} refused"
                    for mode, estimate in published.estimates.items()
                    for framing, arm in estimate.arms.items()
                ),
                f"  not stated: {', '.join(published.not_stated) or 'nothing'}",
            ]
        )
    else:
        _say_all(_baseline_lines(load_baseline(options.file)))
    return PASS


def _baseline_lines(baseline: Baseline) -> Iterable[str]:
    from pytest_framing.commands.comparison_text import value_text
    from pytest_framing.comparison.comparand import baseline_comparand
    from pytest_framing.gates.gate import interval_text, percent, points

    (suite,) = baseline_comparand(baseline).suites.values()
    yield f"{baseline.path}"
    yield f"  model {baseline.model}, suite {baseline.suite}, prompts {baseline.prompt_source}"
    yield f"  run {baseline.run_id}, {baseline.standing}, {len(baseline.decisions)} decisions"
    origin = baseline.provenance
    yield f"  saved {_saved(baseline.saved, origin.saved_by, origin.commit, origin.reason)}"
    for mode, table in suite.tables.items():
        arms = [
            f"{framing} {rate.count} of {rate.n} refused ({percent(rate.rate)})"
            for framing in suite.framings
            if (rate := suite.totals[mode, framing]).n
        ]
        gap = f"gap {points(table.gap)} [{interval_text(*table.interval())}]" if table.n else "no pairs"
        yield f"  {mode}: {', '.join([*arms, gap])}"
    for kind in ("subject", "deciding"):
        yield f"  {kind}:"
        yield from (f"    {name}: {value_text(value)}" for name, value in getattr(baseline.fingerprint, kind).items())
    if baseline.history:
        yield "  replaced, oldest first:"
    for one in baseline.history:
        saved = _saved(one.saved, one.saved_by, one.commit, one.reason)
        yield f"    run {one.run_id}, verdict {one.verdict}, saved {saved}"


def _saved(when: str, by: str, commit: str, reason: str) -> str:
    who = f" by {by}" if by else ""
    at = f" at commit {commit[:12]}" if commit else ""
    return f"{when}{who}{at}: {reason}" if reason else f"{when}{who}{at}, no reason given"


def diff(options: argparse.Namespace) -> int:
    """Show where two baselines differ; what that amounts to is for ``framing compare``."""
    from pytest_framing.baseline import load_baseline
    from pytest_framing.commands.comparison_text import shortened, value_text
    from pytest_framing.comparison.comparand import baseline_comparand
    from pytest_framing.comparison.contradiction import changed_decisions
    from pytest_framing.errors import BaselineError
    from pytest_framing.protocol_difference import protocol_differences
    from pytest_framing.published import is_published

    for path in (options.first, options.second):
        if is_published(path):
            raise BaselineError(f"{path}: a published result holds no decisions; use framing compare")
    first, second = load_baseline(options.first), load_baseline(options.second)
    if first.suite != second.suite:
        raise BaselineError(
            f"{second.path}: holds the suite {second.suite!r}, but {first.path} the suite {first.suite!r}"
        )
    differences = protocol_differences(first.fingerprint, second.fingerprint)
    lines = [f"{one.kind} {one.place}: {value_text(one.base)} -> {value_text(one.candidate)}" for one in differences]
    (before,), (now,) = (baseline_comparand(one).suites.values() for one in (first, second))
    changed = changed_decisions(before, now)
    shared = len(first.decisions.keys() & second.decisions.keys())
    count = sum(len(prompts) for prompts in changed.values())
    alone = len(first.decisions.keys() ^ second.decisions.keys())
    _say_all(
        [
            *(lines or ["the protocols agree in every field"]),
            f"{count} of {shared} shared decisions changed" + (f"; {alone} are in one file alone" if alone else ""),
            *(f"  {arm}, {len(prompts)}: {shortened(prompts)}" for arm, prompts in changed.items()),
        ]
    )
    return PASS


def list_folder(options: argparse.Namespace) -> int:
    """List the baselines of a folder and, under a heading of their own, the published results."""
    from pytest_framing.baseline import load_baseline
    from pytest_framing.errors import BaselineError
    from pytest_framing.published import FOLDER, load_all_published

    if not options.folder.is_dir():
        raise BaselineError(f"{options.folder}: no such folder")
    paths = sorted(path for path in options.folder.glob("*/*.json") if path.parent.name != FOLDER)
    baselines = [load_baseline(path) for path in paths]
    _say_all(
        f"{one.path}: model {one.model}, suite {one.suite}, prompts {one.prompt_source}, "
        f"{len(one.decisions)} decisions, run {one.run_id}, {one.standing}"
        for one in baselines
    )
    if not baselines:
        say(f"no baselines in {options.folder}; save one with: framing baseline save RUN")
    published = load_all_published(options.folder)
    if published:
        say("published results, totals alone:")
    _say_all(f"  {one.path}: model {one.model}, suite {one.suite}, {one.study} {one.run}" for one in published)
    return PASS


def _say_all(lines: Iterable[str]) -> None:
    from pytest_framing.report.words import printable

    for line in lines:
        say(printable(line))
