"""What reaches a stack's steps besides dy: the loss's derivative by every c_t, and the clamp of what goes back."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from npseq.arguments import number
from npseq.backend import Array, array_module
from npseq.bptt.around import Around, Bound, bound_by, clamped, with_dc, with_room
from npseq.bptt.tape import Tape, Weights
from npseq.layers.batch import check_array
from npseq.layers.features import at_lag_zero, by_direction, in_order

PerLayer = Sequence[Array | None]  # (T, B, R*C) a layer, C the features of the state beside h


def check_dc(dc: Any, layer: Any, steps: int, batch: int) -> PerLayer | None:
    """Returns dc layer by layer, None where there is none. Raises TypeError or ValueError where it does not fit."""
    if dc is None:
        return None
    if not layer.c_size:
        raise ValueError(f"dc needs a cell whose state has more than h, such as an LSTM, got {layer}; use dy")
    depth = layer.num_layers
    given = dc if isinstance(dc, list | tuple) else [*[None] * (depth - 1), dc]
    if len(given) != depth:
        raise ValueError(f"dc must be the last layer's, or a list of one a layer, {depth} in all, got {len(given)}")
    shape, xp = (steps, batch, layer.directions * layer.c_size), array_module(layer.params.flat)
    names = [f"dc[{l}]" for l in range(depth)] if isinstance(dc, list | tuple) else [*[""] * (depth - 1), "dc"]
    return [
        None if one is None else check_array(name, one, shape, layer.dtype, xp)
        for name, one in zip(names, given, strict=True)
    ]


def check_clip(clip_adjoint: Any) -> float | None:
    """Returns the limit of the clamp, None where there is none. Raises TypeError or ValueError for what is no limit."""
    if clip_adjoint is not None and not number("clip_adjoint", clip_adjoint) > 0:
        raise ValueError(f"clip_adjoint must be positive, the largest size of an adjoint, got {clip_adjoint!r}")
    return None if clip_adjoint is None else float(clip_adjoint)


def around_of(
    layer: Any, tape: Tape, dcs: PerLayer | None, limit: float | None, weights: Array | None
) -> Callable[[int, int], tuple[Weights, Around]] | None:
    """What stands around the steps of every strand, as `adjoints_of` takes it; weights (lags,) of the lags."""
    if dcs is None and limit is None:
        return None
    lags = None if weights is None else len(weights)
    bound = None if limit is None else bound_by(limit, weights)
    bounds = None if bound is None else lambda l, d: bound
    return around_with(layer, tape, dcs, lambda dc, d: at_lag_zero(dc, lags), bounds)


def around_with(
    layer: Any,
    tape: Tape,
    dcs: PerLayer | None,
    add_axis: Callable[[Array, int], Array],
    bound: Callable[[int, int], Bound] | None,
) -> Callable[[int, int], tuple[Weights, Around]]:
    """The same for a pass with another axis: add_axis(dc (T, C, B), direction), bound(layer, direction)."""
    parts = [
        None if dc is None else by_direction(dc, tape, layer.directions, None, None)
        for dc in dcs or [None] * layer.num_layers
    ]

    def around(l: int, d: int) -> tuple[Weights, Around]:
        w, strand, part, found = layer.weights(l, d), tape.strands[l][d], parts[l], []
        if bound is not None:
            found.append(clamped(layer.cell, w, strand, bound(l, d)))
            w = with_room(layer.cell, w)
        if part is not None:
            found.append(with_dc(in_order(add_axis(part[d], d), d)))
        return w, lambda step: reduce(lambda inner, put: put(inner), found, step)

    return around
