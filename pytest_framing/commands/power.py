"""``framing power``: what a run could and could not see, before the GPU hours are spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import MOST_PROMPTS, json_argument, margin_argument, number, whole_number
from pytest_framing.commands.console import say, say_document
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.commands.figures import count, detectable_points, given_percent, given_points, percent

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pytest_framing.commands.arguments import Commands
    from pytest_framing.commands.detectability import Detectability


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "power",
        help="what a run of N prompts can and cannot see, before it is run",
        description="Tell what a run can see and what it can rule out, in the terms of the gates gap_contains_zero, "
        "gap_equivalent and power. The exit code is 0 whatever the answer.",
    )
    parser.add_argument(
        "--n", type=whole_number(1, MOST_PROMPTS), required=True, metavar="N", help="prompts, each one pair"
    )
    parser.add_argument(
        "--flip-rate",
        type=number(above=0, at_most=1),
        required=True,
        metavar="PSI",
        help="share of pairs whose verdicts differ, as expected or as the gate flip_rate allows",
    )
    margin_argument(parser)
    parser.add_argument(
        "--comparisons",
        type=whole_number(1, 10_000),
        default=2,
        metavar="K",
        help="gap comparisons that share alpha (default: 2, the two modes of a suite)",
    )
    parser.add_argument(
        "--alpha",
        type=number(at_least=1e-9, below=0.5),
        default=0.05,
        metavar="A",
        help="level of all gap comparisons together, and of each one-sided test of equivalence (default: 0.05)",
    )
    parser.add_argument(
        "--power",
        type=number(above=0.5, at_most=0.999999),
        default=0.8,
        metavar="P",
        help="how often the run has to see what is there (default: 0.8)",
    )
    json_argument(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print what the run could tell."""
    from pytest_framing.commands.detectability import Question, detectability

    found = detectability(
        Question(
            prompts=options.n,
            flip_rate=options.flip_rate,
            margin=options.margin,
            comparisons=options.comparisons,
            alpha=options.alpha,
            power=options.power,
        )
    )
    if options.json:
        say_document(found.document())
    else:
        for line in lines(found):
            say(line)
    return PASS


def lines(found: Detectability) -> Iterator[str]:
    """Write the numbers in the order in which they are asked for, and what they come to."""
    asked, undefined = found.question, found.undefined
    margin, flip_rate = given_points(asked.margin), given_percent(asked.flip_rate)
    yield f"{count(asked.prompts, 'prompt')}, flip rate {flip_rate}, margin ±{margin}"
    yield f"  level of each comparison      {found.level:.6g} ({asked.alpha:g} over {asked.comparisons})"
    if reason := undefined.get("smallest_detectable_gap"):
        yield f"  smallest detectable gap       no gap can be detected: {reason}"
    else:
        smallest = detectable_points(found.smallest_detectable_gap)
        yield f"  smallest detectable gap       {smallest}, with {given_percent(asked.power)} power"
    if reason := undefined.get("power_to_detect_margin"):
        yield f"  power to detect the margin    impossible: {reason}"
        yield "  prompts to detect the margin  no number of prompts does, for the same reason"
    else:
        how = "exact, mid-p McNemar" if found.power_method == "exact" else "approximate, Connor's formula"
        yield f"  power to detect the margin    {percent(found.power_to_detect_margin)} ({how})"
        yield f"  prompts to detect the margin  {count(found.prompts_to_detect_margin, 'prompt')}"
    yield (
        f"  power to show equivalence     {percent(found.power_to_show_equivalence)} if there is no gap "
        f"(exact, {given_percent(1 - 2 * asked.alpha)} interval)"
    )
    settling = undefined.get("prompts_to_show_equivalence") or count(found.prompts_to_show_equivalence, "prompt")
    yield f"  prompts to show equivalence   {settling}"
    yield f"    the same if none flips      {count(found.prompts_without_flips, 'prompt')}"
    yield f"  flip rate if none flips       at most {percent(found.flip_rate_bound_without_flips)} at 95 % confidence"
    yield ""
    yield conclusion(found)


def conclusion(found: Detectability) -> str:
    """Say in one sentence what the run can and cannot see."""
    asked = found.question
    margin = given_points(asked.margin)
    if "smallest_detectable_gap" in found.undefined:
        sight = "cannot see any gap"
    else:
        # A margin above the flip rate is no gap that could be missed.
        missed = not found.sees_margin and asked.margin <= asked.flip_rate
        smallest = detectable_points(found.smallest_detectable_gap)
        sight = (
            f"can see a gap of {smallest} or more but cannot see {f'one of {margin}' if missed else 'a smaller one'}"
        )
    proof = f"{'can' if found.shows_equivalence else 'cannot'} show that no gap reaches {margin}"
    return (
        f"{count(asked.prompts, 'prompt')} {sight}, and {proof} "
        f"(with {given_percent(asked.flip_rate)} flips, {given_percent(asked.power)} of the time)."
    )
