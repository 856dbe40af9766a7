"""``framing baseline``: keep the decisions of a run as a baseline, or look at the baselines there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.recorded_run import conclude_again, recorded_results

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands


def add_parser(commands: Commands) -> None:
    """Describe the command and its two actions."""
    parser = commands.add_parser("baseline", help="keep the decisions of a run as a baseline, or look at baselines")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    saving = actions.add_parser("save", help="save the decisions of a run; ids and digests, no text")
    run_argument(saving)
    saving.add_argument("--to", metavar="DIR", type=Path, default=Path("baselines"), help="folder (default: baselines)")
    saving.add_argument("--force", action="store_true", help="replace a baseline that exists, or save a run that fails")
    saving.set_defaults(command=save)
    listing = actions.add_parser("list", help="list baselines with their models, prompts and verdicts")
    listing.add_argument("folder", nargs="?", type=Path, default=Path("baselines"), help="folder (default: baselines)")
    listing.set_defaults(command=show)


def save(options: argparse.Namespace) -> int:
    """Save the decisions of a run that passed; unasked, nothing is replaced and no other verdict is kept."""
    from pytest_framing.baseline import baseline_path, save_baseline
    from pytest_framing.errors import BaselineError
    from pytest_framing.run_folder import find_run

    folder = find_run(options.run, Path.cwd())
    conclusion = conclude_again(folder, "none")
    record = conclusion.record
    # The verdict of the session itself, which had the baseline at hand.
    verdict = recorded_results(folder).get("verdict", "not_evaluated")
    if verdict != "pass" and not options.force:
        raise BaselineError(
            f"{folder}: the verdict of the run is {verdict}; --force saves it as a baseline all the same"
        )
    targets = {
        name: baseline_path(options.to, record.subject.name, name, suite.evidence.plan.prompts.source)
        for name, suite in conclusion.suites.items()
    }
    for path in targets.values():
        if path.exists() and not options.force:
            raise BaselineError(f"{path}: there is a baseline already; --force replaces it")
    for name, suite in conclusion.suites.items():
        save_baseline(
            targets[name],
            model=record.subject.name,
            run_id=record.run_id,
            verdict=str(verdict),
            fingerprint=record.fingerprints[name],
            study=suite.study,
            evidence=suite.evidence,
        )
        say(f"saved {targets[name]}")
    return PASS


def show(options: argparse.Namespace) -> int:
    """List the baselines of a folder; those of published studies, which gate nothing, are left out."""
    from pytest_framing.baseline import load_baseline
    from pytest_framing.errors import BaselineError

    if not options.folder.is_dir():
        raise BaselineError(f"{options.folder}: no such folder")
    paths = sorted(path for path in options.folder.glob("*/*.json") if path.parent.name != "published")
    for path in paths:
        baseline = load_baseline(path)
        say(
            f"{path}: model {baseline.model}, suite {baseline.suite}, prompts {baseline.prompt_source}, "
            f"{len(baseline.decisions)} decisions, run {baseline.run_id}"
        )
    if not paths:
        say(f"no baselines in {options.folder}; save one with: framing baseline save RUN")
    return PASS
