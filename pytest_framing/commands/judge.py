"""``framing judge``: judge the responses of a run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import number, plugin_argument, run_argument, whole_number
from pytest_framing.commands.console import say
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.seeds import given_or_drawn, settled

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from pytest_framing.commands.arguments import Commands
    from pytest_framing.extensions import Extensions
    from pytest_framing.records import Case
    from pytest_framing.run_folder import RunRecord

MOST_SHOWN = 20
DESCRIPTION = """\
rules need no model. wildguard, harmbench, llama-guard, tiny-judge and rubric:MODEL run a model; NAME*20 asks it 20
times and counts votes, A+B+C asks a panel. wildguard, harmbench and llama-guard read the request with the answer: name
the file of the prompts, which is not part of a run.
"""


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "judge", help="judge the responses of a run again; old verdicts stay beside the new", description=DESCRIPTION
    )
    run_argument(parser)
    parser.add_argument("--judge", metavar="NAME", required=True, help="judge to ask, for instance rules")
    parser.add_argument(
        "--prompts",
        metavar="[SOURCE=]PATH",
        action="append",
        default=[],
        help="where the prompts of the run are read from, as --framing-prompts takes it",
    )
    parser.add_argument(
        "--seed",
        metavar="INT",
        type=whole_number(0, 10**18 - 1),
        help="seed of a model judge's marks, draws and order (default: that of its earlier verdicts in the run, else "
        "drawn; it stands in the results)",
    )
    parser.add_argument(
        "--noise",
        metavar="SHARE",
        type=number(at_least=0, at_most=1),
        default=0.1,
        help="share of the responses that a model judge, unless it is the run's own, judges twice (default: 0.1)",
    )
    parser.add_argument("--engine", metavar="NAME", help="engine that a model judge runs on (default: transformers)")
    plugin_argument(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Judge, say what changed, and write what the gates say of the new verdicts beside what they said before."""
    from pytest_framing.commands.recorded_run import conclude_again, hold_baselines
    from pytest_framing.extensions import load_extensions
    from pytest_framing.json_documents import write_document
    from pytest_framing.judges.asking import JudgeSetup
    from pytest_framing.judges.judge import JudgeSources, choose_judge
    from pytest_framing.rejudging import judge_again, judged_again_document, recorded_seed, slug
    from pytest_framing.run_folder import find_run, read_plan

    folder = find_run(options.run, Path.cwd())
    extensions = load_extensions(options.plugin)
    record = read_plan(folder)
    drawn = given_or_drawn(options.seed)
    setup = JudgeSetup(_requests(record, options.prompts, extensions), drawn)
    sources = JudgeSources(extensions.judges, extensions.engines, options.engine, setup)
    judge = choose_judge(options.judge, sources)
    earlier = recorded_seed(record, folder, judge.label)
    why = f"{judge.label} judged this run with seed {earlier}, and its verdicts stay; leave --seed out to go on with it"
    seed = settled(options.seed, drawn, earlier, why)
    if seed != drawn:
        judge = choose_judge(options.judge, replace(sources, setup=replace(setup, seed=seed)))
    noise = options.noise if hasattr(judge, "judge_many") else 0.0
    hold_baselines(folder, judge.label)
    outcome = judge_again(record, folder, judge, noise, seed)
    before = ", ".join(sorted(set(outcome.before.values())))
    if not outcome.added:
        say(f"{judge.label} has judged every response of this run already")
    if noise and judge.label in record.judges.values():
        say(f"{judge.label} judged this run: its noise is measured in the run (controls: judge_noise), not afterwards")
    differ = f"{len(outcome.changed)} of {outcome.compared} differ from {before}"
    say(f"{outcome.added} new verdicts by {judge.label}; {differ}")
    for (old, new), count in sorted(outcome.transitions.items()):
        say(f"  {old} -> {new}: {count}")
    for (suite, case), (old, new) in sorted(outcome.changed.items())[:MOST_SHOWN]:
        say(f"  {suite}/{case}: {old.value} -> {new.value}")
    if len(outcome.changed) > MOST_SHOWN:
        say(f"  and {len(outcome.changed) - MOST_SHOWN} more")
    conclusion = conclude_again(folder, None, judge=judge.label, extensions=extensions)
    path = folder / f"results-{slug(judge.label)}.json"
    write_document(path, conclusion.document() | judged_again_document(record, folder, judge.label))
    for one in conclusion.suites.values():
        for sentence in one.judging.sentences() if one.judging else ():
            say(f"{sentence}.")
    say(f"by these verdicts the run is: {conclusion.verdict.value.replace('_', ' ')} ({path.name})")
    return PASS


def _requests(record: RunRecord, texts: list[str], extensions: Extensions) -> Callable[[Case], str]:
    """Return what reads a case's request; the prompts are looked for when the first one is asked for."""
    from pytest_framing.errors import PromptsNotAtHandError
    from pytest_framing.judges.model_judge import no_requests, requests_from
    from pytest_framing.models.registry import ModelSpec, registry, resolve_model
    from pytest_framing.prompt_sources import resolve_prompts
    from pytest_framing.settings import parse_prompt_choices

    choices = parse_prompt_choices(texts, Path.cwd())
    found: list[Callable[[Case], str]] = []

    def read() -> Callable[[Case], str]:
        prompts = {}
        # The embedded models alone have prompts of their own; where the weights of another lie does not matter here.
        name = record.subject.name
        model = resolve_model(name) if name in registry() else ModelSpec(name, location="")
        try:
            for suite in record.suites.values():
                for prompt in resolve_prompts(suite, choices, model, Path.cwd(), extensions.prompt_sources).prompts:
                    prompts[suite.name, prompt.digest] = prompt.text
        except PromptsNotAtHandError:
            return no_requests
        return requests_from(prompts)

    def request(case: Case) -> str:
        if not found:
            found.append(read())
        return found[0](case)

    return request
