"""Method "complex" compares every entry with a complex step, Im f(x + i h e) / h: no cancellation, right to rounding.

Squire and Trapp, SIAM Review 40, 1998; Martins, Sturdza and Alonso, ACM TOMS 29, 2003.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from math import isfinite

import numpy as np

from npseq.backend import Array
from npseq.gradcheck.differences import step_size
from npseq.gradcheck.extrapolation import derivative
from npseq.gradcheck.function import EPSILON, ScalarFunction, unit_direction
from npseq.gradcheck.rows import TensorReport
from npseq.gradcheck.verdict import Estimate, Tensor, judge

STEP = 1e-20
RTOL = 1e-12
ADVICE = "the derivative itself is lost in rounding here; rescale f or choose another point"
LOST = "outputs near 1 of a sigmoid or tanh have lost the digits of y (1 - y), 1 - y^2; smaller weights keep them"
SUSPECTS = 4  # of a tensor out of tolerance, the rounding of this many entries is measured
REPEATS = 8


class NotAnalyticError(ValueError):
    """Is raised if f is not an analytic function of complex arrays: a complex step says nothing about its gradient.

    Args:
        what: what f does wrong.

    Example:
        >>> ns.gradcheck(lambda at: abs(at["x"]), {"x": 1.0}, {"x": 1.0}, method="complex")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        npseq.gradcheck.complex_step.NotAnalyticError: method 'complex' needs an f that is analytic ...
    """

    def __init__(self, what: str):
        super().__init__(
            f"method 'complex' needs an f that is analytic for complex128 arrays, but {what}; make f analytic (no abs, "
            "max, comparison, conjugate or cast of a complex value; branch on .real), or use method='central'"
        )


def complex_copy(f: ScalarFunction) -> ScalarFunction:
    """Returns f on complex128 arrays; it must be complex, and equal to f where the imaginary parts are zero."""
    copy = f.complex_copy()
    with _no_silent_cast():
        value = copy.raw()
        if not isinstance(value, complex) and np.dtype(_dtype_name(value)).kind != "c":
            raise NotAnalyticError(f"f returned a real value for complex arrays ({_dtype_name(value)})")
        value = complex(value.item() if hasattr(value, "item") else value)
    if not abs(value - f.origin) <= 1e3 * f.noise + 1e-10 * abs(f.origin):
        raise NotAnalyticError(f"f is {value:.10g} for them where the same real arrays give {f.origin:.10g}")
    return copy


def check_complex(
    tensor: Tensor,
    f: ScalarFunction,
    rng: np.random.Generator,
    *,
    copy: ScalarFunction,
    rounding: Callable[[], Mapping[str, Array]] | None = None,
) -> TensorReport:
    """Checks one tensor by one value per entry of `copy`, f on complex128 arrays.

    First its complex step along a random direction is compared with real differences of f, neither of which sees the
    analytic gradient: a part of f that drops the imaginary part shows there. Raises NotAnalyticError then.
    rounding: bounds what rounding has cost the analytic gradient; it is asked for where an entry is out of tolerance.
    """
    with _no_silent_cast():
        _same_slope(f, copy, tensor.name, rng)
        numeric = _steps(copy, tensor.name)
        _add_rounding(copy, tensor, numeric, rng)
    zero = tensor.analytic.size > 0 and _rounding_only(tensor.analytic, numeric)
    lost = None if zero or rounding is None or not _out(tensor, numeric).size else rounding()[tensor.name].reshape(-1)
    if lost is None or not lost.any():
        return judge(tensor, numeric, zero=zero, advice=ADVICE)
    numeric.error = numeric.error + lost
    row = judge(tensor, numeric, zero=False, advice=LOST)
    return replace(row, note=f"as right as rounding allows: {LOST}") if row.passed else row


@contextmanager
def _no_silent_cast() -> Iterator[None]:
    """Raises NotAnalyticError for an error or a ComplexWarning of f, which was fine with the same real values."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            yield
        except NotAnalyticError:
            raise
        except Exception as error:
            raise NotAnalyticError(f"f raised {type(error).__name__}: {error}") from error


def _dtype_name(value: object) -> str:
    """Returns float64, complex128, ... for a scalar of any library."""
    return str(getattr(value, "dtype", type(value).__name__)).split(".")[-1]


def _same_slope(f: ScalarFunction, copy: ScalarFunction, name: str, rng: np.random.Generator) -> None:
    """Raises unless the complex step along a random direction is the real derivative, as far as that is known."""
    if not f.values[name].size:
        return
    direction = unit_direction(rng, f.values[name].size)
    step = copy.moved({name: direction}, 1j * STEP).imag / STEP
    line = f.along(name, direction)
    real = derivative(line, step_size(line), 1e-9 * abs(step))
    slack = 10 * real.error + 1e-8 * max(abs(step), abs(real.value))
    if isfinite(real.error) and not real.low - slack <= step <= real.high + slack:
        raise NotAnalyticError(
            f"along a random direction of {name!r} the complex step gives {step:.10g} and real differences "
            f"{real.value:.10g}: something between {name!r} and f drops or changes the imaginary part"
        )


def _steps(copy: ScalarFunction, name: str) -> Estimate:
    x = copy.values[name].tolist()
    values = [copy.with_entry(name, i, complex(value, STEP)).imag for i, value in enumerate(x)]
    value = np.array(values, dtype=np.float64) / STEP
    return Estimate(value, np.where(np.isfinite(value), 0.0, np.inf))


def _add_rounding(copy: ScalarFunction, tensor: Tensor, numeric: Estimate, rng: np.random.Generator) -> None:
    """Takes the rounding of the worst entries as the error of all, if there are entries out of tolerance."""
    out = _out(tensor, numeric)
    suspects = out[np.argsort(numeric.distance(tensor.analytic)[out])[-SUSPECTS:]]
    numeric.error += max((_spread(copy, tensor.name, int(entry), rng) for entry in suspects), default=0.0)


def _out(tensor: Tensor, numeric: Estimate) -> np.ndarray:
    """The entries that are further from the numeric gradient than tolerance and numeric error."""
    distance = numeric.distance(tensor.analytic)
    allowed = tensor.tolerance.rtol * numeric.scale(tensor.analytic) + numeric.error
    return np.flatnonzero(np.isfinite(distance) & (distance > allowed))


def _spread(copy: ScalarFunction, name: str, entry: int, rng: np.random.Generator) -> float:
    """Returns twice the range of one entry's derivative over points within two ulps of the point."""
    found = []
    for _ in range(REPEATS):
        nudge = {key: x * rng.integers(-2, 3, x.size) * EPSILON + 0j for key, x in copy.values.items()}
        nudge[name][entry] += 1j * STEP
        found.append(copy.moved(nudge, 1.0).imag / STEP)
    return 2 * (max(found) - min(found)) if np.all(np.isfinite(found)) else float("inf")


def _rounding_only(analytic: np.ndarray, numeric: Estimate) -> bool:
    """Returns whether both gradients are no more than the rounding of the derivative, everywhere."""
    return bool(np.all((np.abs(analytic) <= numeric.error) & (np.abs(numeric.value) <= numeric.error)))
