"""Second derivatives, and forward ones, by a complex step through the existing gradient code.

    f(x + i h v) = f(x) + i h (J v) + O(h^2),   so   J v = Im f(x + i h v) / h

which is exact to rounding, since nothing is subtracted and h may be 1e-20. With f a hand-derived gradient, J is the
Hessian: the manual backward differentiates itself (Pearlmutter 1994 for the product; Squire & Trapp 1998 for the step).
Points and directions are arrays, such as layer.params.flat, or mappings of arrays.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import amount, function, integer, one_of
from npseq.arguments import array as an_array
from npseq.arrays import is_own
from npseq.backend import Array, array_module, generator, to_host

STEP = 1e-20


class Spectrum(NamedTuple):
    """Eigenvalues and eigenvectors of a symmetric matrix, largest eigenvalue first."""

    values: np.ndarray  # (k,)
    vectors: np.ndarray  # (n, k)


def jvp(f: Callable[[Any], Any], at: Any, v: Any) -> Any:
    """Returns J v, the derivative of f along v, in the form of f(at).

    Args:
        f: takes complex128 numbers and is analytic: no abs, max, comparison or conjugate of them. A layer is, bound
            with layer.bind(flat). It may return an array, or a tuple or mapping of them.
        at: the point, an array or a mapping of arrays.
        v: the direction, of the same shapes.

    Raises:
        TypeError: if at or v is not an array, or f drops the imaginary part.
        ValueError: if v does not fit at.

    Example:
        >>> ns.inspect.jvp(lambda x: x**2, np.array([1.0, 3.0]), np.array([1.0, 0.5]))
        array([2., 3.])
    """
    function("f", f)
    _check_fit(at, v)
    largest = max((float(abs(part).max()) for part in _arrays(v) if part.size), default=0.0)
    h = STEP / largest if largest else STEP
    if isinstance(at, Mapping):
        return _imaginary(f({name: at[name] + 1j * h * _wide(v[name]) for name in at}), h)
    return _imaginary(f(at + 1j * h * _wide(v)), h)


def hvp(gradient: Callable[[Any], Any], at: Any, v: Any) -> Any:
    """Returns H v, exact, with H the Hessian at the point `at`.

    Args:
        gradient: takes complex128 numbers in the form of `at` and returns the loss's gradient. For a layer it binds
            them, layer.bind(flat), and runs forward and backward.
        at: the point, an array or a mapping of arrays.
        v: the direction, of the same shapes.

    Raises:
        TypeError: if at or v is not an array, or gradient drops the imaginary part.
        ValueError: if v does not fit at.

    Example:
        >>> ns.inspect.hvp(lambda x: x**3, np.array([1.0, 2.0]), np.array([1.0, 1.0]))
        array([ 3., 12.])
    """
    return jvp(gradient, at, v)


def gauss_newton_product(
    forward: Callable[[Any], Array],
    backward: Callable[[Any, Array], Any],
    curvature: Callable[[Array, Array], Array],
    at: Any,
    v: Any,
) -> Any:
    """Returns G v = J^T H_out J v, the Hessian with the model's outputs linear in the parameters, never negative.

    For cross-entropy G is the Fisher matrix. Schraudolph 2002; Martens & Sutskever 2011.

    Args:
        forward: at -> the outputs, say logits.
        backward: (at, d) -> J^T d, the gradient of sum(d * outputs).
        curvature: (outputs, u) -> H_out u, the loss's Hessian by the outputs times u; `softmax_curvature` for
            cross-entropy.
        at: the point, an array or a mapping of arrays.
        v: the direction, of the same shapes.

    Raises:
        TypeError: if at or v is not an array, or forward drops the imaginary part.
        ValueError: if v does not fit at.

    Example:
        >>> square, pull = (lambda x: x**2), (lambda x, d: 2 * x * d)
        >>> ns.inspect.gauss_newton_product(square, pull, lambda outputs, u: u, np.array([3.0]), np.array([1.0]))
        array([36.])
    """
    function("backward", backward), function("curvature", curvature)
    moved = jvp(function("forward", forward), at, v)
    return backward(at, curvature(forward(at), moved))


def softmax_curvature(logits: Array, u: Array) -> Array:
    """Returns (diag(p) - p p^T) u at each of N positions, over N: the Hessian of the mean cross-entropy times u.

    Args:
        logits: (..., V).
        u: the direction, (..., V).

    Example:
        >>> ns.inspect.softmax_curvature(np.zeros((1, 2)), np.array([[1.0, 0.0]]))
        array([[ 0.25, -0.25]])
    """
    array_module(an_array("logits", logits), an_array("u", u))
    if logits.ndim == 0 or not logits.shape[-1] or u.shape != logits.shape:
        raise ValueError(f"u must have the shape of logits (..., V), {logits.shape}, got {u.shape}")
    if logits.dtype.kind not in "f" or u.dtype.kind not in "f":
        raise TypeError(f"logits and u must be real and floating, got {logits.dtype} and {u.dtype}")
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    positions = max(p.size // p.shape[-1], 1)
    product: Array = p * (u - (p * u).sum(axis=-1, keepdims=True)) / positions
    return product


def lanczos(
    product: Callable[[np.ndarray], Array],
    size: int,
    count: int = 6,
    *,
    which: str = "LA",
    rng: int | np.random.Generator | None = 0,
) -> Spectrum:
    """Finds the outermost eigenvalues of a symmetric matrix from its products alone (implicitly restarted Lanczos).

    Args:
        product: v (size,) -> H v, such as lambda v: hvp(gradient, flat, v). v is on the host, where the iteration runs;
            H v may be on a device, as of lambda v: hvp(gradient, flat, cupy.asarray(v)).
        size: the number of rows.
        count: the number of eigenvalues, below size.
        which: "LA" the largest, "SA" the smallest, "BE" both ends, "LM" the largest in magnitude.
        rng: a seed or a Generator of the first vector.

    Raises:
        ValueError: if size, count or which does not fit.

    Example:
        >>> ns.inspect.lanczos(lambda v: np.arange(6) * v, size=6, count=2).values.round(6)
        array([5., 4.])
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    size = amount("size", size, least=2)
    count = integer("count", count, below=size)
    one_of("which", which, ("LA", "SA", "BE", "LM"))
    function("product", product)
    rng = generator(rng)
    operator = LinearOperator(
        (size, size), matvec=lambda v: to_host(an_array("product(v)", product(np.ravel(v)))), dtype=np.float64
    )
    values, vectors = eigsh(operator, k=count, which=which, v0=rng.standard_normal(size))
    order = np.argsort(values)[::-1]
    return Spectrum(values[order], vectors[:, order])


def _wide(array: Array) -> Array:
    return array.astype(np.float64, copy=False)


def _arrays(value: Any) -> list[Array]:
    return list(value.values()) if isinstance(value, Mapping) else [value]


def _check_fit(at: Any, v: Any) -> None:
    if isinstance(at, Mapping) != isinstance(v, Mapping) or (isinstance(at, Mapping) and set(at) != set(v)):
        raise ValueError("v must have the same names as the point it starts from")
    for name in at if isinstance(at, Mapping) else [None]:
        index = "" if name is None else f"[{name!r}]"
        here, there = (at, v) if name is None else (at[name], v[name])
        array_module(**{f"at{index}": an_array(f"at{index}", here), f"v{index}": an_array(f"v{index}", there)})
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
    if not is_own(value) or value.dtype.kind != "c":
        raise TypeError(
            "the function must carry complex numbers through and return them, got "
            f"{getattr(value, 'dtype', type(value).__name__)}; something in it keeps the real part only"
        )
    return value.imag / h
