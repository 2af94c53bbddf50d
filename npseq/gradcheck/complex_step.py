"""Every entry by a complex step: Im f(x + i h e) / h, without cancellation, to rounding."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

import numpy as np

from npseq.gradcheck.differences import Derivative, step_size
from npseq.gradcheck.extrapolation import derivative_near
from npseq.gradcheck.function import EPSILON, ScalarFunction, unit_direction
from npseq.gradcheck.noise import rounding_noise
from npseq.gradcheck.report import TensorReport
from npseq.gradcheck.verdict import Estimate, Tolerance, judge

STEP = 1e-20
RTOL = 1e-12
ADVICE = "the derivative itself is lost in rounding here; rescale f or choose another point"
SUSPECTS = 4  # entries whose rounding is measured, where a tensor is out of tolerance
REPEATS = 8


class NotAnalyticError(ValueError):
    """f is not an analytic function of complex arrays, so a complex step says nothing about its gradient."""

    def __init__(self, what: str):
        super().__init__(
            f"method 'complex' needs an f that is analytic for complex128 arrays, but {what}; make f analytic (no abs, "
            "max, comparison, conjugate or cast of a complex value; branch on .real), or use method='central'"
        )


def check_complex(
    f: ScalarFunction,
    origin: float,
    shapes: dict[str, tuple[int, ...]],
    analytic: dict[str, np.ndarray],
    tolerance: dict[str, Tolerance],
    rng: np.random.Generator,
    twin: ScalarFunction,
) -> list[TensorReport]:
    """A row a tensor; f is the real function, twin the same one on complex128.

    Before a tensor is judged, its complex step along a random direction is held against real differences of f, both
    of them blind to the analytic gradient: a part of f that drops the imaginary part shows there.
    Squire and Trapp, SIAM Review 40, 1998; Martins, Sturdza and Alonso, ACM TOMS 29, 2003.
    Raises NotAnalyticError where f refuses complex arrays, returns a real number or is found not analytic.
    """
    noise = rounding_noise(f, origin, rng)
    _same_value(twin, origin, noise)
    rows = []
    with _no_silent_cast():
        for name, shape in shapes.items():
            before = f.evaluations + twin.evaluations
            _same_slope(f, twin, name, origin, noise, rng)
            numeric = _steps(twin, name)
            _add_rounding(twin, name, numeric, analytic[name], tolerance[name], rng)
            rows.append(
                judge(
                    name,
                    shape,
                    analytic[name],
                    numeric,
                    tolerance[name],
                    zero=analytic[name].size > 0 and _rounding_only(analytic[name], numeric),
                    evaluations=f.evaluations + twin.evaluations - before,
                    advice=ADVICE,
                )
            )
    return rows


@contextmanager
def _no_silent_cast() -> Iterator[None]:
    """Whatever f cannot do with complex values, an error or NumPy's ComplexWarning, comes out as NotAnalyticError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        try:
            yield
        except NotAnalyticError:
            raise
        except Exception as error:  # f was fine with the same values as real numbers
            raise NotAnalyticError(f"f raised {type(error).__name__}: {error}") from error


def _same_value(twin: ScalarFunction, origin: float, noise: float) -> None:
    """f of complex arrays must be complex, and where the imaginary parts are zero it must be f."""
    with _no_silent_cast():
        value = twin.raw()
        if not isinstance(value, complex) and np.dtype(_dtype_name(value)).kind != "c":
            raise NotAnalyticError(f"f returned a real value for complex arrays ({_dtype_name(value)})")
        value = complex(value.item() if hasattr(value, "item") else value)
    if not abs(value - origin) <= 1e3 * noise + 1e-10 * abs(origin):
        raise NotAnalyticError(f"f is {value:.10g} for them where the same real arrays give {origin:.10g}")


def _dtype_name(value: object) -> str:
    """float64, complex128, ..., whichever library's scalar it is."""
    return str(getattr(value, "dtype", type(value).__name__)).split(".")[-1]


def _same_slope(
    f: ScalarFunction, twin: ScalarFunction, name: str, origin: float, noise: float, rng: np.random.Generator
) -> None:
    """The complex step along a random direction of one tensor must be the real derivative, as well as that is known."""
    if not f.values[name].size:
        return
    direction = {name: unit_direction(rng, f.values[name].size)}
    step = twin.moved(direction, 1j * STEP).imag / STEP
    real = _real_slope(f, direction, f.typical(name), origin, noise, step)
    slack = 10 * real.error + 1e-8 * max(abs(step), abs(real.value))
    if isfinite(real.error) and not real.low - slack <= step <= real.high + slack:
        raise NotAnalyticError(
            f"along a random direction of {name!r} the complex step gives {step:.10g} and real differences "
            f"{real.value:.10g}: something between {name!r} and f drops or changes the imaginary part"
        )


def _real_slope(
    f: ScalarFunction,
    direction: dict[str, np.ndarray],
    typical: float,
    origin: float,
    noise: float,
    expected: float,
) -> Derivative:
    """The derivative along a direction by extrapolated real differences."""
    line = f.along(direction, origin)
    h = step_size(line, typical, noise)
    return derivative_near(line, h, noise, 1e-9 * abs(expected), typical)


def _steps(twin: ScalarFunction, name: str) -> Estimate:
    """One value of f per entry."""
    x = twin.values[name].tolist()
    values = [twin.with_entry(name, i, complex(value, STEP)).imag for i, value in enumerate(x)]
    value = np.array(values, dtype=np.float64) / STEP
    return Estimate(value, np.where(np.isfinite(value), 0.0, np.inf))


def _add_rounding(
    twin: ScalarFunction,
    name: str,
    numeric: Estimate,
    analytic: np.ndarray,
    tolerance: Tolerance,
    rng: np.random.Generator,
) -> None:
    """Where entries are out of tolerance, measure the rounding of the derivative at the worst of them.

    Their complex steps are repeated at points an ulp or two away; the spread is an error that every entry may have.
    """
    distance = numeric.distance(analytic)
    out = np.flatnonzero(np.isfinite(distance) & (distance > tolerance.rtol * numeric.scale(analytic)))
    suspects = out[np.argsort(distance[out])[-SUSPECTS:]]
    spread = max((_spread(twin, name, int(entry), rng) for entry in suspects), default=0.0)
    numeric.error += spread


def _spread(twin: ScalarFunction, name: str, entry: int, rng: np.random.Generator) -> float:
    """Twice the range of one entry's derivative over points within two ulps of the point."""
    found = []
    for _ in range(REPEATS):
        nudge = {key: x * rng.integers(-2, 3, x.size) * EPSILON + 0j for key, x in twin.values.items()}
        nudge[name][entry] += 1j * STEP
        found.append(twin.moved(nudge, 1.0).imag / STEP)
    return 2 * (max(found) - min(found)) if np.all(np.isfinite(found)) else float("inf")


def _rounding_only(analytic: np.ndarray, numeric: Estimate) -> bool:
    """Whether both gradients are no more than the rounding of the derivative, everywhere."""
    return bool(np.all((np.abs(analytic) <= numeric.error) & (np.abs(numeric.value) <= numeric.error)))
