"""The exercises with a loop over time: a layer, its arrays for the function, and the right gradients."""

from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
T, B, D, H = 6, 2, 3, 4
Whole = tuple[Any, Any, Any, Any]  # a layer, x, dy and the initial state


def layer_of(kind: Any, seed: int, **options: Any) -> Whole:
    """A layer in float64 with inputs, upstream gradients and a state that is not zero."""
    rng = np.random.default_rng(seed)
    layer = kind(D, H, dtype=np.float64, rng=rng, **options)
    x, dy = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
    h, c = 0.5 * rng.normal(size=(1, B, H)), 0.5 * rng.normal(size=(1, B, H))
    return layer, x, dy, (h, c) if len(layer.cell.state) > 1 else h


def forward_arrays(layer: Any, x: Any, dy: Any, state: Any) -> Arrays:
    """Everything that a function of the whole backward pass is given, (T, B, ...) each, and the parameters."""
    y, _, tape = layer.forward(x, state)
    strand, gates = tape.strands[0][0], layer.cell.gates
    parts = state if isinstance(state, tuple) else (state,)
    found = {"x": x, "h": y, "dy": dy} | {f"{k}0": part[0] for k, part in zip("hc", parts, strict=False)}
    if layer.cell.reads_gates:
        found |= {gate: strand.a[:, k].swapaxes(1, 2) for k, gate in enumerate(gates) if gate not in found}
        found |= {"n": strand.a[:, -1].swapaxes(1, 2)} if "n" in gates else {}
    if strand.c is not None:
        found["c"] = strand.c[1:].swapaxes(1, 2)
    return found | {name: np.array(value) for name, value in layer.params.items()}


def right(layer: Any, x: Any, dy: Any, state: Any) -> Arrays:
    """{line: value} of the right gradients."""
    _, _, tape = layer.forward(x, state)
    dx, dstate, grads = layer.backward(dy, tape)
    parts = dstate if isinstance(dstate, tuple) else (dstate,)
    found = {f"d{name}": np.array(value) for name, value in grads.items()} | {"dx": dx}
    return found | {f"d{k}0": part[0] for k, part in zip("hc", parts, strict=False)}
