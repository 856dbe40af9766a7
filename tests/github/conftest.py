"""The small project of ``tests/pytester``, for runs of the action in it."""

from tests.pytester.conftest import project

__all__ = ["project"]
