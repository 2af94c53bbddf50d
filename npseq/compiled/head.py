"""The output layer and the softmax cross-entropy of one sequence, with all their gradients."""

from functools import cache
from typing import Any

import numba
import numpy as np

from npseq.compiled.arithmetic import functions
from npseq.compiled.products import APART, PLAIN, SUMS, add, times


@numba.njit(**PLAIN)
def within(ids, most):
    """Whether all ids lie in [0, most)."""
    good = True
    for i in ids:
        good &= (i >= 0) & (i < most)
    return good


@numba.njit(**SUMS)
def sum_of(x):
    total = x.dtype.type(0)
    for j in range(x.size):
        total += x[j]
    return total


@cache
def head_of(dtype: np.dtype) -> Any:
    """The function for a type."""
    exp, T = functions(dtype)["exp"], dtype.type
    zero, one = T(0), T(1)

    @numba.njit(**APART)
    def exps(z, largest):
        for j in range(z.size):
            z[j] = exp(z[j] - largest)

    @numba.njit(**PLAIN)
    def head(h, W, b, targets, z, dh, dW, db):
        """Returns the mean loss of targets (T,) after h (T, P); writes its derivatives, z (T, V) by the logits."""
        loss, share = zero, one / T(targets.size)
        times(h.T, W, z, 0, b.size)
        db[:] = 0
        for t in range(targets.size):
            row, at = z[t], targets[t]
            add(b, row)
            largest = row.max()
            own = row[at] - largest
            exps(row, largest)
            total = sum_of(row)
            loss += np.log(total) - own
            row *= share / total
            row[at] -= share
            add(row, db)
        times(h, z, dW, 0, b.size)
        times(z.T, np.ascontiguousarray(W.T), dh, 0, h.shape[1])
        return loss * share

    return head
