"""Data-parallel training: each rank reads its columns of every batch, and one all-reduce a step sums the gradients.

With B columns on all ranks, n of them on this one, the mean over the batch is the sum over ranks of n / B times the
mean over the rank's columns, and so is its gradient: any shares, equal or not, give the gradient of one process, to
rounding. Loss and gradient travel together, and with them whether a rank was asked to stop, so that all stop after the
same step; the clip comes after the sum. Every rank draws the random numbers of the whole batch, uses those of its
columns, and makes the same update, so that nothing else must be sent.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.layers import Dropout
from npseq.models import LanguageModel
from npseq.parameters import Parameters


class Communicator(Protocol):
    """Communication between ranks, which all make the same calls in the same order; MPICommunicator is one."""

    rank: int  # 0 to size - 1
    size: int
    local_rank: int  # among the ranks of this machine, 0 to local_size - 1
    local_size: int  # ranks that share this machine's cores

    def add(self, array: np.ndarray) -> None:
        """Writes the sum over all ranks into array, in the same bits on every rank."""

    def broadcast(self, payload: bytes) -> bytes:
        """Returns the bytes of rank 0."""

    def least(self, value: int) -> int:
        """Returns the smallest of all ranks' values."""

    def stop(self, status: int) -> None:
        """Ends every rank at once."""


class Shard:
    """One rank's columns of every batch. Raises ValueError if a rank would have none."""

    def __init__(self, communicator: Communicator, batch_size: int):
        rank, size = communicator.rank, communicator.size
        check_shares(batch_size, size)
        self.communicator, self.batch_size = communicator, batch_size
        self.columns = slice(rank * batch_size // size, (rank + 1) * batch_size // size)
        self.weight = (self.columns.stop - self.columns.start) / batch_size
        self.threads = communicator.least(_threads(communicator.local_size))
        self._asked: Callable[[], bool] = bool
        self._stopping = False
        self._buffer: Array = np.empty(0)

    @property
    def writes(self) -> bool:
        """Whether this rank writes files and prints."""
        return self.communicator.rank == 0

    def own(self, windows: Iterable[tuple[Array, Array]]) -> Iterator[tuple[Array, Array]]:
        """Returns this rank's columns of windows x, y (T, B)."""
        return ((x[:, self.columns], y[:, self.columns]) for x, y in windows)

    def all_reduce(self, loss: Array, grads: Parameters) -> Any:
        """Returns the mean loss of the whole batch, from that of this rank's columns; writes its gradient into grads.

        Arrays on a device are summed on the host, which every MPI can do, and for which the step waits once.
        """
        flat = grads.flat
        if (self._buffer.shape, self._buffer.dtype, type(self._buffer)) != ((flat.size + 2,), flat.dtype, type(flat)):
            self._buffer = array_module(flat).empty(flat.size + 2, flat.dtype)
        np.multiply(flat, self.weight, out=self._buffer[:-2])
        self._buffer[-2] = loss * self.weight
        self._buffer[-1] = self._asked()
        self._stopping = bool(self._add(self._buffer)[-1])
        flat[...] = self._buffer[:-2]
        return self._buffer[-2].copy()

    def _add(self, buffer: Array) -> np.ndarray:
        """Writes the sum over all ranks into buffer, and returns it on the host."""
        total = to_host(buffer)
        self.communicator.add(total)
        if total is not buffer:
            buffer[...] = array_module(buffer).asarray(total)
        return total

    def split_dropout(self, model: LanguageModel) -> None:
        """Makes the model's dropout that of this rank's columns of the whole batch."""
        whole = model.recurrent.dropout
        model.recurrent.dropout = ShardDropout(whole.p, whole.rng, self)

    def check_alike(self, flat: Array) -> None:
        """Raises RuntimeError unless this rank's parameters are those of rank 0, bit for bit."""
        digest = hashlib.sha256(to_host(flat).tobytes()).digest()
        if self.communicator.broadcast(digest) != digest:
            raise RuntimeError(
                "all ranks must have the same parameters, but those here are not those of rank 0; ranks must run on "
                "processors of one kind with the same NumPy and BLAS, or their last digits differ"
            )

    def agreed(self, asked: Callable[[], bool]) -> Callable[[], bool]:
        """Returns a function that says, the same on all ranks, whether any was asked to stop before the last sum."""
        self._asked, self._stopping = asked, False
        return lambda: self._stopping

    def any(self, asked: bool) -> bool:
        """Returns on all ranks whether any of them was asked."""
        found = np.array([asked], np.int32)
        self.communicator.add(found)
        return bool(found[0])

    def own_columns(self, state: Array) -> Array:
        """Returns this rank's columns of a state (L*R, B, H)."""
        return state[:, self.columns]

    def all_columns(self, own: np.ndarray) -> np.ndarray:
        """Returns the state (L*R, B, H) of the whole batch, from each rank's columns."""
        state = np.zeros((own.shape[0], self.batch_size, own.shape[2]), own.dtype)
        state[:, self.columns] = own
        self.communicator.add(state.view(f"i{own.itemsize}"))  # as integers: -0.0 + 0.0 is another zero
        return state


class ShardDropout(Dropout):
    """Dropout that draws for the whole batch, so that all ranks' generators agree, and uses its columns."""

    def __init__(self, p: float, rng: np.random.Generator, shard: Shard):
        super().__init__(p, rng)
        self.shard = shard

    def _uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns this rank's columns of numbers for (..., n)."""
        return np.ascontiguousarray(self.rng.random((*shape[:-1], self.shard.batch_size))[..., self.shard.columns])


def check_shares(batch_size: int, ranks: int) -> None:
    """Raises ValueError if some rank would have no sequence."""
    if ranks > batch_size:
        raise ValueError(
            f"every rank must have at least one sequence of a batch, got batch_size {batch_size} for {ranks} ranks; "
            "take a larger batch or fewer ranks"
        )


def _threads(sharing: int) -> int:
    """Returns the cores for each of the ranks that share this machine, as far as this one may use them."""
    cores = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return min(allowed, max(cores // sharing, 1))
