"""How many threads a training step has.

Small matrix products run on one: every step of a recurrent network waits for its product, so that extra threads gain
little, and cost a lot on a busy machine. A batch in compiled loops has npseq's own threads.
"""

from contextlib import AbstractContextManager, nullcontext
from math import inf
from typing import Any

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


class FewThreads:
    """A context in which BLAS has one thread: for small products, or since npseq's own share a step."""

    def __init__(self, recurrent: Any = None):
        self.most = inf if recurrent is None else SMALL / operations_of(recurrent, 1)  # sequences of a small product
        self.share = False

    def __call__(self, batch: Any) -> AbstractContextManager[None]:
        """Returns itself for a batch, whose second axis is that of the sequences, or what does nothing."""
        shape: tuple[int, ...] = getattr(batch, "shape", ())
        self.share = CURRENT.compiled and len(shape) > 1 and shape[1] > 1
        return self if self.share or len(shape) < 2 or shape[1] < self.most else AS_IT_IS

    def __enter__(self) -> None:
        take(self.share)

    def __exit__(self, *raised: object) -> None:
        give_back()
