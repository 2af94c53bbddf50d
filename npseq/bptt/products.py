"""The products with the recurrent weights, with little overhead a call."""

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from npseq.backend import Array, MaybeArray, matmul


def product_by(matrix: MaybeArray) -> Callable[..., Array]:
    """Returns a function (x, out=None) that multiplies x by the matrix from the left, with little overhead a call.

    ndarray.dot has less of it than matmul, a tenth of a step of one sequence; but it copies a matrix of which only some
    columns are taken, and matmul does not.
    """
    if not isinstance(matrix, np.ndarray):
        return partial(matmul, matrix)
    if not (matrix.flags.c_contiguous or matrix.flags.f_contiguous):
        return partial(np.matmul, matrix)
    return matrix.dot


def projection_by(matrix: Array, saved: Array) -> Callable[[Array], Array]:
    """Returns the function that multiplies (., [lags,] B) by the matrix and saves its arguments in `saved`."""
    times, rows = product_by(matrix), iter(saved)

    def project(x: Array) -> Array:
        next(rows)[...] = x
        if x.ndim == 2:
            return times(x)
        product = times(x.reshape(len(x), prod(x.shape[1:])))
        return product.reshape(len(product), *x.shape[1:])

    return project
