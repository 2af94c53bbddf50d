"""The two ways back through an LSTM: along the cell state, and through the gates."""

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt import loop
from npseq.bptt.blocks import blocks_of
from npseq.bptt.workspace import MAX_BYTES, require
from npseq.inspect.passes import View, in_natural_time, strands, views_of
from npseq.inspect.states import through_output
from npseq.layers.lstm import LSTMCell
from npseq.magnitude import norm
from npseq.protocols import LayerLike


class PathSplit(NamedTuple):
    """Frobenius norms (T, B) of the parts of dc_T/dc_t, T a strand's last step; NaN past each length."""

    carousel: Array  # the product of the forget gates: the path along the cell state alone
    gates: Array  # all other paths, which leave c through h (or a peephole) and come back through a gate
    total: Array  # of both together, which may cancel

    @property
    def share(self) -> Array:
        """(T, B): the carousel's norm, over the sum of both."""
        share: Array = self.carousel / (self.carousel + self.gates)
        return share


def path_split(layer: LayerLike, tape: Any, *, max_bytes: int | None = MAX_BYTES) -> dict[str, PathSplit]:
    """Splits dc_T/dc_t within every strand of an LSTM into the carousel and the rest: {"c", "c_l1", "c_reverse", ...}.

    dc_T/dc_t = prod_{t < u <= T} f_u + (paths through h): Hochreiter & Schmidhuber 1997. The states of other strands
    are held fixed: h of the layer below is input. Under HDetach(1) backward keeps the carousel alone, and peepholes.

    Args:
        layer: an LSTM layer, or a Bidirectional of two.
        tape: what forward returned.
        max_bytes: the most memory it may take, with a MemoryError before it takes more; None is no limit.

    Raises:
        TypeError: if layer is not an LSTM, or tape not its own.

    Example:
        >>> layer = ns.LSTM(2, 3, num_layers=2, rng=0)
        >>> tape = layer.forward(np.ones((4, 1, 2), np.float32))[2]
        >>> list(ns.inspect.path_split(layer, tape))
        ['c', 'c_l1']
    """
    splits = {}
    for view in views_of(layer, tape):
        if type(view.layer.cell) is not LSTMCell:
            raise TypeError(f"the paths are those of an LSTM's cell state, got {view.layer}")
        rows = 2 * len(view.layer.cell.gates) * view.layer.hidden_size
        needed = rows * view.layer.hidden_size * view.steps * view.batch * layer.dtype.itemsize
        require("this split", needed, max_bytes, "give fewer sequences or fewer steps")
        for l, d, _ in strands(view):
            splits[view.name("c", l, d)] = _split(view, l, d)
    return splits


def _split(view: View, l: int, d: int) -> PathSplit:
    strand = view.tape.strands[l][d]
    xp = array_module(strand.s)
    f = strand.a[:, blocks_of(view.layer.cell).names.index("f")]
    if strand.mask is not None:
        f = np.where(strand.mask, f, 1)
    after = xp.concatenate([f[1:], xp.ones_like(f[:1])])
    direct = np.cumprod(after[::-1], axis=0)[::-1]
    total = _by_every_path(view, l, d)
    rest = total - xp.eye(f.shape[1], dtype=f.dtype)[:, :, None] * direct[:, :, None]
    parts = [norm(direct, 1), norm(rest, (1, 2)), norm(total, (1, 2))]
    if strand.mask is not None:
        parts = [np.where(strand.mask[:, 0], part, np.nan) for part in parts]
    return PathSplit(*(in_natural_time(view, d, part, axis=0) for part in parts))


def _by_every_path(view: View, l: int, d: int) -> Array:
    """(T, H, K, B): the derivative of each feature k of the last c by every feature of c_t."""
    layer, strand = view.layer, view.tape.strands[l][d]
    xp = array_module(strand.s)
    ones = xp.ones(view.batch, layer.dtype)
    dc = xp.eye(layer.hidden_size, dtype=layer.dtype)[:, :, None] * ones
    dh = xp.zeros((layer.state_size, layer.hidden_size, view.batch), layer.dtype)
    steps: list[Any] = []
    w = layer.weights(l, d)
    loop.backward(layer.cell, w, strand, None, dh, dc, record=lambda t, dh, dc: steps.insert(0, (dh, dc)))
    if not steps:
        none: Array = xp.zeros((0, *dc.shape), layer.dtype)
        return none
    dh, dc = (xp.stack([step[k] for step in steps]) for k in (0, 1))
    return through_output(view, l, d, dh, dc)
