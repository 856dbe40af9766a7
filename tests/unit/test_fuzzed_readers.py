"""Whatever stands in a file that is read, only our own errors come out; ``bench/fuzz`` goes on for hours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fuzz.__main__ import NAMES
from bench.fuzz.edits import Draw, edited
from bench.fuzz.readers import EDITED, RAW, Reader, paper_run, read_one, readers
from pytest_framing.errors import LedgerError
from pytest_framing.run_folder import read_plan
from tests.unit.builders import some_examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module", params=NAMES)
def reader(request: pytest.FixtureRequest, folder: Path) -> Reader:
    if request.param == "inspect":
        pytest.importorskip("inspect_ai", reason="reads logs of Inspect AI, an extra of its own")
    return readers(folder)[request.param]


@given(data=st.binary(min_size=2, max_size=60))
@some_examples
def test_a_valid_file_that_was_edited_is_read_or_refused(reader: Reader, folder: Path, data: bytes) -> None:
    read_one(reader, bytes([EDITED]) + data, folder)


@given(data=st.binary(max_size=400))
@some_examples
def test_bytes_of_any_kind_are_read_or_refused(reader: Reader, folder: Path, data: bytes) -> None:
    read_one(reader, bytes([RAW]) + data, folder)


def test_what_it_starts_from_is_read(reader: Reader, folder: Path) -> None:
    # A raw seed is a valid file: were it refused, the fuzzer would never get past the door.
    valid = [seed for seed in reader.seeds() if seed[0] == RAW]
    assert valid
    for seed in valid:
        reader.read(seed, folder)


@pytest.mark.parametrize("name", ["prompts", "batches", "cases", "traits", "contexts", "pools"])
@pytest.mark.parametrize("value", [None, 1, "x", [None], {"a": None}], ids=str)
def test_a_part_of_a_plan_that_is_something_else_is_an_error(name: str, value: object, tmp_path: Path) -> None:
    path = paper_run(tmp_path) / "plan.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    (entry,) = document["suites"].values()
    entry[name] = value
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(LedgerError, match=r"plan\.json"):
        read_plan(path.parent)


@pytest.mark.parametrize("field", ["suite", "framing"])
def test_a_case_that_is_none_of_its_suite_is_an_error(field: str, tmp_path: Path) -> None:
    path = paper_run(tmp_path) / "plan.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    (entry,) = document["suites"].values()
    next(case for case in entry["cases"] if case["role"] == "pair")[field] = "another"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(LedgerError, match="is none of the suite"):
        read_plan(path.parent)


def test_edits_change_the_document_and_leave_the_original_alone() -> None:
    document = {"a": [1, {"b": "c"}], "d": None}
    changed = [edited(document, Draw(bytes([1, 2, number, 3, number, 1]))) for number in range(40)]
    assert document == {"a": [1, {"b": "c"}], "d": None}
    assert sum(one != document for one in changed) > 20
