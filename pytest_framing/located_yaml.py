"""YAML whose every value remembers its line, so that an error can name the place to mend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KeyPath = tuple[str | int, ...]
E = TypeVar("E", bound=FramingError)


@dataclass(frozen=True)
class LocatedYaml:
    """A parsed document and the line (from 1) of every key path in it."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def line_of(self, key_path: KeyPath) -> int:
        """Line of a key path, or of the nearest enclosing key that the file has."""
        while key_path and key_path not in self.lines:
            key_path = key_path[:-1]
        return self.lines.get(key_path, 1)

    def error(self, key_path: KeyPath, message: str, kind: type[E]) -> E:
        """Return an error of ``kind`` that points at the key."""
        return kind.at(self.path, self.line_of(key_path), message)


def load_located_yaml(path: Path, kind: type[FramingError] = FramingError) -> LocatedYaml:
    """Read a YAML mapping safely.

    Raises
    ------
    FramingError
        Of the given ``kind``, with file and line, when the file is missing, not UTF-8, not YAML, not a mapping, holds
        a key twice, or uses anchors (an alias can blow a small file up to gigabytes, and no suite needs one).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise kind(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise kind.at(path, line, "not UTF-8; save the file as UTF-8") from error
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise kind.at(path, _line(event.start_mark), "aliases (*name) are not allowed; write the value out")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise kind.at(path, 1, "expected a mapping of keys to values at the top level")
        lines: dict[KeyPath, int] = {}
        _record_lines(path, node, (), lines, kind)
        data = yaml.SafeLoader("").construct_document(node)
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise kind.at(path, line, f"not YAML: a character that is not allowed (U+{error.character:04X})") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise kind.at(path, _line(mark), f"not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise kind(f"{path}: not YAML: {error}") from error
    except RecursionError as error:
        raise kind(f"{path}: nested too deeply") from error
    return LocatedYaml(path, data, lines)


def _record_lines(
    path: Path, node: yaml.Node, key_path: KeyPath, lines: dict[KeyPath, int], kind: type[FramingError]
) -> None:
    lines.setdefault(key_path, _line(node.start_mark))
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                raise kind.at(
                    path, _line(key_node.start_mark), f"key {key_node.value!r} must be a text; put it into quotes"
                )
            child = (*key_path, str(key_node.value))
            if child in lines:
                raise kind.at(path, _line(key_node.start_mark), f"key {key_node.value!r} stands twice")
            lines[child] = _line(key_node.start_mark)
            _record_lines(path, value_node, child, lines, kind)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _record_lines(path, item, (*key_path, index), lines, kind)
    else:
        try:
            yaml.SafeLoader("").construct_object(node)
        except (ValueError, TypeError) as error:
            # Scalars are converted by Python: impossible dates and endless numbers raise its own errors.
            raise kind.at(path, _line(node.start_mark), f"not YAML: {error}") from error


def _line(mark: Any) -> int:
    """Line of a PyYAML mark, of which there are two unrelated types."""
    return int(mark.line) + 1 if mark is not None else 1
