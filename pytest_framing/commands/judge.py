"""``framing judge``: judge the responses of a run again, without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import run_argument
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands

MOST_SHOWN = 20


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("judge", help="judge the responses of a run again; old verdicts stay beside the new")
    run_argument(parser)
    parser.add_argument("--judge", metavar="NAME", required=True, help="judge to ask, for instance rules")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Judge, say what changed, and write what the gates say of the new verdicts beside what they said before."""
    from pytest_framing.commands.recorded_run import conclude_again
    from pytest_framing.json_documents import write_document
    from pytest_framing.judges.judge import choose_judge
    from pytest_framing.rejudging import judge_again, slug
    from pytest_framing.run_folder import find_run, read_plan

    folder = find_run(options.run, Path.cwd())
    judge = choose_judge(options.judge, {})
    outcome = judge_again(read_plan(folder), folder, judge)
    before = ", ".join(sorted(set(outcome.before.values())))
    if not outcome.added:
        say(f"{judge.label} has judged every response of this run already")
    differ = f"{len(outcome.changed)} of {outcome.compared} differ from {before}"
    say(f"{outcome.added} new verdicts by {judge.label}; {differ}")
    for (old, new), count in sorted(outcome.transitions.items()):
        say(f"  {old} -> {new}: {count}")
    for (suite, case), (old, new) in sorted(outcome.changed.items())[:MOST_SHOWN]:
        say(f"  {suite}/{case}: {old.value} -> {new.value}")
    if len(outcome.changed) > MOST_SHOWN:
        say(f"  and {len(outcome.changed) - MOST_SHOWN} more")
    conclusion = conclude_again(folder, None, judge=judge.label)
    path = folder / f"results-{slug(judge.label)}.json"
    write_document(path, conclusion.document())
    say(f"by these verdicts the run is: {conclusion.verdict.value.replace('_', ' ')} ({path.name})")
    return PASS
