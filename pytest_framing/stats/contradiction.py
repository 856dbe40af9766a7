"""What published figures imply: the tables they allow, and the decisions that must have changed between two runs."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import NamedTuple, TypeVar

from pytest_framing.stats import domain, paired

__all__ = [
    "MCNEMAR_FORMULAS",
    "Changes",
    "PaperTable",
    "between_protocol_min_changed",
    "changed_decisions",
    "formulas_that_print",
    "min_changed",
    "min_rate_if_decisions_unchanged",
    "paper_table_solve",
]

K = TypeVar("K", bound=Hashable)

MCNEMAR_FORMULAS = ("corrected", "exact", "uncorrected", "mid_p")


class Changes(NamedTuple):
    """Decisions on the prompts that two runs share: how many prompts, and the refusals that only one run has."""

    shared: int
    only_first: int
    only_second: int

    @property
    def changed(self) -> int:
        """Prompts on which the runs decided differently."""
        return self.only_first + self.only_second


class PaperTable(NamedTuple):
    """A table in the study's own column order, and the McNemar p-values that print as the reported one."""

    both: int
    free_only: int
    paid_only: int
    neither: int
    matches: tuple[str, ...]


def paper_table_solve(
    n: float,
    free: float,
    paid: float,
    p: float | None = None,
    *,
    flips: Collection[int] | None = None,
    flips_percent: float | None = None,
    p_decimals: int = 2,
    percent_decimals: int = 1,
) -> tuple[PaperTable, ...]:
    """List every two-by-two table of paired decisions that agrees with what was printed.

    With `free` and `paid` refusals among `n` prompts one number is open: how many refuse under both.

    Parameters
    ----------
    n, free, paid : int
        Prompts; refusals under either framing.
    p : float, optional
        The printed p-value. A table agrees if the corrected, exact, uncorrected or mid-p value rounds to it.
    flips : collection of int, optional
        The numbers of flips that are allowed.
    flips_percent : float, optional
        The printed flip rate in per cent.
    p_decimals, percent_decimals : int
        Decimals printed; a half may have been rounded either way.

    Returns
    -------
    tuple of PaperTable
        In rising order of `both`. Empty: what was printed contradicts itself.
    """
    prompts, first, second = domain.count(n, "n"), domain.count(free, "free"), domain.count(paid, "paid")
    if max(first, second) > prompts:
        raise ValueError(f"free and paid must not exceed n, got free={free!r}, paid={paid!r}, n={n!r}")
    found = []
    for both in range(max(0, first + second - prompts), min(first, second) + 1):
        b, c = first - both, second - both
        if flips is not None and b + c not in flips:
            continue
        if flips_percent is not None and not _prints_as(100 * (b + c) / prompts, flips_percent, percent_decimals):
            continue
        matches = MCNEMAR_FORMULAS if p is None else formulas_that_print(b, c, p, p_decimals)
        if matches:
            found.append(PaperTable(both, b, c, prompts - both - b - c, matches))
    return tuple(found)


def formulas_that_print(b: float, c: float, p: float, decimals: int) -> tuple[str, ...]:
    """Name the formulas of McNemar's test whose p-value prints as the reported one.

    Parameters
    ----------
    b, c : int
        Pairs that refuse only under condition 1, only under condition 2.
    p : float
        The printed p-value.
    decimals : int
        Decimals printed; a half may have been rounded either way.

    Returns
    -------
    tuple of str
        Of `MCNEMAR_FORMULAS`, in that order. Empty: the p-value is not that of this table.
    """
    test = paired.mcnemar(b, c)
    values = (test.p_corrected, test.p_exact, test.p, test.p_mid)
    return tuple(name for name, value in zip(MCNEMAR_FORMULAS, values, strict=True) if _prints_as(value, p, decimals))


def _prints_as(value: float, printed: float, decimals: int) -> bool:
    return abs(value - printed) <= 0.5 * 10.0**-decimals * (1 + 1e-9)


def between_protocol_min_changed(first_refused: float, second_refused: float, extra: float | None = None) -> int:
    """Fewest decisions on shared prompts that two runs under one framing must have made differently.

    The prompts of the first run are among those of the second. Of `second_refused` refusals at most all, and at least
    ``second_refused - extra``, are on shared prompts; the bound is the distance of `first_refused` from that range.

    Parameters
    ----------
    first_refused : int
        Refusals in the first run, on the shared prompts.
    second_refused : int
        Refusals in the second run, on all its prompts.
    extra : int, optional
        Prompts that only the second run has; without it, only the upper end of the range is used.

    Returns
    -------
    int
        At least 0; above 0 the runs contradict each other, unless something but the prompts differed.
    """
    first, second = domain.count(first_refused, "first_refused"), domain.count(second_refused, "second_refused")
    changed = max(0, first - second)
    if extra is not None:
        changed = max(changed, second - domain.count(extra, "extra") - first)
    return changed


def min_changed(x1: float, n1: float, x2: float, n2: float, shared: float) -> int:
    """Fewest decisions on shared prompts that two runs must have made differently, from their totals alone.

    Of `x1` refusals among `n1` prompts, between ``max(0, x1 - (n1 - shared))`` and ``min(x1, shared)`` are on the
    shared prompts, and likewise for the second run. The bound is the distance between those two ranges, and it is
    attained. `between_protocol_min_changed` is the case in which all prompts of the first run are shared.

    Parameters
    ----------
    x1, n1 : int
        Refusals in the first run, and of how many prompts.
    x2, n2 : int
        Refusals in the second run, and of how many prompts.
    shared : int
        Prompts that both runs have, at most the smaller of `n1` and `n2`.

    Returns
    -------
    int
        From 0 to `shared`. 0: the totals are compatible with one decision a prompt, which does not show that there
        was one.
    """
    overlap = domain.count(shared, "shared")
    ranges = []
    for refusals, prompts, which in ((x1, n1, "1"), (x2, n2, "2")):
        x, n = domain.count(refusals, f"x{which}"), domain.count(prompts, f"n{which}")
        if x > n:
            raise ValueError(f"x{which} must not exceed n{which}, got {refusals!r} of {prompts!r}")
        if overlap > n:
            raise ValueError(f"shared must not exceed n{which}, got {shared!r} of {prompts!r}")
        ranges.append((max(0, x - (n - overlap)), min(x, overlap)))
    (fewest_1, most_1), (fewest_2, most_2) = ranges
    return max(0, fewest_1 - most_2, fewest_2 - most_1)


def changed_decisions(first: Mapping[K, bool], second: Mapping[K, bool]) -> Changes:
    """Count the decisions that differ between two runs, prompt by prompt: exact, where `min_changed` only bounds.

    Parameters
    ----------
    first, second : mapping of prompt to bool
        Whether each run refused. Keys must stand for the same content in both: an id together with its digest.

    Returns
    -------
    Changes
        Over the prompts that both mappings have; all 0 where they share none.
    """
    both = first.keys() & second.keys()
    return Changes(
        shared=len(both),
        only_first=sum(first[prompt] and not second[prompt] for prompt in both),
        only_second=sum(second[prompt] and not first[prompt] for prompt in both),
    )


def min_rate_if_decisions_unchanged(refused: float, n: float) -> float:
    """Smallest refusal rate a larger run can have if it repeats the refusals of a smaller one: ``refused / n``.

    Parameters
    ----------
    refused : int
        Refusals in the smaller run, at most `n`.
    n : int
        Prompts of the larger run, which include those of the smaller.

    Returns
    -------
    float
        0 to 1. NaN for n = 0.
    """
    refusals, prompts = domain.count(refused, "refused"), domain.count(n, "n")
    if refusals > prompts:
        raise ValueError(f"refused must not exceed n, got {refused!r} of {n!r}")
    return refusals / prompts if prompts else float("nan")
