"""This module draws a training run with Matplotlib, whose global state it does not touch."""

import io
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from npseq.files import replace_file

__all__ = ["training_curve"]


def training_curve(metrics: Sequence[Any], path: str | PathLike[str]) -> None:
    """Draws perplexity, on a logarithmic axis, and the largest gradient norm over the epochs, as a PNG.

    Args:
        metrics: an EpochMetrics for each of at least one epoch.
        path: the file, replaced as a whole.

    Raises:
        ValueError: for no epoch.
        OSError: if the file cannot be written.

    Example:
        >>> metrics = [ns.training.EpochMetrics(k, 1 / k, 9 / k, 1.0, 1e5) for k in (1, 2, 3)]
        >>> ns.plot.training_curve(metrics, "training.png")
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not metrics:
        raise ValueError("metrics must hold at least one epoch, got none")
    figure = Figure(figsize=(7, 6), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    epochs = [m.epoch for m in metrics]
    marker = "o" if len(metrics) < 20 else None
    _draw_perplexity(above, metrics, epochs, marker)
    below.plot(epochs, [m.grad_norm for m in metrics], color="tab:orange", marker=marker, markersize=3)
    below.set(xlabel="epoch", ylabel="largest gradient norm\n(before clipping)", ylim=(0, None))
    below.set_xlim(0, max(epochs[-1], 2))
    below.xaxis.get_major_locator().set_params(integer=True)
    for axes in (above, below):
        axes.grid(True, which="both", alpha=0.25)
    payload = io.BytesIO()
    figure.savefig(payload, format="png", dpi=130)
    replace_file(Path(path), payload.getvalue())


def _draw_perplexity(axes, metrics, epochs, marker) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

    values = np.array([m.perplexity for m in metrics])
    evaluated = [m for m in metrics if np.isfinite(m.evaluation_perplexity)]
    values[~np.isfinite(values)] = np.nan
    axes.plot(epochs, values, marker=marker, markersize=3, label="while training")
    if evaluated:
        points = [[m.epoch for m in evaluated], [m.evaluation_perplexity for m in evaluated]]
        axes.plot(*points, "s", color="tab:green", markersize=4, label="evaluated after the epoch")
        axes.legend()
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high > 5 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:.4g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(ylabel="perplexity (1 / probability of a token)", title=_title(metrics[-1]))


def _title(last: Any) -> str:
    return f"Perplexity {last.perplexity:.3g} in epoch {last.epoch}, {last.tokens_per_second:,.0f} tokens a second"
