from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.errors import LedgerError, OutputError
from pytest_framing.ledger import LedgerWriter, read_responses, read_verdicts
from pytest_framing.records import Response, VerdictLabel
from tests.unit.builders import (
    INVALID,
    PARTIAL,
    make_response,
    make_run,
    make_verdict,
    some_examples,
    table,
    write_ledger,
)

RUN = make_run(table(2, 1, 1, 2))


def written(folder: Path) -> Path:
    """Write a run and return the file of its responses."""
    write_ledger(folder, RUN.responses, RUN.verdicts)
    return folder / "responses.jsonl"


def edit(path: Path, line: int, old: str, new: str) -> None:
    lines = path.read_text().splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    path.write_text("".join(lines))


def test_what_is_written_is_read_back_in_order(tmp_path: Path) -> None:
    written(tmp_path)
    assert read_responses(tmp_path).records == RUN.responses
    assert read_verdicts(tmp_path).records == RUN.verdicts
    assert read_responses(tmp_path).torn == ()


def test_every_kind_of_verdict_is_read_back(tmp_path: Path) -> None:
    verdicts = [make_verdict(case, label) for case, label in zip(RUN.cases, (PARTIAL, INVALID), strict=False)]
    write_ledger(tmp_path, (), verdicts)
    assert list(read_verdicts(tmp_path).records) == verdicts


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("a\x00b\x1b[2J\x7f", id="control characters"),
        pytest.param("\ud800 alone, \udfff too", id="lone surrogates"),
        pytest.param("one\u2028two\u2029three\x85four\r\nfive", id="line separators"),
        pytest.param("🫖" * 3, id="emoji"),
        pytest.param('{"checksum": "x"}', id="looks like a record"),
        pytest.param("fog " * 500_000, id="two megabytes"),
    ],
)
def test_whatever_a_model_writes_is_kept(tmp_path: Path, answer: str) -> None:
    response = make_response(RUN.cases[0], answer=answer, reasoning=answer[:100])
    write_ledger(tmp_path, [response, RUN.responses[1]], ())
    assert read_responses(tmp_path).records == (response, RUN.responses[1])
    assert len((tmp_path / "responses.jsonl").read_bytes().splitlines()) == 2


@given(answer=st.text(), number=st.floats())
@some_examples
def test_any_text_and_number_is_read_back(tmp_path_factory: pytest.TempPathFactory, answer: str, number: float) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    write_ledger(folder, [make_response(RUN.cases[0], answer=answer, started=number)], ())
    (response,) = read_responses(folder).records
    assert response.answer == answer
    assert repr(response.started) == repr(number)


def test_the_lines_of_several_workers_are_read_together(tmp_path: Path) -> None:
    for worker, part in (("gw0", slice(0, 4)), ("gw1", slice(4, 9)), ("main", slice(9, None))):
        write_ledger(tmp_path, RUN.responses[part], RUN.verdicts[part], worker)
    assert len(list(tmp_path.glob("responses*.jsonl"))) == 3
    assert {one.key for one in read_responses(tmp_path).records} == {case.key for case in RUN.cases}
    assert {one.key for one in read_verdicts(tmp_path).records} == {case.key for case in RUN.cases}


def test_a_second_judge_adds_lines_and_rewrites_none(tmp_path: Path) -> None:
    written(tmp_path)
    before = (tmp_path / "verdicts.jsonl").read_bytes()
    write_ledger(tmp_path, (), [replace(RUN.verdicts[0], judge="other/1")])
    assert (tmp_path / "verdicts.jsonl").read_bytes().startswith(before)
    assert len(read_verdicts(tmp_path).records) == len(RUN.verdicts) + 1


def test_a_run_without_responses_has_none(tmp_path: Path) -> None:
    LedgerWriter(tmp_path).close()
    assert read_responses(tmp_path).records == ()
    assert list(tmp_path.iterdir()) == []


def test_a_torn_last_line_is_reported_and_left_out(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    read = read_responses(tmp_path)
    assert read.records == RUN.responses[:-1]
    assert read.torn == (path,)


def test_a_last_line_that_lacks_its_end_alone_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    read = read_responses(tmp_path)
    assert (read.records, read.torn) == (RUN.responses, ())


def test_a_torn_line_of_one_worker_does_not_cost_the_lines_of_another(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    write_ledger(tmp_path, RUN.responses[-1:], (), "gw1")
    assert {one.key for one in read_responses(tmp_path).records} == {case.key for case in RUN.cases}


def test_a_writer_that_goes_on_after_a_torn_line_does_not_damage_the_next(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    write_ledger(tmp_path, RUN.responses[-1:], ())
    assert read_responses(tmp_path).records == RUN.responses


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", "{}", '"text"', "\x00" * 8])
def test_damage_before_the_last_line_names_file_and_line(tmp_path: Path, damage: str) -> None:
    path = written(tmp_path)
    lines = path.read_text().splitlines()
    lines[2] = damage
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LedgerError, match=r"responses\.jsonl:3: damaged record .*changed or lost after writing"):
        read_responses(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [('"verdict": "compliance"', '"verdict": "refusal"'), ('"teapots"', '"teapotz"'), ('e": 1,', 'e": 2,')],
)
def test_an_edited_line_does_not_have_its_checksum(tmp_path: Path, old: str, new: str) -> None:
    written(tmp_path)
    path = tmp_path / "verdicts.jsonl"
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if old in text)
    edit(path, line, old, new)
    with pytest.raises(LedgerError, match=rf"verdicts\.jsonl:{line}: .*the checksum does not match"):
        read_verdicts(tmp_path)


def test_an_edited_last_line_is_damage_and_not_a_torn_line(tmp_path: Path) -> None:
    path = written(tmp_path)
    edit(path, len(RUN.responses), '"stop"', '"length"')
    with pytest.raises(LedgerError, match=f":{len(RUN.responses)}: "):
        read_responses(tmp_path)


def test_an_unknown_verdict_is_damage(tmp_path: Path) -> None:
    write_ledger(tmp_path, (), [make_verdict(RUN.cases[0], cast("VerdictLabel", "perhaps"))])
    with pytest.raises(LedgerError, match="verdict: Input should be 'refusal'"):
        read_verdicts(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(tmp_path_factory.mktemp("whole")).read_bytes()


@given(data=st.data())
@some_examples
def test_a_file_cut_at_any_byte_is_read_without_an_invented_record(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(whole)))
    folder = tmp_path_factory.mktemp("cut")
    (folder / "responses.jsonl").write_bytes(whole[:cut])
    read = read_responses(folder)
    kept = whole[:cut].count(b"\n")
    # The line that was cut may be whole but for its end.
    assert read.records in (RUN.responses[:kept], RUN.responses[: kept + 1])
    assert len(read.torn) == (0 if len(read.records) > kept or whole[:cut].endswith(b"\n") or not cut else 1)


@given(data=st.data())
@some_examples
def test_a_changed_byte_is_never_read_as_another_record(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("changed")
    (folder / "responses.jsonl").write_bytes(changed)
    try:
        records: tuple[Response, ...] = read_responses(folder).records
    except LedgerError:
        records = ()
    assert set(records) <= set(RUN.responses)


def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    ledger = LedgerWriter(tmp_path / "gone")
    with pytest.raises(OutputError, match=r"gone/responses\.jsonl: cannot be written: No such file"):
        ledger.add_response(RUN.responses[0])


def test_a_disk_that_is_full_is_an_error_and_not_a_shorter_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_framing.ledger.os.write", lambda descriptor, line: len(line) - 1)
    with pytest.raises(OutputError, match="is the disk full"):
        LedgerWriter(tmp_path).add_response(RUN.responses[0])
