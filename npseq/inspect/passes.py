"""Backward passes that keep an extra axis of the adjoints, of lags or of losses, for any recurrent layer.

A view is a Recurrent layer with the arguments of its backward, in its own order of input. A Bidirectional has two, and
the second reads every sequence from its own end; all other layers have one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.around import replayed
from npseq.bptt.factors import Factors, strand_factors
from npseq.bptt.layout import suffix
from npseq.bptt.loop import Edge, Record
from npseq.bptt.tape import Strand, Tape
from npseq.bptt.truncation import shifted
from npseq.layers.adjoints import AroundOf, Rows, adjoints_of, clamp_factors
from npseq.layers.batch import check_array, check_tape
from npseq.layers.bidirectional import check_any_state, check_recurrent, check_whole_tape, state_pair
from npseq.layers.features import at_lag_zero, by_direction
from npseq.layers.layer import require_real
from npseq.layers.lengths import last_steps
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed, reordered
from npseq.layers.upstream import PerLayer, around_with, check_clip, check_dc
from npseq.protocols import LayerLike

AddAxis = Callable[[Array, Array], Array]  # (adjoint (..., B), its natural time step (B,) or (T, B)) -> (..., K, B)


class View(NamedTuple):
    """A Recurrent layer and the arguments of its backward, checked."""

    prefix: str  # of the names of its parameters
    layer: Recurrent
    tape: Tape
    dy: Array | None  # (T, B, R*P)
    dh: Array  # (L*R, B, P)
    dc: Array | None  # (L*R, B, H)
    time: Array | None  # (T, B): the natural time of each of its input steps, None where that is the step itself
    dcs: PerLayer | None = None  # (T, B, R*C): the derivative by every c_t of each layer
    factors: dict[tuple[int, int], list[Array]] | None = None  # of a clamp, strand by strand: `clamp_factors`

    @property
    def steps(self) -> int:
        return self.tape.strands[0][0].steps

    @property
    def batch(self) -> int:
        size: int = self.tape.strands[0][0].s.shape[2]
        return size

    def name(self, name: str, layer: int, d: int) -> str:
        return f"{self.prefix}{name}{suffix(layer, d)}"


def views_of(
    layer: LayerLike,
    tape: Any,
    dy: Array | None = None,
    dstate: Any = None,
    *,
    real: bool = True,
    dc: Any = None,
    clip_adjoint: float | None = None,
) -> tuple[View, ...]:
    """The layer's views. Raises TypeError or ValueError where an argument does not fit.

    Args:
        layer, tape, dy, dstate, dc, clip_adjoint: as backward takes them.
        real: refuses a complex layer, whose norms have no meaning.
    """
    limit = check_clip(clip_adjoint)
    views = _views(layer, tape, dy, dstate, real, dc)
    return views if limit is None else tuple(view._replace(factors=_factors(view, limit)) for view in views)


def _views(layer: Any, tape: Any, dy: Array | None, dstate: Any, real: bool, dc: Any) -> tuple[View, ...]:
    _, batch = check_whole_tape(tape, check_recurrent("layer", layer))
    if real:
        require_real(layer)
    if isinstance(layer, Recurrent):
        return (_view("", layer, tape, dy, dstate, None, dc),)
    if isinstance(layer, Reversed):
        return (_reversed_view("", layer, tape, dy, dstate, dc),)
    forward, backward = layer.layers["forward"], layer.layers["backward"]
    dy_f = dy_b = None
    if dy is not None:
        shape = (*tape.backward.order.shape, layer.output_size)
        check_array("dy", dy, shape, layer.dtype, array_module(layer.params.flat))
        dy_f, dy_b = dy[..., : forward.output_size], dy[..., forward.output_size :]
    check_any_state("dstate", dstate, layer, batch)
    dstate_f, dstate_b = state_pair("dstate", dstate)
    dc_f, dc_b = state_pair("dc", dc)
    return (
        _view("forward.", forward, tape.forward, dy_f, dstate_f, None, dc_f),
        _reversed_view("backward.", backward, tape.backward, dy_b, dstate_b, dc_b),
    )


def _reversed_view(prefix: str, layer: Reversed, tape: Any, dy: Array | None, dstate: Any, dc: Any) -> View:
    if dy is not None:
        shape = (*tape.order.shape, layer.output_size)
        dy = reordered(check_array("dy", dy, shape, layer.dtype, array_module(layer.params.flat)), tape.order)
    dcs = check_dc(dc, layer.layer, *tape.order.shape)
    turned = None if dcs is None else [None if part is None else reordered(part, tape.order) for part in dcs]
    return _view(prefix, layer.layer, tape.inner, dy, dstate, tape.order, turned)


def _view(prefix: str, layer: Recurrent, tape: Any, dy: Array | None, dstate: Any, time: Array | None, dc: Any) -> View:
    xp = array_module(layer.params.flat)
    steps, batch = check_tape(tape, layer)
    if dy is not None:
        dy = check_array("dy", dy, (steps, batch, layer.output_size), layer.dtype, xp)
    dcs = check_dc(dc, layer, steps, batch)
    return View(prefix, layer, tape, dy, *layer.checked_state("dstate", dstate, batch), time, dcs)


def _factors(view: View, limit: float) -> dict[tuple[int, int], list[Array]]:
    layer, dh = view.layer, [part.T for part in view.dh]
    dy = None if view.dy is None else by_direction(view.dy, view.tape, layer.directions, None, None)
    last: list[Any] = [None] * len(dh) if view.dc is None else [part.T for part in view.dc]
    return clamp_factors(layer, view.tape, dy, dh, last, view.dcs, limit)


def check_names(layer: LayerLike, names: Any) -> tuple[str, ...] | None:
    """names as a tuple. Raises ValueError where one is not a parameter of the layer."""
    if names is None:
        return None
    if not isinstance(names, str | list | tuple | set | frozenset):
        raise TypeError(f"names must be a parameter's name, or a list of them, or None, got {type(names).__name__}")
    chosen: tuple[Any, ...] = (names,) if isinstance(names, str) else tuple(names)
    unknown = [name for name in chosen if not isinstance(name, str) or name not in layer.params]
    if unknown or not chosen:
        raise ValueError(f"names must be of {', '.join(layer.params)}, got {unknown or 'none'}")
    return chosen


def adjoints(view: View, record: Callable[[int], Record] | None = None) -> Rows:
    """The adjoints that backward computes, with no extra axis."""
    return _run(view, lambda array, step: array, None, record)


def adjoints_by_lag(view: View, lags: int, record: Callable[[int], Record] | None = None) -> Rows:
    """Adjoints with an axis of lags 0 to lags - 1; longer paths are dropped."""
    return _run(
        view,
        lambda array, step: at_lag_zero(array, lags),
        lambda dh, dc, t: (shifted(dh), None if dc is None else shifted(dc)),
        record,
    )


def adjoints_by_loss(view: View, first: int, last: int) -> Rows:
    """Adjoints with an axis of the losses at the time steps from first to last; others are left out.

    The loss's dependence on a last state counts to the step that made it: a sequence's last, or first in reverse.
    """
    window = array_module(view.dh).arange(first, last)[:, None]
    return _run(view, lambda array, step: array[..., None, :] * (step[..., None, None, :] == window), None)


def _run(view: View, add_axis: AddAxis, edge: Edge | None, record: Callable[[int], Record] | None = None) -> Rows:
    layer, size = view.layer, view.layer.state_size
    xp = array_module(view.dh)
    step = xp.broadcast_to(xp.arange(view.steps)[:, None], (view.steps, view.batch))
    step = step if view.time is None else view.time
    dy = masked_dy(view)
    dfeatures = None
    if dy is not None:
        dfeatures = [add_axis(dy[:, d * size : (d + 1) * size], step) for d in range(layer.directions)]
    made = [_last_steps(view, step, d) for d in range(layer.directions)] * layer.num_layers
    dh = [add_axis(array.T, at) for array, at in zip(view.dh, made, strict=True)]
    dc = [None] * len(dh) if view.dc is None else [add_axis(a.T, at) for a, at in zip(view.dc, made, strict=True)]
    edges = None if edge is None else lambda k: edge
    around = around_steps(view, lambda dc, d: add_axis(dc, step))
    return adjoints_of(layer, view.tape, dfeatures, dh, dc, edges, record, around=around)


def around_steps(view: View, add_axis: Callable[[Array, int], Array]) -> AroundOf | None:
    """What stands around a view's steps: dc, with another axis by add_axis(dc (T, C, B), direction), and the clamp."""
    if view.dcs is None and view.factors is None:
        return None
    factors = view.factors
    bound = None if factors is None else lambda l, d: replayed(factors[l, d])
    return around_with(view.layer, view.tape, view.dcs, add_axis, bound)


def masked_dy(view: View) -> Array | None:
    """dy as (T, R*P, B), zero past each length."""
    if view.dy is None:
        return None
    dy, mask = view.dy.swapaxes(1, 2), view.tape.strands[-1][0].mask
    return dy if mask is None else np.where(mask, dy, 0)


def _last_steps(view: View, step: Array, d: int) -> Array:
    """(B,): the natural time of the step that made each sequence's last state."""
    xp = array_module(step)
    if not view.steps:
        none: Array = xp.zeros(view.batch, dtype=int)
        return none
    mask = view.tape.strands[0][d].mask
    last = xp.full(view.batch, view.steps - 1) if mask is None else xp.maximum(last_steps(mask[:, 0]), 0)
    last_step: Array = step[view.steps - 1 - last if d else last, xp.arange(view.batch)]
    return last_step


def strands(view: View) -> list[tuple[int, int, Strand]]:
    """(layer, direction, strand) of every strand."""
    return [(l, d, strand) for l, row in enumerate(view.tape.strands) for d, strand in enumerate(row)]


def named_factors(view: View, rows: Rows, names: tuple[str, ...] | None) -> dict[str, Factors]:
    """The factors of every parameter, or of those named, in natural time."""
    factors = {}
    for l, d, strand in strands(view):
        w = view.layer.weights(l, d)
        for name, f in strand_factors(view.layer.cell, w, strand, rows[l][d]).items():
            full = view.name(name, l, d)
            if names is None or full in names:
                operand = f.operand
                if operand is not None:
                    operand = in_natural_time(view, d, operand, axis=operand.ndim - 2)
                factors[full] = f._replace(operand=operand, adjoint=in_natural_time(view, d, f.adjoint, axis=1))
    return factors


def in_natural_time(view: View, d: int, array: Array, axis: int) -> Array:
    """A strand's array (..., T, [K,] B), time at `axis`, with its steps in the order of the user's x."""
    if d:
        array = np.flip(array, axis)
    if view.time is None:
        return array
    shape = [1] * array.ndim
    shape[axis], shape[-1] = view.time.shape
    return np.take_along_axis(array, view.time.reshape(shape), axis=axis)
