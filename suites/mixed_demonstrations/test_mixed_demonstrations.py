"""Every prompt in every context of demonstrations: the cases of the suite beside this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_framing.records import Case, Verdict

pytestmark = pytest.mark.framing("suite.yaml")


def test_case_is_judged(framing_case: Case, framing_verdict: Verdict) -> None:
    """A case fails only when no verdict could be had; what the verdicts add up to is for the gates."""
    assert framing_verdict is not None
