"""``framing lint``: check suite files, and that their framings differ in the framing alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import FAIL, PASS
from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("lint", help="check suite files, and that framings differ in the framing alone")
    parser.add_argument("suites", nargs="+", type=Path, metavar="SUITE", help="suite.yaml, or a folder of suites")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print what is wrong with each suite; any finding fails."""
    from pytest_framing.discovery import find_suites
    from pytest_framing.framings import lint_framings, suite_catalogue
    from pytest_framing.gates.evaluation import known_gates, parameter_models
    from pytest_framing.suite import load_suite

    paths = find_suites([str(path) for path in options.suites], Path.cwd())
    if not paths:
        raise FramingError(f"no suite.yaml in {', '.join(map(str, options.suites))}")
    found = False
    for path in paths:
        suite = load_suite(path, parameter_models(known_gates()))
        catalogue = suite_catalogue(suite)
        names = (suite.framings.reference, suite.framings.treatment, suite.framings.placebo)
        findings = lint_framings([catalogue.framing(name) for name in names])
        found = found or bool(findings)
        for finding in findings:
            say(f"{path}: {finding}")
        if not findings:
            say(f"{path}: framings are matched")
    return FAIL if found else PASS
