"""A cell of the gallery beside PyTorch's operations: its steps stacked, one piece of a sequence after the other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

import npseq as ns
from npseq.bptt.blocks import blocks_of
from npseq.bptt.layout import suffix

T, B, D, H, LAYERS = 5, 3, 2, 3, 3
LENGTHS = np.array([3, 0, 5])
RESETS = np.zeros((T, B), bool)
RESETS[1, 0] = RESETS[2, 2] = True
Step = Callable[[dict, Any, dict], dict]  # (parameters, x (D,), state by name and masks) -> the new state by name


def layer_of(cell: Any, **options: Any) -> ns.Recurrent:
    """In float64, with weights large enough for gates to move."""
    given = {"num_layers": LAYERS, "bidirectional": True, "dtype": np.float64, "rng": 0, **options}
    layer = ns.Recurrent(cell, D, H, **given)
    layer.params.flat[:] *= 1.5
    return layer


def state_of(layer: ns.Recurrent, rng: np.random.Generator, batch: int = B) -> Any:
    """An initial state; parts beside h are positive, as the sLSTM's n must be."""
    rows = layer.num_layers * layer.directions
    h = rng.normal(size=(rows, batch, layer.state_size))
    return (h, rng.uniform(0.2, 1.2, (rows, batch, layer.c_size))) if layer.c_size else h


def check(cell: Any, step: Step, *, training: bool = False, **options: Any) -> None:
    """Compares y, the last state and every gradient, to 1e-12 of the scale of each."""
    torch = pytest.importorskip("torch")
    layer, rng = layer_of(cell, **options), np.random.default_rng(1)
    x, state = rng.normal(size=(T, B, D)), state_of(layer, rng)
    y, last, tape = layer.forward(x, state, LENGTHS, resets=RESETS, training=training)
    dy, dlast = rng.normal(size=y.shape), state_of(layer, rng)
    dx, dstate, grads = layer.backward(dy, tape, dlast)

    def tensor(value: np.ndarray) -> Any:
        return torch.tensor(np.array(value), dtype=torch.float64, requires_grad=True)

    at = {name: tensor(value) for name, value in layer.params.items()}
    inputs, first = tensor(x), [tensor(part) for part in parts(state)]
    outputs, after = stack(torch, layer, step, at, inputs, first, tape)
    loss = (outputs * torch.tensor(dy)).sum()
    for found, weight in zip(after, parts(dlast), strict=True):
        loss = loss + (found * torch.tensor(weight)).sum()
    loss.backward()
    assert_close(y, outputs, "y")
    for found, wanted in zip(parts(last), after, strict=True):
        assert_close(found, wanted, "the last state")
    for found, part in zip(parts(dstate), first, strict=True):
        assert_close(found, part.grad, "dstate")
    assert_close(dx, inputs.grad, "dx")
    for name, value in at.items():
        assert_close(grads[name], value.grad, name)


def parts(state: Any) -> list[np.ndarray]:
    return list(state) if isinstance(state, tuple) else [state]


def assert_close(found: Any, expected: Any, name: str) -> None:
    expected = expected.detach().numpy()
    scale = abs(expected).max()
    assert scale > 0, name
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * scale, err_msg=name)


def stack(torch: Any, layer: Any, step: Step, at: dict, x: Any, first: list, tape: Any) -> tuple[Any, list]:
    """y (T, B, R*H) and the last state's parts, as the layer has them; each piece of a sequence runs by itself."""
    columns, after = [], [[None] * B for _ in range(layer.num_layers * layer.directions)]
    for b in range(B):
        seen: list[Any] = []
        for k, row in enumerate(after):
            row[b] = [part[k, b] for part in first]
        for piece in [piece for piece in pieces() if piece.b == b]:
            state = [[part * (not piece.fresh) for part in (one[k, b] for one in first)] for k in range(len(after))]
            features, ends = run(torch, layer, step, at, [x[t, b] for t in piece.steps], state, tape, piece)
            seen += features
            for row, end in zip(after, ends, strict=True):
                further = [end[name] for name in layer.cell.state[1:]]
                row[b] = [end["h"], torch.cat(further)] if further else [end["h"]]
        zeros = [torch.zeros(layer.output_size, dtype=torch.float64)] * (T - len(seen))
        columns.append(torch.stack([*seen, *zeros]))
    parts_after = [torch.stack([torch.stack([one[k] for one in row]) for row in after]) for k in range(len(first))]
    return torch.stack(columns, dim=1), parts_after


class Piece(NamedTuple):
    """Steps of sequence b between two resets; column: its place among all pieces."""

    b: int
    steps: range
    fresh: bool  # whether it begins at zeros
    column: int


def pieces() -> list[Piece]:
    found: list[Piece] = []
    for b in range(B):
        starts = [t for t in range(LENGTHS[b]) if t == 0 or RESETS[t, b]]
        for start, stop in pairwise([*starts, LENGTHS[b]]):
            found.append(Piece(b, range(start, stop), bool(RESETS[start, b]), len(found)))
    return found


def run(
    torch: Any, layer: Any, step: Step, at: dict, features: list, first: list, tape: Any, piece: Piece
) -> tuple[list, list]:
    """y of one piece, and the state after its last step of every layer and direction by name."""
    longest, ends = max(len(one.steps) for one in pieces()), []
    for l in range(layer.num_layers):
        ways = []
        for d in range(layer.directions):
            names = {name: at[f"{name}{suffix(l, d)}"] for name in names_of(layer)}
            state = split(layer.cell, first[l * layer.directions + d])
            seen = []
            over = longest - len(features) if d else 0  # of a reverse strand, the steps before the piece begins
            for t, row in enumerate(features[::-1] if d else features, over):
                drawn = masks(torch, layer.cell, tape.tape.strands[l][d], t, piece.column)
                state = step(names, row, state | drawn)
                seen.append(state["h"])
            ends.append(state)
            ways.append(seen[::-1] if d else seen)
        features = [torch.cat(both) for both in zip(*ways, strict=True)]
    return features, ends


def names_of(layer: Any) -> list[str]:
    return [name for name in layer.params if "_l" not in name and not name.endswith("_reverse")]


def split(cell: Any, state: list) -> dict[str, Any]:
    further = [part for c in state[1:] for part in c.split(H)]
    return dict(zip(cell.state, [state[0], *further], strict=True))


def masks(torch: Any, cell: Any, strand: Any, t: int, b: int) -> dict[str, Any]:
    first = len(blocks_of(cell).names)
    return {name: torch.tensor(strand.a[t, first + k, :, b]) for k, name in enumerate(cell.masks)}


def affine(p: dict, gate: str, x: Any, h: Any = None) -> Any:
    """x W_x<gate> + b_<gate>, and h W_h<gate> where h is given."""
    a = x @ p[f"W_x{gate}"] + p[f"b_{gate}"]
    return a if h is None else a + h @ p[f"W_h{gate}"]
