"""``framing export``: write a run in the format of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("export", help="write a run as the logs of another tool (Inspect)")
    run_argument(parser)
    parser.add_argument("--to", choices=("inspect",), required=True, help="which tool reads the logs")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to make; nothing is overwritten")
    parser.add_argument("--format", choices=("eval", "json"), default="eval", help="format of the logs (default: eval)")
    parser.add_argument(
        "--show-text",
        action="store_true",
        help="put prompts, answers and reasoning into the logs (default: their digests alone)",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Export, and say what to do next."""
    from pytest_framing.finished_run import read_finished_run
    from pytest_framing.inspect_interop.export import export_run
    from pytest_framing.report.words import printable
    from pytest_framing.run_folder import find_run

    finished = read_finished_run(find_run(options.run, Path.cwd()))
    written = export_run(finished, options.out, show_text=options.show_text, log_format=options.format)
    suites = len({path.parent for path in written})
    say(
        printable(
            f"exported {finished.record.run_id}: {len(written)} logs of {suites} "
            f"{'suite' if suites == 1 else 'suites'} into {options.out}; next: inspect view --log-dir {options.out}"
        )
    )
    return PASS
