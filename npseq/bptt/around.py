"""What a backward pass may put around a cell's step: the loss's derivative by c_t, and Graves' clamp.

    (T31)  dc_t = u_t + p_{t+1}                 u_t = dL/dc_t, where the loss reads c_t itself
    (T32)  da_t = min(max(da_t, -m), m)         of every result of a product with a gate's weights, Graves 2013

Both are functions of a step, which the loop calls in the step's place, so that a pass without them knows nothing of
them. The clamped number is what the pass adds up: with an axis of lags the weighed sum over them, of which each lag
keeps its share.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from npseq.backend import Array
from npseq.bptt.gradients import states_of
from npseq.bptt.tape import Strand, Weights
from npseq.cell import Cell, Passed, State, has_own

Step = Callable[..., Passed]
Around = Callable[[Step], Step]  # what the loop calls in the place of a cell's backward
Bound = Callable[[Array], Array]  # of adjoints (..., [lags,] B)


def with_dc(dc: Array) -> Around:
    """Adds to what reaches c_t, of the last step first: dc (T, C, [lags,] B), zero past each length."""

    def around(step: Step) -> Step:
        rows = reversed(dc)
        return lambda dnew, *others: step((dnew[0], dnew[1] + next(rows)), *others)  # (T31)

    return around


def clamped(cell: Cell, w: Weights, strand: Strand, bound: Bound) -> Around:
    """Bounds the adjoints of each step's products, before the state, x or a sum receives them.

    What the cell adds entry by entry, such as a peephole, has no part in it. Therefore the gradients of the vectors are
    taken here, from what is not bounded, and lie at the end of da as those of a cell without `vector_gradients`.
    """
    n, of_gate = len(w.blocks.names), len(w.blocks.h_weights) > w.blocks.with_h
    states = states_of(cell, strand, w.state) if own_vectors(cell) else ((), ())

    def around(step: Step) -> Step:
        steps = iter(range(strand.steps - 1, -1, -1))

        def bounded(dnew: State, a: Any, s: Any, da: Array, p: Any, project: Any) -> Passed:
            t = next(steps)
            own = da[:n] if states[0] else da
            passed = step(dnew, a, s, own, p, (lambda x: project(bound(x))) if of_gate else project)
            if states[0]:
                da[n:] = _of_step(cell, da[:n], *states, t)
            da[:n] = bound(da[:n])  # (T32)
            return passed

        return bounded

    return around


def own_vectors(cell: Cell) -> bool:
    """Whether the cell has a `vector_gradients` of its own, which reads da after the loop."""
    return bool(cell.vectors) and has_own(cell, "vector_gradients")


def with_room(cell: Cell, w: Weights) -> Weights:
    """The weights of a pass that is clamped, whose da has room for the gradients of the vectors."""
    return w._replace(blocks=w.blocks._replace(vectors=len(cell.vectors)))


def _of_step(cell: Cell, da: Array, old: State, new: State, t: int) -> Array:
    """The gradients (n, H, [lags,] B) of the vectors in step t."""
    lags = (None,) * (da.ndim - 3)
    before, after = (tuple(part[(slice(None), slice(t, t + 1), *lags)] for part in state) for state in (old, new))
    return np.stack([gradient[:, 0] for gradient in cell.vector_gradients(da[:, :, None], before, after)])


def clip(x: Array, limit: float) -> Array:
    """min(max(x, -limit), limit), judged by the real part; what is beyond has no derivative."""
    if x.dtype.kind != "c":
        return np.minimum(np.maximum(x, -limit), limit)
    return np.where(x.real > limit, limit, np.where(x.real < -limit, -limit, x))


def factor(x: Array, limit: float) -> Array:
    """clip(x) / x, 1 where nothing is clipped."""
    beyond = (x.real > limit) | (x.real < -limit)
    return np.where(beyond, clip(x, limit) / np.where(beyond, x, 1), 1).astype(x.dtype)


def bound_by(limit: float, weights: Array | None = None) -> Bound:
    """The clamp at a limit; of lags with weights (lags,) it clamps the weighed sum."""
    if weights is None:
        return lambda x: clip(x, limit)
    column = weights[:, None]

    def of_lags(x: Array) -> Array:
        return x * factor((x * column.astype(x.real.dtype)).sum(axis=-2), limit)[..., None, :]

    return of_lags


def recorded(limit: float, factors: list[Array]) -> Bound:
    """The clamp at a limit, which appends its factors in the order of its calls, for `replayed`."""

    def bound(x: Array) -> Array:
        factors.append(factor(x, limit))
        return x * factors[-1]

    return bound


def replayed(factors: list[Array]) -> Bound:
    """The clamp with the factors of an earlier pass, so that it is linear; x may have an axis of lags or losses."""
    each: Iterator[Array] = iter(factors)

    def bound(x: Array) -> Array:
        found = next(each)
        return x * (found if x.ndim == found.ndim else found[..., None, :])

    return bound
