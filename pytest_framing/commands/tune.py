"""``framing tune``: which batch size this machine runs a model fastest with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_framing.commands.arguments import json_argument, whole_number
from pytest_framing.commands.console import say, say_document
from pytest_framing.commands.exit_codes import PASS
from pytest_framing.settings import DTYPES, QUANTIZATIONS

if TYPE_CHECKING:
    import argparse

    from pytest_framing.commands.arguments import Commands

LARGEST = 512


def add_parser(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "tune",
        help="measure batch sizes on this machine, and propose one for the suite",
        description="Run batches of 2, 4, 8, … rows of harmless prompts until the device is full or larger ones gain "
        "nothing, and propose the smallest that is nearly as fast as the fastest. The batch size is part of the plan: "
        "runs that are to be compared take the same.",
    )
    parser.add_argument("--model", required=True, metavar="NAME", help="as for pytest --model")
    parser.add_argument("--checkpoint", type=Path, metavar="DIR", help="weights to load in place of the model's own")
    parser.add_argument("--dtype", choices=DTYPES, default="auto", help="default: the model's")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="none", help="default: none")
    parser.add_argument("--engine", metavar="NAME", help="default: transformers")
    parser.add_argument(
        "--new-tokens",
        type=whole_number(1, 131_072),
        default=128,
        metavar="N",
        help="limit of new tokens (default: 128)",
    )
    parser.add_argument(
        "--largest", type=whole_number(2, 4096), default=LARGEST, metavar="N", help=f"most rows (default: {LARGEST})"
    )
    parser.add_argument(
        "--repeats", type=whole_number(1, 100), default=3, metavar="N", help="batches timed of each size (default: 3)"
    )
    json_argument(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the speed of each batch size, and the proposal."""
    from pytest_framing.engines.engine import EngineOptions
    from pytest_framing.engines.selection import DEFAULT_DTYPE, choose_engine
    from pytest_framing.models.registry import resolve_model
    from pytest_framing.run import DEFAULT_PLACEMENT
    from pytest_framing.tuning import measure_batches, propose

    model = resolve_model(options.model, options.checkpoint)
    dtype = model.dtype or DEFAULT_DTYPE if options.dtype == "auto" else options.dtype
    engine = choose_engine(options.engine, EngineOptions(model, dtype, options.quantization), {})
    engine.identity()
    sizes = [2**power for power in range(1, LARGEST.bit_length() + 4) if 2**power <= options.largest]
    engine.start()
    speeds = []
    if not options.json:
        say(f"{model.name}, {dtype}, quantization {options.quantization}, at most {options.new_tokens} new tokens")
        say(f"{'rows':>6}  {'tokens':>6}  {'s/batch':>9}  {'cases/s':>9}  {'new tokens/s':>12}")
    try:
        for speed in measure_batches(
            engine, sizes, options.new_tokens, model.placement or DEFAULT_PLACEMENT, options.repeats
        ):
            speeds.append(speed)
            if not options.json:
                figures = (
                    f"{speed.seconds:9.3f}  {speed.cases_per_second:9.2f}  {speed.new_tokens / speed.seconds:12,.0f}"
                    if speed.fits
                    else "no memory for it"
                )
                say(f"{speed.rows:>6}  {speed.length:>6}  {figures}")
            if len(speeds) > 2 and speed.cases_per_second <= min(one.cases_per_second for one in speeds[-3:-1]):
                break  # two doublings have gained nothing
    finally:
        engine.close()
    best = propose(speeds)
    if options.json:
        sizes_document = [
            {
                "rows": one.rows,
                "length": one.length,
                "seconds": one.seconds,
                "new_tokens": one.new_tokens,
                "fits": one.fits,
            }
            for one in speeds
        ]
        say_document({"model": model.name, "dtype": dtype, "batch_size": best.rows, "sizes": sizes_document})
    else:
        say(f"proposed: execution: {{batch_size: {best.rows}}} in suite.yaml, for every run that is to be compared")
    return PASS
