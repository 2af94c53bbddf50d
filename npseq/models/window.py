"""The window of a training step: which of its steps are predicted, and how far back its gradient goes."""

from typing import Any, NamedTuple, Self

from npseq.arguments import array, integer, integers
from npseq.backend import Array
from npseq.bptt.truncation import check_truncation
from npseq.layers.jacobian import check_one_way
from npseq.layers.recurrent import Recurrent


class Window(NamedTuple):
    """How far a gradient goes back, and where the next one starts: the arguments of LanguageModel.loss."""

    truncation: Any = None
    context: int = 0
    state_at: int | None = None

    def check(self, ids: Array, targets: Array, vocab_size: int, layer: Recurrent) -> Self:
        """Returns it in plain ints.

        Raises:
            TypeError, ValueError: if an option does not fit the ids, or targets what the context leaves.
        """
        context, state_at = integer("context", self.context, least=0), self.state_at
        shape, wanted = array("ids", ids).shape, array("targets", targets).shape
        if context and len(shape) == 2 and context < shape[0]:
            shape = (shape[0] - context, shape[1])
        elif context:
            raise ValueError(f"context must leave some of the steps of ids (T, B), got {context} of {shape}")
        if shape != wanted:
            raise ValueError(
                "ids and targets must be integer arrays of one shape (T, B)"
                f"{f', the first {context} steps of ids left out' if context else ''}, got "
                f"{ids.shape} and {wanted}"
            )
        integers("targets", targets, vocab_size)
        if state_at is not None:
            state_at = integer("state_at", state_at, 0, len(ids) + 1)
            check_one_way(layer, "state_at")
        check_truncation(self.truncation, layer, len(ids))
        return self._replace(context=context, state_at=state_at)
