"""Many to one: a label for a whole sequence (A23 of the notes)."""

from __future__ import annotations

from typing import Any

from npseq.backend import Array
from npseq.layers.last_output import last_output, last_output_gradient
from npseq.models.sequence import Reader, ReaderTape


class Classifier(Reader):
    """y = W_y h_T + b_y, h_T the last layer's state after each sequence's own last step.

    With two directions h_T is [forward's after the last step, backward's after the first]. x (T, B, D), or ids (T, B);
    logits (B, K). A sequence of length 0 is classified from the initial state.
    """

    def forward(
        self, x: Array, lengths: Array | None = None, training: bool = False, tape: ReaderTape | None = None
    ) -> tuple[Array, ReaderTape]:
        """logits (B, K), and what backward reads. tape: an old one, to be written over."""
        features, looked_up = self._embed(x)
        _, state, read = self.recurrent.forward(
            features, None, lengths, training=training, tape=tape and tape.recurrent
        )
        logits, output_tape = self.output.forward(last_output(self.recurrent, state))
        return logits, ReaderTape(looked_up, read, output_tape)

    def _by_reading(self, dread: Array) -> tuple[Array | None, Any]:
        return None, last_output_gradient(self.recurrent, dread)
