"""Norms over pairs of time steps: from each loss to each use, and of what crosses two recurrent edges."""

from typing import Any

from npseq.backend import Array, array_module
from npseq.bptt.factors import Factors, contract, norms, strand_factors
from npseq.bptt.loop import backward
from npseq.inspect.passes import View, adjoints_by_loss, around_steps, check_names, masked_dy, named_factors, views_of
from npseq.layers.features import in_order
from npseq.layers.lengths import last_steps
from npseq.magnitude import norm
from npseq.protocols import LayerLike

BLOCK = 1 << 24  # numbers: as many losses are kept apart at a time as fit


def pair_norms(layer: LayerLike, dy: Array | None, tape: Any, dstate: Any = None, *, names: Any = None) -> Array:
    """Returns a table (T, T): [t, s] is the norm of the part of the gradient from the loss at step t to uses at step s.

    A use at step s is what a parameter does in that step of the unrolled network. The loss at step t is what dy[t]
    stands for; that of a last state counts to the step that made it. Everything is summed over the batch and over the
    parameters before the norm is taken. The parts, not their norms, add up to the gradient. For one direction the table
    is a triangle, s <= t.

    Args:
        layer: an RNN, GRU, LSTM or Bidirectional layer.
        dy: the loss's derivative by y, (T, B, R*P), or None for zeros.
        tape: what forward returned.
        dstate: the loss's derivative by the last state, or None for zeros.
        names: the parameters wanted; None is all.

    Raises:
        TypeError, ValueError: if an argument does not fit the layer.

    Example:
        >>> layer = ns.RNN(2, 3, dtype=np.float64, rng=0)
        >>> y, _, tape = layer.forward(np.ones((3, 1, 2)))
        >>> (ns.inspect.pair_norms(layer, np.ones_like(y), tape) > 0).astype(int)
        array([[1, 0, 0],
               [1, 1, 0],
               [1, 1, 1]])
    """
    return pair_table(views_of(layer, tape, dy, dstate), check_names(layer, names))


def crossing_norms(layer: LayerLike, dy: Array | None, tape: Any, dstate: Any = None, *, names: Any = None) -> Array:
    """Returns a table (R, T, T): [k, i, j], i <= j, is the norm of all parts of the gradient that cross edges i and j.

    Edge i leads from step i back to step i - 1, in the strand's own order of time. So [i, j] sums what goes from losses
    at steps t >= j to uses at steps s < i. These numbers give the variance of a random truncation.

    Args:
        layer: an RNN, GRU, LSTM or Bidirectional of one layer.
        dy: the loss's derivative by y, (T, B, R*P), or None for zeros.
        tape: what forward returned.
        dstate: the loss's derivative by the last state, or None for zeros.
        names: the parameters wanted; None is all.

    Raises:
        TypeError: if layer or tape is something else.
        ValueError: if a shape or a name does not fit, and for a stack, where a path may cross a step in every layer.

    Example:
        >>> layer = ns.RNN(2, 3, bidirectional=True, dtype=np.float64, rng=0)
        >>> y, _, tape = layer.forward(np.ones((4, 1, 2)))
        >>> ns.inspect.crossing_norms(layer, np.ones_like(y), tape).shape
        (2, 4, 4)
    """
    views = views_of(layer, tape, dy, dstate)
    for view in views:
        if view.layer.num_layers > 1:
            raise ValueError(
                f"crossing norms are for one layer, got num_layers={view.layer.num_layers}: in a stack a path may "
                "cross a step once in every layer, and no table over two steps keeps these apart"
            )
    return crossing_table(views, check_names(layer, names))


def pair_table(views: tuple[View, ...], names: tuple[str, ...] | None) -> Array:
    xp, steps = array_module(views[0].dh), views[0].steps
    table: Array = xp.zeros((steps, steps), views[0].layer.dtype)
    for view in views:
        width = _losses_at_once(view)
        for first in range(0, steps, width):
            last = min(first + width, steps)
            found = named_factors(view, adjoints_by_loss(view, first, last), names).values()
            table[first:last] = norm(xp.stack([table[first:last], *(norms(f, "tk").T for f in found)]), 0)
    return table


def crossing_table(views: tuple[View, ...], names: tuple[str, ...] | None) -> Array:
    tables = [_crossing(view, d, names) for view in views for d in range(view.layer.directions)]
    table: Array = array_module(views[0].dh).stack(tables)
    return table


def _crossing(view: View, d: int, names: tuple[str, ...] | None) -> Array:
    steps, width = view.steps, _losses_at_once(view)
    xp = array_module(view.dh)
    table = xp.zeros((steps, steps), view.layer.dtype)
    for first in range(0, steps, width):
        last = min(first + width, steps)
        for name, f in _from_loss_on(view, d, first, last).items():
            if names is None or view.name(name, 0, d) in names:
                _add_crossings(f, table[:, first:last])
    later: Array = table * (xp.arange(steps)[:, None] <= xp.arange(steps))
    return later


def _add_crossings(f: Factors, table: Array) -> None:
    """Joins to table[i], (W,), the norms over all uses before step i of each of W ranges of losses."""
    total: Any = 0
    for s in range(len(table) - 1):
        operand = None if f.operand is None else f.operand[..., s : s + 1, :]
        total = total + contract(f._replace(operand=operand, adjoint=f.adjoint[:, s : s + 1]), "k")
        table[s + 1] = norm(array_module(total).stack([table[s + 1], norm(total.reshape(len(total), -1), 1)]), 0)


def _from_loss_on(view: View, d: int, first: int, last: int) -> dict[str, Factors]:
    """Factors with an axis j from first to last: of all losses at own steps t >= j."""
    layer, strand = view.layer, view.tape.strands[0][d]
    P, steps, xp = layer.state_size, view.steps, array_module(view.dh)
    start = xp.arange(first, last)[:, None]
    dy = masked_dy(view)
    if dy is not None:
        dy = in_order(dy[:, d * P : (d + 1) * P], d)
        dy = dy[:, :, None] * (xp.arange(steps)[:, None, None, None] >= start)
    lasts = xp.full(view.batch, steps - 1) if strand.mask is None else last_steps(strand.mask[:, 0])
    reached = lasts >= start
    dc = None if view.dc is None else view.dc[d].T[:, None] * reached
    from_start = xp.arange(steps)[:, None, None, None] >= start
    around = around_steps(view, lambda dc, d: in_order(in_order(dc, d)[:, :, None] * from_start, d))
    w, put = (layer.weights(0, d), None) if around is None else around(0, d)
    found = backward(layer.cell, w, strand, dy, view.dh[d].T[:, None] * reached, dc, around=put)
    return strand_factors(layer.cell, layer.weights(0, d), strand, found)


def _losses_at_once(view: View) -> int:
    layer = view.layer
    rows = (len(layer.cell.gates) + 1) * layer.hidden_size * layer.num_layers * layer.directions + view.batch
    return max(1, BLOCK // max(rows * view.steps * view.batch, 1))
