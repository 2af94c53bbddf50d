"""The window of a training step: which of its steps are predicted, and how far back its gradient goes."""

from typing import Any, NamedTuple

from npseq.arguments import array
from npseq.backend import Array
from npseq.layers.recurrent import Recurrent


class Window(NamedTuple):
    """How far a gradient goes back, and where the next one starts: the arguments of LanguageModel.loss."""

    truncation: Any = None
    context: int = 0
    state_at: int | None = None

    def check(self, ids: Array, targets: Array, layer: Recurrent) -> None:
        """Raises ValueError if context or state_at do not fit the ids, or targets what the context leaves of them."""
        shape, wanted = array("ids", ids).shape, array("targets", targets).shape
        if self.context and len(shape) == 2 and 0 < self.context < shape[0]:
            shape = (shape[0] - self.context, shape[1])
        elif self.context:
            raise ValueError(f"context must leave some of the steps of ids (T, B), got {self.context} of {shape}")
        if shape != wanted:
            raise ValueError(
                "ids and targets must be integer arrays of one shape (T, B)"
                f"{f', the first {self.context} steps of ids left out' if self.context else ''}, got "
                f"{ids.shape} and {wanted}"
            )
        if self.state_at is not None and (layer.directions > 1 or not 0 <= self.state_at <= len(ids)):
            raise ValueError(
                f"state_at must be a step in [0, {len(ids)}] of a model of one direction, whose state goes from step "
                f"to step, got {self.state_at} for {layer}"
            )
