"""``framing gate``: evaluate the gates of a run again, without pytest and without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import plugin_argument, run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import FAIL, INCONCLUSIVE, PASS
from pytest_framing.commands.recorded_run import conclude_again, recorded_results

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("gate", help="evaluate the gates of a run again, from its record alone")
    run_argument(parser)
    parser.add_argument(
        "--baseline",
        metavar="PATH|none",
        help="baseline file or folder, or none (default: the one that the run was compared with, else baselines/)",
    )
    parser.add_argument("--judge", metavar="LABEL", help="judge whose verdicts count, as `framing judge` names it")
    parser.add_argument(
        "--waive",
        metavar="GATE",
        action="append",
        default=[],
        help="let the run pass without this gate; results and receipt name it. May be given several times",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="put this conclusion in the place of the recorded one, waivers and baseline included",
    )
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        type=Path,
        help="ask the gate corrected_gap too, by this file of framing calibrate",
    )
    plugin_argument(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the summary of the run; the exit code is its verdict."""
    from pytest_framing.extensions import load_extensions
    from pytest_framing.json_documents import write_document
    from pytest_framing.records import with_waived
    from pytest_framing.rejudging import judged_again_document, slug
    from pytest_framing.report.terminal import summary_lines
    from pytest_framing.results import write_conclusion
    from pytest_framing.run_folder import RESULTS, find_run, read_plan

    folder = find_run(options.run, Path.cwd())
    conclusion = conclude_again(
        folder,
        options.baseline,
        judge=options.judge or "",
        waived=options.waive,
        extensions=load_extensions(options.plugin),
        more={"corrected_gap": {"calibration": str(options.calibration.resolve())}} if options.calibration else {},
    )
    other = options.judge if options.judge not in read_plan(folder).judges.values() else None
    judged_otherwise = (other or options.calibration) and (folder / RESULTS).exists()
    if judged_otherwise:
        # What the run's own judge found, by the gates that it was planned with, stays what the run says.
        name = "-".join(
            part for part in (slug(other) if other else "", "corrected" if options.calibration else "") if part
        )
        again = judged_again_document(read_plan(folder), folder, other) if other else {}
        write_document(folder / f"results-{name}.json", conclusion.document() | again)
    elif options.waive or options.write or not (folder / RESULTS).exists():
        # A waiver that nobody can find afterwards would be none.
        write_conclusion(conclusion, folder)
    for line in summary_lines(conclusion, folder):
        say(line.text)
    recorded = recorded_results(folder)
    said, waived = str(recorded.get("verdict", "")), sorted(recorded.get("waived", ()))
    if not judged_otherwise and (said != conclusion.verdict.value or waived != sorted(conclusion.waived)):
        say(f"the record keeps another conclusion: {with_waived(said, waived)}; --write puts this one in its place")
    return {"pass": PASS, "fail": FAIL}.get(conclusion.verdict.value, INCONCLUSIVE)
