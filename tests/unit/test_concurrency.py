"""Several at once: whoever reads finds a whole file, whoever writes second loses nothing of the first."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_framing.errors import OutputError
from pytest_framing.gates.evaluation import known_gates
from pytest_framing.ledger import LedgerWriter
from pytest_framing.results import conclude, write_conclusion
from pytest_framing.run_folder import make_run_folder, name_latest, new_run_id, write_plan
from pytest_framing.run_lock import lock_session
from tests.unit.builders import NAME, make_baseline, make_record, make_run, table, write_run

RUN = make_run(table(3, 1, 1, 3))
ROUNDS = 40


def at_once(*calls: Callable[[], object]) -> None:
    """Call all of them many times, beside each other; what one raises is raised."""
    start = threading.Barrier(len(calls))

    def repeat(call: Callable[[], object]) -> None:
        start.wait()
        for _ in range(ROUNDS):
            call()

    with ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(repeat, call) for call in calls]:
            done.result()


def test_two_savings_of_a_baseline_leave_one_whole_file_with_its_history(tmp_path: Path) -> None:
    at_once(lambda: make_baseline(RUN, tmp_path), lambda: make_baseline(RUN, tmp_path))
    document = json.loads((tmp_path / "baseline.json").read_text(encoding="utf-8"))
    assert len(document["history"]) == 2 * ROUNDS - 1
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_report_of_a_run_that_is_under_way_holds_what_is_there_and_does_not_pass(tmp_path: Path) -> None:
    write_plan(tmp_path, make_record(RUN))
    ledger = LedgerWriter(tmp_path)
    statuses = []
    for response, verdict in zip(RUN.responses, RUN.verdicts, strict=True):
        conclusion = conclude(make_record(RUN), tmp_path, known_gates(), {NAME: (None, "none")})
        write_conclusion(conclusion, tmp_path)
        statuses.append(conclusion.verdict.value)
        ledger.add_response(response)
        ledger.add_verdict(verdict)
    assert "pass" not in statuses


def test_readers_never_find_half_a_document(tmp_path: Path) -> None:
    conclusion = write_run(RUN, tmp_path)
    write_conclusion(conclusion, tmp_path)
    at_once(
        lambda: write_conclusion(conclusion, tmp_path),
        lambda: json.loads((tmp_path / "results.json").read_text(encoding="utf-8")),
        lambda: json.loads((tmp_path / "receipt.json").read_text(encoding="utf-8")),
    )


def test_two_runs_that_begin_at_once_have_folders_of_their_own_and_latest_names_one(tmp_path: Path) -> None:
    made: list[Path] = []

    def begin() -> None:
        folder = make_run_folder(tmp_path, new_run_id("tiny"))
        lock_session(folder).release()
        name_latest(folder)
        made.append(folder)

    at_once(begin, begin, begin)
    assert len(set(made)) == 3 * ROUNDS
    assert (tmp_path / "latest").resolve() in made


def test_a_second_session_is_refused_while_the_first_holds_the_folder(tmp_path: Path) -> None:
    lock = lock_session(tmp_path)
    with pytest.raises(OutputError, match="another session runs in this folder"):
        lock_session(tmp_path)
    lock.release()
    lock_session(tmp_path).release()
