"""Figures of a gradient's parts, each for a slide: a matplotlib Figure whose title says what to see.

Matplotlib is loaded when a figure is drawn, and its global state does not change; figure.savefig(path) writes one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from npseq.arguments import array, by_label, integer
from npseq.backend import array_module, to_host
from npseq.inspect.jacobians import JacobianSpectrum
from npseq.inspect.ledger import Ledger, check_ledger, lag_norms
from npseq.inspect.truncations import truncation_bias
from npseq.magnitude import joint_norm
from npseq.plot import new_figure

MARKERS = "os^Dvx"
LEAST_BIAS, LEAST_ANGLE = 1e-16, 1e-5  # degrees: an arc cosine near 1 has half the digits
GATES = {
    "i": "input gate", "f": "forget gate", "o": "output gate", "g": "new content",
    "r": "reset gate", "z": "update gate", "n": "new content",
}  # fmt: skip


def gradient_by_lag(ledgers: Mapping[str, Ledger], extra: Mapping[str, Ledger] | None = None) -> Any:
    """Draws the norm of each lag's part over that of the gradient, a line a ledger: how far back each network learns.

    Args:
        ledgers: {label: ledger}.
        extra: others to compare with, drawn thin.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> figure = ns.inspect.figures.gradient_by_lag({"LSTM": ns.inspect.ledger(layer, y, tape)})
    """
    by_label("ledgers", ledgers, Ledger)
    extra = by_label("extra", {} if extra is None else extra, Ledger, 0)
    figure, axes = _figure()
    reach = {}
    for k, (label, ledger) in enumerate([*ledgers.items(), *extra.items()]):
        norms = lag_norms(ledger)
        total = float(joint_norm(ledger.gradient.values())) or 1.0
        line = axes.plot(np.arange(len(norms)), _drawn(norms / total), label=label, **_style(k, len(norms)))[0]
        if k < len(ledgers):
            reach[label] = _last_above(norms / total, 0.01)
        else:
            line.set(linewidth=1, linestyle="--", marker="")
    axes.set_yscale("log")
    axes.set(
        xlabel="lag k (steps that a path goes back)",
        ylabel="part of lag k, norm / whole norm",
        title="How far back the gradient reaches\n" + _listed("last lag with 1 % of its norm", reach),
    )
    axes.legend()
    return figure


def bias_by_length(ledgers: Mapping[str, Ledger]) -> Any:
    """Draws the relative bias and the angle of Truncated(k) for every k, down to rounding.

    Args:
        ledgers: {label: ledger}.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> figure = ns.inspect.figures.bias_by_length({"LSTM": ns.inspect.ledger(layer, y, tape)})
    """
    by_label("ledgers", ledgers, Ledger)
    figure, (above, below) = _figure(2, height=5.5, sharex=True)
    needed = {}
    for k, (label, ledger) in enumerate(ledgers.items()):
        bias = truncation_bias(ledger)
        lengths = np.arange(1, len(bias.norm) + 1)
        angle = np.degrees(np.arccos(np.clip(bias.cosine, -1, 1)))
        above.plot(lengths, _drawn(bias.relative, LEAST_BIAS), label=label, **_style(k, len(lengths)))
        below.plot(lengths, _drawn(angle, LEAST_ANGLE), **_style(k, len(lengths)))
        needed[label] = _last_above(bias.relative, 0.1) + 2
    above.axhline(0.1, color="black", linewidth=1, linestyle="--")
    above.set(
        yscale="log",
        ylabel="bias / gradient's norm",
        title="What truncation leaves out\n" + _listed("steps for a bias below 10 %", needed),
    )
    below.set(yscale="log", xlabel="length k of the truncation (steps)", ylabel="angle (degrees)")
    above.legend()
    return figure


def pair_triangle(ledger: Ledger, *, title: str = "") -> Any:
    """Draws the norm of what goes from the loss at step t to the uses at step s, as a map.

    Args:
        ledger: one with pairs.
        title: the beginning of the title.

    Raises:
        ValueError: for a ledger without pairs.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> figure = ns.inspect.figures.pair_triangle(ns.inspect.ledger(layer, y, tape))
    """
    pair_norms = check_ledger(ledger).pair_norms
    if pair_norms is None:
        raise ValueError("the ledger must hold pair norms: ledger(..., pairs=True)")
    figure, axes = _figure(height=5)
    from matplotlib.colors import LogNorm

    norms = to_host(pair_norms).astype(np.float64)
    positive = norms[norms > 0]
    highest = positive.max() if positive.size else 1.0
    shown = np.ma.masked_less(norms, 1e-12 * highest)  # less is the rounding of sums that cancel
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


def gates_over_time(ledger: Ledger, example: int = 0, *, title: str = "") -> Any:
    """Draws every gate of one sequence as a map, units by time.

    Args:
        ledger: of a layer that has gates.
        example: which sequence of the batch.
        title: the beginning of the title.

    Raises:
        ValueError: if the cell has no gates.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> figure = ns.inspect.figures.gates_over_time(ns.inspect.ledger(layer, y, tape))
    """
    if not check_ledger(ledger).gates:
        raise ValueError("the ledger must be of a cell with gates: a plain RNN's state is all there is")
    example = integer("example", example, 0, len(next(iter(ledger.per_example.values()))))
    names = _in_reading_order(ledger.gates)
    keeping = next(name for name in names if _kind(name) in ("f", "z"))
    order = np.argsort(-to_host(ledger.gates[keeping])[:, example].mean(axis=0))
    columns = 3 if "z" in map(_kind, names) else 2
    rows = -(-len(names) // columns)
    figure, panels = _figure(rows, columns, height=1.2 + 1.9 * rows, width=8.5, sharex=True)
    for axes, name in zip(np.ravel(panels), names, strict=False):
        values = to_host(ledger.gates[name])[:, example].T
        _draw_gate(figure, axes, name, values[order] if len(order) == len(values) else values)
    for axes in np.ravel(panels)[len(names) :]:
        axes.set_visible(False)
    for axes in panels[-1]:
        axes.set(xlabel="time step")
    for axes in panels[:, 0]:
        axes.set(ylabel="unit")
    figure.suptitle(f"{title}Gates of one sequence, units in the order of their mean {keeping}\n"
                    f"where {keeping} is near 1 a unit keeps what it holds")  # fmt: skip
    return figure


def _in_reading_order(gates: Mapping[str, Any]) -> list[str]:
    """i, f, o, g or r, z, n of one layer and direction after the other."""

    def strand(name: str) -> str:
        prefix, _, gate = name.rpartition(".")
        return f"{prefix}.{gate[1:]}"

    strands = list(dict.fromkeys(map(strand, gates)))
    return sorted(gates, key=lambda name: (strands.index(strand(name)), list(GATES).index(_kind(name))))


def _draw_gate(figure: Any, axes: Any, name: str, values: np.ndarray) -> None:
    signed = _kind(name) in ("g", "n")
    axes.grid(False)
    image = axes.imshow(
        values, aspect="auto", interpolation="nearest", vmin=-1 if signed else 0, vmax=1,
        cmap="RdBu_r" if signed else "viridis",
    )  # fmt: skip
    saturated = np.mean((np.abs(values) > 0.9) | ((not signed) & (values < 0.1)))
    axes.set_title(f"{name}, {GATES[_kind(name)]}\n{saturated:.0%} saturated", fontsize="medium")
    figure.colorbar(image, ax=axes, ticks=[-1, 0, 1] if signed else [0, 0.5, 1])


def singular_values_by_lag(spectra: Mapping[str, JacobianSpectrum]) -> Any:
    """Draws the largest and median singular value by lag, in the median sequence, with the bound of a plain RNN.

    Args:
        spectra: {label: what npseq.inspect.jacobian_spectrum returned}.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> spectrum = ns.inspect.jacobian_spectrum(layer, layer.forward(np.ones((4, 1, 2), np.float32))[2])
        >>> figure = ns.inspect.figures.singular_values_by_lag({"LSTM": spectrum})
    """
    by_label("spectra", spectra, JacobianSpectrum)
    figure, axes = _figure()
    rates, highest = {}, 1.0
    for k, (label, spectrum) in enumerate(spectra.items()):
        values = to_host(spectrum.singular_values)
        lags = np.arange(1, len(values) + 1)
        largest, middle = np.nanmedian(values[:, :, 0], axis=1), np.nanmedian(values, axis=(1, 2))
        line = axes.plot(lags, _drawn(largest), label=f"{label}, largest", **_style(k, len(lags)))[0]
        known = np.where(middle > largest * np.finfo(values.dtype).eps, middle, np.nan)  # the rest is rounding
        axes.plot(lags, known, ":", color=line.get_color(), label=f"{label}, median")
        if spectrum.bound is not None:
            axes.plot(lags, spectrum.bound, "--", color=line.get_color(), label=f"{label}, bound")
        rates[label], highest = largest[-1] ** (1 / len(lags)), max(highest, largest.max())
    axes.set_yscale("log")
    axes.set_ylim(top=min(axes.get_ylim()[1], 1e6 * highest))  # a bound may be far above all values
    axes.axhline(1, color="black", linewidth=1)
    axes.set(
        xlabel="lag k (steps)",
        ylabel="singular value over k steps",
        title="Above 1 gradients explode, below they vanish\n"
        + _listed("the largest grows a step by", {label: f"{rate:.3f}" for label, rate in rates.items()}),
    )
    figure.legend(loc="outside lower center", ncols=3, fontsize="small")
    return figure


def adjoints_over_training(norms: np.ndarray, epochs: np.ndarray, *, title: str = "") -> Any:
    """Draws the norm of dL/dh_t as a map: which steps the loss reaches in the course of training.

    Args:
        norms: (epochs, T), a row of `adjoint_norms` an epoch.
        epochs: their numbers, (epochs,).
        title: the beginning of the title.

    Example:
        >>> figure = ns.inspect.figures.adjoints_over_training(np.ones((3, 8)), np.array([0, 5, 10]))
    """
    array_module(array("norms", norms), array("epochs", epochs))
    given = [(one.shape, one.dtype.kind in "iuf") for one in (norms, epochs)]
    if norms.ndim != 2 or not norms.size or given[1] != (norms.shape[:1], given[0][1]):
        raise ValueError(f"norms must be real (epochs, T) and epochs (epochs,), got {given}")
    figure, axes = _figure()
    from matplotlib.colors import LogNorm, Normalize

    highest = max(float(np.max(norms)), np.finfo(float).tiny)
    shown = np.ma.masked_less(norms, 1e-12 * highest)
    lowest = shown.min() if shown.count() else highest
    norm = LogNorm(lowest, highest) if lowest < highest / 30 else Normalize(0, highest)
    axes.grid(False)
    mesh = axes.pcolormesh(np.arange(norms.shape[1]), epochs, shown, norm=norm, shading="nearest")
    axes.yaxis.get_major_locator().set_params(integer=True)
    figure.colorbar(mesh, label="norm of dL/dh at the step")
    axes.set(
        xlabel="time step t",
        ylabel="epoch",
        title=f"{title}How strongly the loss pulls at every step, by epoch\n"
        f"median norm {np.median(norms[0]):.2g} at first, {np.median(norms[-1]):.2g} at the end",
    )
    return figure


def _last_above(values: np.ndarray, limit: float) -> int:
    """The last index whose value is above the limit; -1 for none."""
    above = np.flatnonzero(values > limit)
    return int(above[-1]) if above.size else -1


def _drawn(values: np.ndarray, least: float = 0.0) -> np.ndarray:
    """The values above `least`, others as NaN, which a logarithmic axis leaves out."""
    return np.where(values > least, values, np.nan)


def _kind(gate: str) -> str:
    """The letter of a gate, of a name such as "f_l1_reverse" or "backward.z"."""
    return gate.split(".")[-1][0]


def _listed(what: str, values: Mapping[str, Any]) -> str:
    """The second line of a title, or two where it would be too long."""
    text = ", ".join(f"{label} {value}" for label, value in values.items())
    return f"{what}: {text}" if len(what) + len(text) < 60 else f"{what}:\n{text}"


def _style(k: int, points: int) -> dict[str, Any]:
    return {"marker": MARKERS[k % len(MARKERS)] if points <= 40 else None, "markersize": 3, "linewidth": 1.8}


def _figure(rows: int = 1, columns: int = 1, height: float = 4.0, width: float = 6.4, **options: Any) -> Any:
    """A figure small in inches, so that its letters are large on a slide, and its axes: one, or an array of them."""
    figure = new_figure(figsize=(width, height), dpi=200, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=columns == 1, **options)
    for axes in np.ravel(panels):
        axes.grid(True, alpha=0.25)
    return figure, panels
