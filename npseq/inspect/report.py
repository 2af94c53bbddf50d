"""A report on the gradients of some networks: two tables and a folder of figures."""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import by_label, function
from npseq.backend import to_host
from npseq.bptt.workspace import MAX_BYTES
from npseq.files import as_path, make_folder, replaceable
from npseq.inspect import figures
from npseq.inspect.jacobians import JacobianSpectrum, jacobian_spectrum, lyapunov_exponents
from npseq.inspect.ledger import Ledger, lag_norms, ledger
from npseq.inspect.truncations import (
    Bias,
    best_survival,
    expected_lags,
    random_truncation_variance,
    roulette_variance,
    truncation_bias,
)
from npseq.magnitude import joint_norm
from npseq.plot import is_ours, save_figure
from npseq.shown import columns, in_notebooks

NAMES = ("gradient_by_lag", "truncation_bias", "jacobians", "pairs_*", "gates_*", "adjoints_over_training_*")
LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Case(NamedTuple):
    """A layer, the tape of one forward, and the loss's derivative by its y: what a report is about."""

    layer: Any  # an RNN, GRU, LSTM or Bidirectional layer
    tape: Any  # what forward returned
    dy: Any  # the loss's derivative by y, or None for zeros
    dstate: Any = None  # the loss's derivative by the last state, or None for zeros
    stale: Bias | None = None  # of the state carried into it, see npseq.inspect.stale_state_bias


@in_notebooks
class Tables(str):
    """The tables of a report as one text; `numbers` has what they show, {label: {name: number}}."""

    numbers: dict[str, dict[str, Any]]


class Analysis(NamedTuple):
    """The numbers that a report shows of one case."""

    ledger: Ledger
    spectrum: JacobianSpectrum | None  # None for two directions
    exponent: float  # the largest Lyapunov exponent, the median over sequences; NaN for two directions
    stale: Bias | None = None


def report(
    cases: Mapping[str, Case],
    directory: str | PathLike[str],
    *,
    max_lag: int | None = None,
    max_bytes: int | None = MAX_BYTES,
    extra: Mapping[str, Case] | None = None,
    on_part: Callable[[str], object] | None = None,
) -> Tables:
    """Writes the figures of these cases into `directory` and returns the tables that go with them.

    The tables are a str, whose attribute `numbers` has what they show.

    These are gradient_by_lag.png, truncation_bias.png, jacobians.png, and for every label pairs_<label>.png and
    gates_<label>.png.

    Args:
        cases: {label: Case}, drawn over each other; one is enough.
        directory: the folder, made if there is none.
        max_lag: the largest lags kept apart, as `ledger` takes it.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.
        extra: more cases, drawn into gradient_by_lag.png alone.
        on_part: called with what is done next, in words.

    Raises:
        OSError: if a file cannot be written, or is not npseq's.
        TypeError: if a case does not hold a layer with its tape.
        ValueError: if there is no case, or a shape does not fit.

    Example:
        >>> layer = ns.LSTM(2, 3, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
        >>> print(ns.inspect.report({"LSTM": ns.inspect.Case(layer, tape, y)}, "figures"))  # doctest: +SKIP
    """
    by_label("cases", cases, Case)
    extra = by_label("extra", {} if extra is None else extra, Case, 0)
    folder = as_path(directory, "directory")
    check_figures(folder)
    say = function("on_part", str if on_part is None else on_part)
    analyses, others = {}, {}
    for label, case in cases.items():
        say(f"gradients, {label}")
        analyses[label] = analyse(case, max_lag, max_bytes)
    for label, one in extra.items():
        say(f"gradients, {label}")
        others[label] = ledger(
            one.layer, one.dy, one.tape, one.dstate, max_lag=max_lag, pairs=False, max_bytes=max_bytes
        )
    make_folder(folder)
    say("figures")
    for name, figure in draw(analyses, others).items():
        say(f"{name}.png")
        save_figure(figure, folder / f"{name}.png", follow=False)
    tables = Tables(f"{table(analyses)}\n\n{bias_table(analyses)}")
    tables.numbers = {label: numbers(one) for label, one in analyses.items()}
    return tables


def check_figures(folder: Path) -> None:
    """Raises OSError if the folder holds a file under a name of these figures that npseq must not replace."""
    for pattern in NAMES:
        for path in folder.glob(f"{pattern}.png"):
            replaceable(path, is_ours, follow=False)


def analyse(case: Case, max_lag: int | None = None, max_bytes: int | None = MAX_BYTES) -> Analysis:
    """A ledger of one case and, for one direction, the spectrum of its Jacobians."""
    parts = ledger(case.layer, case.dy, case.tape, case.dstate, max_lag=max_lag, max_bytes=max_bytes)
    if getattr(case.layer, "directions", 2) != 1:
        return Analysis(parts, None, np.nan, case.stale)
    exponents = to_host(lyapunov_exponents(case.layer, case.tape, 1, max_bytes=max_bytes))
    spectrum = jacobian_spectrum(case.layer, case.tape, max_lag=max_lag, max_bytes=max_bytes)
    return Analysis(parts, spectrum, float(np.nanmedian(exponents)), case.stale)


def draw(analyses: Mapping[str, Analysis], extra: Mapping[str, Ledger] | None = None) -> dict[str, Any]:
    """{file name: Figure}."""
    ledgers = {label: one.ledger for label, one in analyses.items()}
    spectra = {label: one.spectrum for label, one in analyses.items() if one.spectrum is not None}
    result = {
        "gradient_by_lag": figures.gradient_by_lag(ledgers, extra),
        "truncation_bias": figures.bias_by_length(ledgers),
    }
    if spectra:
        result["jacobians"] = figures.singular_values_by_lag(spectra)
    for label, one in ledgers.items():
        name = "".join(letter if letter.isalnum() else "_" for letter in label.lower())
        result[f"pairs_{name}"] = figures.pair_triangle(one, title=f"{label}\n")
        if one.gates:
            result[f"gates_{name}"] = figures.gates_over_time(one, title=f"{label}\n")
    return result


def table(analyses: Mapping[str, Analysis]) -> str:
    """A line a case: sizes of the gradient, how far it reaches, what truncation costs, how fast states diverge."""
    head = ("", "|gradient|", "lag 0", "bias 10%", "bias 1%", "random", "roulette", "stale", "Lyapunov")
    return "\n".join([*columns([head, *(_row(label, one) for label, one in analyses.items())], str.rjust), "", *LEGEND])


LEGEND = (
    "lag 0: what does not go back in time, over the gradient's norm. bias 10%, 1%: the steps that a truncation needs",
    "for a smaller relative bias. random: relative standard deviation of RandomTruncation with half the steps' mean",
    "reach; roulette: of the best RouletteTruncation of that reach. stale: relative bias of the gradient at a state",
    "carried over an update, not computed anew. Lyapunov: growth of the state a step, a logarithm.",
)


def numbers(one: Analysis) -> dict[str, Any]:
    """What the tables show of a case, in numbers; each list counts lags, or lengths of a truncation, from the first."""
    bias, norms = truncation_bias(one.ledger), lag_norms(one.ledger)
    return {
        "gradient_norm": float(joint_norm(one.ledger.gradient.values())),
        "norm_by_lag": np.asarray(norms, float).tolist(),
        "relative_bias_by_length": np.asarray(bias.relative, float).tolist(),
        "cosine_by_length": np.asarray(bias.cosine, float).tolist(),
        "stale_relative_bias": None if one.stale is None else float(one.stale.relative),
        "lyapunov_exponent": one.exponent,
    }


def bias_table(analyses: Mapping[str, Analysis]) -> str:
    """Relative bias and angle of Truncated(k), k a line, for every case."""
    biases = {label: truncation_bias(one.ledger) for label, one in analyses.items()}
    longest = max(len(bias.norm) for bias in biases.values())
    rows = [("steps", *(cell for label in biases for cell in (label, "angle")))]
    for k in (k for k in LENGTHS if k <= longest):
        cells = [(f"{b.relative[k - 1]:.2g}", _degrees(b.cosine[k - 1])) for b in biases.values()]
        rows.append((str(k), *(cell for pair in cells for cell in pair)))
    title = "Truncated to so many steps: relative bias, and angle to the gradient in degrees"
    return "\n".join([title, *columns(rows, str.rjust)])


def _degrees(cosine: float) -> str:
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    return f"{angle:.2g}" if angle > figures.LEAST_ANGLE else "0"


def _row(label: str, one: Analysis) -> tuple[str, ...]:
    bias = truncation_bias(one.ledger)
    norms = lag_norms(one.ledger)
    whole = float(joint_norm(one.ledger.gradient.values()))
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
    """The relative standard deviation at a mean reach of half the lags, found by bisection; "-" for a stack."""
    if lags < 3 or not whole or parts.crossing_norms is None:
        return "-"
    low, high = 0.0, 1.0
    for _ in range(60):
        keep = (low + high) / 2
        reach = expected_lags(lambda k, keep=keep: keep**k, lags)  # type: ignore[misc]
        low, high = (keep, high) if reach < lags / 2 else (low, keep)
    return f"{np.sqrt(random_truncation_variance(parts, low)) / whole:.2g}"


def _roulette(parts: Ledger, lags: int, whole: float) -> str:
    """The relative standard deviation at half the cost; "-" where lags are added up."""
    if lags < 3 or not whole or any(bool((part != 0).any()) for part in parts.longer.values()):
        return "-"
    survival = best_survival(parts, lags / 2)
    return f"{np.sqrt(roulette_variance(parts, survival)) / whole:.2g}"
