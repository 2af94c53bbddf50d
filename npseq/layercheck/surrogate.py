"""A surrogate forward pass has the truncated gradient as its whole gradient, so gradcheck_layer can check Truncated(k).

The gradient truncated to k steps is the exact gradient of sum_t l_t with the state k steps before each loss held fixed
(Williams & Peng 1990): y of step t is computed again through its last k steps, from the state before step t - k + 1, a
constant of the first pass. A path from step t to the initial state has lag t + 1, so for t >= k - 1 the initial state
is a constant too; it affects only the losses before.
"""

import copy
from typing import Any

import numpy as np

from npseq.backend import Array, array_module
from npseq.bptt.blocks import blocks_of
from npseq.bptt.truncation import HDetach, Truncated
from npseq.layers.bidirectional import Bidirectional, recurrent_layers
from npseq.layers.dropout import Dropout
from npseq.layers.lengths import has_step, packed_order
from npseq.layers.recurrent import Recurrent
from npseq.layers.reversed import Reversed, reordered, reversed_steps
from npseq.layers.states import map_state
from npseq.parameters import Parameters


class FixedDropout(Dropout):
    """Dropout with the same masks, (T, features, B) each, in every forward pass.

    window: the (step, sequence) of every column that runs, steps (K, W) and sequences (W,); None is all of them.
    """

    def __init__(self, p: float, masks: list[Array]):
        super().__init__(p)
        self.masks = masks
        self.window: tuple[Array, Array] | None = None
        self.drawn = 0

    def draw(self, x: Array, keep: float | None = None) -> Array:
        mask = self.masks[self.drawn % len(self.masks)]
        self.drawn += 1
        if self.window is not None:
            steps, sequences = self.window
            mask = mask[steps, :, sequences].swapaxes(1, 2)
        return mask.astype(x.real.dtype, copy=False)


def fix_dropout(layer: Any, x: Array, lengths: Any, rng: np.random.Generator) -> None:
    """Fixes the dropout masks of every stack, in all later passes, to those of one pass that rng draws."""
    for stack in recurrent_layers(layer).values():
        if stack.dropout.p or stack.cell.masks:
            stack.dropout = Dropout(stack.dropout.p, rng)
            tape, first = stack.forward(x, None, lengths, training=True)[2], len(blocks_of(stack.cell).names)
            masks: list[Array] = []
            for dropped, row in zip(tape.dropout, tape.strands, strict=True):  # in the order in which they are drawn
                masks += dropped or []
                masks += [strand.a[:, first + k] for strand in row for k in range(len(stack.cell.masks))]
            stack.dropout = FixedDropout(stack.dropout.p, masks)


def require_exact(layer: Recurrent | Bidirectional, truncation: Any) -> None:
    """Raises ValueError if no frozen states have this truncated gradient as their gradient."""
    if isinstance(truncation, HDetach):
        raise ValueError(
            f"truncation must be Truncated(k) to be checked, got {truncation!r:.80}, which blocks h and not c, so that "
            "no frozen state has its gradient; check the whole gradient"
        )
    if not isinstance(truncation, Truncated):
        raise ValueError(
            f"truncation must be Truncated(k) to be checked, got {truncation!r:.80}; a random truncation is unbiased, "
            "right in the mean over its draws, and no one draw is the gradient of a function; check the whole gradient"
        )
    parts = recurrent_layers(layer).values()
    if any(part.directions == 2 and part.cell.masks for part in parts):
        raise ValueError(
            f"a truncated gradient can be checked through masks in one direction, got {layer!r}; check each alone"
        )
    if any(part.directions == 2 and (len(parts) > 1 or part.num_layers > 1) for part in parts):
        raise ValueError(
            "a truncated gradient can be checked through stacks of one direction, and through one layer of two, got "
            f"{layer!r}; in a stack of two directions a path turns in time, so that no state at one step cuts it by "
            "its lag; check its layers one by one, or without truncation"
        )


def frozen_states(layer: Any, x: Array, state: Any, lengths: Array | None) -> Any:
    """Returns the states before every step, (L, T + 1, features, B) each, of one direction or a pair for both."""
    if isinstance(layer, Recurrent) and layer.directions == 2:
        return frozen_states(_pair_of(layer), x, _split(state), lengths)
    if isinstance(layer, Reversed):
        order, turned = _turned(layer, x, lengths)
        return frozen_states(layer.layer, reordered(x, order), state, turned)
    if isinstance(layer, Bidirectional):
        parts = zip(layer.layers.values(), state, strict=True)
        return tuple(frozen_states(part, x, part_state, lengths) for part, part_state in parts)
    order, counts = _packed(layer, x, lengths)
    _select_masks(layer, order, array_module(order).arange(x.shape[1]))
    tape = layer.forward(reordered(x, order), state, counts, training=True)[2]
    _select_masks(layer, None, None)
    strands, xp = [row[0] for row in tape.strands], array_module(layer.params.flat)
    h = xp.stack([strand.s[:, : layer.state_size] for strand in strands])
    return h if strands[0].c is None else (h, xp.stack([strand.c for strand in strands]))


def truncated_forward(
    layer: Any, x: Array, state: Any, lengths: Array | None, steps: int, frozen: Any
) -> tuple[Array, Any]:
    """Returns y and the last state as layer.forward does, each step computed from the frozen state `steps` before."""
    if isinstance(layer, Recurrent) and layer.directions == 2:
        y, last = truncated_forward(_pair_of(layer), x, _split(state), lengths, steps, frozen)
        return y, map_state(lambda a, b: array_module(a).concatenate([a, b]), *last)
    if isinstance(layer, Reversed):
        order, turned = _turned(layer, x, lengths)
        y, last = truncated_forward(layer.layer, reordered(x, order), state, turned, steps, frozen)
        return reordered(y, order), last
    if isinstance(layer, Bidirectional):
        parts = zip(layer.layers.values(), state, frozen, strict=True)
        found = [truncated_forward(part, x, own, lengths, steps, fixed) for part, own, fixed in parts]
        (y_f, last_f), (y_b, last_b) = found
        return array_module(y_f).concatenate([y_f, y_b], axis=2), (last_f, last_b)
    return _windows(layer, x, state, lengths, steps, frozen)


def _turned(layer: Reversed, x: Array, lengths: Array | None) -> tuple[Array, Any]:
    order, turned = reversed_steps(x.shape[0], x.shape[1], lengths)
    return array_module(layer.params.flat).asarray(order), turned


def _packed(layer: Recurrent, x: Array, lengths: Array | None) -> tuple[Array, np.ndarray]:
    """The steps (T, B) that each sequence has, before those that it has not, and how many it has."""
    there = has_step(lengths, *x.shape[:2])
    return array_module(layer.params.flat).asarray(packed_order(there)), there.sum(axis=0)


def _windows(
    layer: Recurrent, x: Array, state: Any, lengths: Array | None, steps: int, frozen: Any
) -> tuple[Array, Any]:
    """truncated_forward in one direction.

    The first steps - 1 steps are one pass from the initial state, which varies. Every later step is the last of a
    window of its own; all windows run as one batch.
    """
    (T, B), xp = x.shape[:2], array_module(layer.params.flat)
    order, ends = _packed(layer, x, lengths)
    x, head = reordered(x, order), min(steps - 1, T)
    _select_masks(layer, order[:head], xp.arange(B))
    y_head, last, _ = layer.forward(x[:head], state, np.minimum(ends, head), training=True)
    y = np.zeros_like(layer.params.flat, shape=(T, B, layer.output_size))
    y[:head] = y_head
    t, b = np.nonzero(np.arange(T)[:, None] < ends)
    t, b = t[t >= head], b[t >= head]
    if t.size:
        final = xp.asarray(np.flatnonzero(t == ends[b] - 1))
        t, b = xp.asarray(t), xp.asarray(b)
        start = t - steps + 1
        rows = start + xp.arange(steps)[:, None]
        _select_masks(layer, order[rows, b], b)
        y_windows, after, _ = layer.forward(
            x[rows, b], map_state(lambda s: _before(s, start, b), frozen), training=True
        )
        y[t, b] = y_windows[-1]
        last = map_state(lambda s, found: _with_columns(s, b[final], found[:, final]), last, after)
    _select_masks(layer, None, None)
    natural = np.zeros_like(y)
    natural[order, xp.arange(B)] = y
    return natural, last


def _before(states: Array, start: Array, b: Array) -> Array:
    """The states (L, W, features) before the first step of every window, of states (L, T + 1, features, B)."""
    return states[:, start, :, b].swapaxes(0, 1)


def _with_columns(last: Array, b: Array, found: Array) -> Array:
    """The last states (L, B, features), replaced for the sequences b."""
    last = last.copy()
    last[:, b] = found
    return last


def _select_masks(layer: Recurrent, steps: Any, sequences: Any) -> None:
    """Makes fixed dropout return the masks of these columns; None is all."""
    if isinstance(layer.dropout, FixedDropout):
        layer.dropout.window = None if steps is None else (steps, sequences)


def _pair_of(layer: Recurrent) -> Bidirectional:
    """One layer of two directions as two layers of one direction."""
    return Bidirectional(_half(layer, 0), _half(layer, 1))


def _half(layer: Recurrent, d: int) -> Recurrent:
    other = copy.copy(layer)
    other.directions = 1
    layout = other._layout()
    other._bind(Parameters(layout, layer.params.flat[d * layout.size : (d + 1) * layout.size]))
    return other


def _split(state: Any) -> tuple[Any, Any]:
    """A state of two directions as the pair that Bidirectional takes."""
    return map_state(lambda s: s[:1], state), map_state(lambda s: s[1:], state)
