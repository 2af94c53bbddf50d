"""How far the rounding of a layer's outputs moves its gradients: the digits that a saturated unit has lost.

With u half a spacing of 1 (2^-53), the output is y = f(a) (1 + t), |t| <= k u, k of 2 or 3, and backward reads the
derivative s off it. To first order, the error of y and the rounding of the square and of the difference give

    tanh       s = 1 - y^2    |ds| <= (2 k + 1) u y^2 + u s               relative to s: (2 k + 1) u y^2 / (1 - y^2) + u
    sigmoid    s = y - y^2    |ds| <= k u y |1 - 2 y| + u (y^2 + s)       relative to s: (k + 1) u / (1 - y) + u at most

Where y is small nothing is lost. Near 1, where 1 - y^2 is 4 exp(-2 |a|) and 1 - y is exp(-a), all is from |a| = 19 and
a = 37 on. A gradient is a sum of products of such s, and how much of the loss reaches it is measured, by Monte Carlo
arithmetic (Parker 1997): every number that `Cell.local_derivatives` reads or computes is moved by up to two spacings,
4 u, at random, and backward is run several times.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.cell import Cell, State, has_own
from npseq.layers.bidirectional import recurrent_layers

REPEATS = 8
SPACINGS = 2
EPSILON = float(np.finfo(np.float64).eps)


def rounding_of(
    layer: Any, gradient: Callable[[Any, Any], dict[str, Array]], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Returns a bound on what rounding has cost each entry, shaped as the gradient: twice its range over the runs.

    gradient: (dtype, layer) -> the gradient; it is run in complex128, in which a cell's own lines run on a device too.
    """
    moving = layer.astype(np.float64)
    for part in recurrent_layers(moving).values():
        part.cell = _moving(part.cell, rng)
    runs = [{k: to_host(v).real for k, v in gradient(np.complex128, moving).items()} for _ in range(REPEATS)]
    return {name: 2 * np.ptp([run[name] for run in runs], axis=0) for name in runs[0]}


def _moving(cell: Cell, rng: np.random.Generator) -> Cell:
    """The cell with local derivatives, or a backward, of which every operand and every result moves."""

    def moved(values: Any) -> Any:
        return values * (1 + EPSILON * rng.integers(-SPACINGS, SPACINGS + 1, np.shape(values)))

    class Moving(np.ndarray):
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
            plain = [value.view(np.ndarray) if isinstance(value, Moving) else value for value in inputs]
            found = getattr(ufunc, method)(*plain, **options)
            found = found if found.dtype == bool else moved(found)
            if out is None:
                return np.asarray(found).view(Moving)
            out[0].view(np.ndarray)[...] = found
            return out[0]

    def moving(value: Any) -> Any:
        return None if value is None else moved(to_host(value)).view(Moving)

    class MovingStep(type(cell)):  # type: ignore[misc]
        def backward(self, dnew: State, a: Array, s: Any, da: Array, p: Any, project: Any) -> Any:
            xp, host = array_module(da), to_host(da)
            states = tuple(tuple(map(moving, state)) for state in s)
            others = None if p is None else to_host(p), lambda v: to_host(project(xp.asarray(v)))
            passed = super().backward(tuple(map(to_host, dnew)), moving(a), states, host, *others)
            da[...] = xp.asarray(host)
            return tuple(None if part is None else xp.asarray(part) for part in passed)

    class MovingDerivatives(type(cell)):  # type: ignore[misc]
        def local_derivatives(self, a: Array, old: State, new: State, s: Array) -> None:
            a, *states = map(moving, (a, *old, *new))
            host = np.empty(s.shape, s.dtype).view(Moving)
            super().local_derivatives(a, tuple(states[: len(old)]), tuple(states[len(old) :]), host)
            s[...] = array_module(s).asarray(host.view(np.ndarray))

    other = copy.copy(cell)
    kind = MovingDerivatives if has_own(cell, "local_derivatives") else MovingStep
    object.__setattr__(other, "__class__", kind)
    return other
