"""How often a recurrent network learns, and how far each gradient reaches: truncation with k1 and k2.

Every k1 steps there is an update, from the losses of these k1 steps, each of which counts once; its gradient reaches
back over the last k2 >= k1 steps, so the loss j steps into the chunk reaches k2 - k1 + j steps, itself counted. That is
Williams & Peng's (1990) BPTT(h; h') with h = k2 and h' = k1, and Sutskever's (2013, section 2.8.6) k1 and k2. With
k1 = k2 the state is carried from chunk to chunk and nothing else; with k1 = 1 each gradient is Truncated(k2)'s share of
one loss.

The k2 - k1 steps that a gradient reaches over besides its own are read again with the parameters as they are now. So
each gradient is exactly that of a function: these losses, the state k2 steps before held where it was. (Williams & Peng
keep the old activations instead, which saves those steps and is the gradient of nothing while parameters change.)
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from npseq.backend import Array, array_module


class Chunk(NamedTuple):
    """What one update reads. The losses are those of the last k1 steps."""

    ids: Array  # (context + k1, B)
    targets: Array  # (k1, B)
    fresh: bool  # whether its first state is zero
    state_at: int  # the step before which the next chunk's first state is found; len(ids) for the last state

    @property
    def context(self) -> int:
        """How many of its steps have been learnt from already."""
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
    """Windows x, y (T, B) in chunks of `every` steps, with the steps before them that a gradient may reach.

    carried: whether a window goes on where the one before ended; otherwise each begins with a zero state, and nothing
    reaches past its first step. Raises ValueError as check_chunks does.
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
