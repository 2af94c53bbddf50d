"""Recurrent networks number by number: loops over sequences, steps, units and terms, straight from the papers.

Nothing here comes from npseq, and nothing is batched: every sequence runs alone, up to its own length. Parameters have
the names of Dive into Deep Learning. A number may be an array of N numbers, one for each of N perturbed copies of the
whole computation; `gradient` takes the complex step of every entry that way, in one run: no backward pass is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

STEP = 1e-30


class Network(NamedTuple):
    cell: str  # "tanh", "relu", "gru before", "gru after" or "lstm"; peepholes and projection show in the names
    layers: int = 1
    directions: int = 1


class Outputs(NamedTuple):
    y: list  # y[t][b][k]
    h: list  # h[layer * directions + direction][b][k]: after the sequence's last step
    c: list


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.where(np.real(x) > 0, x, 0)


def affine(p, gate, x, h, j):
    """(x W_x + h W_h + b)_j of one gate."""
    total = p[f"b_{gate}"][j] if f"b_{gate}" in p else 0.0
    for i in range(len(x)):
        total = total + x[i] * p[f"W_x{gate}"][i][j]
    for i in range(len(h)):
        total = total + h[i] * p[f"W_h{gate}"][i][j]
    return total


def times(vector, matrix, j):
    """(vector matrix)_j."""
    return sum((vector[i] * matrix[i][j] for i in range(len(vector))), 0.0)


def elman(phi, p, x, h, c):
    return [phi(affine(p, "h", x, h, j)) for j in range(len(h))], c


def gru_before(p, x, h, c):
    """Cho et al. 2014, equations 5 to 8, with z for "keep"."""
    units = range(len(h))
    reset = [sigmoid(affine(p, "r", x, h, j)) * h[j] for j in units]
    new = [np.tanh(affine(p, "n", x, reset, j)) for j in units]
    keep = [sigmoid(affine(p, "z", x, h, j)) for j in units]
    return [keep[j] * h[j] + (1 - keep[j]) * new[j] for j in units], c


def gru_after(p, x, h, c):
    """torch.nn.GRU's documented equations."""
    out = []
    for j in range(len(h)):
        r, z = sigmoid(affine(p, "r", x, h, j)), sigmoid(affine(p, "z", x, h, j))
        inner = times(h, p["W_hn"], j) + (p["b_hn"][j] if "b_hn" in p else 0)
        n = np.tanh(affine(p, "n", x, [], j) + r * inner)
        out.append((1 - z) * n + z * h[j])
    return out, c


def lstm(p, x, h, c):
    """Gers et al. 2002 (peepholes) and Sak et al. 2014 (projection), where their parameters are there."""
    peephole = {gate: p.get(f"p_{gate}", np.zeros(len(c))) for gate in "ifo"}
    cells, memory = [], []
    for j in range(len(c)):
        i = sigmoid(affine(p, "i", x, h, j) + peephole["i"][j] * c[j])
        f = sigmoid(affine(p, "f", x, h, j) + peephole["f"][j] * c[j])
        cells.append(f * c[j] + i * np.tanh(affine(p, "g", x, h, j)))
        o = sigmoid(affine(p, "o", x, h, j) + peephole["o"][j] * cells[j])
        memory.append(o * np.tanh(cells[j]))
    if "W_hp" in p:
        return [times(memory, p["W_hp"], j) for j in range(len(h))], cells
    return memory, cells


STEPS: dict[str, Callable] = {
    "tanh": lambda *a: elman(np.tanh, *a),
    "relu": lambda *a: elman(relu, *a),
    "gru before": gru_before,
    "gru after": gru_after,
    "lstm": lstm,
}


def of_strand(params: Mapping[str, Any], layer: int, direction: int) -> dict[str, Any]:
    """The parameters of one layer and direction, under their names without an ending."""
    ending = (f"_l{layer}" if layer else "") + ("_reverse" if direction else "")
    plain = [name.replace("_reverse", "").split("_l")[0] for name in params]
    return {name: params[name + ending] for name in plain if name + ending in params}


def run(network: Network, params: Mapping, x: Any, h: Any, c: Any, lengths: Any, carry: Any = None) -> Outputs:
    """x[t][b][k], h and c [strand][b][k], lengths[b]. c is None but for an LSTM.

    carry(strand, b, t, h, c), where given, stands between the state that leaves one step and enters step t of x.
    """
    width = network.directions * len(h[0][0]) if len(h[0]) else 0
    y = [[[0.0] * width for _ in lengths] for _ in x]
    last_h: list = [[None] * len(lengths) for _ in h]
    last_c: list = [[None] * len(lengths) for _ in h]
    for b, length in enumerate(lengths):
        inputs = [x[t][b] for t in range(length)]
        for layer in range(network.layers):
            found = [[] for _ in inputs]
            for direction in range(network.directions):
                k = layer * network.directions + direction
                p = of_strand(params, layer, direction)
                state = h[k][b], None if c is None else c[k][b]
                for t in reversed(range(length)) if direction else range(length):
                    state = state if carry is None else carry(k, b, t, *state)
                    state = STEPS[network.cell](p, inputs[t], *state)
                    found[t] = [*found[t], *state[0]]
                last_h[k][b], last_c[k][b] = state
            inputs = found
        for t in range(length):
            y[t][b] = inputs[t]
    return Outputs(y, last_h, last_c)


def weighted(values: Any, weights: Any) -> Any:
    """sum of weights * values over nested lists of the same shape."""
    if np.ndim(weights) == 0:
        return weights * values
    return sum((weighted(v, w) for v, w in zip(values, weights, strict=True)), 0.0)


def gradient(loss: Callable[[dict], Any], at: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """d loss / d entry for every entry of every array, each by a complex step, all in one run of loss."""
    total = sum(array.size for array in at.values())
    stepped, start = {}, 0
    for name, array in at.items():
        copies = np.repeat(array.astype(complex).reshape(-1, 1), total, axis=1)
        own = np.arange(array.size)
        copies[own, start + own] += 1j * STEP
        stepped[name] = copies.reshape(*array.shape, total)
        start += array.size
    slopes = np.broadcast_to(np.imag(loss(stepped)) / STEP, (total,))
    ends = np.cumsum([array.size for array in at.values()])
    return {name: part.reshape(at[name].shape) for name, part in zip(at, np.split(slopes, ends[:-1]), strict=True)}


def recorder(states: dict) -> Callable:
    """A carry that changes nothing and notes every state: states[strand, b, t] = (h, c)."""

    def carry(k, b, t, h, c):
        states[k, b, t] = (h, c)
        return h, c

    return carry


def blend(states: Mapping, factor: Callable[[int, int, int], Any]) -> Callable:
    """A carry with the same values but `factor(strand, b, t)` times the derivative; the rest is the noted constant."""

    def carry(k, b, t, h, c):
        w, (h_fixed, c_fixed) = factor(k, b, t), states[k, b, t]
        mixed = [w * v + (1 - w) * fixed for v, fixed in zip(h, h_fixed, strict=True)]
        if c is None:
            return mixed, None
        return mixed, [w * v + (1 - w) * fixed for v, fixed in zip(c, c_fixed, strict=True)]

    return carry
