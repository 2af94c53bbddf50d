"""Recurrent networks from the equations of their papers, on the nodes of `arithmetic`; sequences of one length at once.

No mask is needed: sequences of one length run alone, up to it. Parameters have the names of Dive into Deep Learning,
with "_l<layer>" from the second layer on and "_reverse" in the reverse direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from benchmarks.fuzz.arithmetic import Arithmetic, Node

Carry = Callable[[int, int, Node, Any], tuple[Node, Any]]  # (strand, step that is entered, h, c) -> (h, c)


class Network(NamedTuple):
    """cell: a key of CELLS; an LSTM's peepholes and projection show in the names of its parameters."""

    cell: str
    layers: int = 1
    directions: int = 1


def gate(m: Arithmetic, p: Mapping[str, Node], name: str, x: Any, h: Node) -> Node:
    """x W_x + h W_h + b."""
    return m.affine([(x, p[f"W_x{name}"]), (h, p[f"W_h{name}"])], p.get(f"b_{name}"))


def tanh_rnn(m: Arithmetic, p: Mapping[str, Node], x: Any, h: Node, c: Any) -> tuple[Node, Any]:
    return m.tanh(gate(m, p, "h", x, h)), None


def relu_rnn(m: Arithmetic, p: Mapping[str, Node], x: Any, h: Node, c: Any) -> tuple[Node, Any]:
    return m.relu(gate(m, p, "h", x, h)), None


def mix(m: Arithmetic, z: Node, h: Node, n: Node) -> Node:
    return m.add(m.multiply(z, h), m.multiply(m.one_minus(z), n))


def gru_before(m: Arithmetic, p: Mapping[str, Node], x: Any, h: Node, c: Any) -> tuple[Node, Any]:
    """Cho et al. 2014, equations 5 to 8; z keeps the old state."""
    r, z = m.sigmoid(gate(m, p, "r", x, h)), m.sigmoid(gate(m, p, "z", x, h))
    n = m.tanh(gate(m, p, "n", x, m.multiply(r, h)))
    return mix(m, z, h, n), None


def gru_after(m: Arithmetic, p: Mapping[str, Node], x: Any, h: Node, c: Any) -> tuple[Node, Any]:
    """The documented equations of torch.nn.GRU."""
    r, z = m.sigmoid(gate(m, p, "r", x, h)), m.sigmoid(gate(m, p, "z", x, h))
    inner = m.affine([(h, p["W_hn"])], p.get("b_hn"))
    n = m.tanh(m.add(m.affine([(x, p["W_xn"])], p.get("b_n")), m.multiply(r, inner)))
    return mix(m, z, h, n), None


def lstm(m: Arithmetic, p: Mapping[str, Node], x: Any, h: Node, c: Node) -> tuple[Node, Node]:
    """Gers et al. 2000; peepholes: Gers et al. 2002; projection: Sak et al. 2014."""

    def sees(name: str, cell: Node) -> Node:
        a = gate(m, p, name, x, h)
        return m.sigmoid(m.add(a, m.multiply(cell, p[f"p_{name}"])) if f"p_{name}" in p else a)

    i, f, g = sees("i", c), sees("f", c), m.tanh(gate(m, p, "g", x, h))
    new = m.add(m.multiply(f, c), m.multiply(i, g))
    memory = m.multiply(sees("o", new), m.tanh(new))
    return (m.affine([(memory, p["W_hp"])]) if "W_hp" in p else memory), new


CELLS: dict[str, Callable] = {
    "tanh": tanh_rnn,
    "relu": relu_rnn,
    "gru before": gru_before,
    "gru after": gru_after,
    "lstm": lstm,
}


def of_strand(params: Mapping[str, Node], layer: int, direction: int) -> dict[str, Node]:
    """The parameters of one layer and direction, under their names without an ending."""
    ending = (f"_l{layer}" if layer else "") + ("_reverse" if direction else "")
    names = [name.removesuffix(ending) for name in params if name.endswith(ending)]
    return {name: params[name + ending] for name in names if "_" not in name[2:]}


def run(
    m: Arithmetic, network: Network, params: Mapping[str, Node], x: list, h: list, c: list, carry: Carry | None = None
) -> tuple[list[Node], list[Node], list[Any]]:
    """Returns y, a node a step, and the last h and c of every strand.

    x: a node or a constant a step; h, c: the first state of every strand, c of None where the cell has none.
    """
    last_h, last_c = list(h), list(c)
    for layer in range(network.layers):
        found: list[list[Node]] = [[] for _ in x]
        for direction in range(network.directions):
            k = layer * network.directions + direction
            p = of_strand(params, layer, direction)
            state = h[k], c[k]
            for t in reversed(range(len(x))) if direction else range(len(x)):
                state = state if carry is None else carry(k, t, *state)
                state = CELLS[network.cell](m, p, x[t], *state)
                found[t].append(state[0])
            last_h[k], last_c[k] = state
        x = [m.beside(parts) for parts in found]
    return x, last_h, last_c


def groups(lengths: np.ndarray | None, steps: int, batch: int) -> Iterator[tuple[int, np.ndarray]]:
    """(length, which sequences have it), for every length that occurs."""
    own = np.full(batch, steps) if lengths is None else np.array([int(n) for n in lengths], dtype=int)
    for length in sorted(set(own.tolist())):
        yield length, np.flatnonzero(own == length)
