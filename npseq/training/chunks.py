"""This module cuts windows into chunks: every k1 steps an update, whose gradient reaches k2 steps back.

An update is made from the losses of its k1 steps, each of which counts once. Its gradient reaches back over the last
k2 >= k1 steps, so the loss j steps into the chunk reaches k2 - k1 + j steps, itself counted. That is Williams & Peng's
(1990) BPTT(h; h') with h = k2 and h' = k1, and Sutskever's (2013, section 2.8.6) k1 and k2. With k1 = k2 the chunks
share the carried state and nothing else; with k1 = 1 each gradient is Truncated(k2)'s share of one loss.

The k2 - k1 steps before a chunk are read again with the present parameters. So each gradient is exactly that of a
function: of these losses, with the state k2 steps before held constant. (Williams & Peng use the old activations
instead, which saves those steps and is the gradient of no function while the parameters change.)
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from npseq.backend import Array, array_module


class Chunk(NamedTuple):
    """The steps that one update reads; its losses are those of the last k1."""

    ids: Array  # (context + k1, B)
    targets: Array  # (k1, B)
    fresh: bool  # whether its first state is zero
    state_at: int  # the next chunk starts from the state before this step; len(ids) for the last state

    @property
    def context(self) -> int:
        """The number of steps whose losses belong to earlier updates."""
        return len(self.ids) - len(self.targets)


def check_chunks(steps: int, every: int, reach: int) -> None:
    """Raises ValueError unless windows of `steps` fall into chunks of `every`, each with a reach of at least that."""
    if every < 1 or steps % every:
        raise ValueError(
            f"bptt_every must divide steps, so that a window falls into chunks of one length, got bptt_every {every} "
            f"and steps {steps}"
        )
    if reach < every:
        raise ValueError(
            f"bptt_steps must be at least bptt_every, or the first losses of a chunk would count for nothing, got "
            f"bptt_steps {reach} and bptt_every {every}; truncation 'truncated:{reach}' lets every loss reach that far"
        )


def chunks(windows: Iterable[tuple[Array, Array]], every: int, reach: int, carried: bool) -> Iterator[Chunk]:
    """Cuts windows x, y (T, B) into chunks of `every` steps, with the steps before them that a gradient may reach.

    carried: whether a window continues the one before; otherwise each begins with a zero state, and no gradient reaches
    past its first step. Raises ValueError as check_chunks does.
    """
    context: Array | None = None
    for x, y in windows:
        check_chunks(len(x), every, reach)
        context = context if carried else None
        zero_state = context is None
        for first in range(0, len(x), every):
            own = x[first : first + every]
            ids = own if context is None or not len(context) else array_module(own).concatenate([context, own])
            state_at = max(len(ids) - (reach - every), 0)
            yield Chunk(ids, y[first : first + every], zero_state, state_at)
            zero_state = zero_state and state_at == 0
            context = ids[state_at:]
