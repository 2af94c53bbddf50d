"""Data-parallel training: each rank reads its own columns of every batch, and one sum a step joins the gradients.

With B columns on all ranks, n of them on this one, the mean over the batch is the sum over ranks of n / B times the
mean over the rank's own, and so is its gradient: any shares, equal or not, give the gradient of one process, to
rounding. Loss and gradient travel together, one all-reduce a step, and with them whether a rank was asked to stop, so
that all stop after the same step; the clip comes after it. Every rank draws all random
numbers of the whole batch, keeps those of its columns, and makes the same update, so that nothing else need be sent.
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
    """What ranks need of each other; MPICommunicator is one. Every rank makes the same calls in the same order."""

    rank: int  # 0 to size - 1
    size: int
    on_this_machine: int  # ranks that share this rank's cores, itself counted
    place: int  # which of these it is, from 0

    def add(self, array: np.ndarray) -> None:
        """Writes the sum over all ranks into array, the same bits on every rank."""

    def broadcast(self, payload: bytes) -> bytes:
        """The bytes of rank 0."""

    def least(self, value: int) -> int:
        """The smallest of all ranks' values."""

    def stop(self, status: int) -> None:
        """Ends every rank at once."""


class Shard:
    """One rank's columns of every batch. Raises ValueError where a rank would be left without one."""

    def __init__(self, communicator: Communicator, batch_size: int):
        rank, size = communicator.rank, communicator.size
        check_shares(batch_size, size)
        self.communicator, self.batch_size = communicator, batch_size
        self.columns = slice(rank * batch_size // size, (rank + 1) * batch_size // size)
        self.weight = (self.columns.stop - self.columns.start) / batch_size
        self.threads = communicator.least(_threads(communicator.on_this_machine))
        self._asked: Callable[[], bool] = bool
        self._told = False
        self._buffer: Array = np.empty(0)

    @property
    def writes(self) -> bool:
        """Whether this rank writes files and speaks."""
        return self.communicator.rank == 0

    def own(self, windows: Iterable[tuple[Array, Array]]) -> Iterator[tuple[Array, Array]]:
        """This rank's columns of windows x, y (T, B)."""
        return ((x[:, self.columns], y[:, self.columns]) for x, y in windows)

    def all_reduce(self, loss: Array, grads: Parameters) -> Any:
        """The mean loss of the whole batch, from that of this rank's columns; its gradient is written into grads.

        What lies on a device is added up on the host, which every MPI can, and for which the step waits once.
        """
        flat = grads.flat
        if (self._buffer.shape, self._buffer.dtype, type(self._buffer)) != ((flat.size + 2,), flat.dtype, type(flat)):
            self._buffer = array_module(flat).empty(flat.size + 2, flat.dtype)
        np.multiply(flat, self.weight, out=self._buffer[:-2])
        self._buffer[-2] = loss * self.weight
        self._buffer[-1] = self._asked()
        self._told = bool(self._add(self._buffer)[-1])
        flat[...] = self._buffer[:-2]
        return self._buffer[-2].copy()

    def _add(self, buffer: Array) -> np.ndarray:
        """The sum over all ranks, in place; and on the host."""
        total = to_host(buffer)
        self.communicator.add(total)
        if total is not buffer:
            buffer[...] = array_module(buffer).asarray(total)
        return total

    def split_dropout(self, model: LanguageModel) -> None:
        """From now on the model's dropout is this rank's part of the whole batch's."""
        between = model.recurrent.dropout
        model.recurrent.dropout = ShardDropout(between.p, between.rng, self)

    def check_alike(self, flat: Array) -> None:
        """Raises RuntimeError where this rank's parameters are not those of rank 0, bit for bit."""
        digest = hashlib.sha256(to_host(flat).tobytes()).digest()
        if self.communicator.broadcast(digest) != digest:
            raise RuntimeError(
                "all ranks must have the same parameters, but those here are not those of rank 0; ranks must run on "
                "processors of one kind with the same NumPy and BLAS, or their last digits differ"
            )

    def agreed(self, asked: Callable[[], bool]) -> Callable[[], bool]:
        """Whether any rank was asked to stop before the last sum: the same answer on every rank, after every step."""
        self._asked, self._told = asked, False
        return lambda: self._told

    def own_columns(self, state: Array) -> Array:
        """This rank's columns of a state (L*R, B, H)."""
        return state[:, self.columns]

    def all_columns(self, own: np.ndarray) -> np.ndarray:
        """The state (L*R, B, H) of the whole batch, from each rank's columns."""
        state = np.zeros((own.shape[0], self.batch_size, own.shape[2]), own.dtype)
        state[:, self.columns] = own
        self.communicator.add(state.view(f"i{own.itemsize}"))  # as integers: -0.0 + 0.0 is another zero
        return state


class ShardDropout(Dropout):
    """Dropout that draws for the whole batch, so that all ranks' generators go on alike, and keeps its columns."""

    def __init__(self, p: float, rng: np.random.Generator, shard: Shard):
        super().__init__(p, rng)
        self.shard = shard

    def draw(self, x: Array) -> Array:
        """Factors for x (..., B), this rank's columns."""
        kept = (self.rng.random((*x.shape[:-1], self.shard.batch_size)) >= self.p) / (1 - self.p)
        return array_module(x).asarray(np.ascontiguousarray(kept[..., self.shard.columns]), dtype=x.real.dtype)


def check_shares(batch_size: int, ranks: int) -> None:
    """Raises ValueError where some rank would be left without a sequence."""
    if ranks > batch_size:
        raise ValueError(
            f"every rank must have at least one sequence of a batch, got batch_size {batch_size} for {ranks} ranks; "
            "take a larger batch or fewer ranks"
        )


def _threads(sharing: int) -> int:
    """Cores for each of the ranks that share this machine, as far as this one may use them."""
    cores = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return min(allowed, max(cores // sharing, 1))
