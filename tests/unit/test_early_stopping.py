from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from pytest_framing.early_stopping import FILE, EarlyStop, StopMonitor, read_stops, write_stops
from pytest_framing.errors import LedgerError
from tests.unit.builders import COMPLIANCE, INVALID, REFUSAL, Cell, Run, make_run, make_suite, table

STOPPING = make_suite(stop={"early": True, "alpha": 0.01})


def watch(run: Run, order: list[int] | None = None) -> tuple[EarlyStop | None, int]:
    """Hand a run's verdicts to a monitor; return the stop and how many verdicts it had seen by then."""
    monitor = StopMonitor(run.plan, {run.suite.name: run.suite})
    for number, at in enumerate(order or range(len(run.verdicts)), start=1):
        stop = monitor.add(run.verdicts[at].key, run.verdicts[at].verdict)
        if stop is not None:
            return stop, number
    return None, len(run.verdicts)


def run_of(cells: list[Cell], seed: int = 0) -> Run:
    shuffled = random.Random(seed).sample(cells, len(cells))
    return make_run(shuffled, suite=STOPPING)


def test_a_large_effect_stops_the_suite_long_before_its_end() -> None:
    stop, seen = watch(run_of(table(60, 0, 60, 80)))
    assert stop is not None
    assert (stop.treatment_only, stop.reference_only) == (11, 0)
    assert stop.log_e_value >= math.log(stop.threshold) == math.log(100)
    assert seen == 2 * stop.pairs < 150
    assert f"stopped after {stop.pairs} of 200 pairs in standard mode" in stop.reason()


def test_flips_in_both_directions_stop_nothing() -> None:
    assert watch(run_of(table(60, 30, 30, 80)))[0] is None


def test_a_suite_that_does_not_ask_for_it_runs_to_its_end() -> None:
    cells = table(0, 0, 100, 0)
    assert watch(make_run(cells))[0] is None


def test_answers_that_could_not_be_judged_are_no_evidence() -> None:
    assert watch(run_of([(INVALID, REFUSAL)] * 50 + [(COMPLIANCE, INVALID)] * 50))[0] is None


def test_a_case_that_reports_again_counts_once() -> None:
    run = run_of(table(60, 0, 7, 80))
    monitor = StopMonitor(run.plan, {run.suite.name: run.suite})
    for _ in range(3):
        assert all(monitor.add(one.key, one.verdict) is None for one in run.verdicts)


def test_controls_are_no_evidence_of_an_effect() -> None:
    suite = make_suite(stop={"early": True}, controls={"repeat_fraction": 1, "placebo": True})
    again = {f"teapot_{n:04d}-paid-standard-r2": REFUSAL for n in range(100)}
    placebo = {f"teapot_{n:04d}": REFUSAL for n in range(100)}
    assert watch(make_run(table(0, 0, 0, 100), suite=suite, again=again, placebo=placebo))[0] is None


def test_the_order_in_which_workers_report_a_pair_does_not_matter() -> None:
    run = run_of(table(20, 0, 30, 50))
    first, _ = watch(run)
    last, _ = watch(run, [at ^ 1 for at in range(len(run.verdicts))])
    assert first is not None
    assert last is not None
    assert first.log_e_value == last.log_e_value


def test_without_an_effect_a_suite_rarely_stops_however_often_one_looks() -> None:
    stops = 0
    for seed in range(200):
        draw = random.Random(seed)
        cells = [((REFUSAL, COMPLIANCE) if draw.random() < 0.5 else (COMPLIANCE, REFUSAL)) for _ in range(60)]
        stops += watch(run_of(cells, seed))[0] is not None
    assert stops <= 6, "at alpha = 0.01, more than 6 of 200 have a probability below 0.005"


def test_a_stop_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    stop, _ = watch(run_of(table(60, 0, 60, 80)))
    assert stop is not None
    write_stops(tmp_path, [stop])
    assert read_stops(tmp_path) == {stop.suite: stop}
    assert read_stops(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("treatment_only", 3),
        ("log_e_value", 9.0),
        ("threshold", 1e9),
        ("schema_version", 2),
        ("pairs", None),
        ("pairs", 10**6),
    ],
)
def test_a_stop_whose_figures_do_not_hold_is_refused(tmp_path: Path, name: str, value: object) -> None:
    stop, _ = watch(run_of(table(60, 0, 60, 80)))
    assert stop is not None
    write_stops(tmp_path, [stop])
    document = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    target = document if name == "schema_version" else document["suites"][stop.suite]
    if value is None:
        del target[name]
    else:
        target[name] = value
    (tmp_path / FILE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(LedgerError, match=FILE):
        read_stops(tmp_path)
