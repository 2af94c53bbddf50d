"""Derivatives of the second order, and forward ones, by a complex step through code that is already there.

    f(x + i h v) = f(x) + i h (J v) + O(h^2),   so   J v = Im f(x + i h v) / h

exact to rounding, since nothing is subtracted and h may be 1e-20. With f a hand-derived gradient, J is the Hessian: the
manual backward differentiates itself (Pearlmutter 1994 for the product; Squire & Trapp 1998 for the step).
Points and directions are arrays, such as layer.params.flat, or mappings of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import function, is_array
from npseq.backend import Array, generator, to_host

STEP = 1e-20


class Spectrum(NamedTuple):
    """Eigenvalues (k,), largest first, and their vectors (n, k)."""

    values: np.ndarray
    vectors: np.ndarray


def jvp(f: Callable[[Any], Any], at: Any, v: Any) -> Any:
    """J v, shaped as f(at): how f moves along v. at, v: arrays or mappings of arrays, of the same shapes.

    f is given complex128 numbers and has to be analytic: no abs, max, comparison or conjugate of what it is given. A
    layer does with `layer.bind(flat)`. It may return an array, or a tuple or mapping of them.
    Raises ValueError where v does not fit `at`, TypeError where f drops the imaginary part.
    """
    function("f", f)
    _check_fit(at, v)
    largest = max((float(abs(part).max()) for part in _arrays(v) if part.size), default=0.0)
    h = STEP / largest if largest else STEP
    if isinstance(at, Mapping):
        return _imaginary(f({name: at[name] + 1j * h * _wide(v[name]) for name in at}), h)
    return _imaginary(f(at + 1j * h * _wide(v)), h)


def hvp(gradient: Callable[[Any], Any], at: Any, v: Any) -> Any:
    """H v, exact: the Hessian at `at` times v. gradient: what takes complex128 numbers as `at` to the loss's gradient.

        def gradient(flat):
            bound = layer.bind(flat)
            y, _, tape = bound.forward(x)
            loss, dy = mean_squared_error(y, target)
            return bound.backward(dy, tape)[2].flat

        hvp(gradient, layer.params.flat, v)

    Raises as jvp does.
    """
    return jvp(gradient, at, v)


def gauss_newton_product(
    forward: Callable[[Any], Array],
    backward: Callable[[Any, Array], Any],
    curvature: Callable[[Array, Array], Array],
    at: Any,
    v: Any,
) -> Any:
    """G v = J^T H_out J v: the Hessian with the model's outputs taken as linear in the parameters, never negative.

    forward(at): the outputs, say logits. backward(at, d): J^T d, the gradient of sum(d * outputs).
    curvature(outputs, u): H_out u, the loss's Hessian by the outputs times u; `softmax_curvature` for cross-entropy,
    where G is the Fisher matrix. Schraudolph 2002; Martens & Sutskever 2011. Raises as jvp does.
    """
    return backward(at, curvature(forward(at), jvp(forward, at, v)))


def softmax_curvature(logits: Array, u: Array) -> Array:
    """(diag(p) - p p^T) u at each of N positions, over N: the Hessian of the mean cross-entropy. logits, u (..., V)."""
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    positions = max(p.size // p.shape[-1], 1)
    return p * (u - (p * u).sum(axis=-1, keepdims=True)) / positions


def lanczos(
    product: Callable[[np.ndarray], Array],
    size: int,
    count: int = 6,
    which: str = "LA",
    rng: int | np.random.Generator | None = 0,
) -> Spectrum:
    """The outermost eigenvalues of a symmetric matrix that is known by its products alone, largest first.

    product: v (size,) to H v, such as lambda v: hvp(gradient, flat, v); v is on the host, where the iteration runs, and
    H v may be on a device, lambda v: hvp(gradient, flat, cupy.asarray(v)). which: "LA" the largest, "SA" the smallest,
    "BE" both ends, "LM" the largest in size. rng: for the first vector. Implicitly restarted Lanczos (scipy's eigsh).
    Raises ValueError unless 0 < count < size.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    if not 0 < count < size:
        raise ValueError(f"count must be between 1 and {size - 1}, below the size of the matrix, got {count}")
    operator = LinearOperator((size, size), matvec=lambda v: to_host(product(np.ravel(v))), dtype=np.float64)
    values, vectors = eigsh(operator, k=count, which=which, v0=generator(rng).standard_normal(size))
    order = np.argsort(values)[::-1]
    return Spectrum(values[order], vectors[:, order])


def _wide(array: Array) -> Array:
    return array.astype(np.float64, copy=False)


def _arrays(value: Any) -> list[Array]:
    return list(value.values()) if isinstance(value, Mapping) else [value]


def _check_fit(at: Any, v: Any) -> None:
    if isinstance(at, Mapping) != isinstance(v, Mapping) or (isinstance(at, Mapping) and set(at) != set(v)):
        raise ValueError("v must have the same names as the point it starts from")
    for array in (*_arrays(at), *_arrays(v)):
        if not is_array(array):
            raise TypeError(f"v and the point it starts from must be arrays, got {type(array).__name__}")
    for name in at if isinstance(at, Mapping) else [None]:
        here, there = (at, v) if name is None else (at[name], v[name])
        if here.shape != there.shape or here.dtype.kind != "f" or there.dtype.kind != "f":
            raise ValueError(
                f"v must be real and shaped as the point it starts from, {here.shape} {here.dtype}"
                f"{'' if name is None else f' ({name})'}, got {there.shape} {there.dtype}"
            )


def _imaginary(value: Any, h: float) -> Any:
    if isinstance(value, Mapping):
        return {name: _imaginary(part, h) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_imaginary(part, h) for part in value)
    if getattr(value, "dtype", np.dtype(float)).kind != "c":
        raise TypeError(
            "the function must carry complex numbers through and return them, got "
            f"{getattr(value, 'dtype', type(value).__name__)}; something in it keeps the real part only"
        )
    return value.imag / h
