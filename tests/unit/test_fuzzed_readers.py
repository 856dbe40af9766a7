"""Whatever stands in a file that is read, only our own errors come out; ``bench/fuzz`` goes on for hours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fuzz.__main__ import NAMES
from bench.fuzz.edits import Draw, edited
from bench.fuzz.readers import EDITED, RAW, Reader, read_one, readers
from tests.unit.builders import some_examples


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module", params=NAMES)
def reader(request: pytest.FixtureRequest, folder: Path) -> Reader:
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


def test_edits_change_the_document_and_leave_the_original_alone() -> None:
    document = {"a": [1, {"b": "c"}], "d": None}
    changed = [edited(document, Draw(bytes([1, 2, number, 3, number, 1]))) for number in range(40)]
    assert document == {"a": [1, {"b": "c"}], "d": None}
    assert sum(one != document for one in changed) > 20
