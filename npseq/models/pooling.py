"""What an encoder makes of its outputs h_1 .. h_S: c = q(h_1, ..., h_S), besides h_S itself (d2l, 10.6)."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import one_of
from npseq.backend import Array, array_module
from npseq.models.positions import step_mask


class MeanTape(NamedTuple):
    """The weight (S, B) of each step."""

    weights: Array


class Mean:
    """c = the mean of h_s over a sequence's own steps, 0 where there are none."""

    def forward(self, outputs: Array, lengths: Array | None) -> tuple[Array, MeanTape]:
        weights = _mask(outputs, lengths)
        weights = weights / np.maximum(weights.sum(axis=0), 1)
        return (outputs * weights[..., None]).sum(axis=0), MeanTape(weights)

    def backward(self, dcontext: Array, tape: MeanTape) -> Array:
        return tape.weights[..., None] * dcontext


class MaxTape(NamedTuple):
    """The step (B, C) of each feature's largest value, and whether the sequence has any (B, 1)."""

    steps: int
    at: Array
    any: Array


class Max:
    """c = the largest of h_s over a sequence's own steps, feature by feature; the first of equal ones; 0 where none."""

    def forward(self, outputs: Array, lengths: Array | None) -> tuple[Array, MaxTape]:
        mask = _mask(outputs, lengths)
        ranked = np.where(mask[..., None] > 0, outputs.real, -np.inf)
        tape = MaxTape(len(outputs), ranked.argmax(axis=0), mask.sum(axis=0)[:, None] > 0)
        return np.where(tape.any, np.take_along_axis(outputs, tape.at[None], 0)[0], 0), tape

    def backward(self, dcontext: Array, tape: MaxTape) -> Array:
        steps = array_module(dcontext).arange(tape.steps)[:, None, None]
        return np.where((steps == tape.at) & tape.any, dcontext, 0)


POOLINGS = {"mean": Mean(), "max": Max()}


def pooling(q: Any) -> Any:
    """The object that q means, None for "last". Raises TypeError or ValueError for what is none."""
    if isinstance(q, str):
        return POOLINGS.get(one_of("q", q, ("last", *POOLINGS)))
    if isinstance(q, type) or not all(callable(getattr(q, name, None)) for name in ("forward", "backward")):
        raise TypeError(f"q must be 'last', 'mean', 'max' or an object with a forward and a backward, got {q!r:.80}")
    return q


def _mask(outputs: Array, lengths: Array | None) -> Array:
    """(S, B) of 1 and 0, real."""
    lengths = np.full(outputs.shape[1], len(outputs)) if lengths is None else lengths
    return step_mask(len(outputs), lengths, outputs)
