"""Parameters a gate at a time, written (in, out), as rivals without a layer of their own hold them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from benchmarks.cases import GATES
from benchmarks.problem import Problem


class Layer(NamedTuple):
    """A matrix a gate from the input and from the state, and a bias a gate; a GRU's fourth is inside the reset gate."""

    x: list[Any]
    h: list[Any]
    b: list[Any]


def split(given: Problem) -> tuple[list[Layer], dict[str, np.ndarray]]:
    """The recurrent layers, and the other parameters under their names, the output's matrix as (H, V)."""
    gates, layers = GATES[given.case.cell], []
    for k in range(given.case.layers):
        w_x, w_h, b_x, b_h = (
            given.params[f"recurrent.{name}_l{k}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        biases = np.split(b_x + b_h, gates)
        if given.case.cell == "gru":
            biases = [*biases[:2], np.split(b_x, 3)[2], np.split(b_h, 3)[2]]
        matrices = ([np.ascontiguousarray(part.T) for part in np.split(w, gates)] for w in (w_x, w_h))
        layers.append(Layer(*matrices, [b.copy() for b in biases]))
    rest = {name: value.copy() for name, value in given.params.items() if not name.startswith("recurrent")}
    return layers, {**rest, "output.weight": np.ascontiguousarray(rest["output.weight"].T)}


def joined(layers: list[Layer], rest: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients under the problem's names: the reverse of split. A bias that was a sum has one gradient twice."""
    found = {**rest, "output.weight": rest["output.weight"].T}
    for k, layer in enumerate(layers):
        inner = [*layer.b[:2], layer.b[3]] if len(layer.b) == 4 and len(layer.x) == 3 else layer.b
        found |= {
            f"recurrent.weight_ih_l{k}": np.concatenate([w.T for w in layer.x]),
            f"recurrent.weight_hh_l{k}": np.concatenate([w.T for w in layer.h]),
            f"recurrent.bias_ih_l{k}": np.concatenate(layer.b[: len(layer.x)]),
            f"recurrent.bias_hh_l{k}": np.concatenate(inner),
        }
    return found
