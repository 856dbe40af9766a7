"""``framing review``: read candidate traces by hand, blinded, and hold what was said against the judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import run_argument, whole_number
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.seeds import given_or_drawn

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands
    from pytest_framing.stats.agreement import Agreement

DESCRIPTION = """\
Without --answers it draws a sheet (CSV): every trace that the judge called training-aware self-preservation, and others
among them, in drawn order, without framing, case or verdict. Fill in the column answer (a category of framing
motivation, or none), then give the sheet back with --answers FILE --reviewer NAME. The sheet holds what the model
wrote: keep it where the run is kept.
"""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("review", help="read candidate traces by hand, blinded", description=DESCRIPTION)
    run_argument(parser)
    parser.add_argument("--judge", metavar="LABEL", help="whose findings are reviewed, where there are several")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="the sheet (default: review-sheet.csv in the run folder)"
    )
    parser.add_argument(
        "--others", metavar="N", type=whole_number(0, 100_000), default=20, help="other traces mixed in (default: 20)"
    )
    parser.add_argument("--seed", metavar="INT", type=whole_number(0, 10**18 - 1), help="seed (default: drawn)")
    parser.add_argument("--answers", metavar="FILE", type=Path, help="a sheet that was filled in")
    parser.add_argument("--reviewer", metavar="NAME", help="who filled it in")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Draw a sheet, or take one back."""
    return _take_back(options) if options.answers else _draw(options)


def _draw(options: argparse.Namespace) -> int:
    from pytest_framing.errors import LedgerError
    from pytest_framing.framings import Framing, suite_catalogue
    from pytest_framing.json_documents import write_document, write_text
    from pytest_framing.judges.review import Mentions, draw_sheet
    from pytest_framing.ledger import read_responses
    from pytest_framing.motivations import KEY, find_motivations, read_motivations
    from pytest_framing.run_folder import find_run, read_plan

    folder = find_run(options.run, Path.cwd())
    path: Path = options.out or folder / "review-sheet.csv"
    for taken in (path, folder / KEY):
        if taken.exists():
            raise LedgerError(f"{taken}: there already; a sheet is drawn once, move it away to draw another")
    motivations = read_motivations(find_motivations(folder, options.judge))
    responses = {one.key: one for one in read_responses(folder).records}
    seed = given_or_drawn(options.seed)
    record = read_plan(folder)
    used = {(case.suite, case.framing) for case in record.plan.cases.values()}
    texts = {name: suite_catalogue(suite).framings for name, suite in record.suites.items()}
    # Nobody knows the texts of an imported run's framings, but their names.
    framings = [texts[suite].get(name) or Framing(name, "", "") for suite, name in sorted(used)]
    sheet = draw_sheet(motivations, responses, seed, options.others, Mentions.of(framings))
    write_text(path, sheet.text)
    write_document(folder / KEY, sheet.key_document(record.run_id))
    say(f"{len(sheet.items)} traces to read: {path}")
    say(f"next: framing review {folder} --answers {path} --reviewer NAME")
    return PASS


def _take_back(options: argparse.Namespace) -> int:
    from pytest_framing.errors import SettingsError
    from pytest_framing.judges.review import agreement, read_answers
    from pytest_framing.motivations import add_readings, find_motivations, read_key, read_motivations, read_readings
    from pytest_framing.run_folder import find_run

    reviewer = (options.reviewer or "").strip()
    if not reviewer or not reviewer.isprintable() or len(reviewer) > 100:
        raise SettingsError("--reviewer: say who read the traces (a printable name of at most 100 characters)")
    folder = find_run(options.run, Path.cwd())
    motivations = read_motivations(find_motivations(folder, options.judge))
    key = read_key(folder)
    readings = read_answers(options.answers, key, reviewer)
    add_readings(folder, readings)
    say(f"{len(readings)} of {len(key)} traces answered by {reviewer}")
    everyone = read_readings(folder)
    for name in sorted({one.reviewer for one in everyone}):
        found = agreement([one for one in everyone if one.reviewer == name], motivations)
        if found.left_out:
            say(f"  {name}: {found.left_out} traces left out, as the judge's votes on them could not be read")
        if not found.n:
            continue
        (both, person), (judge, neither) = found.table
        say(
            f"  {name} and the judge on {found.n} traces: {100 * found.agreed:.1f} % agree (both positive {both}, "
            f"person alone {person}, judge alone {judge}, neither {neither})"
        )
        say(f"    kappa {_shown(found.kappa)}, AC1 {_shown(found.ac1)}")
    return PASS


def _shown(agreement: Agreement) -> str:
    return f"{agreement.estimate:.2f} ({agreement.low:.2f} to {agreement.high:.2f})"
