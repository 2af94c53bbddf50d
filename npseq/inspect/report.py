"""Everything about some networks' gradients in two tables and a folder of figures."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import to_host
from npseq.bptt.workspace import MAX_BYTES
from npseq.inspect import figures
from npseq.inspect.jacobians import JacobianSpectrum, jacobian_spectrum, lyapunov_exponents
from npseq.inspect.ledger import Ledger, ledger
from npseq.inspect.truncations import (
    Bias,
    best_survival,
    expected_lags,
    random_truncation_variance,
    roulette_variance,
    truncation_bias,
)

LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Case(NamedTuple):
    """A layer, the tape of one forward, and the loss's derivative by its y."""

    layer: Any
    tape: Any
    dy: Any
    dstate: Any = None
    stale: Bias | None = None  # of a state carried into it, see npseq.inspect.stale_state_bias


class Found(NamedTuple):
    """What the report looks at in one case."""

    ledger: Ledger
    spectrum: JacobianSpectrum | None  # None for two directions
    exponent: float  # the largest Lyapunov exponent, the median over sequences; NaN for two directions
    stale: Bias | None = None


def report(
    cases: Mapping[str, Case],
    directory: str | PathLike[str],
    max_lag: int | None = None,
    max_bytes: int | None = MAX_BYTES,
    beside: Mapping[str, Case] | None = None,
) -> str:
    """Writes the figures of these cases into `directory` and returns the tables that go with them.

    cases: {label: Case}, drawn over each other; one is enough. max_lag, max_bytes: see `ledger`. beside: more cases, to
    be drawn into gradient_by_lag.png alone. Written are gradient_by_lag.png, truncation_bias.png, jacobians.png, and
    for every label pairs_<label>.png and gates_<label>.png. Raises ValueError for no case, and as `ledger` does.
    """
    if not cases:
        raise ValueError("cases must hold at least one layer to look into, got none")
    found = {label: look(case, max_lag, max_bytes) for label, case in cases.items()}
    others = {
        label: ledger(one.layer, one.dy, one.tape, one.dstate, max_lag, pairs=False, max_bytes=max_bytes)
        for label, one in (beside or {}).items()
    }
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn(found, others).items():
        figure.savefig(folder / f"{name}.png")
    return f"{table(found)}\n\n{bias_table(found)}"


def look(case: Case, max_lag: int | None = None, max_bytes: int | None = MAX_BYTES) -> Found:
    """A ledger of one case and, for one direction, the spectrum of its Jacobians."""
    parts = ledger(case.layer, case.dy, case.tape, case.dstate, max_lag, max_bytes=max_bytes)
    if getattr(case.layer, "directions", 2) != 1:
        return Found(parts, None, np.nan, case.stale)
    exponents = to_host(lyapunov_exponents(case.layer, case.tape, 1, max_bytes=max_bytes))
    spectrum = jacobian_spectrum(case.layer, case.tape, max_lag, max_bytes)
    return Found(parts, spectrum, float(np.nanmedian(exponents)), case.stale)


def drawn(found: Mapping[str, Found], beside: Mapping[str, Ledger] | None = None) -> dict[str, Any]:
    """{file name: Figure}."""
    ledgers = {label: one.ledger for label, one in found.items()}
    spectra = {label: one.spectrum for label, one in found.items() if one.spectrum is not None}
    result = {
        "gradient_by_lag": figures.gradient_by_lag(ledgers, beside),
        "truncation_bias": figures.bias_by_length(ledgers),
    }
    if spectra:
        result["jacobians"] = figures.singular_values_by_lag(spectra)
    for label, one in ledgers.items():
        name = "".join(letter if letter.isalnum() else "_" for letter in label.lower())
        result[f"pairs_{name}"] = figures.pair_triangle(one, f"{label}. ")
        if one.gates:
            result[f"gates_{name}"] = figures.gates_over_time(one, title=f"{label}. ")
    return result


def table(found: Mapping[str, Found]) -> str:
    """A line a case: sizes of the gradient, how far it reaches, what truncation costs, how fast states part."""
    head = ("", "|gradient|", "lag 0", "bias 10%", "bias 1%", "random", "roulette", "stale", "Lyapunov")
    return "\n".join([_aligned([head, *(_row(label, one) for label, one in found.items())]), "", *LEGEND])


LEGEND = (
    "lag 0: what does not go back in time, over the gradient's norm. bias 10%, 1%: the steps that a truncation needs",
    "for a smaller relative bias. random: relative standard deviation of RandomTruncation with half the steps' mean",
    "reach; roulette: of the best RouletteTruncation of that reach. stale: relative bias of the gradient at a state",
    "carried over an update, not computed anew. Lyapunov: growth of the state a step, a logarithm.",
)


def bias_table(found: Mapping[str, Found]) -> str:
    """Relative bias and angle of Truncated(k), k a line, for every case."""
    biases = {label: truncation_bias(one.ledger) for label, one in found.items()}
    longest = max(len(bias.norm) for bias in biases.values())
    rows = [("steps", *(cell for label in biases for cell in (label, "angle")))]
    for k in (k for k in LENGTHS if k <= longest):
        cells = [(f"{b.relative[k - 1]:.2g}", _degrees(b.cosine[k - 1])) for b in biases.values()]
        rows.append((str(k), *(cell for pair in cells for cell in pair)))
    title = "Truncated to so many steps: relative bias, and angle to the gradient in degrees"
    return "\n".join([title, _aligned(rows)])


def _degrees(cosine: float) -> str:
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return f"{angle:.2g}" if angle > figures.LEAST_ANGLE else "0"


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def _row(label: str, one: Found) -> tuple[str, ...]:
    bias = truncation_bias(one.ledger)
    norms = figures.lag_norms(one.ledger)
    whole = float(np.sqrt(sum(float((g**2).sum()) for g in one.ledger.gradient.values())))
    return (
        label,
        f"{whole:.4g}",
        f"{norms[0] / whole:.3f}" if whole else "-",
        _steps_for(bias.relative, 0.1),
        _steps_for(bias.relative, 0.01),
        _random(one.ledger, len(norms), whole),
        _roulette(one.ledger, len(norms), whole),
        "-" if one.stale is None else f"{one.stale.relative:.2g}",
        f"{one.exponent:.4f}",
    )


def _steps_for(relative: np.ndarray, limit: float) -> str:
    within = np.flatnonzero(relative <= limit)
    above = np.flatnonzero(relative > limit)
    first = int(above[-1]) + 2 if above.size else 1
    return str(first) if within.size and first <= len(relative) else f"> {len(relative)}"


def _random(parts: Ledger, lags: int, whole: float) -> str:
    """The relative standard deviation where the mean reach is half of all lags; none for a stack, where it takes long.

    keep: where sum_k keep^k = lags / 2, by bisection.
    """
    if lags < 3 or not whole or parts.crossing_norms is None:
        return "-"
    low, high = 0.0, 1.0
    for _ in range(60):
        keep = (low + high) / 2
        reach = expected_lags(lambda k, keep=keep: keep**k, lags)  # type: ignore[misc]
        low, high = (keep, high) if reach < lags / 2 else (low, keep)
    return f"{np.sqrt(random_truncation_variance(parts, low)) / whole:.2g}"


def _roulette(parts: Ledger, lags: int, whole: float) -> str:
    """The relative standard deviation at half the cost; none where lags lie together."""
    if lags < 3 or not whole or any(bool((part != 0).any()) for part in parts.longer.values()):
        return "-"
    survival = best_survival(parts, lags / 2)
    return f"{np.sqrt(roulette_variance(parts, survival)) / whole:.2g}"
