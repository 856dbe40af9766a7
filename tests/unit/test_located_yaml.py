from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.errors import CheckpointError, FramingError, SuiteError
from pytest_framing.located_yaml import load_located_yaml
from tests.unit.builders import some_examples


def error_of(folder: Path, content: str | bytes) -> str:
    path = folder / "kettle.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SuiteError) as caught:
        load_located_yaml(path, SuiteError)
    return str(caught.value)


def test_every_value_remembers_the_line_of_its_key(tmp_path: Path) -> None:
    path = tmp_path / "kettle.yaml"
    path.write_text("# a comment\nspout:\n  length: 3\n  colours:\n  - red\n  - blue\n")
    document = load_located_yaml(path)
    assert document.data == {"spout": {"length": 3, "colours": ["red", "blue"]}}
    assert [document.line_of(key) for key in (("spout",), ("spout", "length"), ("spout", "colours", 1))] == [2, 3, 6]


def test_a_key_that_the_file_lacks_is_located_at_the_section_it_belongs_to(tmp_path: Path) -> None:
    path = tmp_path / "kettle.yaml"
    path.write_text("lid: round\nspout:\n  length: 3\n")
    document = load_located_yaml(path)
    assert document.line_of(("spout", "width", 0)) == 2
    assert str(document.error(("spout", "width"), "is missing", FramingError)) == f"{path}:2: is missing"


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        pytest.param("lid: round\nspout: 1\nlid: square\n", ":3:", "'lid' stands twice", id="duplicate"),
        pytest.param("spout:\n  length: 3\n  length: 4\n", ":3:", "'length' stands twice", id="nested duplicate"),
        pytest.param("lid: &round x\nspout: *round\n", ":2:", "write the value out", id="alias"),
        pytest.param("lid: [1, 2\nspout: 3\n", ":2:", "not YAML", id="syntax"),
        pytest.param("lid: 1\n---\nspout: 2\n", ":2:", "another document", id="two documents"),
        pytest.param("- lid\n- spout\n", ":1:", "expected a mapping", id="list"),
        pytest.param("", ":1:", "expected a mapping", id="empty"),
        pytest.param("lid: round\n\tspout: 1\n", ":2:", "not YAML", id="tab"),
    ],
)
def test_an_error_names_file_line_and_what_is_wrong(tmp_path: Path, content: str, place: str, words: str) -> None:
    message = error_of(tmp_path, content)
    assert message.startswith(f"{tmp_path / 'kettle.yaml'}{place} ")
    assert words in message


def test_a_bomb_of_aliases_is_refused_before_it_is_expanded(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert "aliases" in error_of(tmp_path, "\n".join(levels))


def test_nesting_without_end_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    assert "nested too deeply" in error_of(tmp_path, "lid:\n" + "- " * 1200 + "x")


def test_a_missing_file_is_an_error_of_the_kind_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no-such-file\.yaml: cannot be read: No such file"):
        load_located_yaml(tmp_path / "no-such-file.yaml", CheckpointError)


def test_bytes_that_are_not_utf8_are_an_error_that_says_how_to_save_the_file(tmp_path: Path) -> None:
    message = error_of(tmp_path, b"lid: round\nspout: caf\xe9\n")
    assert "kettle.yaml" in message
    assert "save the file as UTF-8" in message


def test_bytes_that_are_not_utf8_are_located(tmp_path: Path) -> None:
    assert "kettle.yaml:2:" in error_of(tmp_path, b"lid: round\nspout: caf\xe9\n")


def test_a_control_character_is_located(tmp_path: Path) -> None:
    assert "kettle.yaml:2:" in error_of(tmp_path, "lid: round\nspout: \x07\n")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("!!python/object:os.system x", id="unsafe tag"),
        pytest.param("2001-99-99", id="impossible date"),
        pytest.param("9" * 5000, id="endless number"),
        pytest.param("{[a, b]: c}", id="list as key"),
    ],
)
def test_a_value_that_cannot_be_constructed_is_a_located_error(tmp_path: Path, value: str) -> None:
    assert "kettle.yaml:2:" in error_of(tmp_path, f"lid: round\nspout: {value}\n")


PLAIN = st.text(st.characters(codec="latin-1", categories=("L", "N", "P", "S", "Zs")), max_size=12)
KEYS = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        PLAIN | st.integers() | st.booleans() | st.none(),
        lambda inner: st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=5,
    ),
    min_size=1,
    max_size=4,
)


@given(data=DOCUMENTS)
@some_examples
def test_what_yaml_writes_is_read_back_and_every_key_lies_on_its_line(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    text = yaml.safe_dump(data, default_flow_style=False, allow_unicode=True, width=10_000)
    path.write_text(text, encoding="utf-8")
    document = load_located_yaml(path)
    assert document.data == data
    lines = text.split("\n")
    for key_path, line in document.lines.items():
        assert not key_path or lines[line - 1].lstrip().startswith((f"{key_path[-1]}:", f"'{key_path[-1]}':"))
