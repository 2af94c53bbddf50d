"""One to many: a sequence from one vector (A23 of the notes): a caption from a picture, a melody from a mood."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.backend import Array, array_module, generator, to_host
from npseq.layers import Embedding, Linear
from npseq.layers.recurrent import Recurrent
from npseq.losses import softmax_cross_entropy
from npseq.models.decoding.generation import sample
from npseq.models.model import Model
from npseq.models.sequence import step_mask
from npseq.parameters import Parameters


class GeneratorTape(NamedTuple):
    """What the four layers' backward passes read."""

    start: Array
    looked_up: Array
    recurrent: Any
    output: Array


class SequenceGenerator(Model):
    """h_0 = v W_start + b_start, then x_t = embedding of y_{t-1}, and logits y_t = h_t W_out + b_out.

    v (B, D) makes every layer's first h; an LSTM's first c is zero. This is the captioning network of CS231n.
    """

    parts = ("start", "embedding", "recurrent", "output")

    def __init__(self, vector_size: int, embedding: Embedding, recurrent: Recurrent, rng: Any = None):
        """
        vector_size: D. embedding: of the tokens. recurrent: reads forward only; the model works on copies of both.
        Raises ValueError where the recurrent layer reads both ways or its inputs are not the embedding's dim.
        """
        if not isinstance(recurrent, Recurrent) or recurrent.directions == 2:
            raise ValueError(
                f"recurrent must read forward only, since what it generates is not there yet, got {recurrent}"
            )
        if embedding.dim != recurrent.input_size:
            raise ValueError(
                f"embedding must have the recurrent layer's {recurrent.input_size} inputs as its dim, "
                f"got {embedding.dim}"
            )
        rng = generator(rng)
        self.embedding, self.recurrent = embedding, recurrent
        state_size = recurrent.num_layers * recurrent.state_size
        self.start = Linear(vector_size, state_size, dtype=recurrent.dtype, rng=rng)
        self.output = Linear(recurrent.output_size, embedding.num_embeddings, dtype=recurrent.dtype, rng=rng)
        self._join()

    def _initial(self, v: Array) -> tuple[Any, Array]:
        rows, tape = self.start.forward(v)
        layers = self.recurrent.num_layers
        h = rows.reshape(len(v), layers, self.recurrent.state_size).swapaxes(0, 1)
        return ((h, None) if "c" in self.recurrent.cell.state else h), tape

    def forward(self, v: Array, ids: Array, training: bool = False) -> tuple[Array, GeneratorTape]:
        """logits (T, B, V) of the token after each of ids (T, B), begun from v (B, D), and what backward reads."""
        state, start = self._initial(v)
        x, looked_up = self.embedding.forward(ids)
        y, _, tape = self.recurrent.forward(x, state, training=training)
        logits, output = self.output.forward(y)
        return logits, GeneratorTape(start, looked_up, tape, output)

    def backward(self, dlogits: Array, tape: GeneratorTape) -> tuple[Array, Parameters]:
        """dv (B, D) and the gradients of all parameters."""
        dy, doutput = self.output.backward(dlogits, tape.output)
        dx, dstate, drecurrent = self.recurrent.backward(dy, tape.recurrent)
        _, dembedding = self.embedding.backward(dx, tape.looked_up)
        dh = dstate[0] if isinstance(dstate, tuple) else dstate
        dv, dstart = self.start.backward(dh.swapaxes(0, 1).reshape(dh.shape[1], -1), tape.start)
        parts = {"start": dstart, "embedding": dembedding, "recurrent": drecurrent, "output": doutput}
        return dv, self._gather(parts)

    def loss(
        self,
        v: Array,
        ids: Array,
        targets: Array,
        lengths: Array | None = None,
        reduction: str = "mean",
        training: bool = False,
    ) -> tuple[Array, Parameters]:
        """The cross-entropy of targets (T, B) after ids (T, B), the sequence one step earlier, and its gradients.

        lengths (B,): how many targets of each sequence count. reduction: "mean" over them, or "sum".
        """
        logits, tape = self.forward(v, ids, training)
        weights = None if lengths is None else step_mask(len(ids), lengths, logits)
        value, dlogits = softmax_cross_entropy(logits, targets, weights=weights, reduction=reduction)
        return value, self.backward(dlogits, tape)[1]

    def generate(
        self, v: Array, first: int, length: int, stop: int | None = None, temperature: float = 0, rng: Any = None
    ) -> list[np.ndarray]:
        """A sequence of at most `length` ids for each v (B, D), after the token `first`; `stop` ends it, unsaid.

        temperature 0 takes the likeliest token; else tokens are drawn from P^(1 / temperature).
        """
        xp, rng = array_module(self.params.flat), generator(rng)
        state, _ = self._initial(v)
        ids, found = np.full(len(v), first), []
        for _ in range(length):
            x, _ = self.embedding.forward(xp.asarray(ids)[None])
            y, state, _ = self.recurrent.forward(x, state)
            scores = to_host(self.output.forward(y)[0][0].real)
            ids = np.array([sample(row, temperature, rng) for row in scores])
            found.append(ids)
        rows = np.array(found, dtype=int).reshape(length, len(v)).T
        return [row if stop is None else row[: _first_index(row, stop)] for row in rows]


def _first_index(row: np.ndarray, token: int) -> int:
    at = np.flatnonzero(row == token)
    return int(at[0]) if len(at) else len(row)
