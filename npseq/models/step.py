"""What a language model's training step is made of."""

from __future__ import annotations

from typing import Any, NamedTuple

from npseq.backend import Array, array_module
from npseq.bptt.tape import Tape
from npseq.bptt.workspace import Workspace
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import stack_state
from npseq.parameters import Parameters


class Buffers(NamedTuple):
    """What a training step leaves to be written over by the next one of the same shape."""

    tape: Any
    workspace: Workspace
    grads: Parameters

    def arrays(self) -> list[Array]:
        """Returns all arrays that a step writes on."""
        saved = [array for row in self.tape.strands for strand in row for array in strand]
        return [self.grads.flat, *self.workspace.arrays(), *saved]


class Gradients(NamedTuple):
    """A training step before the optimizer has it: loss, norm before clipping, the last state, clipped gradients."""

    loss: Array
    norm: Array | float
    state: Any
    grads: Parameters


class Reach(NamedTuple):
    """How far a gradient goes back, and from where the next one starts: see LanguageModel.loss."""

    truncation: Any
    context: int
    state_at: int | None


def check_reach(ids: Array, targets: Array, reach: Reach, layer: Recurrent) -> None:
    """Raises ValueError where context or state_at do not fit the ids, or targets what the context leaves of them."""
    shape, wanted = getattr(ids, "shape", None), getattr(targets, "shape", ())
    if reach.context and shape is not None and len(shape) == 2 and 0 < reach.context < shape[0]:
        shape = (shape[0] - reach.context, shape[1])
    elif reach.context:
        raise ValueError(f"context must leave some of the steps of ids (T, B), got {reach.context} of {shape}")
    if shape != wanted:
        raise ValueError(
            "ids and targets must be integer arrays of one shape (T, B)"
            f"{f', the first {reach.context} steps of ids left out' if reach.context else ''}, got "
            f"{getattr(ids, 'shape', ids)} and {getattr(targets, 'shape', targets)}"
        )
    if reach.state_at is not None and (layer.directions > 1 or not 0 <= reach.state_at <= len(ids)):
        raise ValueError(
            f"state_at must be a step in [0, {len(ids)}] of a model of one direction, whose state goes from step "
            f"to step, got {reach.state_at} for {layer}"
        )


def state_before(tape: Tape, step: int, size: int) -> Any:
    """The state before a step, from the tape of a model of one direction without lengths."""
    strands = [row[0] for row in tape.strands]
    c = [None if strand.c is None else strand.c[step] for strand in strands]
    return stack_state([strand.s[step, :size] for strand in strands], c, array_module(strands[0].s))
