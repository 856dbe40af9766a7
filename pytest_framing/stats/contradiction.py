"""What published figures imply: the tables they allow, and the decisions that must have changed between two runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from pytest_framing.stats import domain, paired

__all__ = [
    "PaperTable",
    "between_protocol_min_changed",
    "min_rate_if_decisions_unchanged",
    "paper_table_solve",
]


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
        test = paired.mcnemar(b, c)
        values = {"corrected": test.p_corrected, "exact": test.p_exact, "uncorrected": test.p, "mid_p": test.p_mid}
        matches = tuple(name for name, value in values.items() if p is None or _prints_as(value, p, p_decimals))
        if matches:
            found.append(PaperTable(both, b, c, prompts - both - b - c, matches))
    return tuple(found)


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
