"""The batched product of one matrix with a matrix for each step, by tiles; threads share its rows.

BLAS packs the matrix anew for each step; here it is packed once.
"""

import numpy as np

from npseq.compiled.compiling import batched_of
from npseq.compiled.sharing import Work, shared
from npseq.compiled.tiles import rows_of


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out (T, n, B) = a (n, k) times b (T, k, B); each step's part of b and of out is contiguous."""
    (n, depth), (steps, _, B) = a.shape, b.shape
    turned = a.strides[0] < a.strides[1]  # a is the transpose of a matrix in C order
    given = a.T if turned else a, b.reshape(steps, depth * B), B, out.reshape(steps, n * B), n, depth, turned
    shared(batched_of(a.dtype).product, given, Work(B, steps, 2 * a.size * B, -(-n // rows_of(a.dtype))))
