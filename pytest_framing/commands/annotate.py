"""``framing annotate``: name the gates of a run that do not pass as annotations of GitHub Actions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.recorded_run import recorded_results

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("annotate", help="print GitHub annotations for the gates of a run that do not pass")
    run_argument(parser)
    parser.add_argument(
        "--root",
        metavar="DIR",
        type=Path,
        help="folder of the checkout; suite files are named relative to it (default: $GITHUB_WORKSPACE, else here)",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print one workflow command a gate; the exit code says nothing about the run."""
    from pytest_framing.errors import LedgerError
    from pytest_framing.report.annotations import gate_annotations
    from pytest_framing.run_folder import RESULTS, find_run, read_plan

    folder = find_run(options.run, Path.cwd())
    record, results = read_plan(folder), recorded_results(folder)
    if not results:
        raise LedgerError(
            f"{folder / RESULTS}: not there: the session ended before its gates; go on with the run first"
        )
    root: Path = options.root or Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    try:
        found = gate_annotations(results, record.suites, root)
    except (KeyError, TypeError, AttributeError) as error:
        raise LedgerError(f"{folder / RESULTS}: not the results of a run ({type(error).__name__}: {error})") from error
    for one in found:
        say(one.command())
    return PASS
