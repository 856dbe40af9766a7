"""Which items go to a worker together, and that each goes to one worker once, whatever happens to the workers."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdist.scheduler.protocol import Scheduling

from pytest_framing.scheduling import BatchScheduling, batch_keys, case_label, chose_mode, work_units


@pytest.mark.parametrize("arguments", [["-d"], ["--dist", "loadfile"], ["--dist=no"], ["-n", "2", "--dist=loadgroup"]])
def test_a_way_of_distributing_that_the_user_chose_is_left_alone(arguments: list[str]) -> None:
    assert chose_mode(arguments)


@pytest.mark.parametrize("arguments", [[], ["-n", "4"], ["suites/", "--model", "tiny"], ["-k", "dist"], ["--distant"]])
def test_a_number_of_workers_alone_is_no_choice(arguments: list[str]) -> None:
    assert not chose_mode(arguments)


@pytest.mark.parametrize(
    ("nodeid", "label"),
    [
        ("suites/a/test_a.py::test_case[kettle-free-standard]", "kettle-free-standard"),
        ("suites/a/test_a.py::test_case[kettle-free-standard]@group", "kettle-free-standard"),
        ("suites/a/test_a.py::TestIt::test_case[k]", "k"),
        ("suites/a/test_a.py::test_plain", "suites/a/test_a.py::test_plain"),
        pytest.param("suites/a[1]/test_a.py::test_case[k]", "k"),
    ],
)
def test_the_label_of_a_case_is_read_from_its_node_id(nodeid: str, label: str) -> None:
    assert case_label(nodeid) == label


def test_cases_of_a_batch_are_one_unit_of_work_across_files() -> None:
    batch_of = {"s/t::k1": "teapots/00000", "s/t::k2": "teapots/00000", "s/t::k3": "teapots/00001"}
    assert work_units(["s/t/a.py::test_x[k1]", "s/t/a.py::test_x[k3]", "s/t/b.py::test_y[k2]"], batch_of) == [
        [0, 2],
        [1],
    ]


def test_cases_of_one_name_in_two_suites_are_told_apart_by_their_folders() -> None:
    batch_of = {"s/teapots::k1": "teapots/00000", "s/kettles::k1": "kettles/00000"}
    assert work_units(["s/teapots/a.py::test_x[k1]", "s/kettles/a.py::test_x[k1]"], batch_of) == [[0], [1]]


def test_a_test_file_need_not_lie_beside_its_suite() -> None:
    batch_of = batch_keys([("s/teapots", "k1", "teapots/00000"), ("s/teapots", "k2", "teapots/00001")])
    assert work_units(["t/a.py::test_x[k1]", "t/a.py::test_x[k2]"], batch_of) == [[0], [1]]


def test_the_suite_may_lie_in_the_root_folder() -> None:
    batch_of = batch_keys([(".", "k1", "a/0"), (".", "k2", "a/1"), ("other", "k1", "b/0")])
    assert work_units(["a.py::test_x[k1]", "a.py::test_x[k2]", "other/b.py::test_x[k1]"], batch_of) == [[0], [1], [2]]


def test_what_shared_the_batch_of_a_lost_case_runs_after_everything_else() -> None:
    run = Run([3, 2, 2], 1)
    (worker,) = run.workers
    assert run.scheduler.remove_node(worker) == "s/t.py::test_x[b0c0]"
    successor = run.join()
    while not run.scheduler.tests_finished:
        index = successor.sent[successor.done]
        successor.done += 1
        run.scheduler.mark_test_complete(successor, index)
    assert successor.sent == [3, 4, 5, 6, 1, 2]


def test_other_tests_go_with_those_of_their_class_or_file() -> None:
    collection = ["a.py::TestIt::test_plain", "b.py::test_other[7]", "a.py::TestIt::test_more", "b.py::test_last"]
    assert work_units(collection, {"::k1": "teapots/00000"}) == [[0, 2], [1, 3]]


@dataclass(eq=False)
class Worker:
    """A worker as the scheduler sees it; it runs what it was sent, in order, and holds the last item back."""

    name: str
    sent: list[int] = field(default_factory=list)
    done: int = 0
    shutting_down: bool = False

    @property
    def gateway(self) -> Any:
        return SimpleNamespace(id=self.name)

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent.extend(indices)

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def can_run(self) -> bool:
        left = len(self.sent) - self.done
        return left > 1 or (left == 1 and self.shutting_down)


class Run:
    """As much of an xdist session as a scheduler meets."""

    def __init__(self, batches: list[int], workers: int) -> None:
        self.collection = [
            f"s/t.py::test_x[b{batch}c{case}]" for batch, cases in enumerate(batches) for case in range(cases)
        ]
        batch_of = {f"s::b{batch}c{case}": f"t/{batch}" for batch, cases in enumerate(batches) for case in range(cases)}
        self.problems: list[str] = []
        self.scheduler = BatchScheduling(None, workers, batch_of, lambda worker, message: self.problems.append(worker))
        self.workers: list[Worker] = []
        self.lost: list[str] = []
        for _ in range(workers):
            self.join()

    def join(self, collection: list[str] | None = None) -> Worker:
        worker = Worker(f"gw{len(self.workers)}")
        self.workers.append(worker)
        self.scheduler.add_node(worker)
        self.scheduler.add_node_collection(worker, collection or self.collection)
        if self.scheduler.collection_is_completed:
            self.scheduler.schedule()
        return worker

    def finish(self, chance: random.Random, crashes: int = 0) -> None:
        """Let workers run in any order, some of them dying, until everything has run."""
        while not self.scheduler.tests_finished:
            worker = chance.choice([one for one in self.workers if one.can_run])
            if crashes and chance.random() < 0.1:
                crashes -= 1
                crashed = self.scheduler.remove_node(worker)
                assert crashed == self.collection[worker.sent[worker.done]]
                self.lost.append(crashed)
                worker.sent[worker.done :] = []
                self.join()
                continue
            index = worker.sent[worker.done]
            worker.done += 1
            self.scheduler.mark_test_complete(worker, index)


BATCHES = st.lists(st.integers(1, 6), min_size=1, max_size=12)


@given(BATCHES, st.integers(1, 4), st.integers(0, 2**32))
def test_each_item_goes_to_one_worker_and_each_batch_to_one(batches: list[int], workers: int, seed: int) -> None:
    run = Run(batches, workers)
    run.finish(random.Random(seed))
    sent = [index for worker in run.workers for index in worker.sent]
    assert sorted(sent) == list(range(len(run.collection)))
    for worker in run.workers:
        assert sorted(worker.sent) == worker.sent, "in planned order"
        names = {run.collection[index].partition("[")[2].partition("c")[0] for index in worker.sent}
        others = {
            run.collection[index].partition("[")[2].partition("c")[0]
            for other in run.workers
            if other is not worker
            for index in other.sent
        }
        assert not names & others


@given(BATCHES, st.integers(1, 3), st.integers(0, 2**32), st.integers(1, 3))
def test_of_a_dead_worker_only_the_case_that_it_died_of_is_not_run_again(
    batches: list[int], workers: int, seed: int, crashes: int
) -> None:
    run = Run(batches, workers)
    run.finish(random.Random(seed), crashes)
    sent = [run.collection[index] for worker in run.workers for index in worker.sent]
    assert sorted([*sent, *run.lost]) == sorted(run.collection)


def test_workers_that_see_different_tests_run_nothing_and_say_so() -> None:
    run = Run([2, 2], 1)
    run.scheduler = BatchScheduling(None, 2, {}, run.scheduler.report_error)
    first, second = run.join(), run.join(["s/t.py::test_x[other]"])
    assert first.sent == second.sent == []
    assert run.problems == [second.name]


def test_a_late_worker_that_sees_different_tests_is_sent_home() -> None:
    run = Run([2, 2, 2], 1)
    late = run.join(["s/t.py::test_x[other]"])
    assert late.shutting_down
    assert late not in run.scheduler.nodes
    assert run.problems == [late.name]


def test_it_has_everything_that_xdist_asks_of_a_scheduler() -> None:
    asked = {name for name in vars(Scheduling) if not name.startswith("_")}
    assert asked <= {*dir(BatchScheduling)}
