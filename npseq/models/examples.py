"""This module holds the examples that a model is fitted to: arrays, one axis of which counts the examples."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from npseq.backend import Array, array_module
from npseq.data import Vocabulary


@dataclass(frozen=True)
class Examples:
    """The positional arguments of a model's `loss` for N examples, and the axis of each that counts them.

    Lengths (N,) may be a mask (T, N) of steps with gaps, whose second axis counts, and by which nothing is cut.
    """

    arrays: tuple[Array | None, ...]
    axes: tuple[int, ...]
    times: tuple[tuple[int, int], ...] = ()  # (place of an array, place of its lengths): cut to the longest of a batch
    targets: int | None = None  # the place of targets (T, N), each of whose steps has a loss; None for one an example

    def __post_init__(self) -> None:
        if not len(self):
            raise ValueError("data must hold at least one example, got none")

    def __len__(self) -> int:
        count: int = next(a.shape[axis] for a, axis in zip(self.arrays, self.axes, strict=True) if a is not None)
        return count

    def of(self, rows: Any) -> Self:
        """Returns the examples of these places.

        Args:
            rows: integers.
        """
        return replace(self, arrays=tuple(self._taken(rows)))

    def losses(self, batch: tuple[Any, ...]) -> int:
        """Returns of how many losses `loss` gives the mean for a batch.

        Args:
            batch: as `batches` yields it.
        """
        if self.targets is None:
            return int(next(a.shape[axis] for a, axis in zip(batch, self.axes, strict=True) if a is not None))
        steps, lengths = batch[self.targets], batch[dict(self.times)[self.targets]]
        return int(steps.size if lengths is None else lengths.sum())

    def _taken(self, rows: Any) -> Iterator[Array | None]:
        masks = {place for _, place in self.times if getattr(self.arrays[place], "ndim", 0) == 2}
        for place, (array, axis) in enumerate(zip(self.arrays, self.axes, strict=True)):
            before = (slice(None),) * (1 if place in masks else axis)
            yield None if array is None else array[(*before, array_module(array).asarray(rows))]

    def batches(self, batch_size: int, order: np.ndarray) -> Iterator[tuple[Any, ...]]:
        """Yields the arguments of `loss` for all examples, in an order, with no more time steps than the longest has.

        Args:
            batch_size: examples of a batch; the last may have fewer.
            order: the places of all examples.
        """
        for start in range(0, len(order), batch_size):
            arrays = list(self._taken(order[start : start + batch_size]))
            for place, lengths in self.times:
                array, ends = arrays[place], arrays[lengths]
                if array is not None and ends is not None and ends.ndim == 1:
                    arrays[place] = array[: max(int(ends.max()), 1)]
            yield tuple(arrays)


def check_vocab(given: Vocabulary, own: Vocabulary) -> None:
    """Raises ValueError for data whose tokens are not numbered as the model's are."""
    if given is not own and given.tokens != own.tokens:
        raise ValueError(
            f"data must be numbered by the model's vocabulary, of {len(own)} tokens, got another one of {len(given)}; "
            "load both parts together and split them, or load the second with like=first"
        )
