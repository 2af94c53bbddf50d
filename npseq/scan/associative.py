"""The associative scan (Blelloch 1990): all prefixes of a sequence of steps, in 2 log2 T rounds instead of T.

A step s' = A s + b is the pair (A, b), and two steps in a row are one step again:

    (P1)  s_t = A_t s_{t-1} + b_t
    (P2)  (A_2, b_2) after (A_1, b_1) = (A_2 A_1, A_2 b_1 + b_2)
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.arguments import array
from npseq.backend import Array, array_module

Elements = tuple[Array, ...]  # (T, ...) each: what stands for a step
Combine = Callable[[Elements, Elements], Elements]  # (earlier, later) -> both in a row


def prefixes(combine: Combine, elements: Elements) -> Elements:
    """For each step what stands for it and all before it. combine must be associative."""
    steps = len(elements[0])
    if steps < 2:
        return elements
    pairs = combine(_every_second(elements, 0, steps - 1), _every_second(elements, 1, steps))
    odd = prefixes(combine, pairs)  # of the steps 1, 3, 5, ...
    even = combine(tuple(part[: (steps - 1) // 2] for part in odd), _every_second(elements, 2, steps))
    found = tuple(np.empty_like(part, shape=(steps, *one.shape[1:])) for part, one in zip(elements, odd, strict=True))
    for out, first, at_even, at_odd in zip(found, elements, even, odd, strict=True):
        out[0], out[2::2], out[1::2] = first[0], at_even, at_odd
    return found


def _every_second(elements: Elements, first: int, end: int) -> Elements:
    return tuple(part[first:end:2] for part in elements)


def in_a_row(earlier: Elements, later: Elements) -> Elements:
    """(P2), of matrices A (T, ..., m, m) and vectors b (T, ..., m)."""
    (A_1, b_1), (A_2, b_2) = earlier, later
    return np.matmul(A_2, A_1), times(A_2, b_1) + b_2  # (P2)


def times(A: Array, b: Array) -> Array:
    """The product of matrices (..., m, m) with vectors (..., m)."""
    product: Array = np.matmul(A, b[..., None])[..., 0]
    return product


def solve(A: Array, b: Array) -> Array:
    """All s_t of (P1) from s_0 = 0."""
    return prefixes(in_a_row, (A, b))[1]


def affine(A: Array, b: Array, start: Array | None = None) -> Array:
    """Returns all states of s_t = A_t s_{t-1} + b_t, by an associative scan.

    Args:
        A: (T, ..., m, m), a matrix for each step, and for each of what is in between.
        b: (T, ..., m).
        start: (..., m), the state before the first step; None is zeros.

    Returns:
        (T, ..., m), the states after each step.

    Raises:
        TypeError, ValueError: before anything is computed, if a shape does not fit.

    Example:
        >>> ns.scan.affine(np.full((4, 1, 1), 2.0), np.ones((4, 1)))[:, 0]
        array([ 1.,  3.,  7., 15.])
    """
    array("A", A, " (T, ..., m, m)"), array("b", b, " (T, ..., m)")
    array_module(A=A, b=b, start=start)
    if b.ndim < 2 or A.shape != (*b.shape, b.shape[-1]):
        raise ValueError(f"A must be (T, ..., m, m) for b (T, ..., m), got {A.shape} and {b.shape}")
    if start is None or not len(b):
        return solve(A, b)
    if start.shape != b.shape[1:]:
        raise ValueError(f"start must have shape {b.shape[1:]}, as b at each step, got {start.shape}")
    dtype: Any = np.result_type(A.dtype, b.dtype, start.dtype)
    b = b.astype(dtype)
    b[0] = b[0] + times(A[0], start)
    return solve(A.astype(dtype), b)
