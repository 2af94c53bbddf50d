"""Figures of a gradient taken apart, each for a slide: a matplotlib Figure whose title says what to see.

Matplotlib is loaded when a figure is drawn, and its global state is left alone; figure.savefig(path) writes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from npseq.backend import to_host
from npseq.inspect.jacobians import JacobianSpectrum
from npseq.inspect.ledger import Ledger
from npseq.inspect.truncations import truncation_bias

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "os^Dvx"


def gradient_by_lag(ledgers: Mapping[str, Ledger]) -> Figure:
    """|G_k| over the gradient's norm, by lag, a line a ledger: how far back each network learns."""
    figure, axes = _figure()
    reach = {}
    for k, (label, ledger) in enumerate(ledgers.items()):
        norms = lag_norms(ledger)
        total = _norm(ledger.gradient)
        axes.plot(np.arange(len(norms)), _drawn(norms / total), label=label, **_style(k, len(norms)))
        reach[label] = _last_above(norms / total, 0.01)
    axes.set_yscale("log")
    axes.set(
        xlabel="lag k (steps that a path goes back)",
        ylabel="norm of the gradient's part at lag k, over the whole",
        title="How far back the gradient reaches\nlast lag with 1 % of its norm: "
        + ", ".join(f"{label} {lag}" for label, lag in reach.items()),
    )
    axes.legend(loc="upper right")
    return figure


def bias_by_length(ledgers: Mapping[str, Ledger]) -> Figure:
    """Relative bias and angle of Truncated(k) for every k."""
    figure, (above, below) = _figure(2, height=6.5, sharex=True)
    needed = {}
    for k, (label, ledger) in enumerate(ledgers.items()):
        bias = truncation_bias(ledger)
        lengths = np.arange(1, len(bias.norm) + 1)
        above.plot(lengths, _drawn(bias.relative), label=label, **_style(k, len(lengths)))
        below.plot(lengths, np.degrees(np.arccos(np.clip(bias.cosine, -1, 1))), **_style(k, len(lengths)))
        needed[label] = _last_above(bias.relative, 0.1) + 2
    above.set_yscale("log")
    above.axhline(0.1, color="black", linewidth=1, linestyle="--")
    above.set(
        ylabel="bias, over the gradient's norm",
        title="What truncation leaves out\nsteps for a bias below 10 %: "
        + ", ".join(f"{label} {steps}" for label, steps in needed.items()),
    )
    below.set(xlabel="length k of the truncation (steps)", ylabel="angle to the gradient (degrees)", ylim=(0, None))
    above.legend(loc="lower left")
    return figure


def pair_triangle(ledger: Ledger, title: str = "") -> Figure:
    """The norm of what goes from the loss at step t to the uses at step s, as a map.

    Raises ValueError for a ledger without pairs.
    """
    if ledger.pair_norms is None:
        raise ValueError("the ledger must hold pair norms: ledger(..., pairs=True)")
    from matplotlib.colors import LogNorm

    figure, axes = _figure(height=5.5)
    norms = to_host(ledger.pair_norms).astype(np.float64)
    positive = norms[norms > 0]
    highest = positive.max() if positive.size else 1.0
    shown = np.ma.masked_less(norms, 1e-12 * highest)  # below lies the rounding of sums that cancel
    lowest = shown.min() if shown.count() else highest
    norm = LogNorm(min(lowest, highest / 10), highest)
    axes.grid(False)
    image = axes.imshow(shown, norm=norm, origin="lower", interpolation="nearest")
    figure.colorbar(image, label="norm of the part of the gradient")
    axes.set(
        xlabel="step s at which the parameters act",
        ylabel="step t of the loss",
        title=f"{title}From which loss to which step the gradient goes\ndiagonal: lag 0; away from it: the past",
    )
    return figure


def gates_over_time(ledger: Ledger, example: int = 0, title: str = "") -> Figure:
    """Every gate of one sequence as a map, units by time. Raises ValueError where the cell has none."""
    if not ledger.gates:
        raise ValueError("this cell has no gates: a plain RNN's state is all there is")
    figure, panels = _figure(len(ledger.gates), height=1.5 + 1.5 * len(ledger.gates), sharex=True)
    keeping = next(name for name in ledger.gates if name.split(".")[-1].split("_")[0] in ("f", "z"))
    order = np.argsort(-to_host(ledger.gates[keeping])[:, example].mean(axis=0))
    for axes, (name, gate) in zip(np.ravel(panels), ledger.gates.items(), strict=True):
        values = to_host(gate)[:, example].T
        signed = name.split(".")[-1].split("_")[0] in ("g", "n")
        rows = order if len(order) == len(values) else slice(None)
        axes.grid(False)
        image = axes.imshow(
            values[rows], aspect="auto", interpolation="nearest", vmin=-1 if signed else 0, vmax=1,
            cmap="RdBu_r" if signed else "viridis",
        )  # fmt: skip
        share = "" if signed else f", {np.mean((values < 0.1) | (values > 0.9)):.0%} below 0.1 or above 0.9"
        axes.set(ylabel="unit", title=f"{name}: mean {round(float(values.mean()), 2) + 0:.2f}{share}")
        figure.colorbar(image, ax=axes)
    np.ravel(panels)[-1].set(xlabel="time step")
    figure.suptitle(f"{title}Gates of sequence {example}, units in the order of their mean {keeping}")
    return figure


def singular_values_by_lag(spectra: Mapping[str, JacobianSpectrum]) -> Figure:
    """Largest and median singular value of ds_T/ds_{T-k} by lag, in the median sequence, with a plain RNN's bound."""
    figure, axes = _figure()
    rates = {}
    for k, (label, spectrum) in enumerate(spectra.items()):
        values = to_host(spectrum.singular_values)
        lags = np.arange(1, len(values) + 1)
        largest = np.nanmedian(values[:, :, 0], axis=1)
        line = axes.plot(lags, _drawn(largest), label=f"{label}, largest", **_style(k, len(lags)))[0]
        middle = np.nanmedian(values, axis=(1, 2))
        axes.plot(lags, _drawn(middle), ":", color=line.get_color(), label=f"{label}, median")
        if spectrum.bound is not None:
            axes.plot(lags, spectrum.bound, "--", color=line.get_color(), label=f"{label}, bound")
        rates[label] = largest[-1] ** (1 / len(lags))
    axes.set_yscale("log")
    axes.axhline(1, color="black", linewidth=1)
    axes.set(
        xlabel="lag k (steps)",
        ylabel="singular value of the state's Jacobian over k steps",
        title="Above 1 gradients explode, below they vanish\nlargest, a step: "
        + ", ".join(f"{label} {rate:.3f}" for label, rate in rates.items()),
    )
    axes.legend(loc="lower left", fontsize="small")
    return figure


def adjoints_over_training(norms: np.ndarray, epochs: np.ndarray, title: str = "") -> Figure:
    """|dL/dh_t| (epochs, T) as a map: which steps the loss reaches as training goes on. See `adjoint_norms`."""
    from matplotlib.colors import LogNorm

    figure, axes = _figure()
    highest = max(float(np.max(norms)), np.finfo(float).tiny)
    shown = np.ma.masked_less(norms, 1e-12 * highest)
    lowest = shown.min() if shown.count() else highest
    axes.grid(False)
    mesh = axes.pcolormesh(
        np.arange(norms.shape[1]), epochs, shown, norm=LogNorm(min(lowest, highest / 10), highest), shading="nearest"
    )
    figure.colorbar(mesh, label="norm of dL/dh at the step")
    axes.set(xlabel="time step t", ylabel="epoch", title=f"{title}How strongly the loss pulls at every step, by epoch")
    return figure


def lag_norms(ledger: Ledger) -> np.ndarray:
    """(K,): |G_k| over all parameters."""
    return np.sqrt(sum(to_host((p.reshape(len(p), -1) ** 2).sum(axis=1)) for p in ledger.per_lag.values()))


def adjoint_norms(ledger: Ledger, name: str = "h") -> np.ndarray:
    """(T,): |dL/dh_t| over batch and units; name: another of ledger.adjoints."""
    return np.sqrt(to_host((ledger.adjoints[name] ** 2).sum(axis=(1, 2))))


def _norm(parts: Mapping[str, Any]) -> float:
    return float(np.sqrt(sum(float((part**2).sum()) for part in parts.values())))


def _last_above(values: np.ndarray, limit: float) -> int:
    """The last index whose value is above the limit; -1 for none."""
    above = np.flatnonzero(values > limit)
    return int(above[-1]) if above.size else -1


def _drawn(values: np.ndarray) -> np.ndarray:
    """Exact zeros are left out of a logarithmic axis."""
    return np.where(values > 0, values, np.nan)


def _style(k: int, points: int) -> dict[str, Any]:
    return {"marker": MARKERS[k % len(MARKERS)] if points <= 40 else None, "markersize": 3, "linewidth": 1.5}


def _figure(rows: int = 1, height: float = 4.5, **options: Any) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, 1, **options)
    for axes in np.ravel(panels):
        axes.grid(True, alpha=0.25)
    return figure, panels
