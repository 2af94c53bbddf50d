"""A matrix times one column in plain loops, which at the sizes of one sequence beat a call of BLAS."""

from typing import Any

import numba
from numba.core.compiler import Compiler


class Apart(Compiler):
    """A compiler that is told that no two arrays of a call overlap, without which it would run entry by entry."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.state.flags.noalias = True


PLAIN: dict[str, Any] = {"error_model": "numpy"}  # x / 0 is inf, and no exception, which would stop vectorising
APART: dict[str, Any] = {**PLAIN, "fastmath": {"contract"}, "pipeline_class": Apart}
SUMS: dict[str, Any] = {**APART, "fastmath": {"contract", "reassoc", "nsz"}}  # a sum in several parts


@numba.njit(**SUMS)
def add(x, out):
    """out += x."""
    for j in range(out.size):
        out[j] += x[j]


@numba.njit(**SUMS)
def add_rows(W, x, out):
    """out += x W: four rows at a time, so that out is read and written a quarter as often."""
    n, rows = out.size, x.size
    whole = rows // 4 * 4
    for k in range(0, whole, 4):
        x0, x1, x2, x3 = x[k], x[k + 1], x[k + 2], x[k + 3]
        w0, w1, w2, w3 = W[k], W[k + 1], W[k + 2], W[k + 3]
        for j in range(n):
            out[j] += x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
    for k in range(whole, rows):
        xk, w = x[k], W[k]
        for j in range(n):
            out[j] += xk * w[j]


@numba.njit(**SUMS)
def dots(W, x, out):
    """out += W x."""
    for p in range(out.size):
        row, total = W[p], x.dtype.type(0)
        for j in range(x.size):
            total += row[j] * x[j]
        out[p] += total


@numba.njit(**SUMS)
def times(x, d, out, first, width):
    """out[:, first : first + width] = x' d: four rows of d on four of out at a time, from and to registers."""
    steps, rows = len(d) // 4 * 4, x.shape[1] // 4 * 4
    last = first + width
    for k in range(0, rows, 4):
        o0, o1, o2, o3 = out[k][first:last], out[k + 1][first:last], out[k + 2][first:last], out[k + 3][first:last]
        o0[:], o1[:], o2[:], o3[:] = 0, 0, 0, 0
        for t in range(0, steps, 4):
            d0, d1, d2, d3, u, v, w, y = d[t], d[t + 1], d[t + 2], d[t + 3], x[t], x[t + 1], x[t + 2], x[t + 3]
            u0, u1, u2, u3, v0, v1, v2, v3 = u[k], u[k + 1], u[k + 2], u[k + 3], v[k], v[k + 1], v[k + 2], v[k + 3]
            w0, w1, w2, w3, y0, y1, y2, y3 = w[k], w[k + 1], w[k + 2], w[k + 3], y[k], y[k + 1], y[k + 2], y[k + 3]
            for j in range(width):
                o0[j] += u0 * d0[j] + v0 * d1[j] + w0 * d2[j] + y0 * d3[j]
                o1[j] += u1 * d0[j] + v1 * d1[j] + w1 * d2[j] + y1 * d3[j]
                o2[j] += u2 * d0[j] + v2 * d1[j] + w2 * d2[j] + y2 * d3[j]
                o3[j] += u3 * d0[j] + v3 * d1[j] + w3 * d2[j] + y3 * d3[j]
        for t in range(steps, len(d)):
            dt, u0, u1, u2, u3 = d[t], x[t, k], x[t, k + 1], x[t, k + 2], x[t, k + 3]
            for j in range(width):
                o0[j] += u0 * dt[j]
                o1[j] += u1 * dt[j]
                o2[j] += u2 * dt[j]
                o3[j] += u3 * dt[j]
    for k in range(rows, x.shape[1]):
        row = out[k][first:last]
        row[:] = 0
        add_rows(d, x[:, k], row)
