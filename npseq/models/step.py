"""What a language model's training step is made of."""

from __future__ import annotations

from typing import Any, NamedTuple

from npseq.backend import Array, array_module
from npseq.bptt.room import Room
from npseq.bptt.tape import Tape
from npseq.layers.states import stack_state
from npseq.parameters import Parameters


class Buffers(NamedTuple):
    """What a training step leaves to be written over by the next one of the same shape."""

    tape: Any
    room: Room
    grads: Parameters
    parts: dict[str, Parameters]  # the same gradients, layer by layer


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


def state_before(tape: Tape, step: int, size: int) -> Any:
    """The state before a step, from the tape of a model of one direction without lengths."""
    strands = [row[0] for row in tape.strands]
    c = [None if strand.c is None else strand.c[step] for strand in strands]
    return stack_state([strand.s[step, :size] for strand in strands], c, array_module(strands[0].s))
