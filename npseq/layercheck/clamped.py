"""A surrogate forward pass has the clamped gradient as its whole gradient, so gradcheck_layer can check clip_adjoint.

Every result a_t of a product with a gate's weights is replaced by

    (T34)  b_t + f_t (a_t - b_t)        b_t the value of a_t, f_t = clip(da_t) / da_t, both held fixed

which has the same value, and multiplies what goes back by f_t: da_t is clamped. docs/derivations/time.md derives it.
"""

import copy
from collections.abc import Callable
from itertools import cycle
from typing import Any

from npseq.backend import Array
from npseq.bptt.blocks import blocks_of
from npseq.cell import Cell
from npseq.layercheck.surrogate import require_exact
from npseq.layers.adjoints import clamp_factors
from npseq.layers.features import by_direction
from npseq.layers.recurrent import Recurrent


def require_surrogate(layer: Any, truncation: Any, limit: float | None) -> None:
    """Raises ValueError where nothing that is held has this truncated or clamped gradient as its gradient."""
    if truncation is not None:
        require_exact(layer, truncation)
    if limit is None:
        return
    if not isinstance(layer, Recurrent):
        raise ValueError(
            f"clip_adjoint can be checked in an RNN, GRU, LSTM or Recurrent, got {layer!r}; check each alone"
        )
    if truncation is not None:
        raise ValueError(
            "clip_adjoint clamps what a truncation lets through, so that no held factors serve both; check one of them "
            f"at a time, got clip_adjoint and {truncation!r}"
        )


def surrogate(layer: Recurrent, x: Array, state: Any, lengths: Any, dy: Array, dlast: Any, limit: float) -> Recurrent:
    """Returns a copy of the layer, at whose parameters, x and state the gradient is the clamped one."""
    values: list[Array] = []

    def kept(a: Array) -> Array:
        values.append(a.copy())
        return a

    watching = _with_cell(layer, watched(layer.cell, kept))
    tape = watching.forward(x, state, lengths, training=True)[2]
    dh, dc = layer.checked_state("dstate", dlast, x.shape[1])
    last = [part.T for part in dh], [None] * len(dh) if dc is None else [part.T for part in dc]
    found = clamp_factors(layer, tape, by_direction(dy, tape, layer.directions, None, None), *last, None, limit)
    strands = [(l, d) for l in range(layer.num_layers) for d in range(layer.directions)]
    each = cycle(list(zip(values, [f for strand in strands for f in reversed(found[strand])], strict=True)))

    def held(a: Array) -> Array:
        value, factor = next(each)
        held_value: Array = value + factor * (a - value)  # (T34)
        return held_value

    return _with_cell(layer, watched(layer.cell, held))


def watched(cell: Cell, see: Callable[[Array], Array]) -> Cell:
    """A cell like this one, which replaces every result of a product with a gate's weights by `see` of it."""
    blocks = blocks_of(cell)
    n, of_gate = len(blocks.names), len(blocks.h_weights) > blocks.with_h

    class Watched(type(cell)):  # type: ignore[misc]
        fused = False  # kernels would be traced once, with values that `see` must not keep

        def forward(self, a: Any, old: Any, new: Any, p: Any, project: Any) -> None:
            a[:n] = see(a[:n])
            super().forward(a, old, new, p, (lambda x: see(project(x))) if of_gate else project)

    made = object.__new__(Watched)
    made.__dict__.update(cell.__dict__)
    return made


def _with_cell(layer: Recurrent, cell: Cell) -> Recurrent:
    other = copy.copy(layer)
    other.cell = cell
    return other
