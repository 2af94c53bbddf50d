"""Gradients of other mathematics at the same weights: gates in another order, another polarity, another first state."""

import re
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np

from npseq.diagnosis.alternatives import LIKELY, ODD
from npseq.diagnosis.mistake import Mistake
from npseq.diagnosis.zoo.elsewhere import Gradients, gradients_of_layer
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent
from npseq.layers.rnn import RNN, RNNCell


def other_mathematics(layer: Any) -> Iterator[tuple[Mistake, float]]:
    """What a layer's code may compute instead, most of it already in its forward pass."""
    if not isinstance(layer, Recurrent):
        return
    gates = layer.cell.gates
    for order in permutations(gates):
        pairs = dict(zip(gates, order, strict=True))
        if order != gates and 1 < len(gates) <= 4 and all(_alike(layer, a, b) for a, b in pairs.items()):
            words = ", ".join(f"{b}'s for {a}" for a, b in pairs.items() if a != b)
            yield _mistake(
                f"weights in order: {words}", f"forward reads the weights of the gates in another order: {words}",
                "each gate has the weights of its name", "T1", lambda problem, pairs=pairs: _renamed(problem, pairs),
            ), ODD  # fmt: skip
    yield _mistake("zero state", "the initial state is taken as zero", "h_0 is the state that was given", "T1",
                   lambda problem: gradients_of_layer(problem, layer, None, problem.lengths)), LIKELY  # fmt: skip
    yield _mistake("no lengths", "the lengths are ignored", "past its length a sequence's state stands still", "T15",
                   lambda problem: gradients_of_layer(problem, problem.layer, problem.state)), LIKELY  # fmt: skip
    if type(layer.cell) is GRUCell:
        yield _mistake("z -> 1 - z", "z taken for 1 - z in forward: h' = (1 - z) h + z n", "h' = z h + (1 - z) n", "G7",
                       lambda problem: _turned(problem, "z")), LIKELY  # fmt: skip
    if type(layer.cell) is LSTMCell:
        right = "f = sigmoid(x W_xf + h W_hf + b_f)"
        yield _mistake("b_f + 1", "forward adds 1 to the forget gate's bias", right, "L2", _with_more_bias), LIKELY
        yield Mistake("f too early", "dc is multiplied by the forget gate before the other gates read it",
                      "da_i, da_f and da_g are made of dc_all; then dc = dc_all f", "L16, L17, L18",
                      step=("da_i = dc_all * f * g * dsigmoid(i)", "da_f = dc_all * f * c * dsigmoid(f)",
                            "da_g = dc_all * f * i * dtanh(g)")), LIKELY  # fmt: skip
    if type(layer.cell) is RNNCell and layer.cell.nonlinearity in ("tanh", "relu"):
        yield _mistake("other nonlinearity", "tanh and ReLU are exchanged in forward", "h' = phi(a)", "R2",
                       _with_the_other_nonlinearity), LIKELY  # fmt: skip


def _mistake(id: str, what: str, right: str, equation: str, elsewhere: Any) -> Mistake:
    return Mistake(id, what, right, equation, elsewhere=elsewhere)


def _of(problem: Any, layer: Any) -> Gradients:
    return gradients_of_layer(problem, layer, problem.state, problem.lengths)


def _gate_names(layer: Any, gate: str) -> list[str]:
    """The parameters of one gate, in every strand."""
    return [name for name in layer.params if re.fullmatch(rf"(W_x|W_h|b_){gate}(_l\d+)?(_reverse)?", name)]


def _alike(layer: Any, gate: str, other: str) -> bool:
    """Whether the parameters of two gates have the same shapes."""
    a, b = ([layer.params[name].shape for name in _gate_names(layer, which)] for which in (gate, other))
    return a == b


def _renamed(problem: Any, order: dict[str, str]) -> Gradients:
    """The layer whose gate a has the weights of gate order[a], and gradients under the names that were read."""
    layer = problem.layer
    twin = layer.astype(layer.dtype)
    names = {}
    for gate, other in order.items():
        for name, read in zip(_gate_names(layer, gate), _gate_names(layer, other), strict=True):
            twin.params[name] = layer.params[read]
            names[read] = name
    found = _of(problem, twin)
    return found | {read: found[name] for read, name in names.items()}


def _turned(problem: Any, gate: str) -> Gradients:
    """sigmoid(-a) = 1 - sigmoid(a)."""
    twin = problem.layer.astype(problem.layer.dtype)
    names = _gate_names(twin, gate)
    for name in names:
        twin.params[name] = -problem.layer.params[name]
    found = _of(problem, twin)
    return found | {name: -found[name] for name in names}


def _with_more_bias(problem: Any) -> Gradients | None:
    twin = problem.layer.astype(problem.layer.dtype)
    names = [name for name in _gate_names(twin, "f") if name.startswith("b_")]
    for name in names:
        twin.params[name] = problem.layer.params[name] + 1
    return _of(problem, twin) if names else None


def _with_the_other_nonlinearity(problem: Any) -> Gradients:
    layer = problem.layer
    other = "relu" if layer.cell.nonlinearity == "tanh" else "tanh"
    twin = RNN(layer.input_size, layer.hidden_size, layer.num_layers, nonlinearity=other, bias=layer.bias,
               bidirectional=layer.directions == 2, dtype=layer.dtype, rng=0)  # fmt: skip
    twin.params.flat = np.array(layer.params.flat)
    return _of(problem, twin)
