"""``framing report``: write the report of a run again, as a page for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import plugin_argument, run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.recorded_run import conclude_again

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("report", help="write the report of a run as one HTML file that loads nothing")
    run_argument(parser)
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="where to write it (default: report.html in the run folder)"
    )
    parser.add_argument(
        "--baseline",
        metavar="PATH|none",
        help="baseline file or folder, or none (default: the one that the run was compared with, else baselines/)",
    )
    parser.add_argument(
        "--show-text", action="store_true", help="put the answers into the page, folded away (default: no answer)"
    )
    plugin_argument(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Write the page and say where it is; the exit code says nothing about the run."""
    from pytest_framing.extensions import load_extensions
    from pytest_framing.json_documents import write_text
    from pytest_framing.report.html import html_report
    from pytest_framing.run_folder import REPORT, find_run

    folder = find_run(options.run, Path.cwd())
    path: Path = options.out or folder / REPORT
    conclusion = conclude_again(folder, options.baseline, extensions=load_extensions(options.plugin))
    write_text(path, html_report(conclusion, folder, show_text=options.show_text))
    say(f"report: {path}")
    return PASS
