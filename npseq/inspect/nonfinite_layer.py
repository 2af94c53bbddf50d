"""The first value of a recurrent layer that is not finite, in the order in which forward and backward compute them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.bptt.blocks import blocks_of
from npseq.inspect.nonfinite_values import Nonfinite, first_index, in_arrays, in_state, in_steps, value_at
from npseq.inspect.passes import View, in_natural_time, strands, views_of
from npseq.inspect.states import gates, state_adjoints, states
from npseq.layers.bidirectional import Bidirectional
from npseq.layers.lengths import has_step
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell
from npseq.protocols import LayerLike

EQUATIONS: dict[type, tuple[str, ...]] = {LSTMCell: ("i", "f", "g", "c", "o", "h"), RNNCell: ("h",)}


def in_layer(
    layer: LayerLike, x: Array, state: Any, lengths: Any, dy: Array | None, truncation: Any, training: bool
) -> Iterator[Nonfinite]:
    """Searches the arguments of a layer, its forward pass and, with dy, its backward pass."""
    _, _, tape = layer.forward(x, state, lengths, training=training)
    past = ~has_step(lengths, *x.shape[:2])
    if x.ndim == 3:
        yield from in_steps("input", "x", x, past=past)
    for part in state if isinstance(layer, Bidirectional) and state is not None else (state,):
        yield from in_state(part)
    yield from in_arrays("weight", layer.params)
    yield from in_forward(layer, tape)
    if dy is not None:
        grads = layer.backward(dy, tape, truncation=truncation)[2]
        yield from in_steps("adjoint", "y", dy, past=past)
        yield from in_backward(layer, dy, tape, grads)


def in_forward(layer: LayerLike, tape: Any) -> Iterator[Nonfinite]:
    for view in views_of(layer, tape, real=False):
        arrays = {("gate", name): array for name, array in gates(view).items()}
        arrays |= {("state", name): array for name, array in states(view).items()}
        cell = view.layer.cell
        names = EQUATIONS.get(type(cell), (*cell.gates, *cell.state[1:], "h"))
        order = [("state" if name in cell.state else "gate", name) for name in names]
        for l, d, _ in strands(view):
            yield from _earliest(view, l, d, arrays, order, forward=True)


def in_backward(layer: LayerLike, dy: Array, tape: Any, grads: Any) -> Iterator[Nonfinite]:
    """Searches the adjoints, if a gradient is not finite, and then the gradients."""
    if not array_module(grads.flat).isfinite(grads.flat).all():
        for view in views_of(layer, tape, dy, real=False):
            yield from _adjoints(view)
    yield from in_arrays("gradient", grads)


def _adjoints(view: View) -> Iterator[Nonfinite]:
    rows, by_state = state_adjoints(view)
    arrays = {("adjoint", name): array for name, array in by_state.items()}
    cell = view.layer.cell
    for l, d, _ in strands(view):
        for gate in cell.gates:
            da = in_natural_time(view, d, rows[l][d].da[blocks_of(cell).names.index(gate)], axis=1)
            arrays["adjoint", view.name(f"gate {gate}", l, d)] = np.moveaxis(da, 0, 2)
    names = ["h", *cell.state[1:], *(f"gate {gate}" for gate in cell.gates)]
    for l, d, _ in reversed(strands(view)):
        yield from _earliest(view, l, d, arrays, [("adjoint", name) for name in names], forward=False)


def _earliest(
    view: View, l: int, d: int, arrays: dict[tuple[str, str], Array], order: list[tuple[str, str]], forward: bool
) -> Iterator[Nonfinite]:
    """Searches one strand: the step that is computed first, and in it the arrays in their `order`."""
    reverse = (d == 1) != (view.prefix == "backward.")
    mask = view.tape.strands[l][d].mask
    past = None if mask is None else ~to_host(in_natural_time(view, d, mask, axis=0)[:, 0])
    candidates = []
    for rank, (kind, name) in enumerate(order):
        array = arrays.get((kind, view.name(name, l, d)))
        index = None if array is None else first_index(array, past, from_the_end=forward == reverse)
        if index is not None:
            candidates.append((index[0] if forward != reverse else -index[0], rank, index, value_at(array, index)))
    for _, rank, (step, example, *rest), value in sorted(candidates, key=lambda row: row[:2])[:1]:
        kind, name = order[rank]
        direction = "reverse" if reverse else "forward"
        yield Nonfinite(kind, name.removeprefix("gate "), value, l, direction, step, example, tuple(rest))
