"""Release gates for language-model safety that cannot be fooled by their own protocol."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_framing.frames import load_run as load_run

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: pytest imports this package in every project that has it installed.
    if name == "load_run":
        from pytest_framing.frames import load_run

        return load_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
