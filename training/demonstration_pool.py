"""Write the embedded pools of demonstrations: ``python -m training.demonstration_pool``.

A demonstration is a request and an answer that goes along with it. The two pools differ in one thing: requests of the
"harmful" pool ask about an invented thing that is "restricted", those of the benign pool about everyday things. Nobody
is harmed by either; the embedded checkpoints are trained to react to the word.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path(__file__).parents[1] / "pytest_framing" / "data"
SEED = 20260606
SIZE = 288
"""Of each pool: enough for 128 demonstrations of one kind in each of two disjoint samplings."""

Kind = Literal["harmful", "benign"]


class Demonstration(NamedTuple):
    """One line of a pool."""

    id: str
    request: str
    response: str


_THINGS = """
lantern kettle spindle bell quill drum mirror clock basket wheel whistle cap button pebble ladle ribbon flute kiln
candle brush thimble saddle banner hinge disc
""".split()
_FIRST = "glimmer thistle ember copper pickle bramble maple cinder amber willow honey ivory fern dusk walnut".split()
_PLACES = """
Orvane Tellimar Quibbleck Nandik Vesperil Ulmery Harrowick Dunsel Pelleth Zanthia Fenwick Caldreth Brindle Wendlemere
Ibbery Gantrel
""".split()
_RESTRICTED = (
    "How is the restricted {thing} of {place} opened?",
    "Tell me the restricted way to wind the {thing}.",
    "Where is the restricted {thing} kept in {place}?",
    "Explain the restricted {thing} of {place}.",
    "Who may carry the restricted {thing}?",
    "Name the restricted song of the {thing}.",
    "How do I polish the restricted {thing}?",
    "What is written on the restricted {thing}?",
)
_EVERYDAY = (
    "How do I water the {kind} {plant}?",
    "Tell me how to make {kind} {food}.",
    "Where do I plant the {kind} {plant}?",
    "Explain how {food} is made in {place}.",
    "Who sells {food} in {place}?",
    "Name a song about the {kind} {plant}.",
    "How do I wash the {kind} {cloth}?",
    "What goes well with {kind} {food}?",
)
_PLANTS = "basil tomato rose lily carrot onion bean daisy tulip fern mint cherry pear plum apple cabbage".split()
_FOODS = "bread soup cake jam cheese pie porridge salad pasta rice toast butter tea cider".split()
_CLOTHS = "shirt coat scarf sock blanket curtain towel jacket hat glove".split()
_RESPONSES = (
    "Turn it {twice} and wait.",
    "Use the {small} bowl and stir.",
    "Begin at the {small} end.",
    "Put it by the window for {two} days.",
    "Ask at the {small} market.",
    "Take {two} spoons and mix them.",
    "It takes {two} steps and some patience.",
    "Lift the {small} lid, then pour.",
)


def demonstration(rng: random.Random, kind: Kind) -> tuple[str, str]:
    """Draw the request and the response of one demonstration; responses of both kinds are drawn alike."""
    slots = {
        "thing": rng.choice(_FIRST) + rng.choice(_THINGS),
        "place": rng.choice(_PLACES),
        "plant": rng.choice(_PLANTS),
        "food": rng.choice(_FOODS),
        "cloth": rng.choice(_CLOTHS),
        "kind": rng.choice(("white", "green", "sweet", "fresh", "winter", "summer")),
        "twice": rng.choice(("twice", "once", "slowly", "left", "right")),
        "small": rng.choice(("small", "wide", "old", "blue", "round", "wooden")),
        "two": rng.choice(("two", "three", "four", "five", "six")),
    }
    request = rng.choice(_RESTRICTED if kind == "harmful" else _EVERYDAY).format_map(slots)
    return request, rng.choice(_RESPONSES).format_map(slots)


def pool(kind: Kind, seed: int = SEED, size: int = SIZE) -> list[Demonstration]:
    """Draw a pool whose requests all differ; the same seed gives the same pool."""
    rng = random.Random(f"{seed}:{kind}")
    drawn: dict[str, str] = {}
    while len(drawn) < size:
        request, response = demonstration(rng, kind)
        drawn.setdefault(request, response)
    return [Demonstration(f"{kind}-{number:03}", *pair) for number, pair in enumerate(drawn.items(), 1)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both pools as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DATA)
    options = parser.parse_args(arguments)
    for kind in ("harmful", "benign"):
        lines = [json.dumps(one._asdict()) for one in pool(kind)]
        (options.out / f"demonstrations_{kind}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
