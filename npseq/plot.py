"""This module draws a training run with Matplotlib, whose global state it does not touch."""

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from npseq.arguments import function, integer
from npseq.files import as_path, replace_file

__all__ = ["live_curve", "training_curve"]

HELD_OUT = "held_out_perplexity"
AFTER = {  # what is measured after an epoch, and its label
    "evaluation_perplexity": "on the text that is learnt, after the epoch",
    HELD_OUT: "on the held-out text, after the epoch",
}
FORMS = ("png", "pdf", "svg", "eps", "ps")  # in which `is_ours` finds npseq's name
SIGNED = re.compile(rb"Software\0npseq|/Creator \(npseq\)|%%Creator: npseq|<dc:title>npseq<")  # PNG, PDF, PS, SVG


def training_curve(metrics: Sequence[Any], path: str | PathLike[str]) -> None:
    """Draws perplexity, on a logarithmic axis, and the largest gradient norm over the epochs, as a PNG.

    Args:
        metrics: an EpochMetrics for each of at least one epoch.
        path: the file; a figure of npseq's that was there is replaced as a whole.

    Raises:
        ValueError: for no epoch.
        OSError: if the file cannot be written, or is not npseq's.

    Example:
        >>> metrics = [ns.training.EpochMetrics(k, 1 / k, 9 / k, 1.0, 1e5) for k in (1, 2, 3)]
        >>> ns.plot.training_curve(metrics, "training.png")
    """
    save_figure(_curve(metrics), path, dpi=130)


def live_curve(
    epochs: Iterable[Any], every: int = 1, *, show: Callable[[bytes], object] | None = None
) -> Iterator[Any]:
    """Yields each epoch's metrics as they come, and shows their `training_curve`, drawn anew, in a notebook's cell.

    Args:
        epochs: an EpochMetrics for each, as the `epochs` of a Run yields them.
        every: epochs from one picture to the next; the last is always shown.
        show: takes the PNG in place of the cell.

    Raises:
        ImportError: without IPython, which every notebook has, if there is no `show`.

    Example:
        >>> metrics = [ns.training.EpochMetrics(k, 1 / k, 9 / k, 1.0, 1e5) for k in (1, 2, 3)]
        >>> pictures = []
        >>> [m.epoch for m in ns.plot.live_curve(metrics, every=2, show=pictures.append)], len(pictures)
        ([1, 2, 3], 2)
    """
    given: Any = epochs
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise TypeError(f"epochs must be metrics one by one, as run.epochs() gives them, got {epochs!r:.100}")
    return _shown(iter(epochs), integer("every", every), _cell() if show is None else function("show", show))


def _shown(epochs: Iterator[Any], every: int, show: Callable[[bytes], object]) -> Iterator[Any]:
    so_far: list[Any] = []
    for metrics in epochs:
        so_far.append(metrics)
        if len(so_far) % every == 0:
            show(_png(so_far))
        yield metrics
    if len(so_far) % every:
        show(_png(so_far))


def _cell() -> Callable[[bytes], object]:
    """Shows each picture in the place of the one before."""
    try:
        from IPython.display import Image, display
    except ImportError as error:
        raise ImportError(
            "a curve in a notebook needs IPython, which is not installed; pip install 'npseq[notebook]', or give a "
            "show that takes the picture elsewhere"
        ) from error
    handle = display(display_id=True)
    return lambda png: handle.update(Image(data=png, format="png"))


def _png(metrics: Sequence[Any]) -> bytes:
    payload = io.BytesIO()
    _curve(metrics).savefig(payload, format="png", dpi=100)
    return payload.getvalue()


def _curve(metrics: Sequence[Any]) -> Any:
    if not check_metrics("metrics", metrics):
        raise ValueError("metrics must hold at least one epoch, got none")
    figure = new_figure(figsize=(7, 6), layout="constrained")
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
    return figure


def check_metrics(name: str, metrics: Any) -> Sequence[Any]:
    """Returns a list of EpochMetrics. Raises TypeError for anything else."""
    fields = ("epoch", "perplexity", "grad_norm", "evaluation_perplexity")
    if not isinstance(metrics, list | tuple) or not all(
        isinstance(getattr(m, field, None), int | float) for m in metrics for field in fields
    ):
        raise TypeError(f"{name} must be a list of EpochMetrics, one an epoch, got {metrics!r:.100}")
    return metrics


def new_figure(**options: Any) -> Any:
    """Returns a Figure that Agg draws, also where MPLBACKEND names a backend that cannot be loaded.

    It shows in a notebook's cell, in which a plain Figure does so only once pyplot has been imported there.
    """
    if "matplotlib" not in sys.modules:  # which fails to load with a backend that it does not know
        backend = os.environ.pop("MPLBACKEND", None)
        try:
            import matplotlib
        finally:
            if backend is not None:
                os.environ["MPLBACKEND"] = backend
        if backend:
            with suppress(ValueError):
                matplotlib.rcParams["backend"] = backend
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    class Shown(Figure):
        def _repr_png_(self) -> bytes:
            payload = io.BytesIO()
            self.savefig(payload, format="png")
            return payload.getvalue()

    figure = Shown(**options)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, path: str | PathLike[str], *, follow: bool = True, **options: Any) -> None:
    """Writes a figure as its path's ending says, with npseq's name inside, by which `is_ours` knows it.

    follow: as `replace_file` takes it. options: of savefig. Raises OSError as `replace_file` does.
    """
    path, payload = as_path(path), io.BytesIO()
    form = path.suffix[1:].lower() or "png"
    if form not in FORMS:
        raise ValueError(f"path must end as a figure does, in one of {', '.join(FORMS)}, got {path.name!r}")
    figure.savefig(payload, format=form, metadata={"Software" if form == "png" else "Creator": "npseq"}, **options)
    replace_file(path, payload.getvalue(), is_ours, follow=follow)


def is_ours(path: Path) -> bool:
    """Whether npseq has drawn the figure in this file."""
    with open(path, "rb") as file:
        head = file.read(1 << 16)
        file.seek(max(0, path.stat().st_size - (1 << 16)))
        return SIGNED.search(head) is not None or SIGNED.search(file.read()) is not None


def _draw_perplexity(axes: Any, metrics: Sequence[Any], epochs: Sequence[int], marker: str | None) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

    values = np.array([m.perplexity for m in metrics])
    values[~np.isfinite(values)] = np.nan
    axes.plot(epochs, values, marker=marker, markersize=3, label="while training")
    for (name, label), mark, color in zip(AFTER.items(), "so", ("tab:green", "tab:red"), strict=True):
        measured = [(m.epoch, getattr(m, name, np.nan)) for m in metrics]
        if points := [point for point in measured if np.isfinite(point[1])]:
            line = "-" if name == HELD_OUT else ""
            shown = mark if len(points) < 20 or not line else ""
            axes.plot(*zip(*points, strict=True), f"{shown}{line}", color=color, markersize=4, label=label)
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
    axes.set(ylabel="perplexity (1 / probability of a token)", title=_title(metrics))


def _title(metrics: Sequence[Any]) -> str:
    last = metrics[-1]
    held = [(getattr(m, HELD_OUT, np.nan), m.epoch) for m in metrics]
    if measured := [pair for pair in held if np.isfinite(pair[0])]:
        least, epoch = min(measured)
        return f"Held-out perplexity {least:.3g}, best in epoch {epoch}; {last.perplexity:.3g} while training"
    return f"Perplexity {last.perplexity:.3g} in epoch {last.epoch}, {last.tokens_per_second:,.0f} tokens a second"
