"""The calibration study decides as a run does, repeats itself, and shows what it is meant to show."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from bench.calibration import orders as order_draws
from bench.calibration.cells import DRIFT, Cell
from bench.calibration.decisions import FAIL, WORSE, Decisions, holm_rows
from bench.calibration.orders import execute, shipped_suite
from bench.calibration.period_test import period_p
from bench.calibration.report import write_report
from bench.calibration.sessions import simulate
from bench.calibration.stopping import StoppingCell, boundary, stopping_times
from bench.calibration.study import Calibration, Grids, run
from pytest_framing.early_stopping import StopMonitor
from pytest_framing.gates import gap
from pytest_framing.records import VerdictLabel
from pytest_framing.stats.multiplicity import holm
from pytest_framing.stats.order import mainland_gart
from pytest_framing.suite import Stop
from tests.unit.builders import make_plan, make_prompts, make_suite

SEED = 11
TINY = Grids(
    main=[Cell(50, 0.02), Cell(50, 0.02, drift=DRIFT, conditions="fixed")],
    flips=[],
    noise=[],
    stopping=[StoppingCell(50, 0.15, 0.15)],
)


@pytest.fixture(autouse=True)
def few_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge a few orders a size: that takes longer than all the rest."""
    monkeypatch.setattr(order_draws, "MOST", 10)


@pytest.fixture
def no_advice() -> Iterator[None]:
    """Leave out the number of pairs that would settle a gap, which stands in a reason alone."""
    with mock.patch.object(gap, "pairs_to_settle", return_value=math.nan):
        yield


@pytest.mark.usefixtures("no_advice")
def test_look_ups_decide_every_session_as_evaluate_does() -> None:
    calibration = Calibration(30, SEED)
    seen: dict[str, set[int]] = {}
    for cell in (
        Cell(50, 0.0),
        Cell(50, 0.05),
        Cell(50, 0.15, 0.065),
        Cell(50, 0.02, drift=DRIFT, conditions="fixed"),
        Cell(50, 0.01, noise=0.01),
        Cell(200, 0.02, drift=DRIFT),
        Cell(200, 0.15, -0.1, placebo=0.01),
    ):
        decisions, orders = calibration.decisions(cell.conditions), calibration.orders(cell.conditions, cell.n)
        sessions = simulate(cell, decisions.suite, orders, 30, np.random.default_rng(SEED))
        runs = [execute(decisions.suite, cell.n, int(seed)) for seed in orders.seeds]
        statuses = decisions.decide(sessions, [orders.statuses[session % len(runs)] for session in range(30)])
        for session in range(30):
            evaluated = decisions.evaluated(sessions, session, *runs[session % len(runs)])
            assert {name: WORSE[codes[session]] for name, codes in statuses.items()} == evaluated, f"{cell}, {session}"
        for name, codes in statuses.items():
            seen.setdefault(name, set()).update(map(int, codes))
    for name in ("period_effect", "gap_contains_zero", "flip_rate", "engine_noise", "excess_flips", "order_randomized"):
        assert {0, FAIL} <= seen[name], f"{name} was not put to the test"


def test_a_gate_whose_counts_nobody_named_is_refused() -> None:
    suite = shipped_suite("bernoulli")
    _, evidence = execute(suite, 2, SEED)
    with pytest.raises(ValueError, match="say in READS which counts decide over_refusal"):
        Decisions(suite.model_copy(update={"gates": suite.gates | {"over_refusal": {"max": 0.1}}}), evidence)


def test_a_look_up_that_differs_from_evaluate_stops_the_study() -> None:
    calibration = Calibration(5, SEED)
    decisions, orders = calibration.decisions("fixed"), calibration.orders("fixed", 50)
    sessions = simulate(Cell(50, 0.0), decisions.suite, orders, 5, np.random.default_rng(SEED))
    statuses = decisions.decide(sessions, orders.statuses * 5)
    statuses["flip_rate"][3] = FAIL
    decisions.verify(sessions, statuses, [2])
    with pytest.raises(RuntimeError, match="flip_rate: pass in session 3, fail by look-up"):
        decisions.verify(sessions, statuses, [3])


def test_the_period_test_is_that_of_the_gate() -> None:
    rng = np.random.default_rng(SEED)
    sizes = rng.choice([2, 10, 40, 150], size=(200, 1))
    tables = np.zeros((200, 2, 4), dtype=np.int64)
    tables[..., 1:3] = rng.binomial(sizes[..., None], rng.random((200, 2, 2)) * 0.5)
    expected = [
        mainland_gart((first[1], first[2]), (second[2], second[1])).period.p_exact for first, second in tables.tolist()
    ]
    assert period_p(tables) == pytest.approx(expected, rel=1e-9)


def test_adjustment_by_row_is_holms() -> None:
    rng = np.random.default_rng(SEED)
    p = rng.random((100, 6)) ** 3
    p[:, 5] = 1.0
    p[rng.random(p.shape) < 0.2] = np.nan
    for given, adjusted in zip(p, holm_rows(p), strict=True):
        assert adjusted[~np.isnan(given)] == pytest.approx(holm(given[~np.isnan(given)]), rel=1e-12)
        assert np.isnan(adjusted[np.isnan(given)]).all()


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        write_report(run(TINY, 200, SEED), tmp_path / name)
    for name in ("calibration.json", "calibration.md"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    other = run(TINY, 200, SEED + 1)
    assert other["cells"] != json.loads((tmp_path / "once" / "calibration.json").read_text())["cells"]


def test_the_figure_repeats_itself_too(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from bench.calibration.figure import write_figure

    result = run(TINY, 20, SEED)
    for name in ("once.png", "again.png"):
        write_figure(result, tmp_path / name)
    assert (tmp_path / "once.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_every_share_is_one_of_a_whole() -> None:
    for cell in run(TINY, 30, SEED)["cells"]:
        for shares in (*cell["gates"].values(), cell["session"]["verdict"]):
            assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_a_drifting_engine_fakes_a_gap_in_fixed_order_alone() -> None:
    calibration = Calibration(100, SEED)
    fixed = calibration.cell(Cell(400, 0.02, drift=DRIFT, conditions="fixed"))["gates"]
    drawn = calibration.cell(Cell(400, 0.02, drift=DRIFT))["gates"]
    assert fixed["gap_contains_zero"]["fail"] > 0.9
    assert fixed["order_randomized"] == {"fail": 1.0}
    assert fixed["period_effect"].get("fail", 0) == 0
    assert drawn["gap_contains_zero"].get("fail", 0) < 0.15
    assert drawn["period_effect"]["fail"] > 0.9


@pytest.mark.parametrize("gap_size", [0.1, 0.9])
def test_simulated_suites_stop_where_the_monitor_stops(gap_size: float) -> None:
    n, modes = 60, ["standard", "forcing"]
    suite = make_suite(modes=modes, order={"prompts": "given"}).model_copy(update={"stop": Stop(early=True)})
    plan = make_plan(suite, make_prompts(n))
    ids = sorted(plan.prompts(suite.name))
    chances = [0.05, 0.95 - gap_size, gap_size]
    directions = np.random.default_rng(SEED).choice(np.array([-1, 0, 1], dtype=np.int8), (5, n, 2), p=chances)
    times = stopping_times(directions, boundary(n, len(modes) / suite.stop.alpha))
    for one, time in zip(directions, times, strict=True):
        monitor = StopMonitor(plan, {suite.name: suite})
        stopped = n + 1
        for prompt, flips in enumerate(one, start=1):
            for mode, flip in zip(modes, flips, strict=True):
                for framing in ("free", "paid"):
                    refused = flip == (1 if framing == "paid" else -1)
                    label = VerdictLabel.REFUSAL if refused else VerdictLabel.COMPLIANCE
                    if monitor.add((suite.name, f"{ids[prompt - 1]}-{framing}-{mode}"), label):
                        stopped = prompt
        assert stopped == time
    assert (times <= n).all() == (gap_size > 0.5)
