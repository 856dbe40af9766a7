"""Handing out whole batches to xdist workers, so that no batch runs on two of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

# A worker starts an item when it knows the one after it, and holds the last one back until it is told that there is no
# other. With more than this many it has something to do while the next unit travels.
LOW_WATER = 2


def chose_mode(arguments: Sequence[str]) -> bool:
    """Tell whether the user asked for a way of distributing tests, which is then left alone."""
    return any(argument in ("-d", "--dist") or argument.startswith("--dist=") for argument in arguments)


def case_label(nodeid: str) -> str:
    """Return the parameter part of a node id: the case id, for tests that take a case alone."""
    _, bracket, label = nodeid.rpartition("::")[2].partition("[")
    return label.rpartition("]")[0] if bracket else nodeid


def work_units(collection: Sequence[str], batch_of: Mapping[str, str]) -> list[list[int]]:
    """Divide a collection into the indexes of items that go to a worker together, in the order of their first items.

    Parameters
    ----------
    collection
        Node ids.
    batch_of
        Batch by ``folder::label``: where the test file lies, and the label of the case in its node id; or by the label
        alone. What is no case goes with the other tests of its class or file.
    """
    units: dict[str, list[int]] = {}
    for index, nodeid in enumerate(collection):
        units.setdefault(unit_of(nodeid, batch_of), []).append(index)
    return list(units.values())


def unit_of(nodeid: str, batch_of: Mapping[str, str]) -> str:
    """Return the name of the unit that an item belongs to: its batch, or else its class or file."""
    folder, label = nodeid.partition("::")[0].rpartition("/")[0], case_label(nodeid)
    return batch_of.get(f"{folder}::{label}") or batch_of.get(label) or nodeid.rpartition("::")[0]


def batch_keys(cases: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Return what :func:`work_units` finds batches by.

    Parameters
    ----------
    cases
        Folder of the suite as node ids write it, label, and batch of each case. A test file need not lie beside its
        suite: a label that one suite alone has is enough.
    """
    keys: dict[str, str] = {}
    seen: dict[str, str] = {}
    shared: set[str] = set()
    for folder, label, batch in cases:
        keys[f"{'' if folder == '.' else folder}::{label}"] = batch
        if seen.setdefault(label, batch) != batch:
            shared.add(label)
    return keys | {label: batch for label, batch in seen.items() if label not in shared}


@dataclass
class BatchScheduling:
    """Keeps xdist's protocol ``Scheduling``; every step costs the same, however many items there are.

    Parameters
    ----------
    config
        pytest's configuration, where other plugins (pytest-rerunfailures) look for it when a worker dies.
    expected
        Workers that are to collect before anything is handed out.
    batch_of
        As :func:`work_units` takes it.
    report_error
        Takes the name of a worker and what is wrong with what it collected.
    """

    config: Any
    expected: int
    batch_of: Mapping[str, str]
    report_error: Callable[[str, str], None]
    collection: list[str] | None = field(default=None, init=False)
    _collections: dict[Any, list[str]] = field(default_factory=dict, init=False)
    _queue: deque[list[int]] = field(default_factory=deque, init=False)
    # What each worker was sent and has not reported, in the order in which it was sent.
    _pending: dict[Any, dict[int, None]] = field(default_factory=dict, init=False)

    @property
    def nodes(self) -> list[Any]:
        """Workers that take part."""
        return list(self._pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether all workers of the start have collected."""
        return len(self._collections) >= self.expected

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to hand out, and every worker is at its last item."""
        return (
            self.collection_is_completed
            and not self._queue
            and all(len(pending) < 2 for pending in self._pending.values())
        )

    @property
    def has_pending(self) -> bool:
        """Whether any item has still to run."""
        return bool(self._queue) or any(self._pending.values())

    def add_node(self, node: Any) -> None:
        """Take in a worker, which has not collected yet."""
        self._pending[node] = {}

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Take in what a worker collected; a worker that comes later has to have collected the same."""
        if self.collection is not None and list(collection) != self.collection:
            self._report_difference(node, collection)
            del self._pending[node]
            node.shutdown()
            return
        self._collections[node] = list(collection)

    def schedule(self) -> None:
        """Hand out the first units, or more of them to workers that came later."""
        if self.collection is None:
            first, *others = self._collections.items()
            differing = [(node, items) for node, items in others if items != first[1]]
            for node, items in differing:
                self._report_difference(node, items, first)
            if differing:
                return
            self.collection = first[1]
            self._queue.extend(work_units(self.collection, self.batch_of))
            for node in self.nodes:
                self._send(node)
        for node in self.nodes:
            self._supply(node)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Strike an item off, and keep its worker busy."""
        self._pending[node].pop(item_index, None)
        self._supply(node)

    def mark_test_pending(self, item: str) -> None:
        """Put an item back; pytest's own plugins never ask for it."""
        raise NotImplementedError

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Take items back from a worker; whole batches are never stolen."""
        raise NotImplementedError

    def remove_node(self, node: Any) -> str | None:
        """Let go of a worker, and return the node id of the case that it was lost with, if it was.

        The rest of its work is handed out again. That case is not, and what shared its batch runs after everything
        else: should the batch be what killed the worker, it takes no other case along.
        """
        pending = list(self._pending.pop(node))
        if not pending or self.collection is None:
            return None
        crashed, left = pending[0], pending[1:]
        suspect = unit_of(self.collection[crashed], self.batch_of)
        again = work_units([self.collection[index] for index in left], self.batch_of)
        for unit in reversed([[left[place] for place in unit] for unit in again]):
            if unit_of(self.collection[unit[0]], self.batch_of) == suspect:
                self._queue.append(unit)
            else:
                self._queue.appendleft(unit)
        for other in self.nodes:
            self._supply(other)
        return self.collection[crashed]

    def _supply(self, node: Any) -> None:
        if node.shutting_down or node not in self._collections:
            return
        if not self._queue:
            if len(self._pending[node]) <= LOW_WATER:
                node.shutdown()
            return
        while self._queue and len(self._pending[node]) <= LOW_WATER:
            self._send(node)

    def _send(self, node: Any) -> None:
        if self._queue:
            unit = self._queue.popleft()
            self._pending[node].update(dict.fromkeys(unit))
            node.send_runtest_some(unit)

    def _report_difference(self, node: Any, collection: Sequence[str], first: Any = None) -> None:
        from xdist.report import report_collection_diff

        other, official = first if first is not None else next(iter(self._collections.items()))
        message = report_collection_diff(official, list(collection), other.gateway.id, node.gateway.id)
        self.report_error(node.gateway.id, str(message))
