"""One token at a time, with the same cells as in training."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.bptt.step import project, stepper, table
from npseq.data import Vocabulary
from npseq.layers import Embedding, Linear
from npseq.layers.recurrent import Recurrent


class Stepper:
    """A model's state between tokens, for a batch of one. Starts at zero."""

    def __init__(self, embedding: Embedding | None, recurrent: Recurrent, output: Linear):
        self.xp = xp = array_module(recurrent.params.flat)
        self.cell = cell = recurrent.cell
        self.W, self.b = output.params["W"].T, output.params["b"][:, None]
        self.weights = [
            [recurrent._weights(recurrent.params, layer, d) for d in range(recurrent.directions)]
            for layer in range(recurrent.num_layers)
        ]
        self.steps = [[stepper(cell, w, 1) for w in row] for row in self.weights]
        zeros = xp.zeros((recurrent.state_size, 1), recurrent.dtype)
        c = xp.zeros((recurrent.hidden_size, 1), recurrent.dtype) if "c" in cell.carries else None
        self.states: list[list[tuple[Any, Any]]] = [[(zeros, c) for _ in row] for row in self.weights]
        self.rows = None if embedding is None else embedding.params["W"]
        self.tables = [] if embedding is not None else [table(cell, w) for w in self.weights[0]]

    def read(self, token: int | None) -> Array:
        """Takes in one token, None for an input of zeros; the last layer's output (features, 1)."""
        x = self._features(token)
        for layer, (row, steps) in enumerate(zip(self.weights, self.steps, strict=True)):
            outputs = []
            for d, step in enumerate(steps):
                inputs = self.tables[d][token] if x is None else project(self.cell, row[d], x)
                self.states[layer][d] = step(inputs, *self.states[layer][d])
                outputs.append(self.states[layer][d][0])
            x = outputs[0] if len(outputs) == 1 else self.xp.concatenate(outputs)
        return x

    def _features(self, token: int | None) -> Array | None:
        """(D, 1) that the first layer multiplies; None where it looks the token up in its tables."""
        if token is None:
            return self.xp.zeros_like(self.W, shape=(len(self.weights[0][0].x), 1))
        return None if self.rows is None else self.rows[token][:, None]

    def scores(self, token: int | None) -> Array:
        """Takes in one token, None for an input of zeros, and returns the logits (V,) of the next."""
        return (self.W.dot(self.read(token)) + self.b)[:, 0]


def sample(scores: Array, temperature: float, rng: np.random.Generator) -> int:
    """A token from softmax(scores / temperature); at 0 the likeliest. Drawn on the host, in float64."""
    if temperature == 0:
        return int(scores.argmax())
    z = to_host(scores).astype(np.float64) / temperature
    p = np.exp(z - z.max())
    return int(rng.choice(len(p), p=p / p.sum()))


def token_ids(tokens: Any, vocab: Vocabulary | None, size: int, xp: ModuleType, least: int = 1) -> Array:
    """A text, or ids in [0, size), as an array (N,) of xp; least: 0 or 1, how many there must be."""
    if isinstance(tokens, str):
        if vocab is None:
            raise TypeError("a text needs the model to have a Vocabulary; give token ids, or build the model with one")
        tokens = vocab.encode(tokens)
    try:
        ids = xp.asarray(tokens)
    except ValueError as error:
        raise ValueError(f"tokens must be a text or integer ids (N,), got {tokens!r}") from error
    if ids.shape == (0,) and least == 0:
        return ids.astype(np.int64)
    if ids.ndim != 1 or ids.size == 0 or ids.dtype.kind not in "iu":
        raise ValueError(f"tokens must be a text or integer ids (N,) of at least one token, got {tokens!r}")
    check_range = to_host(ids)
    if check_range.min() < 0 or check_range.max() >= size:
        raise ValueError(f"token ids must be in [0, {size}), got {check_range.min()} to {check_range.max()}")
    return ids


def stop_id(stop: str | int, vocab: Vocabulary | None, size: int) -> int:
    """The id of a token, or an id that is checked."""
    if isinstance(stop, str):
        if vocab is None or stop not in vocab:
            raise ValueError(f"stop must be a token of the model's Vocabulary, or an id, got {stop!r}")
        return vocab[stop]
    if isinstance(stop, bool) or not isinstance(stop, (int, np.integer)) or not 0 <= stop < size:
        raise ValueError(f"stop must be a token or an id in [0, {size}), got {stop!r}")
    return int(stop)
