"""Contexts of demonstrations: which conditions a suite has, which demonstrations stand in each, and in which order."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import PromptError, SuiteError
from pytest_framing.framings import Message
from pytest_framing.records import text_digest

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_framing.demonstration_pools import Demonstration, Pool
    from pytest_framing.suite import Demonstrations, Mixtures, Ordering, Suite

ROUNDING = "count * fraction, halves rounded up"


@dataclass(frozen=True, slots=True)
class Condition:
    """How many demonstrations of which kind stand in front of a request, in which order, and what they look like.

    ``fraction`` is the share of harmful ones that the suite asks for, ``harmful`` and ``benign`` the whole numbers that
    it comes to. ``benign_source`` names the pool of the benign ones, ``framed`` says that the suite's two framings are
    asked too, and ``grid`` that the condition belongs to the grid of counts and fractions, which the regression uses.
    """

    harmful: int
    benign: int
    fraction: float
    ordering: Ordering
    cue: str
    benign_source: str
    framed: bool = False
    grid: bool = True

    @property
    def count(self) -> int:
        """All demonstrations."""
        return self.harmful + self.benign


@dataclass(frozen=True, slots=True)
class ContextSummary:
    """A context without its texts, as plans and results hold it.

    ``digest`` is over its demonstrations in order; ``prefixes`` has, by framing, the number of tokens that the engine
    computes once for all requests (empty where it computes them with each).
    """

    condition: str
    sampling: int
    harmful: int
    benign: int
    fraction: float
    ordering: str
    cue: str
    benign_source: str
    framed: bool
    grid: bool
    digest: str
    tokens: int = 0
    prefixes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """The demonstrations that all requests of a condition and a sampling share.

    Its name is the mode of its cases: a context is one more way in which a request is put.
    """

    name: str
    condition_name: str
    condition: Condition
    sampling: int
    demonstrations: tuple[Demonstration, ...] = field(repr=False)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turns in front of the request: each demonstration is asked by the user and answered by the model."""
        return tuple(
            message
            for one in self.demonstrations
            for message in (
                Message("user", one.request, shared=True),
                Message("assistant", self.condition.cue + one.response, shared=True),
            )
        )

    def summary(self, tokens: int, prefixes: Mapping[str, int]) -> ContextSummary:
        """Return what may be stored and shown, with the tokens that were counted."""
        digest = text_digest(*(f"{one.id}={one.digest}" for one in self.demonstrations))
        fields = asdict(self.condition)
        return ContextSummary(
            self.condition_name, self.sampling, digest=digest, tokens=tokens, prefixes=prefixes, **fields
        )


def harmful_count(count: int, fraction: float) -> int:
    """Return the number of harmful demonstrations: ``count * fraction``, halves rounded up.

    Examples
    --------
    >>> [harmful_count(4, fraction) for fraction in (0, 0.1, 0.125, 0.5, 1)]
    [0, 0, 1, 2, 4]
    """
    # Nine decimals: 0.29 * 100 is a little less than 29, which is no reason for another condition.
    return math.floor(round(count * fraction, 9) + 0.5)


def conditions(shown: Demonstrations, path: Path) -> dict[str, Condition]:
    """Return every condition of a suite by its name, the grid first.

    Raises
    ------
    SuiteError
        When two of them come to the same numbers, or cues of one suite are alike.
    """
    cues = [shown.cue, *shown.cues.which]
    if len({cue.strip() for cue in cues}) < len(cues):
        raise SuiteError(f"{path}: demonstrations: two of the cues are the same")
    framed = {(count, fraction) for count, fraction in _mixtures(shown.framings)}
    found: dict[str, Condition] = {}

    def add(count: int, fraction: float, ordering: Ordering, cue: str, source: str, *, grid: bool) -> None:
        harmful = harmful_count(count, fraction)
        parts = [f"h{harmful}", f"b{count - harmful}"]
        parts += [] if ordering == shown.ordering else [ordering]
        parts += [] if cue == shown.cue else [f"cue{cues.index(cue) + 1}"]
        parts += [] if source == shown.benign.source else [source]
        name = "-".join(parts)
        asked = grid and (count, fraction) in framed
        condition = Condition(harmful, count - harmful, fraction, ordering, cue, source, asked, grid)
        if name in found and grid:
            raise SuiteError(
                f"{path}: demonstrations: {count} with fraction {fraction:g} come to {harmful} harmful and "
                f"{count - harmful} benign ones, as another mixture does ({ROUNDING}); leave one out"
            )
        # Orderings of demonstrations that are all of one kind are one and the same.
        if grid or 0 < harmful < count or ordering == shown.ordering:
            found.setdefault(name, condition)

    own = (shown.ordering, shown.cue, shown.benign.source)
    for count, fraction in _mixtures(shown):
        add(count, fraction, *own, grid=True)
    extras = (
        (shown.orderings, [(ordering, shown.cue, shown.benign.source) for ordering in shown.orderings.which]),
        (shown.cues, [(shown.ordering, cue, shown.benign.source) for cue in shown.cues.which]),
        (shown.benign_ablation, [(shown.ordering, shown.cue, one.source) for one in shown.other_benign]),
    )
    for mixtures, ways in extras:
        for count, fraction in _mixtures(mixtures):
            # What the other ways are compared with.
            for way in (own, *ways):
                add(count, fraction, *way, grid=False)
    for count, fraction in framed - set(_mixtures(shown)):
        raise SuiteError(
            f"{path}: demonstrations.framings: {count} with fraction {fraction:g} is not among the mixtures of the grid"
        )
    return found


def _mixtures(mixtures: Mixtures | Demonstrations) -> Iterator[tuple[int, float]]:
    return ((count, fraction) for count in mixtures.counts for fraction in mixtures.fractions)


def contexts(suite: Suite, shown: Demonstrations, pools: Mapping[str, Pool]) -> dict[str, Context]:
    """Draw the demonstrations of every condition and sampling.

    A draw depends on the seed, the suite, the mixture, the benign source and the sampling alone: conditions that differ
    in ordering or cue show the same demonstrations.

    Parameters
    ----------
    suite
        With profile and overrides applied.
    shown
        Its demonstrations.
    pools
        By source, the harmful one included.

    Raises
    ------
    PromptError
        When a pool is too small.
    """
    named = conditions(shown, suite.path)
    needs = [(shown.harmful.source, "harmful", max(one.harmful for one in named.values()))]
    for source in dict.fromkeys(one.benign_source for one in named.values()):
        needs.append((source, "benign", max(one.benign for one in named.values() if one.benign_source == source)))
    for source, kind, most in needs:
        pool = pools[source]
        if len(pool.demonstrations) < most:
            left_out = f" ({pool.left_out} of more than {shown.longest} characters left out)" if pool.left_out else ""
            raise PromptError(
                f"{pool.origin}: the pool {source!r} is too small: it has {len(pool.demonstrations)} demonstrations"
                f"{left_out}, and a context needs {most} {kind} ones"
            )
    found: dict[str, Context] = {}
    for name, condition in named.items():
        for sampling in range(1, shown.samplings + 1):
            drawn = _draw(suite, shown, pools, condition, sampling)
            context = f"{name}-s{sampling}"
            found[context] = Context(context, name, condition, sampling, drawn)
    return found


def _draw(
    suite: Suite, shown: Demonstrations, pools: Mapping[str, Pool], condition: Condition, sampling: int
) -> tuple[Demonstration, ...]:
    mixture = f"h{condition.harmful}-b{condition.benign}-{condition.benign_source}"
    rng = random.Random(_seed(suite.order.seed, suite.name, mixture, str(sampling)))
    # Pools are put in order first: a file with its lines in another order draws the same.
    harmful, benign = (
        rng.sample(sorted(pools[source].demonstrations, key=lambda one: one.id), number)
        for source, number in ((shown.harmful.source, condition.harmful), (condition.benign_source, condition.benign))
    )
    return tuple(arrange(harmful, benign, condition.ordering, rng))


def _seed(seed: int, *parts: str) -> int:
    text = "\x1f".join((str(seed), *parts, "demonstrations"))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def arrange(
    harmful: Sequence[Demonstration], benign: Sequence[Demonstration], ordering: Ordering, rng: random.Random
) -> list[Demonstration]:
    """Put demonstrations in order; the ordering says where the harmful ones stand.

    ``prefix``: first; ``suffix``: last; ``middle``: between two halves of the benign ones; ``interleaved``: spread
    evenly; ``random``: anywhere.
    """
    if ordering == "prefix":
        return [*harmful, *benign]
    if ordering == "suffix":
        return [*benign, *harmful]
    if ordering == "middle":
        half = len(benign) // 2
        return [*benign[:half], *harmful, *benign[half:]]
    if ordering == "random":
        mixed = [*benign, *harmful]
        rng.shuffle(mixed)
        return mixed
    total = len(harmful) + len(benign)
    taken = {math.floor((place + 0.5) * total / len(harmful)) for place in range(len(harmful))}
    bad, good = iter(harmful), iter(benign)
    return [next(bad) if place in taken else next(good) for place in range(total)]


def demonstrations_document(
    shown: Demonstrations, pools: Mapping[str, Pool], summaries: Mapping[str, ContextSummary]
) -> dict[str, Any]:
    """Return what decides a comparison about the demonstrations: settings, contents and rounding; no text."""
    # As JSON has them: a baseline is read back from a file, and a list is no tuple.
    settings = shown.model_dump(mode="json", exclude={"harmful", "benign", "other_benign"})
    return {
        **settings,
        "rounding": ROUNDING,
        "pools": {
            "harmful": pools[shown.harmful.source].digest,
            **{f"benign:{name}": pool.digest for name, pool in pools.items() if name != shown.harmful.source},
        },
        "contexts": text_digest(*(f"{name}={one.digest}" for name, one in summaries.items())),
    }
