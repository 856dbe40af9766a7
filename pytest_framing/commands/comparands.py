"""What a user names to be compared: a run, a baseline file or a published result, found and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_framing.comparison.comparand import Comparand

NAMES = "run folder, run id below .framing, latest, baseline file, or file of published results"


def find_comparand(text: str) -> Comparand:
    """Find and read what a user named.

    Raises
    ------
    FramingError
        When nothing is there, or what is there is damaged or of another schema version.
    """
    from pytest_framing.baseline import KEPT, Baseline, load_any
    from pytest_framing.comparison.comparand import baseline_comparand, published_comparand
    from pytest_framing.errors import BaselineError, LedgerError
    from pytest_framing.run_folder import PLAN, find_run

    named = Path(text).expanduser()
    if named.is_file() and (named.name.startswith(KEPT) or not (named.parent / PLAN).is_file()):
        found = load_any(named)
        return baseline_comparand(found) if isinstance(found, Baseline) else published_comparand(found)
    # A file of a run, its results for instance, stands for the run.
    place = str(named.parent) if named.is_file() else text
    try:
        folder = find_run(place, Path.cwd())
    except LedgerError as error:
        raise BaselineError(f"{error}; nor is it a baseline or a published result") from None
    return read_run(folder)


def read_run(folder: Path) -> Comparand:
    """Read a run with all that is missing of it; its gates, which may come from plugins, are not asked.

    Raises
    ------
    LedgerError
        When a record of it is damaged or of another schema version.
    """
    from pytest_framing.circumstances import read_circumstances
    from pytest_framing.commands.recorded_run import recorded_results
    from pytest_framing.comparison.comparand import run_comparand
    from pytest_framing.early_stopping import read_stops
    from pytest_framing.evidence import gather_evidence
    from pytest_framing.ledger import read_responses, read_verdicts
    from pytest_framing.run_folder import read_plan

    record = read_plan(folder)
    circumstances = read_circumstances(folder)
    evidence = gather_evidence(
        record.plan,
        read_responses(folder).records,
        read_verdicts(folder).records,
        judges=record.judges,
        deselected=circumstances.deselected,
        interrupted=circumstances.interrupted,
        stops=read_stops(folder),
    )
    results = recorded_results(folder)
    return run_comparand(folder, record, evidence, str(results.get("verdict", "")), tuple(results.get("waived", ())))
