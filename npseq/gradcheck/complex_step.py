"""Method "complex" compares every entry with a complex step, Im f(x + i h e) / h: no cancellation, right to rounding.

Squire and Trapp, SIAM Review 40, 1998; Martins, Sturdza and Alonso, ACM TOMS 29, 2003. The error of truncation is
h^2 f^(3) / 6, below rounding if h is less than 1e-8 of the length over which f changes, and nothing but underflow
bounds h from below. A step of 2^-66, 1e-20, of each value leaves room for a length of 1e-12 of the value.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from npseq.backend import Array
from npseq.gradcheck.analytic import STEPS, NotAnalyticError, Trust, trusted_step
from npseq.gradcheck.differences import step_size
from npseq.gradcheck.extrapolation import derivative
from npseq.gradcheck.function import ScalarFunction, scalar
from npseq.gradcheck.noise import FLOAT64, SAFETY, jitter, levels, samples
from npseq.gradcheck.rows import TensorReport
from npseq.gradcheck.verdict import RESOLUTION, Estimate, Tensor, judge
from npseq.gradcheck.zero import is_zero, slope_nearby

RTOL = 1e-12
ADVICE = "the derivative itself is lost in rounding here; rescale f or choose another point"
LOST = "outputs near 1 of a sigmoid or tanh have lost the digits of y (1 - y), 1 - y^2; smaller weights keep them"
SUSPECTS = 4  # of a tensor out of tolerance, the error of this many entries is measured
ALIKE = 1e-3  # entries smaller than this part of the typical one hide in a direction that moves each by its own size
STILL = 2.0**-20  # of its size moves an entry that is zero, lest the slope have the rounding of quite another point
VANISHED = 2.0**-1030  # an imaginary part as small has lost digits
FULL = 2.0**-900  # a shorter step may lose digits on the way through f
SHORTER = 2.0**-23, 2.0**-10  # the units of float32 and float16


def complex_copy(f: ScalarFunction) -> ScalarFunction:
    """Returns f on complex128 arrays; it must be complex, and equal to f where the imaginary parts are zero."""
    copy = f.complex_copy()
    with _no_silent_cast():
        value = copy.raw()
        if not isinstance(value, complex) and np.dtype(_dtype_name(value)).kind != "c":
            raise NotAnalyticError(f"f returned a real value for complex arrays ({_dtype_name(value)})")
        value = complex(scalar(value))
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

    First f must be analytic along random directions, which do not see the analytic gradient. Raises NotAnalyticError if
    it is not. rounding: bounds what rounding has cost the analytic gradient; it is asked for where an entry is out of
    tolerance.
    """
    name, _, analytic, *_ = tensor
    if not analytic.size:
        return judge(tensor, Estimate(np.zeros(0), np.zeros(0)), zero=False, advice=ADVICE)
    with _no_silent_cast():
        numeric = _numeric(tensor, f, copy, rng)
    zero = bool(np.all(np.abs(analytic) <= numeric.error))
    resolution = tensor.tolerance.rtol if analytic.any() else RESOLUTION
    zero = zero and is_zero(numeric.value, numeric.error, lambda: slope_nearby(f, name, rng), resolution)
    lost = None if zero or rounding is None or not _out(tensor, numeric).size else rounding()[name].reshape(-1)
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


def _numeric(tensor: Tensor, f: ScalarFunction, copy: ScalarFunction, rng: np.random.Generator) -> Estimate:
    """Returns the derivative by every entry, with the error of the worst one as the error of all if that matters."""
    name, trust = tensor.name, _trust(f, copy, tensor.name, rng)
    sizes = f.sizes(name)
    steps = np.maximum(max((found.step for found in trust), default=STEPS[0]) * sizes, FULL)
    steps = np.minimum(steps, STEPS[-1] * sizes)
    value = np.array([_along(copy, name, entry, step) for entry, step in enumerate(steps.tolist())])
    numeric = Estimate(value, np.where(np.isfinite(value) & bool(trust), 0.0, np.inf), tensor.slices)
    if tensor.axis is not None:
        numeric.error += np.where((value == 0) & (tensor.analytic == 0), 0.0, VANISHED / steps)
    out, scale = _out(tensor, numeric), numeric.scale(tensor.analytic)
    suspects = out[np.argsort(numeric.distance(tensor.analytic)[out] / scale[out])[-SUSPECTS:]].tolist()
    errors = [_error(f, copy, name, entry, float(steps[entry]), rng) / scale[entry] for entry in suspects]
    numeric.error += max(errors, default=0.0) * scale
    if any(found.kink for found in trust):
        _look_for_kinks(f, tensor, numeric)
    if not numeric.value.any() and _is_hidden(f, name, trust, rng):
        numeric.error += np.inf
    return numeric


def _trust(f: ScalarFunction, copy: ScalarFunction, name: str, rng: np.random.Generator) -> list[Trust]:
    """Returns what is known along a direction that moves each entry by its own size.

    And along one that moves all alike, if some are far smaller than others: moved by its own size, such an entry would
    change f by no more than rounding.
    """
    sizes, typical = f.sizes(name), f.typical(name)
    lengths = [sizes] if np.min(sizes) >= ALIKE * typical else [sizes, np.full(sizes.size, typical)]
    found = [trusted_step(f, copy, name, length * rng.standard_normal(sizes.size)) for length in lengths]
    return [trust for trust in found if trust]


def _along(copy: ScalarFunction, name: str, entry: int, step: float) -> float:
    """Returns the derivative by one entry."""
    return float(copy.with_entry(name, entry, complex(copy.values[name][entry], step)).imag / step)


def _out(tensor: Tensor, numeric: Estimate) -> np.ndarray:
    """Returns the entries that are further from the numeric gradient than tolerance and numeric error."""
    distance = numeric.distance(tensor.analytic)
    allowed = tensor.tolerance.rtol * numeric.scale(tensor.analytic) + numeric.error
    return np.flatnonzero(np.isfinite(distance) & (distance > allowed))


def _error(
    f: ScalarFunction, copy: ScalarFunction, name: str, entry: int, step: float, rng: np.random.Generator
) -> float:
    """Returns a bound on the error of one entry's derivative, of truncation and of rounding.

    Truncation falls as the step or faster, so a step four times shorter loses 3/4 of it at least. Rounding is measured
    as that of f is.
    """
    value = _along(copy, name, entry, step)
    truncation = abs(value - _along(copy, name, entry, step / 4)) * 4 / 3
    moves = {key: np.where(x == 0, STILL, 1.0) * rng.standard_normal(x.size) for key, x in copy.values.items()}
    direction = {key: f.sizes(key) * move for key, move in moves.items()}

    def slope(t: float) -> float:
        moved = {key: t * vector + 0j for key, vector in direction.items()}
        moved[name][entry] += 1j * step
        return float(copy.moved(moved, 1.0).imag / step)

    found = levels(slope, samples(slope), abs(value))
    rough = f.noise > FLOAT64 * abs(f.origin)  # then f cancels, and so may its derivative, here and there
    sigma = max(found, default=np.inf) if rough else jitter(found, abs(value))
    return truncation + SAFETY * sigma + 4 * _shorter_unit(f, direction) * abs(value)


def _shorter_unit(f: ScalarFunction, direction: dict[str, np.ndarray]) -> float:
    """Returns the unit of the type in which f computes, if that is shorter than float64; 0.0 if it is not.

    Such an f has far more noise than float64 and does not see a step of its arguments below its own unit. Constants of
    f are rounded to it too, which its jitter does not show.
    """
    seen = [unit for unit in SHORTER if f.noise >= unit / 16 * abs(f.origin)]
    return max((unit for unit in seen if f.moved(direction, unit / 256) == f.origin), default=0.0)


def _look_for_kinks(f: ScalarFunction, tensor: Tensor, numeric: Estimate) -> None:
    """Takes real differences for the entries out of tolerance: at a kink, any slope between its sides is right."""
    scale = numeric.scale(tensor.analytic)
    for entry in _out(tensor, numeric).tolist():
        line = f.along_entry(tensor.name, entry)
        numeric.replace(entry, derivative(line, step_size(line), 1e-6 * scale[entry]))


def _is_hidden(f: ScalarFunction, name: str, trust: list[Trust], rng: np.random.Generator) -> bool:
    """Returns whether f, whose complex steps are all zero, is not flat nearby, and rounding hides which is right.

    An f that cuts off digits cuts off the imaginary part too.
    """
    nearby = slope_nearby(f, name, rng)
    blind = any(found.floor > RESOLUTION * nearby * found.length for found in trust if not found.kink)
    return bool(np.isnan(nearby) or (nearby > 0 and blind))
