"""One pass of backward over a whole stack: the adjoints alone, of whatever is put in, told apart as one likes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from npseq.backend import Array
from npseq.bptt import loop
from npseq.bptt.tape import Tape
from npseq.layers.features import in_order

if TYPE_CHECKING:
    from npseq.layers.recurrent import Recurrent

Rows = list[list[loop.Adjoints]]


def sweep(
    layer: Recurrent,
    tape: Tape,
    dfeatures: list[Array] | None,
    dh: list[Array],
    dc: list[Array | None],
    carry: loop.Carry | None = None,
    record: Callable[[int], loop.Record] | None = None,
) -> Rows:
    """Adjoints of every strand, rows[layer][direction].

    Any one axis may stand before the batch, here K, and is carried along: losses, lags, or a basis of the last state.
    dfeatures: by the last layer's outputs, (T, P, [K,] B) a direction, zero past each length, or None. dh, dc: by the
    last state of each strand, (P, [K,] B) and (H, [K,] B). record(strand) is shown that strand's adjoints.
    """
    rows: Rows = []
    for l in reversed(range(layer.num_layers)):
        row: list[Any] = []
        for d in range(layer.directions):
            k = l * layer.directions + d
            row.append(
                loop.backward(
                    layer.cell,
                    layer._weights(layer.params, l, d),
                    tape.strands[l][d],
                    None if dfeatures is None else in_order(dfeatures[d], d),
                    dh[k],
                    dc[k],
                    carry,
                    None,
                    None if record is None else record(k),
                )
            )
        dfeatures = layer._hand_down(l, tuple(row), tape) if l else None
        rows.insert(0, row)
    return rows
