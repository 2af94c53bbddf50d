"""The figure of a gradient check: error against step size, and where in the tensor the errors are."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from npseq.gradcheck.differences import difference
from npseq.gradcheck.function import Line, ScalarFunction
from npseq.gradcheck.report import Report, TensorReport, located
from npseq.gradcheck.taylor import remainders

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STEPS = np.logspace(-14, 0, 57)
LOWEST = 1e-17  # where an error of exactly zero is drawn


def plot_report(report: Report, path: str | PathLike[str] | None = None) -> Figure:
    """The figure of `report`, evaluated anew; written to `path` where one is given."""
    from matplotlib.figure import Figure

    row = report.worst_tensor
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    verdict = "passed" if report.passed else "not passed"
    figure.suptitle(
        f"gradcheck, method {report.method!r}: {verdict}; worst tensor {row.name} {row.shape}, {row.status}"
    )
    if report.method == "taylor" and row.direction is not None:
        _draw_remainders(left, report, row)
    else:
        _draw_curve(left, report, row)
    if row.errors is not None and row.errors.size:
        _draw_map(figure, right, row)
    else:
        _draw_tensors(right, report)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def _draw_curve(axes: Axes, report: Report, row: TensorReport) -> None:
    """|numeric - analytic| over the tensor's scale, against the step, for each difference formula."""
    place = (
        located(row.name, row.index) if row.direction is None and row.index is not None else f"{row.name}, a direction"
    )
    scale = row.scale or 1.0
    for label, marker, formula in _formulas(report, row):
        with np.errstate(all="ignore"):
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


def _draw_remainders(axes: Axes, report: Report, row: TensorReport) -> None:
    """Both Taylor remainders against the step, with lines of slope 1 and 2 through the longest steps' values."""
    assert report.f is not None
    assert row.direction is not None
    function = ScalarFunction(report.f, report.at)
    with np.errstate(all="ignore"):
        found = remainders(function, row.name, row.direction, row.analytic, function(), 0.0)
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


def _formulas(report: Report, row: TensorReport) -> list[tuple[str, str, Callable[[float], float]]]:
    """Label, line style and numeric derivative as a function of the step: two-point, five-point, complex."""
    if report.f is None or not np.prod(row.shape):
        return []
    function = ScalarFunction(report.f, report.at)
    line = _line(function, row, function())

    def two_point(h: float) -> float:
        return difference(line, h, 0.0).central

    def five_point(h: float) -> float:
        return (4 * two_point(h) - two_point(2 * h)) / 3

    formulas: list[tuple[str, str, Callable[[float], float]]]
    formulas = [("central", "o-", two_point), ("five-point", "s-", five_point)]
    if report.method == "complex" and row.index is not None:
        name, entry = row.name, _flat(row)
        x = function.values[name][entry]
        twin = ScalarFunction(report.f, report.at, np.complex128)
        formulas.append(("complex step", "^-", lambda h: twin.with_entry(name, entry, complex(x, h)).imag / h))
    return formulas


def _line(function: ScalarFunction, row: TensorReport, origin: float) -> Line:
    if row.index is not None:
        return function.along_entry(row.name, _flat(row), origin)
    direction = row.direction if row.direction is not None else np.ones(int(np.prod(row.shape)))
    return function.along({row.name: direction}, origin)


def _flat(row: TensorReport) -> int:
    return int(np.ravel_multi_index(row.index, row.shape)) if row.shape and row.index is not None else 0


def _draw_map(figure: Figure, axes: Axes, row: TensorReport) -> None:
    """log10 of every entry's error over the scale; more than two axes are folded into rows."""
    assert row.errors is not None
    errors = np.atleast_1d(row.errors)
    table = errors.reshape(-1, errors.shape[-1]) if errors.ndim > 1 else errors[None]
    with np.errstate(divide="ignore"):
        image = axes.imshow(
            np.log10(np.maximum(table, LOWEST)), aspect="auto", interpolation="nearest", vmin=-17, vmax=0
        )
    figure.colorbar(image, ax=axes, label="log10 of |numeric − analytic| / scale")
    folded = "" if errors.ndim < 3 else f" (rows: axes {', '.join(map(str, range(errors.ndim - 1)))} in C order)"
    axes.set(title=f"Errors over {row.name} {row.shape}", xlabel="index on the last axis", ylabel=f"row{folded}")
    if row.index is not None:
        y, x = divmod(_flat(row), table.shape[1])
        axes.plot(x, y, "s", markerfacecolor="none", markeredgecolor="red", markersize=12)


def _draw_tensors(axes: Axes, report: Report) -> None:
    """Each tensor's error beside its tolerance, for the methods that look along directions."""
    names = [row.name for row in report.tensors]
    axes.barh(names, [max(row.error, LOWEST) for row in report.tensors], color="0.6", label="error")
    axes.plot([row.tolerance for row in report.tensors], names, "|", color="black", markersize=18, label="tolerance")
    axes.set(xscale="log", title="Error of each tensor", xlabel="error / scale of the tensor", ylabel="tensor")
    axes.legend()
