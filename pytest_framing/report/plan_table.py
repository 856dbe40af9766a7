"""What a plan will run, before anything does: its batches by shape, what padding wastes, how many tokens to expect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_framing.plan import SuitePlan
    from pytest_framing.records import Batch, CaseKey

MOST_SHAPES = 40


@dataclass(frozen=True)
class ShapeUse:
    """The batches of one shape: of ``computed`` positions that the engine fills, ``asked`` hold a prompt's tokens.

    A context of ``prefix`` tokens, which is computed once, is in neither.
    """

    rows: int
    length: int
    prefix: int
    batches: int
    cases: int
    computed: int
    asked: int

    @property
    def waste(self) -> float:
        """Share of computed positions that hold padding or copies."""
        return 1 - self.asked / self.computed if self.computed else 0.0


def shapes_of(plan: SuitePlan, tokens: Mapping[CaseKey, int]) -> list[ShapeUse]:
    """Group the batches of a plan by shape, shortest first.

    Parameters
    ----------
    plan
        Of one suite.
    tokens
        Tokens of each case's own prompt, a context that is computed once left out.
    """
    groups: dict[tuple[int, int, int], list[Batch]] = defaultdict(list)
    for batch in plan.batches:
        groups[batch.prefix, batch.length, batch.rows].append(batch)
    uses = []
    for (prefix, length, rows), batches in sorted(groups.items()):
        asked = [sum(tokens[plan.suite, case] for case in batch.case_ids) for batch in batches]
        # Without a planned length nothing is padded, and without rows each case runs alone.
        computed = rows * length * len(batches) if rows and length else sum(asked)
        cases = sum(len(batch.case_ids) for batch in batches)
        uses.append(ShapeUse(rows, length, prefix, len(batches), cases, computed, sum(asked)))
    return uses


def plan_lines(plan: SuitePlan, tokens: Mapping[CaseKey, int], most_new_tokens: int) -> Iterator[str]:
    """Yield the table of one suite: a line a shape, then the sums.

    Parameters
    ----------
    plan, tokens
        As :func:`shapes_of` takes them.
    most_new_tokens
        Limit of new tokens of a case.
    """
    uses = shapes_of(plan, tokens)
    cases = sum(use.cases for use in uses)
    batches = sum(use.batches for use in uses)
    yield f"{plan.suite}: {cases:,} cases in {batches:,} batches of {len(uses)} shapes"
    shared = any(use.prefix for use in uses)
    heads = ("rows x tokens", *(("context",) if shared else ()), "batches", "cases", "prompt tokens", "padding")
    table = [heads]
    for use in uses[:MOST_SHAPES]:
        shape = "one by one" if not use.rows else f"{use.rows} x {use.length or 'any'}"
        context = (f"{use.prefix:,}",) if shared else ()
        table.append((shape, *context, f"{use.batches:,}", f"{use.cases:,}", f"{use.asked:,}", f"{use.waste:.1%}"))
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        yield "  " + "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    if len(uses) > MOST_SHAPES:
        yield f"  … and {len(uses) - MOST_SHAPES} more shapes"
    computed, asked = sum(use.computed for use in uses), sum(use.asked for use in uses)
    waste = 1 - asked / computed if computed else 0.0
    yield f"  prompts: {asked:,} tokens, {computed:,} computed with padding and copies ({waste:.1%} waste)"
    yield f"  answers: at most {cases * most_new_tokens:,} tokens, {most_new_tokens:,} a case"
    steps = sum(use.batches * most_new_tokens * (1 if use.rows else use.cases // use.batches) for use in uses)
    more = ", and once more for each context that it keeps" if shared else ""
    yield f"  the model is called at most {steps:,} times{more}"
