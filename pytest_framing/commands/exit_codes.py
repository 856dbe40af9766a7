"""What the exit code of a command means to the script that called it."""

from __future__ import annotations

PASS, FAIL, INCONCLUSIVE, BROKEN = 0, 1, 2, 3
