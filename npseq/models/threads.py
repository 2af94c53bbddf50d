"""How many threads a training step has.

Small matrix products run on one: every step of a recurrent network waits for its product, so that extra threads gain
little, and cost a lot on a busy machine. A batch in compiled loops has npseq's own threads.
"""

from contextlib import AbstractContextManager, nullcontext
from math import inf
from typing import Any

from npseq.bptt.compiled import worth_packing
from npseq.cpu import CURRENT
from npseq.layers.bidirectional import recurrent_layers
from npseq.threads import give_back, take

AS_IT_IS = nullcontext()
SMALL = 1_500_000  # operations of a step's product; up to here a second thread takes 0 to 7 percent off a training step


def is_small(operations: float) -> bool:
    """Returns whether a product of so many operations is made on one thread."""
    return operations < SMALL


def operations_of(recurrent: Any, batch_size: int) -> int:
    """Returns the operations of the largest product W_h h of a step of recurrent layers."""
    layers = recurrent_layers(recurrent).values()
    return max(2 * len(one.cell.gates) * one.hidden_size * one.state_size * batch_size for one in layers)


class OneThread:
    """A context in which BLAS has one thread. share: whether npseq's own take the place of the others."""

    def __init__(self, share: bool):
        self.share = share

    def __enter__(self) -> None:
        take(self.share)

    def __exit__(self, *raised: object) -> None:
        give_back()


ALONE, SHARED = OneThread(share=False), OneThread(share=True)


class FewThreads:
    """The context of a model's steps, by their batch."""

    def __init__(self, recurrent: Any = None):
        self.most = inf if recurrent is None else SMALL / operations_of(recurrent, 1)  # sequences of a small product

    def __call__(self, batch: Any) -> AbstractContextManager[None]:
        """Returns the context of a step; the first axes of its batch are time and sequences."""
        shape: tuple[int, ...] = getattr(batch, "shape", ())
        if CURRENT.compiled and len(shape) > 1 and worth_packing(*shape[:2]):
            return SHARED
        return ALONE if len(shape) < 2 or shape[1] < self.most else AS_IT_IS
