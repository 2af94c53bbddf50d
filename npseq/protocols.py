"""What npseq's functions ask of a recurrent layer, an optimizer and a dataset, as types for a checker.

Whatever has these methods fits; nothing needs to be extended. A cell has a base class, npseq.cell.Cell.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from npseq.backend import Array, MaybeArray


@runtime_checkable
class LayerLike(Protocol):
    """A recurrent layer: an RNN, GRU, LSTM, Recurrent or Bidirectional."""

    @property
    def params(self) -> MutableMapping[str, Array]:
        """{name: array}, writable in place."""

    @property
    def dtype(self) -> np.dtype: ...

    def forward(
        self, x: Array, state: Any = None, lengths: Array | None = None, *, training: bool = False, tape: Any = None
    ) -> tuple[Array, Any, Any]:
        """Returns y, the last state and the tape."""

    def backward(
        self, dy: Array | None, tape: Any, dstate: Any = None, truncation: Any = None
    ) -> tuple[MaybeArray, Any, Mapping[str, Array]]:
        """Returns dx, the gradient of the initial state and those of the parameters."""


@runtime_checkable
class OptimizerLike(Protocol):
    """One of ns.optim, or anything else that steps."""

    def step(self, params: Mapping[str, Array], grads: Mapping[str, Array], /) -> object:
        """Updates params in place."""


@runtime_checkable
class Dataset(Protocol):
    """Minibatches, in an order of their own: ns.data.Epochs, a list of batches, or one epoch of ns.data."""

    def __iter__(self) -> Iterator[tuple[Array, ...]]: ...
