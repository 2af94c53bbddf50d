"""The products with the recurrent weights, with little overhead a call, and without packing where that pays.

OpenBLAS copies a matrix into its own order at every call, which for a few columns takes as long as the product, but not
in its kernels for small matrices, which it has for AVX-512. np.matmul of a stack of row blocks reaches those. These are
W h and W' da in float32 on one thread, in microseconds, by `python -m benchmarks.small_products`:

    sequences              2      4      6      8     10     12     16
    LSTM 256   plain   14 11  40 37  66 60  52 47  77 70  78 70  54 50
               stack   16 12  18 14  30 24  33 27  55 52  56 52  53 54
    GRU 256    plain   10  8  12  9  49 44  39 35  58 52  56 51  41 36
               stack   12  9  13 10  22 17  24 19  42 38  42 38  41 38
    RNN 512    plain   13 11  40 37  63 60  51 48  76 71  74 70  52 49
               stack   15 13  16 14  27 24  29 27  53 50  53 50  52 50

So a product of up to 12 columns is cut where it is too large for those kernels as a whole. From 16 on nothing is
gained, and with OpenBLAS's kernels for other processors up to a tenth is lost.
"""

from collections.abc import Callable
from functools import cache, partial
from math import prod

import numpy as np

from npseq.backend import Array, MaybeArray, matmul

SMALL = 1_000_000  # rows x columns of a matrix, times columns of the other: up to here OpenBLAS does not pack
FEW, ROWS = 12, 64  # columns up to which a stack gains; rows of a block
UNPACKED = ("skylakex", "cooperlake", "sapphirerapids")  # whose kernels for small matrices these are


def rows_of_blocks(rows: int, columns: int, batch: int) -> int:
    """How many rows of a matrix are multiplied at a time with a batch of columns: all, or blocks of a stack."""
    cut = 1 < batch <= FEW and rows * columns * batch > SMALL and rows % ROWS == 0
    return ROWS if cut and ROWS * columns * batch <= SMALL and _has_small_kernels() else rows


@cache
def _has_small_kernels() -> bool:
    from threadpoolctl import ThreadpoolController

    found = [lib.architecture for lib in ThreadpoolController().select(internal_api="openblas").lib_controllers]
    return bool(found) and all(str(name).lower() in UNPACKED for name in found)


def product_by(matrix: MaybeArray, batch: int = 1) -> Callable[..., Array]:
    """Returns a function (x, out=None) that multiplies x (., batch) by the matrix from the left.

    ndarray.dot has less of it than matmul, a tenth of a step of one sequence; but it copies a matrix of which only some
    columns are taken, and matmul does not. out must be contiguous.
    """
    if not isinstance(matrix, np.ndarray):
        return partial(matmul, matrix)
    if batch > 1 and (rows := rows_of_blocks(len(matrix), matrix.shape[1], batch)) < len(matrix):
        return _by_blocks(matrix, rows)
    if not (matrix.flags.c_contiguous or matrix.flags.f_contiguous):
        return partial(np.matmul, matrix)
    return matrix.dot


def _by_blocks(matrix: Array, rows: int) -> Callable[..., Array]:
    blocks = matrix.reshape(-1, rows, matrix.shape[1])  # a view, of a matrix in any order

    def times(x: Array, out: Array | None = None) -> Array:
        into = None if out is None else out.reshape(*blocks.shape[:2], x.shape[1])  # a view too
        return np.matmul(blocks, x, out=into).reshape(len(matrix), x.shape[1])

    return times


def projection_by(matrix: Array, saved: Array) -> Callable[[Array], Array]:
    """Returns the function that multiplies (., [lags,] B) by the matrix and saves its arguments in `saved`."""
    times, rows = product_by(matrix, saved.shape[-1] if saved.ndim == 3 else 1), iter(saved)

    def project(x: Array) -> Array:
        next(rows)[...] = x
        if x.ndim == 2:
            return times(x)
        product = times(x.reshape(len(x), prod(x.shape[1:])))
        return product.reshape(len(product), *x.shape[1:])

    return project
