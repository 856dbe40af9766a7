"""The study for people: false alarms and power by gate, and of the whole session, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.calibration.cells import DRIFT, NOISE
from pytest_framing.stats.rates import wilson_interval

Document = Mapping[str, Any]
PROMISE = 0.05
POWER_SIZES = (200, 400)
ORDER_GATE = "order_randomized"


def write_report(result: Document, folder: Path) -> None:
    """Write ``calibration.json`` and ``calibration.md``."""
    (folder / "calibration.json").write_text(document_text(result), encoding="utf-8")
    (folder / "calibration.md").write_text("\n".join(markdown(result)) + "\n", encoding="utf-8")


def document_text(result: Document) -> str:
    """Indent a document, one line for each entry of a cell: that is what a reader compares between runs."""

    def lines(value: Any, indent: int) -> str:
        pad, inner = " " * indent, " " * (indent + 2)
        if not _nested(value):
            return json.dumps(value)
        if isinstance(value, Mapping):
            entries = [f"{inner}{json.dumps(str(key))}: {lines(one, indent + 2)}" for key, one in value.items()]
            return "{\n" + ",\n".join(entries) + f"\n{pad}}}"
        return "[\n" + ",\n".join(inner + lines(one, indent + 2) for one in value) + f"\n{pad}]"

    return lines(result, 0) + "\n"


def _nested(value: Any) -> bool:
    held = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(isinstance(one, Mapping | list) for one in held)


def harmless(result: Document) -> list[Document]:
    """Cells without an effect, drift or noise, in drawn order: every failure there is a false alarm."""
    return [cell for cell in result["cells"] if cell["harmless"] and cell["order"] == "bernoulli"]


def fails(cell: Document, gate: str) -> float:
    """Share of a cell's sessions in which a gate fails."""
    return float(cell["gates"][gate].get("fail", 0.0))


def cells(result: Document, kind: str = "cells", **truth: Any) -> list[Document]:
    """Return the cells of one kind that agree with what is said of them, by rising size."""
    chosen = [cell for cell in result[kind] if all(cell[name] == value for name, value in truth.items())]
    return sorted(chosen, key=lambda cell: int(cell["n"]))


def markdown(result: Document) -> Iterator[str]:
    """Yield the lines of the report."""
    sessions = result["sessions_per_cell"]
    yield "# Calibration of the gates"
    yield ""
    yield (
        f"Made by `python -m bench.calibration` (seed {result['seed']}, {sessions:,} sessions a cell; "
        + ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        + "). The model behind it is described in `bench/calibration/__init__.py`. Intervals are the error of the "
        "simulation (Wilson, 95 %)."
    )
    yield from _session(result)
    yield from _gates(result)
    yield from _verdicts(result)
    yield from _lesson(result)
    yield from _early_stopping(result)


def _session(result: Document) -> Iterator[str]:
    quiet = harmless(result)
    sizes, rates = _values(quiet, "n"), _values(quiet, "psi")
    yield from _section("False alarms of the whole session")
    yield (
        "Sessions with any `fail`, of a model without an effect on an engine without drift, in drawn order. The "
        f"promise is {100 * PROMISE:g} %; **bold** cells are above it by more than the error of the simulation."
    )
    yield ""
    yield from _table(
        ["n", *(f"flip rate {100 * psi:g} %" for psi in rates)],
        ([str(n), *(_alarm(cell["session"]["any_fail_by_chance"]) for cell in _row(quiet, n, rates))] for n in sizes),
    )
    limited = [psi for psi in rates if any(_consequence(cell, "flip_rate") for cell in quiet if cell["psi"] == psi)]
    if limited:
        yield ""
        yield (
            "Where the true flip rate is above the limit of `flip_rate`, the failures of this gate are no false alarms "
            "and are left out above; with them:"
        )
        yield ""
        yield from _table(
            ["n", *(f"flip rate {100 * psi:g} %" for psi in limited)],
            ([str(n), *(_percent(cell["session"]["any_fail"]) for cell in _row(quiet, n, limited))] for n in sizes),
        )
    yield ""
    yield "By gate, for cells in which something fails:"
    yield ""
    names = [name for name in quiet[0]["gates"] if any(fails(cell, name) for cell in quiet)]
    yield from _table(
        ["n", "flip rate", *(f"`{name}`" for name in names)],
        (
            [str(cell["n"]), f"{100 * cell['psi']:g} %", *(_gate_share(cell, name) for name in names)]
            for cell in sorted(quiet, key=lambda cell: (cell["psi"], cell["n"]))
        ),
    )
    if names:
        yield ""
        yield "Brackets: a consequence of the simulated flip rate, and not counted as a false alarm."


def _gates(result: Document) -> Iterator[str]:
    quiet = harmless(result)
    yield from _section("Each gate")
    yield (
        "False alarms: the largest share of `fail` over the cells of the first table (leaving out consequences). "
        f"Power: the share of `fail` at n = {' and '.join(map(str, POWER_SIZES))} where there is what the gate looks "
        "for."
    )
    yield ""
    rows = []
    for name in quiet[0]["gates"]:
        counted = [cell for cell in quiet if not _consequence(cell, name)]
        worst = max(counted, key=lambda cell: fails(cell, name))
        alarm = _with_error(fails(worst, name), _simulated(result, worst, name))
        where = f" (n {worst['n']}, flip rate {100 * worst['psi']:g} %)" if fails(worst, name) else ""
        looked_for = [(truth, found) for truth, found in _powers(result, name) if found]
        for number, (truth, found) in enumerate(looked_for or [("–", [])]):
            by_size = {cell["n"]: f"{fails(cell, name):.1%}" for cell in found}
            powers = [by_size.get(n, "–") for n in POWER_SIZES]
            rows.append([f"`{name}`" if not number else "", alarm + where if not number else "", truth, *powers])
    yield from _table(["gate", "false alarms", "effect", *(f"power, n = {n}" for n in POWER_SIZES)], rows)
    yield ""
    draws = ", ".join(f"n = {draw['n']}: {_percent(draw[ORDER_GATE])}" for draw in result["order_draws"])
    yield (
        f"`{ORDER_GATE}` was judged on draws of its own, fewer than sessions, which all cells of a size share, and "
        f"with them the error of its share: {draws}. Its powers are of a suite that fixes the order. `complete`, "
        "`invalid_rate`, `not_saturated`, `power` and `manipulation_check` have nothing to find here; "
        "`refusal_regression` and `comparable` need a baseline and are left out."
    )


def _powers(result: Document, gate: str) -> list[tuple[str, list[Document]]]:
    plain: Document = {"drift": 0.0, "order": "bernoulli"}

    def at(psi: float, gap: float) -> tuple[str, list[Document]]:
        name = f"gap {100 * gap:+g} points, flip rate {100 * psi:g} %"
        return name, cells(result, psi=psi, gap=gap, **plain)

    def flipping(psi: float) -> tuple[str, list[Document]]:
        name = f"gap 0, {100 * psi:g} % flip with the framing and 1 % with the placebo"
        return name, cells(result, "flips_without_gap", psi=psi)

    def drifting(psi: float) -> tuple[str, list[Document]]:
        name = f"drift of {100 * DRIFT:g} points, flip rate {100 * psi:g} %"
        return name, cells(result, psi=psi, gap=0.0, drift=DRIFT, order="bernoulli")

    found: Mapping[str, Callable[[], list[tuple[str, list[Document]]]]] = {
        "gap_contains_zero": lambda: [
            at(0.15, 0.065),
            at(0.15, -0.065),
            at(0.02, 0.02),
            at(0.05, 0.02),
            at(0.15, 0.02),
        ],
        "gap_equivalent": lambda: [at(0.15, 0.065)],
        "flip_rate": lambda: [flipping(0.05), flipping(0.15)],
        "excess_flips": lambda: [flipping(0.05), flipping(0.15)],
        "period_effect": lambda: [drifting(0.0), drifting(0.02), drifting(0.05), drifting(0.15)],
        "engine_noise": lambda: [
            (f"{100 * NOISE:g} % of replicates differ", cells(result, "engine_noise")),
            drifting(0.0),
        ],
        ORDER_GATE: lambda: [
            ("order fixed", cells(result, psi=0.0, gap=0.0, drift=0.0, order="fixed")),
        ],
    }
    return found.get(gate, list)()


def _verdicts(result: Document) -> Iterator[str]:
    quiet = harmless(result)
    yield from _section("Verdicts on a model without an effect")
    yield "What becomes of it, consequences included: `pass` / `inconclusive` / `fail`."
    yield ""
    rates = _values(quiet, "psi")
    yield from _table(
        ["n", *(f"flip rate {100 * psi:g} %" for psi in rates)],
        (
            [
                str(n),
                *(
                    " / ".join(
                        f"{cell['session']['verdict'].get(status, 0.0):.1%}"
                        for status in ("pass", "inconclusive", "fail")
                    )
                    for cell in _row(quiet, n, rates)
                ),
            ]
            for n in _values(quiet, "n")
        ),
    )


def _lesson(result: Document) -> Iterator[str]:
    psi = lesson_flip_rate(result)
    fixed = cells(result, psi=psi, gap=0.0, drift=DRIFT, order="fixed")
    drawn = cells(result, psi=psi, gap=0.0, drift=DRIFT, order="bernoulli")
    if not fixed or not drawn:
        return
    yield from _section("A drifting engine and no framing effect")
    yield (
        f"Whatever runs second is refused {100 * DRIFT:g} points more; {100 * psi:g} % of pairs flip besides. In fixed "
        "order that is a gap, in drawn order it is flips."
    )
    yield ""
    gates = ("gap_contains_zero", "period_effect", "engine_noise", ORDER_GATE)
    yield from _table(
        ["n", *(f"`{gate}` fails, {order}" for order in ("fixed", "drawn") for gate in gates)],
        (
            [str(one["n"]), *(f"{fails(cell, gate):.1%}" for cell in (one, other) for gate in gates)]
            for one, other in zip(fixed, drawn, strict=True)
        ),
    )


def lesson_flip_rate(result: Document) -> float:
    """Flip rate at which the drifting engine is shown: the one next to that of the study's replication (2.3 %)."""
    return min(
        (float(cell["psi"]) for cell in result["cells"] if cell["drift"]), key=lambda psi: abs(psi - 0.023), default=0.0
    )


def _early_stopping(result: Document) -> Iterator[str]:
    if not result["early_stopping"]:
        return
    yield from _section("Early stopping")
    yield (
        f"Suites of two modes that look after every pair, at alpha {result['early_stopping_alpha']:g} for both "
        "together: share that stops, and prompts saved on the average of all suites."
    )
    yield ""
    yield from _table(
        ["flip rate", "gap", "n", "stopped", "prompts saved"],
        (
            [
                f"{100 * cell['psi']:g} %",
                f"{100 * cell['gap']:+g}" if cell["gap"] else "0",
                str(cell["n"]),
                _percent(cell["stopped"]),
                f"{cell['prompts_saved']:.1%}",
            ]
            for cell in result["early_stopping"]
        ),
    )


def _simulated(result: Document, cell: Document, gate: str) -> int:
    """Return of how many independent outcomes a share is."""
    draws = {draw["n"]: draw["draws"] for draw in result["order_draws"]}
    return int(draws[cell["n"]] if gate == ORDER_GATE else result["sessions_per_cell"])


def _consequence(cell: Document, gate: str) -> bool:
    return gate in cell["consequences"]


def _row(found: Sequence[Document], n: int, rates: Iterable[float]) -> Iterator[Document]:
    for psi in rates:
        yield from (cell for cell in found if cell["n"] == n and cell["psi"] == psi)


def _values(found: Sequence[Document], name: str) -> list[Any]:
    return sorted({cell[name] for cell in found})


def _gate_share(cell: Document, gate: str) -> str:
    share = f"{fails(cell, gate):.2%}"
    return f"({share})" if _consequence(cell, gate) else share


def _alarm(estimate: Document) -> str:
    text = _percent(estimate)
    return f"**{text}**" if estimate["low"] > PROMISE else text


def _percent(estimate: Document) -> str:
    return f"{estimate['share']:.2%} [{estimate['low']:.2%}, {estimate['high']:.2%}]"


def _with_error(share: float, n: int) -> str:
    low, high = wilson_interval(round(share * n), n, 0.95)
    return _percent({"share": share, "low": low, "high": high})


def _section(title: str) -> tuple[str, str, str]:
    return "", f"## {title}", ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
