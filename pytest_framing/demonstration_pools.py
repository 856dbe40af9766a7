"""Pools of demonstrations: requests that are answered, where they come from, and what makes a pool unusable."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.errors import PromptError, PromptsNotAtHandError, place
from pytest_framing.prompt_sources import chosen, parse_hub, read_hub_rows
from pytest_framing.prompts import source_name
from pytest_framing.records import PromptSet, text_digest
from pytest_framing.table_files import Row, columns_found, read_table

if TYPE_CHECKING:
    from pytest_framing.models.registry import ModelSpec
    from pytest_framing.settings import PromptChoice
    from pytest_framing.suite import Source, Suite

DATA = Path(__file__).parent / "data"
EMBEDDED: Mapping[str, Path] = {
    "restricted": DATA / "demonstrations_harmful.jsonl",
    "everyday": DATA / "demonstrations_benign.jsonl",
}
# Looked for below pytest's root folder when no option names a file.
LOCAL_PLACES: Mapping[str, tuple[str, ...]] = {
    "redteam2k": ("data/redteam2k.jsonl", "data/redteam2k.csv", "data/RedTeam_2K.csv"),
    "ultrachat": ("data/ultrachat.jsonl", "data/ultrachat_200k.jsonl"),
}
FEWEST_WORDS = 5
"""Shorter prompts stand by chance inside longer requests."""
_REQUESTS = ("request", "prompt", "instruction", "question", "user")
_RESPONSES = ("response", "answer", "output", "completion", "assistant")


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A request with the response that goes along with it."""

    id: str
    request: str = field(repr=False)
    response: str = field(repr=False)

    @property
    def digest(self) -> str:
        """Digest of both texts."""
        return text_digest(self.request, self.response)


@dataclass(frozen=True, slots=True)
class Pool:
    """Demonstrations of one kind with where they came from; ``left_out`` counts those that were too long."""

    source: str
    origin: str
    resolution: str
    demonstrations: tuple[Demonstration, ...] = field(repr=False)
    revision: str = ""
    left_out: int = 0

    @property
    def digest(self) -> str:
        """Digest over ids and contents, whatever their order."""
        ordered = sorted(self.demonstrations, key=lambda one: one.id)
        return text_digest(*(f"{one.id}={one.digest}" for one in ordered))

    def document(self) -> dict[str, Any]:
        """Return what may be stored and shown."""
        return {
            "source": self.source,
            "origin": self.origin,
            "revision": self.revision,
            "resolution": self.resolution,
            "count": len(self.demonstrations),
            "left_out": self.left_out,
            "digest": self.digest,
        }


def resolve_pool(
    suite: Suite, source: Source, stand_in: str, choices: tuple[PromptChoice, ...], model: ModelSpec, root: Path
) -> Pool:
    """Find and read a pool.

    The first of these that applies: a ``--framing-prompts SOURCE=…`` that names its source; an embedded pool by its
    name; the source's own ``path`` or ``hub`` with ``revision``; a file below ``data/`` in the root folder; the
    embedded pool that stands in for it, for the embedded models alone.

    Parameters
    ----------
    suite
        Whose demonstrations they are.
    source
        What the suite says about the pool.
    stand_in
        Name of the embedded pool that stands in for it.
    choices
        Every ``--framing-prompts``.
    model
        Embedded models react to the embedded pools.
    root
        pytest's root folder.

    Raises
    ------
    PromptsNotAtHandError
        When no way applies, telling how to get the pool.
    PromptError
        When the pool is bad.
    """
    name = source.source
    picked = chosen(name, choices)
    longest = suite.demonstrations.longest if suite.demonstrations else 0
    local = next((root / one for one in LOCAL_PLACES.get(name, ()) if (root / one).is_file()), None)
    if picked is not None:
        return _read(name, picked.location, f"--framing-prompts {name}={picked.location}", longest)
    if name in EMBEDDED:
        return _embedded(name, f"the suite asks for the embedded pool {name!r}", longest)
    if source.path is not None:
        return _read(name, str(suite.path.parent / source.path), f"path in {suite.path}", longest)
    if source.hub is not None:
        return _read(name, f"hub:{source.hub}@{source.revision}", f"hub in {suite.path}", longest)
    if local is not None:
        return _read(name, str(local), f"found at {local}", longest)
    if model.embedded:
        return _embedded(stand_in, f"no {name} at hand: the embedded, harmless pool {stand_in!r} stands in", longest)
    raise PromptsNotAtHandError(
        f"{place(suite.path, root)}: no demonstrations for the source {name!r}; pass --framing-prompts {name}=FILE "
        "(JSONL or CSV with a request and a response on each row), or name `path` or `hub` with `revision`"
    )


def hold_no_leakage(pools: Iterable[Pool], queries: PromptSet) -> None:
    """Refuse pools that hold a request that is also asked, or that the other pools hold too.

    Requests are compared by their letters and digits alone, in lower case, however they are encoded (NFKC; invisible
    characters are none). A prompt of at least five words leaks, too, where it stands inside a longer request; words are
    what blanks and signs divide, so that in a script without blanks only whole requests are told.

    Raises
    ------
    PromptError
        With ids and counts; no text.
    """
    asked = {_bare(prompt.behaviour): prompt.id for prompt in queries.prompts}
    asked |= {_bare(prompt.text): prompt.id for prompt in queries.prompts}
    starts: dict[str, list[str]] = defaultdict(list)
    for text in asked:
        if len(words := text.split()) >= FEWEST_WORDS:
            starts[" ".join(words[:FEWEST_WORDS])].append(text)
    seen: dict[str, str] = {}
    for pool in pools:
        bare = [(one.id, _bare(one.request)) for one in pool.demonstrations]
        leaked = [(name, asked[held]) for name, text in bare if (held := _held(text, asked, starts)) is not None]
        if leaked:
            shown = ", ".join(f"{mine!r} ({theirs!r})" for mine, theirs in leaked[:3])
            raise PromptError(
                f"{pool.origin}: leakage: {len(leaked)} demonstrations of the pool {pool.source!r} are also asked as "
                f"prompts, or hold one: {shown}{' and others' if len(leaked) > 3 else ''}; take them out of the pool"
            )
        own = {text: name for name, text in bare}
        shared = [(name, seen[text]) for text, name in own.items() if text in seen]
        if shared:
            raise PromptError(
                f"{pool.origin}: {len(shared)} demonstrations of the pool {pool.source!r} stand in another pool too, "
                f"first {shared[0][0]!r}; a demonstration is harmful or benign, not both"
            )
        seen |= {text: f"{pool.source}:{name}" for text, name in own.items()}


def _held(request: str, asked: Mapping[str, str], starts: Mapping[str, list[str]]) -> str | None:
    """Return the prompt that a request is or holds; ``starts`` are the prompts by their first words."""
    if request in asked:
        return request
    words = request.split()
    for first in range(len(words) - FEWEST_WORDS + 1):
        for text in starts.get(" ".join(words[first : first + FEWEST_WORDS]), ()):
            if f"{' '.join(words[first:])} ".startswith(f"{text} "):
                return text
    return None


class _Signs(dict[int, str]):
    """What a character is for a comparison, worked out once each."""

    def __missing__(self, code: int) -> str:
        kind = unicodedata.category(chr(code))
        # Variation selectors and the grapheme joiner are marks that nobody sees.
        unseen = kind == "Cf" or code == 0x34F or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF
        self[code] = "" if unseen else chr(code) if kind[0] in "LNM" else " "
        return self[code]


_SIGNS = _Signs()


def _bare(text: str) -> str:
    """Return letters, marks and digits of a text in lower case; a text of signs alone stays as it is."""
    plain = unicodedata.normalize("NFKC", text)
    seen = plain.translate(_SIGNS).casefold()
    return " ".join(unicodedata.normalize("NFKC", seen).split()) or plain.strip()


def _embedded(name: str, resolution: str, longest: int) -> Pool:
    pool = _read(name, str(EMBEDDED[name]), resolution, longest)
    return Pool(name, "embedded", resolution, pool.demonstrations)


def _read(name: str, location: str, resolution: str, longest: int) -> Pool:
    revision = ""
    numbered: Iterable[tuple[int, Row]]
    if location.startswith("hub:"):
        data_set, config, revision = parse_hub(location)
        origin = f"hub:{data_set}"
        numbered = enumerate(read_hub_rows(data_set, revision, config), start=1)
    else:
        origin = location
        numbered = read_table(Path(location), PromptError).rows
    found = list(_demonstrations(origin, numbered))
    if not found:
        raise PromptError(f"{origin}: no demonstrations in the pool {name!r}")
    _hold_unique(origin, found)
    kept = tuple(one for _, one in found if len(one.request) <= longest and len(one.response) <= longest)
    return Pool(source_name(name), origin, resolution, kept, revision, len(found) - len(kept))


def _demonstrations(origin: str, rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, Demonstration]]:
    reader: Callable[[Row], tuple[object, object]] | None = None
    for line, row in rows:
        reader = reader or _reader(origin, line, row)
        request, response = reader(row)
        for what, text in (("request", request), ("response", response)):
            if not isinstance(text, str) or not text.strip():
                raise PromptError.at(
                    origin, line, f"a demonstration without a {what}: each needs a request and a response, as texts"
                )
        # Digests serve where the layout has no id of its own.
        own = str(row.get("id") or row.get("prompt_id") or "").strip()
        texts = str(request).strip(), str(response).strip()
        yield line, Demonstration(own or f"d-{text_digest(*texts).removeprefix('sha256:')[:12]}", *texts)


def _reader(origin: str, line: int, row: Row) -> Callable[[Row], tuple[object, object]]:
    """Tell by the first row what the columns mean: UltraChat's two layouts, RedTeam-2K with responses, or one's own."""
    if isinstance(row.get("messages"), list):
        return lambda one: (_said(one.get("messages"), "user"), _said(one.get("messages"), "assistant"))
    if isinstance(row.get("data"), list):
        return lambda one: tuple((*_texts(one.get("data")), None, None)[:2])  # type: ignore[return-value]  # two of them
    request = next((name for name in _REQUESTS if name in row), "")
    response = next((name for name in _RESPONSES if name in row), "")
    if request and not response:
        raise PromptError.at(
            origin,
            line,
            f"demonstrations without responses: beside {request!r} expected one of {', '.join(_RESPONSES)}; "
            "RedTeam-2K as published has requests alone, so have them answered first and add the column",
        )
    if not request:
        raise PromptError.at(
            origin,
            line,
            f"no column with the request: expected one of {', '.join(_REQUESTS)}, or `messages` or `data` as in "
            f"UltraChat; {columns_found(frozenset(row))}",
        )
    return lambda one: (one.get(request), one.get(response))


def _said(messages: object, role: str) -> object:
    turns = messages if isinstance(messages, list) else []
    return next((turn.get("content") for turn in turns if isinstance(turn, dict) and turn.get("role") == role), None)


def _texts(data: object) -> list[object]:
    return list(data)[:2] if isinstance(data, list) else []


def _hold_unique(origin: str, found: list[tuple[int, Demonstration]]) -> None:
    ids: dict[str, int] = {}
    requests: dict[str, int] = {}
    for line, one in found:
        if one.id in ids:
            raise PromptError.at(origin, line, f"id {one.id!r} stands twice, first on line {ids[one.id]}")
        ids[one.id] = line
        bare = _bare(one.request)
        if bare in requests:
            raise PromptError.at(
                origin, line, f"the request of {one.id!r} stands twice, first on line {requests[bare]}: a context that "
                "showed both would hold fewer demonstrations than it counts"
            )  # fmt: skip
        requests[bare] = line
