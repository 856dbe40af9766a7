"""Property tests that give the same answer on every machine: drawn from a fixed seed, not timed."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("statistics", derandomize=True, deadline=None, database=None)
settings.load_profile("statistics")
