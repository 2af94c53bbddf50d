"""How one step's state follows from the last: J = ds_t / ds_{t-1}, by one step of backward from every state feature.

The state s of a stack is h of every layer, then an LSTM's c of every layer: n features.
"""

from typing import Any

import numpy as np

from npseq.arguments import array
from npseq.backend import Array, array_module
from npseq.bptt.tape import Strand, Tape
from npseq.layers.adjoints import Rows, adjoints_of
from npseq.layers.batch import check_array, check_batch
from npseq.layers.recurrent import Recurrent


def check_one_way(layer: Any, name: str) -> None:
    if getattr(layer, "directions", 2) != 1:
        raise ValueError(
            f"{name} needs a layer of one direction, got {layer!s:.200}: one that also runs from the end has no state "
            "that the next step follows from; take a layer of one direction, or backward for the gradient"
        )


def check_steps(x: Any) -> tuple[int, int]:
    """T and B of x (T, B, D) or ids (T, B). Raises TypeError or ValueError where it is neither."""
    if array("x", x).ndim not in (2, 3):
        raise ValueError(f"x must have shape (T, B, D) or be ids (T, B), got {x.shape}")
    steps, batch = x.shape[:2]
    return steps, batch


def check_sequence(
    layer: Recurrent, x: Any, dy: Any, state: Any, lengths: Any, dstate: Any
) -> tuple[int, int, np.ndarray | None]:
    """T, B and the lengths, after all arguments of a pass through time have been checked; dy may be a function."""
    check_steps(x)
    xp = array_module(layer.params.flat)
    batch = check_batch(x, lengths, layer.input_size, layer.dtype, xp)
    steps, size = batch.x.shape[:2]
    if dy is not None and not callable(dy):
        check_array("dy", dy, (steps, size, layer.output_size), layer.dtype, xp)
    layer.checked_state("state", state, size)
    layer.checked_state("dstate", dstate, size)
    return steps, size, batch.lengths


def state_features(layer: Recurrent) -> int:
    """n."""
    return layer.num_layers * (layer.state_size + layer.c_size)


def state_jacobian(layer: Recurrent, tape: Tape) -> tuple[Array, Rows]:
    """J (B, n, n), [after, before], of a tape of one step, and the adjoints, with an axis n, that it came from."""
    P, C, L, n = layer.state_size, layer.c_size, layer.num_layers, state_features(layer)
    xp = array_module(layer.params.flat)
    basis = xp.eye(n, dtype=layer.dtype)[:, :, None] * xp.ones(tape.strands[0][0].s.shape[2], layer.dtype)
    dh = [basis[l * P : (l + 1) * P] for l in range(L)]
    dc: list[Any] = [None] * L
    if C:
        dc = [basis[L * P + l * C : L * P + (l + 1) * C] for l in range(L)]
    rows = adjoints_of(layer, tape, None, dh, dc)
    before = [row[0].dh for row in rows] + ([] if dc[0] is None else [row[0].dc for row in rows])
    return xp.concatenate(before).transpose(2, 1, 0), rows


def at_step(tape: Tape, t: int) -> Tape:
    """The tape of step t alone, in views of the whole, for a layer of one direction."""
    dropout = tuple(None if masks is None else [mask[t : t + 1] for mask in masks] for masks in tape.dropout)
    return tape._replace(strands=tuple((_strand_at(row[0], t),) for row in tape.strands), dropout=dropout)


def _strand_at(strand: Strand, t: int) -> Strand:
    parts: dict[str, Any] = {name: _steps(getattr(strand, name), t, 1) for name in ("m", "ids", "mask")}
    a = strand.a[t : t + 1] if len(strand.a) == strand.steps else strand.a
    return strand._replace(
        s=strand.s[t : t + 2], c=_steps(strand.c, t, 2), a=a, ragged=strand.ragged[t : t + 1], **parts
    )


def _steps(array: Array | None, t: int, count: int) -> Array | None:
    return None if array is None else array[t : t + count]
