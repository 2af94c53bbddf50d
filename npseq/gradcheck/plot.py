"""The figure of a gradient check shows the error against the step size, and where in the tensor the errors are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.gradcheck.differences import difference
from npseq.gradcheck.function import Line, ScalarFunction
from npseq.gradcheck.rows import TensorReport, located
from npseq.gradcheck.taylor import remainders
from npseq.plot import new_figure

STEPS = np.logspace(-14, 0, 57)
LOWEST = 1e-17  # an error of exactly zero is drawn here


def plot_check(method: str, rows: tuple[TensorReport, ...], worst: TensorReport, f: ScalarFunction | None) -> Any:
    """Returns the Matplotlib figure of a check; it evaluates f anew around the worst row, unless f is None."""
    figure = new_figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    figure.suptitle(_title(method, rows, worst))
    with np.errstate(all="ignore"):
        if f is not None:
            f.origin = f()
        if method == "taylor" and worst.direction is not None and f is not None:
            _draw_remainders(left, worst, worst.direction, f)
        else:
            _draw_curve(left, worst, [] if f is None else _formulas(method, worst, f))
    if worst.errors is not None and worst.errors.size:
        _draw_map(figure, right, worst, worst.errors)
    else:
        _draw_tensors(right, rows)
    return figure


def _title(method: str, rows: tuple[TensorReport, ...], worst: TensorReport) -> str:
    """Says whether all passed, and of the worst tensor what is wrong and where."""
    verdict = "passed" if all(row.passed for row in rows) else "not passed"
    where = f"\nwrong: {worst.where}" if worst.where else ""
    return f"gradcheck, method {method!r}: {verdict}; worst tensor {worst.name} {worst.shape}, {worst.status}{where}"


def _draw_curve(axes: Any, row: TensorReport, formulas: list[tuple[str, str, Callable[[float], float]]]) -> None:
    """Draws the distance of numeric and analytic value over the scale, against the step, for each formula."""
    at_entry = row.direction is None and row.index is not None
    place = located(row.name, row.index) if at_entry else f"{row.name}, a direction"
    scale = row.scale or 1.0
    for label, marker, formula in formulas:
        errors = np.array([abs(formula(h) - row.analytic) / scale for h in STEPS])
        axes.loglog(STEPS, np.maximum(errors, LOWEST), marker, label=label, markersize=4, linewidth=1)
    axes.axhline(row.tolerance, color="black", linestyle="--", linewidth=1, label="tolerance")
    axes.set(
        title=f"Error against step size at {place}",
        xlabel="step h, in units of the variable",
        ylabel="|numeric − analytic| / scale of the tensor",
    )
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_remainders(axes: Any, row: TensorReport, direction: np.ndarray, f: ScalarFunction) -> None:
    """Draws both Taylor remainders against the step, and lines of slope 1 and 2 through the values of long steps."""
    found = remainders(f, row.name, direction, row.analytic)
    for label, marker, values, order in (("first", "o-", found.first, 1), ("second", "s-", found.second, 2)):
        (line,) = axes.loglog(found.h, values, marker, label=f"{label} remainder", markersize=4, linewidth=1)
        middle = len(found.h) // 4
        guide = values[middle] * (found.h / found.h[middle]) ** order
        axes.loglog(found.h, guide, ":", color=line.get_color(), label=f"slope {order}")
    positive = found.first[found.first > 0]
    if positive.size:
        axes.set_ylim(bottom=positive.min() * 1e-4)
    axes.set(
        title=f"Taylor remainders of {row.name} along a direction",
        xlabel="step h, in units of the variable",
        ylabel="|f(x+hv) − f(x)|, and less h ⟨g, v⟩",
    )
    axes.grid(alpha=0.3)
    axes.legend()


def _formulas(method: str, row: TensorReport, f: ScalarFunction) -> list[tuple[str, str, Callable[[float], float]]]:
    """Returns label, line style and numeric derivative as a function of the step: two-point, five-point, complex."""
    if not np.prod(row.shape):
        return []
    line = _line(f, row)

    def two_point(h: float) -> float:
        return difference(line, h).central

    def five_point(h: float) -> float:
        return (4 * two_point(h) - two_point(2 * h)) / 3

    formulas: list[tuple[str, str, Callable[[float], float]]]
    formulas = [("central", "o-", two_point), ("five-point", "s-", five_point)]
    if method == "complex" and row.index is not None:
        name, entry, copy = row.name, _entry(row), f.complex_copy()
        x = f.values[name][entry]
        formulas.append(("complex step", "^-", lambda h: copy.with_entry(name, entry, complex(x, h)).imag / h))
    return formulas


def _line(f: ScalarFunction, row: TensorReport) -> Line:
    if row.index is not None:
        return f.along_entry(row.name, _entry(row))
    return f.along(row.name, row.direction if row.direction is not None else np.ones(int(np.prod(row.shape))))


def _entry(row: TensorReport) -> int:
    return int(np.ravel_multi_index(row.index, row.shape)) if row.shape and row.index is not None else 0


def _draw_map(figure: Any, axes: Any, row: TensorReport, errors: np.ndarray) -> None:
    """Draws log10 of every entry's error over the scale; more than two axes are folded into rows."""
    errors = np.atleast_1d(errors)
    table = errors.reshape(-1, errors.shape[-1]) if errors.ndim > 1 else errors[None]
    logs = np.log10(np.maximum(table, LOWEST))
    image = axes.imshow(logs, aspect="auto", interpolation="nearest", vmin=-17, vmax=0)
    figure.colorbar(image, ax=axes, label="log10 of |numeric − analytic| / scale")
    names = [*row.axes, *(f"axis {axis}" for axis in range(len(row.axes), errors.ndim))]
    names = [name or f"axis {axis}" for axis, name in enumerate(names)]
    _label(axes, names, errors.shape)
    axes.set(title=f"Errors over {row.name} {row.shape}")
    if row.index is not None:
        axes.set(title=f"Errors over {row.name} {row.shape}, in the square: the worst")
        y, x = divmod(_entry(row), table.shape[1])
        axes.plot(x, y, "s", markerfacecolor="none", markeredgecolor="red", markersize=12)


def _label(axes: Any, names: list[str], shape: tuple[int, ...]) -> None:
    """Names both axes of the map; where several are folded into rows, a tick stands at each place of the first."""
    axes.set(xlabel=names[-1], ylabel=", ".join(names[:-1]))
    axes.xaxis.get_major_locator().set_params(integer=True)
    if len(shape) == 1:
        axes.set_yticks([])
        return
    if len(shape) == 2:
        axes.yaxis.get_major_locator().set_params(integer=True)
        return
    inside = int(np.prod(shape[1:-1]))
    shown = range(0, shape[0], max(1, -(-shape[0] // 10)))
    axes.set_yticks([place * inside for place in shown], [str(place) for place in shown])
    axes.set_ylabel(f"{', '.join(names[:-1])} (numbered: {names[0]})")


def _draw_tensors(axes: Any, rows: tuple[TensorReport, ...]) -> None:
    """Draws each tensor's error beside its tolerance, for the methods that check directions."""
    names = [row.name for row in rows]
    axes.barh(names, [max(row.error, LOWEST) for row in rows], color="0.6", label="error")
    axes.plot([row.tolerance for row in rows], names, "|", color="black", markersize=18, label="tolerance")
    axes.set(xscale="log", title="Error of each tensor", xlabel="error / scale of the tensor", ylabel="tensor")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)  # over no bar
