"""This module runs small matrix products on one thread: every step of a recurrent network waits for its product.

If a product is small, extra threads gain little, and cost a lot on a busy machine.
"""

from functools import cache
from typing import Any, Self

from npseq.layers.bidirectional import recurrent_layers

SMALL = 1_500_000  # operations of a step's product; up to here a second thread takes 0 to 7 percent off a training step


def is_small(operations: float) -> bool:
    """Returns whether a product of so many operations is made on one thread."""
    return operations < SMALL


def operations_of(recurrent: Any, batch_size: int) -> int:
    """Returns the operations of the largest product W_h h of a step of recurrent layers."""
    layers = recurrent_layers(recurrent).values()
    return max(2 * len(one.cell.gates) * one.hidden_size * one.state_size * batch_size for one in layers)


class FewThreads:
    """A context in which a model's products are made on one thread, if they are small; the limit is the process's."""

    def __init__(self, recurrent: Any = None):
        self.each = 0 if recurrent is None else operations_of(recurrent, 1)
        self.raised: list[tuple[Any, int]] = []

    def __call__(self, batch: Any) -> Self:
        """Returns itself, for a batch, whose second axis is that of the sequences."""
        shape: tuple[int, ...] = getattr(batch, "shape", ())
        self.small = is_small(self.each * (shape[1] if len(shape) > 1 else 1))
        return self

    def __enter__(self) -> None:
        if self.small:
            for pool in _pools():
                if (count := pool.get_num_threads()) > 1:
                    pool.set_num_threads(1)
                    self.raised.append((pool, count))

    def __exit__(self, *raised: object) -> None:
        while self.raised:
            pool, count = self.raised.pop()
            pool.set_num_threads(count)


@cache
def _pools() -> list[Any]:
    """The libraries that multiply matrices here."""
    from threadpoolctl import ThreadpoolController

    found: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return found
