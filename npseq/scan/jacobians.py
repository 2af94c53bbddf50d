"""How each step's state follows from the last, J_t = ds_t / ds_{t-1}, for all steps at once.

The state of a strand is n rows: h, then the parts of c. Where a unit's state follows from its own state alone, as in
cells without recurrent matrices, J_t falls apart into a block for each unit, m x m for m parts of the state; and where
nothing reads the old h, as in a linear recurrent unit, h is no part of it. Both are read off the steps themselves. So
(T, B, U, m, m) holds every kind: U = 1 and m = n where all depends on all.
"""

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt import loop
from npseq.bptt.tape import Strand, Weights
from npseq.bptt.workspace import require
from npseq.cell import Cell
from npseq.layers.features import in_order


class Steps(NamedTuple):
    """A strand whose steps stand side by side, and the sizes of what they are cut from."""

    cell: Cell
    w: Weights
    strand: Strand  # of one step of T*B sequences
    steps: int  # T
    d: int  # its direction

    @property
    def n(self) -> int:
        """The rows of the state."""
        return self.w.state + (0 if self.strand.c is None else self.strand.c.shape[1])

    def state(self, after: int) -> Array:
        """(n, T*B): the states before the steps (0) or after them (1)."""
        h = self.strand.s[after, : self.w.state]
        return h if self.strand.c is None else _stacked(h, self.strand.c[after])

    def blocks(self, rows: Array, m: int) -> Array:
        """Rows (r, T*B) as (T, B, r / m, m), in the strand's own order of time."""
        batch = rows.shape[1] // self.steps if self.steps else 0
        found: Array = in_order(rows.reshape(m, len(rows) // m, self.steps, batch).transpose(2, 3, 1, 0), self.d)
        return found

    def rows(self, blocks: Array) -> Array:
        """The reverse of `blocks`."""
        steps, batch, units, m = blocks.shape
        found: Array = in_order(blocks, self.d).transpose(3, 2, 0, 1).reshape(m * units, steps * batch)
        return found

    def adjoints(self, dnew: Array) -> loop.Adjoints:
        """Those of every step, from the adjoints (n, [K,] T*B) of the states after it."""
        P = self.w.state
        dc = None if self.strand.c is None else dnew[P:]
        return loop.backward(self.cell, self.w, self.strand, None, dnew[:P], dc)

    def before(self, dnew: Array) -> Array:
        """J^T dnew: the adjoints (n, [K,] T*B) of the states before."""
        found = self.adjoints(dnew)
        return found.dh if found.dc is None else _stacked(found.dh, found.dc)


class Jacobians(NamedTuple):
    """J of all steps, and which rows of the state it is of."""

    J: Array  # (T, B, U, m, m), [after, before]
    first: int  # of the rows that the next step reads: 0, or P where it reads c alone

    @property
    def m(self) -> int:
        found: int = self.J.shape[-1]
        return found


def jacobians(steps: Steps, max_bytes: int | None) -> Jacobians:
    """J of every step, by units where it is such."""
    P, n, units = steps.w.state, steps.n, steps.strand.a.shape[2]
    if not steps.w.blocks.with_h:
        for first in (P, 0) if n > P else (0,):
            found = _by_units(steps, first) if first or units == P else None
            if found is not None:
                return Jacobians(found, first)
    columns = steps.strand.s.shape[2]
    size = (len(steps.strand.a[0]) * units + 4 * n) * n * columns * steps.strand.s.dtype.itemsize
    require(f"Jacobians of {n} x {n} of {columns} steps", size, max_bytes, "give fewer sequences or fewer steps")
    xp, dtype = array_module(steps.strand.s), steps.strand.s.dtype
    basis = xp.eye(n, dtype=dtype)[:, :, None] * xp.ones(columns, dtype)
    before = steps.before(basis)  # (before, after, T*B)
    batch = columns // max(steps.steps, 1)
    J = before.reshape(n, n, steps.steps, batch).transpose(2, 3, 1, 0)
    return Jacobians(in_order(J, steps.d)[:, :, None], 0)


def _by_units(steps: Steps, first: int) -> Array | None:
    """(T, B, H, m, m) where each unit of the rows from `first` on is its own; None where one reads another.

    A probe of ones finds a part's column for all units at once; one at random tells whether they are apart, and one
    of the rows before `first` whether these reach any.
    """
    units, columns = steps.strand.a.shape[2], steps.strand.s.shape[2]
    m, xp = (steps.n - first) // units, array_module(steps.strand.s)
    weights = xp.asarray(np.random.default_rng(0).uniform(0.5, 2, (m, units)))
    probes = np.zeros_like(steps.strand.s, shape=(steps.n, m + 2, columns))
    of_parts = probes[first:].reshape(m, units, m + 2, columns)  # a view
    for part in range(m):
        of_parts[part, :, part] = 1
    of_parts[:, :, m], probes[:first, m + 1] = weights[..., None], 1
    found = steps.before(probes)
    J = found[first:].reshape(m, units, m + 2, columns)
    expected = (J[:, :, :m] * weights.T[None, :, :, None]).sum(axis=2)
    scale = abs(J[:, :, : m + 1].real).sum(axis=2)
    off = abs((J[:, :, m] - expected).real) > 64 * np.finfo(J.dtype).eps * scale
    if (found[:first] != 0).any() or off.any():
        return None
    batch = columns // max(steps.steps, 1)
    J = J[:, :, :m].reshape(m, units, m, steps.steps, batch).transpose(3, 4, 1, 2, 0)
    ordered: Array = in_order(J, steps.d)
    return ordered


def of_blocks(J: Array, m: int) -> Array:
    """Of J (T, B, U, k, k) the blocks (T, B, U k / m, m, m) of what belongs to one unit, in place of the whole."""
    *rest, U, k, _ = J.shape
    if k == m:
        return J
    each = k // m  # units of a block, of each of m parts
    cut: Any = J.reshape(*rest, U, m, each, m, each)
    cut = np.diagonal(cut, axis1=-3, axis2=-1)  # (..., U, m, m, each)
    found: Array = np.moveaxis(cut, -1, -4).reshape(*rest, each * U, m, m)
    return found


def _stacked(h: Array, c: Array) -> Array:
    found: Array = array_module(h).concatenate([h, c])
    return found
