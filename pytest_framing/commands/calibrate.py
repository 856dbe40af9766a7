"""``framing calibrate``: hold the verdicts of a run's judge against human labels."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection

    from pytest_framing.commands.arguments import Commands
    from pytest_framing.judges.calibration import ArmLabels, Calibration
    from pytest_framing.records import CaseKey, Verdict
    from pytest_framing.run_folder import RunRecord

EPILOG = """\
The file of labels has prompt_id, framing and verdict (mode and replicate, if the run has several), or one row a prompt
with --wide FRAMING=COLUMN, as for framing import. A partial refusal counts as a refusal. What --out writes is what the
gate corrected_gap takes: {calibration: FILE} in a suite, or framing gate RUN --calibration FILE.
"""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "calibrate", help="hold the judge of a run against human labels, framing by framing", description=EPILOG
    )
    run_argument(parser)
    parser.add_argument("--labels", metavar="FILE", type=Path, required=True, help="human labels, CSV or JSONL")
    parser.add_argument("--judge", metavar="LABEL", help="judge to calibrate (default: the run's own)")
    parser.add_argument("--suite", metavar="NAME", help="suite that the labels are of, where the run has several")
    parser.add_argument("--mode", metavar="NAME", help="mode that is calibrated, where the labels are of several")
    parser.add_argument("--column", metavar="FIELD=NAME", action="append", default=[], help="column of a field")
    parser.add_argument("--wide", metavar="FRAMING=NAME", action="append", default=[], help="column of a framing")
    parser.add_argument("--label", metavar="WORD=VERDICT", action="append", default=[], help="what a word means")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="where it goes (default: calibration-JUDGE.json in the run folder)"
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Estimate, say it, and write it."""
    from pytest_framing.commands.import_file import parse_label, parse_pairs
    from pytest_framing.errors import JudgeError
    from pytest_framing.imported_records import ImportLayout, read_imported
    from pytest_framing.json_documents import file_digest, write_document
    from pytest_framing.judges.calibration import Calibration, labelled_source, tabulate_labels
    from pytest_framing.judges.vote import threshold_of, vote_errors
    from pytest_framing.ledger import read_verdicts
    from pytest_framing.rejudging import slug
    from pytest_framing.run_folder import find_run, read_plan

    folder = find_run(options.run, Path.cwd())
    record = read_plan(folder)
    suite = _suite(record, options.suite)
    judge = options.judge or record.judges[suite]
    layout = ImportLayout(
        columns=parse_pairs("--column", options.column),
        wide=parse_pairs("--wide", options.wide),
        labels={word: parse_label(text) for word, text in parse_pairs("--label", options.label).items()},
    )
    given = [one for one in read_verdicts(folder).records if one.suite == suite and one.judge == judge]
    if not given:
        raise JudgeError(f"{judge}: gave no verdict in suite {suite} of this run")
    verdicts = {(one.prompt_id, one.framing, one.mode, one.replicate): one for one in given}
    labelled: dict[str, list[tuple[bool, bool]]] = {}
    truth: dict[tuple[str, str], bool] = {}
    left_out = 0
    read = [one for one in read_imported(options.labels, layout) if options.mode in (None, one.mode)]
    modes = sorted({one.mode for one in read})
    if len(modes) != 1:
        raise JudgeError(
            f"{options.labels}: labels of {', '.join(modes) if modes else 'no mode'}: say with --mode which one of the "
            "labelled modes is calibrated; a judge may err otherwise in each"
        )
    (mode,) = modes
    for label in read:
        verdict = verdicts.get(label.key)
        if label.verdict is None:
            raise JudgeError.at(options.labels, label.line, "a response without a verdict is no label")
        if verdict is None:
            raise JudgeError.at(
                options.labels,
                label.line,
                f"prompt {label.prompt_id!r} under {label.framing!r} ({label.mode}, replicate {label.replicate}) has "
                f"no verdict of {judge} in this run",
            )
        if not verdict.valid or label.verdict.value == "invalid":
            left_out += 1
            continue
        human = label.verdict.value != "compliance"
        truth[verdict.key] = human
        labelled.setdefault(label.framing, []).append((human, verdict.refused))
    source = {"file": options.labels.name, "digest": file_digest(options.labels)}
    source |= labelled_source(record.run_id, suite, mode, record.fingerprints[suite])
    calibration = Calibration(judge, {name: tabulate_labels(pairs) for name, pairs in sorted(labelled.items())}, source)
    path = options.out or folder / f"calibration-{slug(judge)}.json"
    write_document(path, calibration.document())
    say(f"{judge}: {sum(arm.n for arm in calibration.arms.values())} labels of {options.labels.name}")
    if left_out:
        say(f"  {left_out} left out: invalid by the judge or by the label")
    for name, arm in calibration.arms.items():
        _say_arm(name, arm, [one for one in given if (one.framing, one.mode) == (name, mode)], truth.keys())
    framings = record.suites[suite].framings
    _say_gap(calibration, framings.reference, framings.treatment)
    percent = threshold_of(judge)
    errors = vote_errors(given, percent, truth) if percent is not None else None
    if errors is not None:
        say(f"  votes: {errors.text()}")
    say(f"calibration: {path}")
    return PASS


def _suite(record: RunRecord, named: str | None) -> str:
    from pytest_framing.errors import JudgeError
    from pytest_framing.settings import did_you_mean

    if named is not None and named not in record.suites:
        raise JudgeError(f"--suite {named}: no suite of this run; {did_you_mean(named, record.suites)}")
    if named is None and len(record.suites) > 1:
        raise JudgeError(f"the run has several suites ({', '.join(record.suites)}): say which with --suite")
    return named or next(iter(record.suites))


def _say_arm(name: str, arm: ArmLabels, verdicts: list[Verdict], labelled: Collection[CaseKey]) -> None:
    from pytest_framing.stats.agreement import kappa
    from pytest_framing.stats.rates import wilson_interval

    def rate(hits: int, n: int) -> str:
        if not n:
            return "–"
        low, high = wilson_interval(hits, n)
        return f"{hits}/{n} {100 * hits / n:.1f} % ({100 * low:.1f} to {100 * high:.1f})"

    agreement = kappa([[arm.both, arm.human_only], [arm.judge_only, arm.neither]]).estimate
    say(
        f"  {name}: sensitivity {rate(arm.both, arm.refusals)}, specificity {rate(arm.neither, arm.compliances)}, "
        f"kappa {agreement:.2f}"
    )
    valid = [one for one in verdicts if one.valid and one.replicate == 1]
    refused = sum(one.refused for one in valid)
    others = [one for one in valid if one.key not in labelled]
    rogan_gladen = arm.corrected(refused, len(valid))
    powered = arm.powered(sum(one.refused for one in others), len(others))
    for what, estimate, low, high in (
        ("Rogan-Gladen", rogan_gladen.rate, rogan_gladen.low, rogan_gladen.high),
        ("PPI" if others else "the labels alone", powered.estimate, powered.low, powered.high),
    ):
        if math.isnan(estimate):
            say(f"    {what}: cannot be had of these labels")
        else:
            say(
                f"    refusal rate {100 * refused / len(valid):.1f} %, corrected {100 * estimate:.1f} % "
                f"({100 * low:.1f} to {100 * high:.1f}, {what})"
            )


def _say_gap(calibration: Calibration, reference: str, treatment: str) -> None:
    from pytest_framing.judges.calibration import ALIKE_MARGIN, difference_text

    objection = calibration.objection(reference, treatment)
    if objection:
        say(f"  the gap may not be corrected: {objection}")
        return
    differences = ", ".join(
        f"{name} {difference_text(interval)}"
        for name, interval in calibration.differences(reference, treatment).items()
    )
    say(
        f"  the judge errs alike under {reference} and {treatment}, within {100 * ALIKE_MARGIN:g} points: "
        f"{differences}; the gap may be corrected by it"
    )
