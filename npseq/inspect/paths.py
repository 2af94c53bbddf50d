"""An LSTM's two ways back: along the cell state, and through the gates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt import loop
from npseq.bptt.blocks import blocks_of
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect.passes import Side, in_natural_time, sides, strands
from npseq.inspect.states import through_output
from npseq.layers.lstm import LSTMCell


class PathSplit(NamedTuple):
    """Frobenius norms (T, B) of the parts of dc_T/dc_t, T a strand's last step; NaN past each length."""

    carousel: Array  # the product of the forget gates: the path along the cell state alone
    gates: Array  # all other paths, which leave c through h (or a peephole) and come back through a gate
    total: Array  # of both together, which may cancel

    @property
    def share(self) -> Array:
        """(T, B): the carousel's norm, over the sum of both."""
        return self.carousel / (self.carousel + self.gates)


def path_split(layer: Any, tape: Any, max_bytes: int | None = MAX_BYTES) -> dict[str, PathSplit]:
    """dc_T/dc_t within every strand of an LSTM, split into the carousel and the rest: {"c", "c_l1", "c_reverse", ...}.

    dc_T/dc_t = prod_{t < u <= T} f_u + (paths through h): Hochreiter & Schmidhuber 1997. Other strands' states are held
    fixed: h of the layer below is input. Under HDetach(1) the carousel is all that backward leaves, but for peepholes.
    Raises TypeError for a layer that is no LSTM, MemoryError before anything is allocated.
    """
    found = {}
    for side in sides(layer, tape):
        if not isinstance(side.layer.cell, LSTMCell):
            raise TypeError(f"the paths are those of an LSTM's cell state, got {side.layer}")
        rows = 2 * len(side.layer.cell.gates) * side.layer.hidden_size
        needed = rows * side.layer.hidden_size * side.steps * side.batch * layer.dtype.itemsize
        require("this split", needed, max_bytes, "give fewer sequences or fewer steps")
        for l, d, _ in strands(side):
            found[side.name("c", l, d)] = _split(side, l, d)
    return found


def _split(side: Side, l: int, d: int) -> PathSplit:
    strand = side.tape.strands[l][d]
    xp = array_module(strand.s)
    f = strand.a[:, blocks_of(side.layer.cell).names.index("f")]
    if strand.mask is not None:
        f = np.where(strand.mask, f, 1)
    after = xp.concatenate([f[1:], xp.ones_like(f[:1])])
    direct = np.cumprod(after[::-1], axis=0)[::-1]
    total = _by_every_path(side, l, d)
    rest = total - xp.eye(f.shape[1], dtype=f.dtype)[:, :, None] * direct[:, :, None]
    parts = [_norm(direct, (1,)), _norm(rest, (1, 2)), _norm(total, (1, 2))]
    if strand.mask is not None:
        parts = [np.where(strand.mask[:, 0], part, np.nan) for part in parts]
    return PathSplit(*(in_natural_time(side, d, part, axis=0) for part in parts))


def _by_every_path(side: Side, l: int, d: int) -> Array:
    """(T, H, K, B): the derivative of each feature k of the last c by every feature of c_t."""
    layer, strand = side.layer, side.tape.strands[l][d]
    xp = array_module(strand.s)
    ones = xp.ones(side.batch, layer.dtype)
    dc = xp.eye(layer.hidden_size, dtype=layer.dtype)[:, :, None] * ones
    dh = xp.zeros((layer.state_size, layer.hidden_size, side.batch), layer.dtype)
    steps: list[Any] = []
    w = layer.weights(l, d)
    adjoints = loop.backward(
        layer.cell, w, strand, None, dh, dc, record=lambda t, dh, dc: steps.insert(0, (dh, dc))
    )  # fmt: skip
    if not steps:
        return xp.zeros((0, *dc.shape), layer.dtype)
    dh, dc = (xp.stack([step[k] for step in steps]) for k in (0, 1))
    return through_output(side, l, d, adjoints, dh, dc)


def _norm(array: Array, axes: tuple[int, ...]) -> Array:
    return np.sqrt((array * array).sum(axis=axes))
