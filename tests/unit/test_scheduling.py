from __future__ import annotations

import inspect
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from pytest_framing.scheduling import batch_scheduler, case_label, chose_mode


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


class Config:
    """As much of pytest's configuration as a scheduler asks for when it is made."""

    class option:
        tx = ("popen", "popen")

    def getvalue(self, name: str) -> Any:
        return getattr(self.option, name, None)

    def getoption(self, name: str, default: Any = None) -> Any:
        return getattr(self.option, name, default)


def scopes(batch_of: dict[str, str], *nodeids: str) -> list[str]:
    scheduler = batch_scheduler(Config(), None, batch_of)
    return [scheduler._split_scope(nodeid) for nodeid in nodeids]


def test_cases_of_a_batch_are_one_unit_of_work_across_files() -> None:
    batch_of = {"s/t::k1": "teapots/00000", "s/t::k2": "teapots/00000", "s/t::k3": "teapots/00001"}
    assert scopes(batch_of, "s/t/a.py::test_x[k1]", "s/t/b.py::test_y[k2]", "s/t/a.py::test_x[k3]") == [
        "teapots/00000",
        "teapots/00000",
        "teapots/00001",
    ]


def test_cases_of_one_name_in_two_suites_are_told_apart_by_their_folders() -> None:
    batch_of = {"s/teapots::k1": "teapots/00000", "s/kettles::k1": "kettles/00000"}
    assert scopes(batch_of, "s/teapots/a.py::test_x[k1]", "s/kettles/a.py::test_x[k1]") == [
        "teapots/00000",
        "kettles/00000",
    ]


def test_other_tests_keep_the_scope_that_xdist_gives_them() -> None:
    own, theirs = scopes({"::k1": "teapots/00000"}, "a.py::TestIt::test_plain", "b.py::test_other[7]")
    assert (own, theirs) == ("a.py::TestIt", "b.py")


def test_xdist_still_has_the_private_method_that_is_overridden() -> None:
    """``_split_scope`` is private: without it, batches would be torn apart and no error would say so."""
    assert list(inspect.signature(LoadScopeScheduling._split_scope).parameters) == ["self", "nodeid"]
    source = inspect.getsource(LoadScopeScheduling)
    assert source.count("self._split_scope(") >= 1
