"""Gradients that come from another pass: Jacobians in forward order, and layers that compute something else."""

from typing import Any

import numpy as np

from npseq.diagnosis.passes import Kept, parameter
from npseq.diagnosis.steps import Backward
from npseq.layers.gru import GRU, GRUCell
from npseq.layers.states import state_arrays

Gradients = dict[str, np.ndarray]


def gradients_of_layer(problem: Any, layer: Any, state: Any = None, lengths: Any = None) -> Gradients:
    """The gradients of another layer at the problem's point, {name: (1, *shape)}."""
    tape = layer.forward(problem.x, state, lengths)[2]
    dx, dfirst, grads = layer.backward(problem.dy, tape, problem.dstate)
    found = dict(grads) | ({} if dx is None else {"x": dx})
    found |= dict(zip(("h0", "c0"), state_arrays(dfirst), strict=False))
    return {name: np.asarray(value)[None] for name, value in found.items()}


def with_the_other_reset(problem: Any) -> Gradients | None:
    """The gradients of the GRU whose reset gate acts on the other side of the product, at the same weights."""
    layer = problem.layer
    if type(getattr(layer, "cell", None)) is not GRUCell:
        return None
    reset = "before" if layer.cell.reset == "after" else "after"
    twin = GRU(
        layer.input_size, layer.hidden_size, layer.num_layers, reset=reset, bidirectional=layer.directions == 2,
        bias=layer.bias, dtype=layer.dtype, rng=0,
    )  # fmt: skip
    for name in twin.params:
        twin.params[name] = layer.params[name] if name in layer.params else np.zeros(twin.params[name].shape)
    found = gradients_of_layer(problem, twin, problem.state, problem.lengths)
    missing = {name: np.zeros((1, *value.shape)) for name, value in layer.params.items() if name not in found}
    return {name: value for name, value in found.items() if name in problem.names} | missing


def forward_order(problem: Any) -> Gradients | None:
    """The adjoints as sums of products of Jacobians, each product taken from its other end; of one strand."""
    if len(problem.strands) > 1 or problem.lengths is not None or problem.T > 64:
        return None
    if len(problem.strands[0].ends) > 2:
        return None
    strand, T = problem.strands[0], problem.T
    starts, ends = np.tril_indices(T + 1)[::-1]  # from step `end - 1` back to the state after `start - 1`
    backward = Backward(strand.equations, strand.leaves, len(starts), {}, {})
    dy = problem.parts[0].dy[:, 0]
    last = [end[0] for end in strand.ends]
    terms = [np.stack([_arriving(dy, last, k, e) for e in ends.tolist()]) for k in range(len(last))]
    for backward.t in range(T):
        values = backward.step(0 * dy[:1], *terms)
        passed = (starts <= backward.t) & (backward.t < ends)
        terms = [
            np.where(passed[:, None, None], values[node], term) for node, term in zip(backward.ends, terms, strict=True)
        ]
    after = [[term[starts == s].sum(axis=0)[None] for s in range(T + 1)] for term in terms]
    return _with_adjoints(problem, strand, after)


def _with_adjoints(problem: Any, strand: Any, after: list[list[np.ndarray]]) -> Gradients:
    """All gradients, where after[k][s] is the adjoint of part k of the state after s steps."""
    backward = Backward(strand.equations, strand.leaves, 1, {}, strand.roots)
    steps: list[dict[int, np.ndarray]] = []
    for backward.t in range(problem.T):
        arrived = [part[backward.t + 1] for part in after]
        steps.append(backward.step(0 * arrived[0], *arrived))
    roots = {name: np.stack([values[node] for values in steps]) for name, node in backward.roots.items()}
    kept = Kept(strand, roots, [part[0] for part in after])
    found = {own: parameter(kept, name) for name, own in strand.parameters.items()}
    found |= {name: part.swapaxes(1, 2)[None] for name, part in zip(("h0", "c0"), kept.first, strict=False)}
    return found | {"x": roots["dx"].transpose(1, 0, 3, 2)}


def _arriving(dy: np.ndarray, last: list[np.ndarray], k: int, end: int) -> np.ndarray:
    """What reaches part k of the state after step end - 1 from above: of h its dy, and at the end what was given."""
    found = dy[end - 1] if k == 0 and end else np.zeros_like(last[k])
    return found + last[k] if end == len(dy) else found
