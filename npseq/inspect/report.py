"""Everything about some networks' gradients in one table and a folder of figures."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import to_host
from npseq.bptt.memory import MAX_BYTES
from npseq.inspect import figures
from npseq.inspect.jacobians import JacobianSpectrum, jacobian_spectrum, lyapunov_exponents
from npseq.inspect.ledger import Ledger, ledger
from npseq.inspect.truncations import best_survival, roulette_variance, truncation_bias


class Case(NamedTuple):
    """A layer, the tape of one forward, and the loss's derivative by its y."""

    layer: Any
    tape: Any
    dy: Any
    dstate: Any = None


class Found(NamedTuple):
    """What the report looks at in one case."""

    ledger: Ledger
    spectrum: JacobianSpectrum | None  # None for two directions
    exponent: float  # the largest Lyapunov exponent, the median over sequences; NaN for two directions


def report(
    cases: Mapping[str, Case],
    directory: str | PathLike[str],
    max_lag: int | None = None,
    max_bytes: int | None = MAX_BYTES,
) -> str:
    """Writes the figures of these cases into `directory` and returns the table that goes with them.

    cases: {label: Case}, drawn over each other; one is enough. max_lag, max_bytes: see `ledger`. Written are
    gradient_by_lag.png, truncation_bias.png, jacobians.png, and for every label pairs_<label>.png and
    gates_<label>.png. Raises ValueError for no case, and as `ledger` does.
    """
    if not cases:
        raise ValueError("cases must hold at least one layer to look into, got none")
    found = {label: look(case, max_lag, max_bytes) for label, case in cases.items()}
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn(found).items():
        figure.savefig(folder / f"{name}.png", dpi=150)
    return table(found)


def look(case: Case, max_lag: int | None = None, max_bytes: int | None = MAX_BYTES) -> Found:
    """A ledger of one case and, for one direction, the spectrum of its Jacobians."""
    parts = ledger(case.layer, case.dy, case.tape, case.dstate, max_lag, max_bytes=max_bytes)
    if getattr(case.layer, "directions", 2) != 1:
        return Found(parts, None, np.nan)
    exponents = to_host(lyapunov_exponents(case.layer, case.tape, 1, max_bytes=max_bytes))
    return Found(parts, jacobian_spectrum(case.layer, case.tape, max_lag, max_bytes), float(np.nanmedian(exponents)))


def drawn(found: Mapping[str, Found]) -> dict[str, Any]:
    """{file name: Figure}."""
    ledgers = {label: one.ledger for label, one in found.items()}
    spectra = {label: one.spectrum for label, one in found.items() if one.spectrum is not None}
    result = {
        "gradient_by_lag": figures.gradient_by_lag(ledgers),
        "truncation_bias": figures.bias_by_length(ledgers),
    }
    if spectra:
        result["jacobians"] = figures.singular_values_by_lag(spectra)
    for label, one in ledgers.items():
        name = "".join(letter if letter.isalnum() else "_" for letter in label)
        result[f"pairs_{name}"] = figures.pair_triangle(one, f"{label}. ")
        if one.gates:
            result[f"gates_{name}"] = figures.gates_over_time(one, title=f"{label}. ")
    return result


def table(found: Mapping[str, Found]) -> str:
    """A line a case: sizes of the gradient, how far it reaches, what truncation costs, how fast states part."""
    head = ("", "|gradient|", "lag 0", "bias 10%", "bias 1%", "angle at 10", "roulette", "Lyapunov")
    rows = [head, *(_row(label, one) for label, one in found.items())]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "", *LEGEND])


LEGEND = (
    "lag 0: what does not go back in time, over the gradient's norm. bias 10%, 1%: the steps that a truncation needs",
    "for a smaller relative bias. angle at 10: of the gradient truncated to 10 steps, in degrees. roulette: relative",
    "standard deviation of the best random lag that costs half as much. Lyapunov: growth of the state a step, a log.",
)


def _row(label: str, one: Found) -> tuple[str, ...]:
    bias = truncation_bias(one.ledger)
    norms = figures.lag_norms(one.ledger)
    whole = float(np.sqrt(sum(float((g**2).sum()) for g in one.ledger.gradient.values())))
    angle = np.degrees(np.arccos(np.clip(bias.cosine[min(9, len(bias.cosine) - 1)], -1, 1)))
    return (
        label,
        f"{whole:.4g}",
        f"{norms[0] / whole:.3f}" if whole else "-",
        _steps_for(bias.relative, 0.1),
        _steps_for(bias.relative, 0.01),
        f"{angle:.1f}",
        _roulette(one.ledger, len(norms), whole),
        f"{one.exponent:.4f}",
    )


def _steps_for(relative: np.ndarray, limit: float) -> str:
    within = np.flatnonzero(relative <= limit)
    above = np.flatnonzero(relative > limit)
    first = int(above[-1]) + 2 if above.size else 1
    return str(first) if within.size and first <= len(relative) else f"> {len(relative)}"


def _roulette(parts: Ledger, lags: int, whole: float) -> str:
    """The relative standard deviation at half the cost; none where lags lie together."""
    if lags < 3 or not whole or any(bool((part != 0).any()) for part in parts.longer.values()):
        return "-"
    survival = best_survival(parts, lags / 2)
    return f"{np.sqrt(roulette_variance(parts, survival)) / whole:.3f}"
