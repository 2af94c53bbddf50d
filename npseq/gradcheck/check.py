"""gradcheck: the one entry to the four methods. Everything is refused here, before f is called more than twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from npseq.arguments import function as callable_function
from npseq.arguments import number
from npseq.backend import Array, array_module, generator, to_host
from npseq.gradcheck import central, complex_step, directional, taylor
from npseq.gradcheck.function import Scalar, ScalarFunction
from npseq.gradcheck.report import Report
from npseq.gradcheck.verdict import Tolerance

Gradient = Mapping[str, Array] | Callable[[dict[str, Array]], Mapping[str, Array]]
DEFAULT_RTOL = {
    "central": central.RTOL,
    "complex": complex_step.RTOL,
    "directional": directional.RTOL,
    "taylor": taylor.RTOL,
}
CHECKS = {"central": central.check_central, "directional": directional.check_directional, "taylor": taylor.check_taylor}


def gradcheck(
    f: Callable[[dict[str, Array]], Scalar],
    at: Mapping[str, Array],
    gradient: Gradient,
    method: str = "central",
    rtol: float | None = None,
    rng: int | np.random.Generator | None = None,
) -> Report:
    """Check a gradient of a scalar function of named arrays, whoever wrote either.

    f: {name: array} -> scalar, real and deterministic; it gets float64 copies of `at` in a new dict (complex128 ones
    with method "complex"), and must not write on them.
    at: {name: real floating array of any shape}, NumPy or CuPy; never written on.
    gradient: {name: array of the same shape}, or a callable that makes one from float64 copies of `at`.
    method:
        "central": every entry, by central differences, extrapolated where one step does not settle it.
        "complex": every entry, by a complex step of 1e-20: to rounding, for an f that is analytic.
        "directional": random directions, for tensors too large for the others; tells its chance of missing an error.
        "taylor": the remainders of first and second order must shrink with slopes 1 and 2.
    rtol: the largest error that passes, relative to the largest gradient entry of the same tensor; there is no
        absolute tolerance. None: 1e-12 for "complex", else 1e-6, and 1e-4 at least where the gradient is float32. To
        it comes the numeric error that is left by f's rounding (measured, so a float32 f is seen as one): up to 1e-4
        of the scale if rtol is None, up to rtol if given. Above that a tensor is "inconclusive" and does not pass.
    rng: seed or Generator of the random directions; None takes the same ones every time.

    Where f has a kink within reach of rounding, an entry passes with any value between the slopes of the two sides;
    report.kinks names it. A tensor whose gradient is zero passes if f does not change with it beyond f's rounding.

    Raises ValueError or TypeError, before anything heavy, for names or shapes that do not match, for an f that does
    not return a finite real scalar, returns another value when called again, or writes on its arguments; and
    NotAnalyticError (a ValueError) where "complex" cannot be used.
    """
    if not isinstance(method, str) or method not in DEFAULT_RTOL:
        raise ValueError(f"method must be one of {', '.join(map(repr, DEFAULT_RTOL))}, got {method!r}")
    if rtol is not None and not 0 < number("rtol", rtol) < 1:
        raise ValueError(f"rtol must be a relative tolerance between 0 and 1, got {rtol!r}")
    callable_function("f", f)
    at = _point(at)
    function = ScalarFunction(f, at)
    shapes = {name: tuple(array.shape) for name, array in function.arguments().items()}
    gradients = _gradients(gradient, function)
    _require_gradients(gradients, shapes)
    analytic = {name: to_host(gradients[name]).astype(np.float64).reshape(-1) for name in shapes}
    tolerance = {name: Tolerance.of(rtol, DEFAULT_RTOL[method], gradients[name].dtype) for name in shapes}
    generator_ = generator(0 if rng is None else rng)
    with np.errstate(all="ignore"):  # a step out of f's domain is found by its value, not by a warning
        origin = _origin(function)
        if method == "complex":
            twin = ScalarFunction(f, at, np.complex128)
            rows = complex_step.check_complex(function, origin, shapes, analytic, tolerance, generator_, twin)
            evaluations = function.evaluations + twin.evaluations
        else:
            rows = CHECKS[method](function, origin, shapes, analytic, tolerance, generator_)
            evaluations = function.evaluations
    _require_untouched(function)
    return Report(method, tuple(rows), evaluations, f=f, at=function.arguments())


def _point(at: Mapping[str, Array]) -> dict[str, Array]:
    """at as arrays, which must be real floating and finite."""
    if not isinstance(at, Mapping) or not at:
        raise ValueError(f"at must map one name or more to arrays, got {at!r}")
    point = {name: _array(value) for name, value in at.items()}
    for name, array in point.items():
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            raise TypeError(
                f"at[{name!r}] must be a real floating array of at most 64 bits, got {array.dtype}; "
                "convert it, or bind what has no gradient (ids, lengths) inside f"
            )
        if not np.isfinite(to_host(array)).all():
            raise ValueError(f"at[{name!r}] must be finite, got NaN or infinite values; choose another point")
    return point


def _array(value: Array) -> Array:
    """A NumPy or CuPy array as it is, anything else as a NumPy array."""
    return np.asarray(value) if array_module(value) is np else value


def _gradients(gradient: Gradient, function: ScalarFunction) -> dict[str, Array]:
    """The gradient's arrays, from the mapping or by calling it on copies that it must leave alone."""
    if not callable(gradient):
        found: Mapping[str, Array] = gradient
    else:
        given = function.arguments()
        found = gradient(dict(given))
        changed = [name for name, value in function.arguments().items() if not bool((given[name] == value).all())]
        if changed:
            raise ValueError(f"gradient must not write on its arguments, it changed {_listed(changed)}; copy first")
    if not isinstance(found, Mapping):
        raise TypeError(f"gradient must be or return a mapping of names to arrays, got {type(found).__name__}")
    missing = [name for name in function.values if found.get(name) is None]
    extra = [name for name in found if name not in function.values]
    if missing or extra:
        raise ValueError(
            f"gradient must have the names of at, {_listed(function.values)}; missing: {_listed(missing)}, "
            f"not in at: {_listed(extra)}"
        )
    return {name: _array(value) for name, value in found.items()}


def _require_gradients(gradients: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Every gradient has its tensor's shape and is real."""
    for name, shape in shapes.items():
        value = gradients[name]
        if tuple(value.shape) != shape:
            raise ValueError(f"gradient[{name!r}] must have the shape of at[{name!r}], {shape}, got {value.shape}")
        if value.dtype.kind != "f" or value.dtype.itemsize not in (4, 8):
            raise TypeError(f"gradient[{name!r}] must be float32 or float64, got {value.dtype}; convert it")


def _origin(function: ScalarFunction) -> float:
    """f at the point: a finite real scalar, the same twice, its arguments left alone."""
    value = function.raw()
    if tuple(getattr(value, "shape", ())) != () or isinstance(value, (list, tuple, dict, str, type(None))):
        what = f"an array of shape {tuple(value.shape)}" if hasattr(value, "shape") else f"a {type(value).__name__}"
        raise ValueError(f"f must return a scalar, got {what}; reduce it, say by a sum with fixed weights")
    _require_untouched(function)
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, complex):
        raise ValueError("f must return a real scalar for real arrays, got a complex one; return its .real")
    first, second = float(value), function()
    if not np.isfinite(first):
        raise ValueError(f"f must be finite at the point, got {first}; choose another point")
    if not abs(first - second) <= 1e-3 * max(abs(first), abs(second)):
        raise ValueError(
            f"f must be deterministic, two calls at the same point gave {first!r} and {second!r}; fix its rng"
        )
    return first


def _require_untouched(function: ScalarFunction) -> None:
    """Raises where f changed an argument in place: the rest of the check would be at another point."""
    changed = function.written_on()
    if changed:
        raise ValueError(f"f must not write on its arguments, it changed {_listed(changed)} in place; copy inside f")


def _listed(names: object) -> str:
    return ", ".join(map(repr, names)) or "none"  # type: ignore[call-overload]
