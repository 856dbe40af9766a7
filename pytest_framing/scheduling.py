"""Handing out whole batches to xdist workers, so that no batch runs on two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def chose_mode(arguments: Sequence[str]) -> bool:
    """Tell whether the user asked for a way of distributing tests, which is then left alone."""
    return any(argument in ("-d", "--dist") or argument.startswith("--dist=") for argument in arguments)


def case_label(nodeid: str) -> str:
    """Return the parameter part of a node id: the case id, for tests that take a case alone."""
    _, bracket, label = nodeid.rpartition("::")[2].partition("[")
    return label.rpartition("]")[0] if bracket else nodeid


def batch_scheduler(config: Any, log: Any, batch_of: Mapping[str, str]) -> Any:
    """Return an xdist scheduler that keeps the cases of a batch on one worker.

    Parameters
    ----------
    config, log
        As xdist hands them to ``pytest_xdist_make_scheduler``.
    batch_of
        Batch by ``folder::label``: where the test file lies, and the label of the case in its node id.
    """
    from xdist.scheduler import LoadScopeScheduling

    class BatchScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
        """One work unit a planned batch."""

        def _split_scope(self, nodeid: str) -> str:
            folder = nodeid.partition("::")[0].rpartition("/")[0]
            return batch_of.get(f"{folder}::{case_label(nodeid)}") or str(super()._split_scope(nodeid))

        def remove_node(self, node: Any) -> str | None:
            """Take back what a lost worker was to do, except for the case that it was lost with.

            xdist would hand that case out again, and it would take one worker after the other with it.
            """
            workload = self.assigned_work.pop(node)
            pending = (case for unit in workload.values() for case, done in unit.items() if not done)
            crashed: str | None = next(pending, None)
            if crashed is None:
                return None
            for unit in workload.values():
                if crashed in unit:
                    unit[crashed] = True
            self.workqueue.update({scope: unit for scope, unit in workload.items() if not all(unit.values())})
            for other in self.assigned_work:
                self._reschedule(other)
            return crashed

    return BatchScheduling(config, log)
