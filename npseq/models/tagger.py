"""Many to many, of equal lengths: a label for every step (A23 of the notes)."""

from __future__ import annotations

from typing import Any

from npseq.backend import Array
from npseq.models.sequence import Reader, ReaderTape, step_mask


class Tagger(Reader):
    """y_t = W_y h_t + b_y at every step; with two directions h_t is [h_t forward, h_t backward].

    x (T, B, D), or ids (T, B); logits (T, B, K).
    """

    def forward(
        self, x: Array, lengths: Array | None = None, training: bool = False, tape: ReaderTape | None = None
    ) -> tuple[Array, ReaderTape]:
        """logits (T, B, K), and what backward reads.

        lengths (B,): past them logits are the output layer's bias. tape: an old one, to be written over.
        """
        features, looked_up = self._embed(x)
        y, _, read = self.recurrent.forward(features, None, lengths, training=training, tape=tape and tape.recurrent)
        logits, output_tape = self.output.forward(y)
        return logits, ReaderTape(looked_up, read, output_tape)

    def _by_reading(self, dread: Array) -> tuple[Array | None, Any]:
        return dread, None

    def _position_weights(self, logits: Array, lengths: Array | None, weights: Array | None) -> Array | None:
        weights = super()._position_weights(logits, lengths, weights)
        if lengths is None:
            return weights
        mask = step_mask(logits.shape[0], lengths, logits)
        return mask if weights is None else mask * weights
