"""The backward pass over a stack of layers, in two halves: the adjoints of every step, and the sums that they make.

An extra axis before the batch may keep lags or losses apart.
"""

from collections.abc import Callable, Sequence
from typing import Any

from npseq.backend import Array, MaybeArray, array_module
from npseq.bptt import gradients, loop
from npseq.bptt.around import Around, recorded
from npseq.bptt.tape import Tape, Weights
from npseq.bptt.truncation import edge_of, plan_of
from npseq.bptt.workspace import Workspace, child
from npseq.layers.batch import check_array, check_tape
from npseq.layers.features import at_lag_zero, by_direction, in_order, lag_sums
from npseq.layers.states import stack_state
from npseq.layers.upstream import PerLayer, around_of, around_with, check_clip, check_dc
from npseq.parameters import Parameters

Rows = list[tuple[loop.Adjoints, ...]]  # rows[layer][direction]
AroundOf = Callable[[int, int], tuple[Weights, Around]]


def check_rows(rows: Any, layer: Any, sizes: tuple[int, int]) -> None:
    """Raises TypeError for what are no adjoints of a recurrent layer, at T steps of B sequences."""
    wanted = [layer.directions] * layer.num_layers
    found = [len(row) for row in rows if isinstance(row, tuple)] if isinstance(rows, list) else None
    parts = [one for row in rows for one in row] if found == wanted else [None]
    if not all(isinstance(one, loop.Adjoints) and one.da.shape[2:] == sizes for one in parts):
        raise TypeError(f"rows must be what this layer's adjoints(dy, tape) returned, got {type(rows).__name__}")


def stack_adjoints(
    layer: Any,
    dy: Array | None,
    tape: Tape,
    dstate: Any,
    truncation: Any,
    dc: Any,
    clip_adjoint: float | None,
    workspace: Workspace | None,
) -> Rows:
    """The first half of `Recurrent.backward`, whose arguments these are."""
    xp, (steps, batch) = array_module(layer.params.flat), check_tape(tape, layer)
    if dy is not None:
        dy = check_array("dy", dy, (steps, batch, layer.output_size), layer.dtype, xp)
    dh, dlast = layer.checked_state("dstate", dstate, batch)
    dcs, limit = check_dc(dc, layer, steps, batch), check_clip(clip_adjoint)
    plan = plan_of(truncation, layer, steps)
    weights = None if plan is None or plan.lag_weights is None else xp.asarray(plan.lag_weights)
    lags = None if weights is None else len(weights)
    rows = adjoints_of(
        layer,
        tape,
        None if dy is None else by_direction(dy, tape, layer.directions, lags, workspace),
        [at_lag_zero(part.T, lags) for part in dh],
        [None] * len(dh) if dlast is None else [at_lag_zero(part.T, lags) for part in dlast],
        None if plan is None else lambda strand: edge_of(plan, strand),
        workspace=workspace,
        around=around_of(layer, tape, dcs, limit, weights),
    )
    return rows if weights is None else [tuple(lag_sums(a, weights) for a in row) for row in rows]


def stack_gradients(
    layer: Any, rows: Rows, tape: Tape, grads: Parameters, workspace: Workspace | None, with_dx: bool = True
) -> tuple[MaybeArray, Any, Parameters]:
    """The second half of `Recurrent.backward`, which writes grads."""
    for l, row in enumerate(rows):
        for d, adjoints in enumerate(row):
            w, out = layer.weights(l, d), layer.weights(l, d, grads)
            gradients.weight_gradients(layer.cell, w, tape.strands[l][d], adjoints, out, child(workspace, (l, d)))
    dx = None if tape.token_ids or not with_dx else layer.input_adjoints(0, rows[0], tape)[0].swapaxes(1, 2)
    flat = [adjoints for row in rows for adjoints in row]
    return dx, stack_state([a.dh for a in flat], [a.dc for a in flat], array_module(layer.params.flat)), grads


def adjoints_of(
    layer: Any,
    tape: Tape,
    dfeatures: list[Array] | None,
    dh: Sequence[Array],
    dc: Sequence[Array | None],
    edge: Callable[[int], loop.Edge | None] | None = None,
    record: Callable[[int], loop.Record] | None = None,
    workspace: Workspace | None = None,
    around: AroundOf | None = None,
) -> Rows:
    """The adjoints of every strand of a recurrent layer, from the last layer down to the first.

    Any one axis may stand before the batch, here K: losses, lags, or a basis of the last state.

    Args:
        layer: the layer that made the tape.
        dfeatures: by the last layer's outputs, (T, P, [K,] B) a direction, zero past each length, or None.
        dh: by the last h of each strand, (P, [K,] B).
        dc: by the last c of each strand, (H, [K,] B), None where the cell has none.
        edge: edge(strand) is what the loop applies between steps, for a truncation.
        record: record(strand) receives that strand's adjoints step by step.
        workspace: a training loop's own buffers, a child for each (layer, direction).
        around: around(layer, direction) is that strand's weights, and what stands around its steps.
    """
    rows: Rows = []
    for l in reversed(range(layer.num_layers)):
        rows.insert(0, row_adjoints(layer, l, tape, dfeatures, dh, dc, edge, record, workspace, around))
        dfeatures = layer.input_adjoints(l, rows[0], tape) if l else None
    return rows


def row_adjoints(
    layer: Any,
    l: int,
    tape: Tape,
    dfeatures: list[Array] | None,
    dh: Sequence[Array],
    dc: Sequence[Array | None],
    edge: Callable[[int], loop.Edge | None] | None = None,
    record: Callable[[int], loop.Record] | None = None,
    workspace: Workspace | None = None,
    around: AroundOf | None = None,
) -> tuple[loop.Adjoints, ...]:
    """The adjoints of the strands of layer l alone; the arguments are those of `adjoints_of`."""
    row = []
    for d in range(layer.directions):
        k = l * layer.directions + d
        w, put = (layer.weights(l, d), None) if around is None else around(l, d)
        row.append(
            loop.backward(
                layer.cell,
                w,
                tape.strands[l][d],
                None if dfeatures is None else in_order(dfeatures[d], d),
                dh[k],
                dc[k],
                None if edge is None else edge(k),
                child(workspace, (l, d)),
                None if record is None else record(k),
                put,
            )
        )
    return tuple(row)


def clamp_factors(
    layer: Any,
    tape: Tape,
    dfeatures: list[Array] | None,
    dh: Sequence[Array],
    dc: Sequence[Array | None],
    dcs: PerLayer | None,
    limit: float,
) -> dict[tuple[int, int], list[Array]]:
    """The factors (T33) of a clamped pass, (layer, direction): those of its calls, the last step's first."""
    found: dict[tuple[int, int], list[Array]] = {}
    bound = lambda l, d: recorded(limit, found.setdefault((l, d), []))  # noqa: E731
    adjoints_of(layer, tape, dfeatures, dh, dc, around=around_with(layer, tape, dcs, lambda dc, d: dc, bound))
    return found
