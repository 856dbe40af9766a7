"""The figure of ``framing compare --figure``: what demonstrations do, stage by stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_framing.comparison.stages import Stage

FORMATS = (".svg", ".png", ".pdf")


def write_stage_figure(stages: Sequence[Stage], path: Path) -> None:
    """Draw the coefficients of each stage with their intervals, and compliance after harmful demonstrations alone.

    Raises
    ------
    OutputError
        For a file of another kind, or one that cannot be written.
    """
    from matplotlib.figure import Figure

    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"--figure {path}: expected a file of the kind {', '.join(FORMATS)}")
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind, shift, marker in (("harmful", -0.08, "s"), ("benign", 0.08, "o")):
        values = [getattr(stage, kind) for stage in stages]
        left.errorbar(
            [place + shift for place in range(len(stages))],
            [estimate for estimate, _, _ in values],
            yerr=[[one - low for one, low, _ in values], [high - one for one, _, high in values]],
            fmt=marker,
            capsize=3,
            label=kind,
        )
    left.axhline(0, color="grey", linewidth=0.8)
    left.set_xticks(range(len(stages)), [f"{stage.name}\n{stage.effect}" for stage in stages])
    left.set(ylabel="log odds of compliance for one more", title="Coefficients, 95 % intervals")
    left.legend(frameon=False)
    for stage in stages:
        points = sorted((h, rate, low, high) for h, b, rate, low, high in stage.compliance if b == 0)
        right.errorbar(
            [h for h, *_ in points],
            [100 * rate for _, rate, _, _ in points],
            yerr=[
                [100 * max(0.0, rate - low) for _, rate, low, _ in points],
                [100 * max(0.0, high - rate) for _, rate, _, high in points],
            ],
            marker="o",
            capsize=3,
            label=stage.name,
        )
    right.set_xscale("symlog", base=2, linthresh=1)
    right.set(xlabel="harmful demonstrations, no benign ones", ylabel="% complied", title="Compliance", ylim=(0, 100))
    right.legend(frameon=False)
    try:
        figure.savefig(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
