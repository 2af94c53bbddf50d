"""A matrix times the columns of every step, by tiles, its rows shared by threads.

BLAS multiplies each step by itself, and puts the matrix in order for each; here that is done once.
"""

import numpy as np

from npseq.compiled.compiling import products_of
from npseq.compiled.sharing import Work, shared
from npseq.compiled.tiles import rows_of


def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out (T, n, B) = a (n, k) times b (T, k, B); what a step has of b and of out lies in one piece."""
    (n, depth), (steps, _, B) = a.shape, b.shape
    turned = a.strides[0] < a.strides[1]  # which has columns of a in its rows
    given = a.T if turned else a, b.reshape(steps, depth * B), B, out.reshape(steps, n * B), n, depth, turned
    shared(products_of(a.dtype).product, given, Work(B, steps, 2 * a.size * B, -(-n // rows_of(a.dtype))))
