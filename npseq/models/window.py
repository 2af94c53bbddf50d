"""The window of a training step: which of its steps are predicted, and how far back its gradient goes."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, integer, integers
from npseq.backend import Array, array_module
from npseq.bptt.truncation import check_truncation
from npseq.layers.jacobian import check_one_way
from npseq.layers.lengths import check_lengths, check_steps
from npseq.layers.recurrent import Recurrent
from npseq.models.positions import check_counted, checked_weights, position_weights


class Window(NamedTuple):
    """How far a gradient goes back, where the next one starts, and what counts: the arguments of LanguageModel.loss."""

    truncation: Any = None
    context: int = 0
    state_at: int | None = None
    lengths: Any = None
    weights: Any = None

    def check(self, ids: Array | None, targets: Array, vocab_size: int, layer: Recurrent) -> tuple["Window", Array]:
        """Returns it in plain ints, and the targets, signed; ids are None for whole sentences, which are the targets.

        Raises:
            TypeError, ValueError: if an option does not fit the ids, or targets what the context leaves.
        """
        context, state_at = integer("context", self.context, least=0), self.state_at
        wanted = array("targets", targets).shape
        if ids is None and (len(wanted) != 2 or context):
            raise ValueError(
                f"without ids, targets must be whole sentences (T, B) and context 0, got {wanted} and {context}"
            )
        shape = wanted if ids is None else array("ids", ids).shape
        if ids is None and self.lengths is not None:
            check_lengths(self.lengths, *wanted)  # a sentence begins with an input of zeros, at step 0
        array_module(ids, targets)  # refuses arrays of two devices
        if context and len(shape) == 2 and context < shape[0]:
            shape = (shape[0] - context, shape[1])
        elif context:
            raise ValueError(f"context must leave some of the steps of ids (T, B), got {context} of {shape}")
        if shape != wanted:
            raise ValueError(
                "ids and targets must be integer arrays of one shape (T, B)"
                f"{f', the first {context} steps of ids left out' if context else ''}, got "
                f"{array('ids', ids).shape} and {wanted}"
            )
        steps, found = context + wanted[0] if wanted else 0, self
        if context is not self.context:
            found = self._replace(context=context)
        if self.lengths is None and self.weights is None:
            targets = integers("targets", targets, vocab_size)
        else:
            found = found._checked_counts(targets, vocab_size)
        if state_at is not None:
            found = found._replace(state_at=integer("state_at", state_at, 0, steps + 1))
            check_one_way(layer, "state_at")
        check_truncation(self.truncation, layer, steps)
        return found, targets

    def _checked_counts(self, targets: Array, vocab_size: int) -> "Window":
        if targets.ndim != 2:
            raise ValueError(f"targets must have shape (T, B) where lengths or weights are given, got {targets.shape}")
        steps, batch = targets.shape
        lengths = None if self.lengths is None else check_steps(self.lengths, self.context + steps, batch)
        found = self._replace(lengths=lengths)
        weights = checked_weights(self.weights, targets.shape, found._own_lengths, "mean")
        check_counted(targets, vocab_size, found._own_lengths, weights)
        return found

    @property
    def _own_lengths(self) -> np.ndarray | None:
        """Which targets of each sequence count: how many, or a mask."""
        if self.lengths is None or self.lengths.ndim == 2:
            return None if self.lengths is None else self.lengths[self.context :]
        counted: np.ndarray | None = np.maximum(self.lengths - self.context, 0)
        return counted

    def position_weights(self, logits: Array) -> Array | None:
        """The weights (T, B) of the targets, None where all count alike; `check` has been called."""
        if self.lengths is None and self.weights is None:
            return None
        return position_weights(logits, self._own_lengths, self.weights)
