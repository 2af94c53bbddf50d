"""An LSTM with a projection as ONNX's LSTM, whose operator has none, and products with W_hp.

With h' = m W_hp (L7), the next step's h W_h is m (W_hp W_h): an LSTM whose state is m has the recurrent weights
W_hp W_h. Only the initial h is no projection of an m. It enters at each sequence's first step alone, as further
features of x, whose weights are W_h.
"""

import numpy as np

from npseq.backend import to_host
from npseq.bptt.layout import suffix
from npseq.interop.onnx.graph import Graph
from npseq.layers.recurrent import Recurrent

Weights = dict[str, np.ndarray]


def projections(layer: Recurrent, number: int) -> np.ndarray:
    """W_hp (R, H, P) of one layer of the stack."""
    return np.stack([to_host(layer.params[f"W_hp{suffix(number, d)}"]) for d in range(layer.directions)])


def without_projection(weights: Weights, U: np.ndarray) -> Weights:
    """The weights of the LSTM over m, which reads x and then each direction's initial h.

    Args:
        weights: W (R, 4*H, D), R (R, 4*H, P) and others.
        U: W_hp (R, H, P).
    """
    W, R = weights["W"], weights["R"]
    first = np.zeros((*R.shape[:2], len(R) * R.shape[2]), R.dtype)  # (R, 4*H, R*P)
    for d, one in enumerate(R):
        first[d, :, d * R.shape[2] : (d + 1) * R.shape[2]] = one
    return {**weights, "W": np.concatenate([W, first], axis=2), "R": R @ U.swapaxes(1, 2)}


def with_first_states(graph: Graph, x: str, h: str, reverses: list[bool], lengths: str, name: str) -> str:
    """Adds what puts the initial states (R, B, P) beside x (T, B, D), each at its first step; returns the result.

    reverses: whether each direction begins at a sequence's last step.
    """
    zero = graph.tensor(f"{name}_zero", np.zeros((), graph.dtype))
    number = {k: graph.tensor(f"{name}_{k}", np.array(k, np.int64)) for k in (0, 1)}
    steps = graph.node("Gather", [graph.node("Shape", [x], [f"{name}_shape"]), number[0]], [f"{name}_steps"])
    times = graph.node("Range", [number[0], steps, number[1]], [f"{name}_times"])
    axes = graph.tensor(f"{name}_axes", np.array([1, 2], np.int64))
    times = graph.node("Unsqueeze", [times, axes], [f"{name}_column"])
    states = [h] if len(reverses) == 1 else [f"{name}_h{d}" for d in range(len(reverses))]
    if len(states) > 1:
        graph.node("Split", [h], states, axis=0)
    parts = [x]
    for d, (state, reverse) in enumerate(zip(states, reverses, strict=True)):
        first = _last_step(graph, lengths, steps, number[1], f"{name}_{d}") if reverse else number[0]
        here = graph.node("Equal", [times, first], [f"{name}_here{d}"])
        parts.append(graph.node("Where", [here, state, zero], [f"{name}_first{d}"]))
    return graph.node("Concat", parts, [f"{name}_x"], axis=2)


def _last_step(graph: Graph, lengths: str, steps: str, one: str, name: str) -> str:
    """Each sequence's last step (1, B, 1), or that of all."""
    if not lengths:
        return graph.node("Sub", [steps, one], [f"{name}_last"])
    axes = graph.tensor(f"{name}_beside", np.array([0, 2], np.int64))
    count = graph.node("Cast", [lengths], [f"{name}_lengths"], to=graph.onnx.TensorProto.INT64)
    column = graph.node("Unsqueeze", [count, axes], [f"{name}_row"])
    return graph.node("Sub", [column, one], [f"{name}_last"])
