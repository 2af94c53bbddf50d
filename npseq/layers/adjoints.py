"""One backward pass over a stack of layers; an extra axis before the batch may keep lags or losses apart."""

from collections.abc import Callable
from typing import Any

from npseq.backend import Array
from npseq.bptt import loop
from npseq.bptt.tape import Tape
from npseq.bptt.workspace import Workspace, child
from npseq.layers.features import in_order

Rows = list[tuple[loop.Adjoints, ...]]  # rows[layer][direction]


def check_rows(rows: Any, layer: Any, sizes: tuple[int, int]) -> None:
    """Raises TypeError for what are no adjoints of a recurrent layer, at T steps of B sequences."""
    wanted = [layer.directions] * layer.num_layers
    found = [len(row) for row in rows if isinstance(row, tuple)] if isinstance(rows, list) else None
    parts = [one for row in rows for one in row] if found == wanted else [None]
    if not all(isinstance(one, loop.Adjoints) and one.da.shape[2:] == sizes for one in parts):
        raise TypeError(f"rows must be what this layer's adjoints(dy, tape) returned, got {type(rows).__name__}")


def adjoints_of(
    layer: Any,
    tape: Tape,
    dfeatures: list[Array] | None,
    dh: list[Array],
    dc: list[Array | None],
    edge: Callable[[int], loop.Edge | None] | None = None,
    record: Callable[[int], loop.Record] | None = None,
    workspace: Workspace | None = None,
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
    """
    rows: Rows = []
    for l in reversed(range(layer.num_layers)):
        rows.insert(0, row_adjoints(layer, l, tape, dfeatures, dh, dc, edge, record, workspace))
        dfeatures = layer.input_adjoints(l, rows[0], tape) if l else None
    return rows


def row_adjoints(
    layer: Any,
    l: int,
    tape: Tape,
    dfeatures: list[Array] | None,
    dh: list[Array],
    dc: list[Array | None],
    edge: Callable[[int], loop.Edge | None] | None = None,
    record: Callable[[int], loop.Record] | None = None,
    workspace: Workspace | None = None,
) -> tuple[loop.Adjoints, ...]:
    """The adjoints of the strands of layer l alone; the arguments are those of `adjoints_of`."""
    row = []
    for d in range(layer.directions):
        k = l * layer.directions + d
        row.append(
            loop.backward(
                layer.cell,
                layer.weights(l, d),
                tape.strands[l][d],
                None if dfeatures is None else in_order(dfeatures[d], d),
                dh[k],
                dc[k],
                None if edge is None else edge(k),
                child(workspace, (l, d)),
                None if record is None else record(k),
            )
        )
    return tuple(row)
