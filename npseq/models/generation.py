"""One token at a time: the same cells, on strands of one step that are kept and written over."""

from __future__ import annotations

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.bptt import loop
from npseq.bptt.tape import new_strand
from npseq.layers import Embedding, Linear
from npseq.layers.recurrent import Recurrent


class Stepper:
    """A model's state between tokens, for a batch of one. Starts at zero."""

    def __init__(self, embedding: Embedding | None, recurrent: Recurrent, output: Linear):
        self.xp = xp = array_module(recurrent.params.flat)
        self.cell, self.size = recurrent.cell, recurrent.state_size
        self.W = xp.ascontiguousarray(output.params["W"].T)
        self.b = output.params["b"][:, None]
        self.rows = None if embedding is None else embedding.params["W"]
        self.layers = [
            [
                (w := recurrent._weights(recurrent.params, layer, d), self._new(w, layer == 0))
                for d in range(recurrent.directions)
            ]
            for layer in range(recurrent.num_layers)
        ]

    def _new(self, w, first):
        strand = new_strand(self.xp, self.cell, w, 1, 1, looked_up=first and self.rows is None)
        strand.s[...] = 0
        strand.s[:, w.state : w.state + w.bias] = 1
        if strand.c is not None:
            strand.c[...] = 0
        return strand._replace(ids=self.xp.zeros((1, 1), int)) if first and self.rows is None else strand

    def read(self, token: int) -> list[Array]:
        """Takes in one token; the outputs (P, 1) of the last layer's strands."""
        features = [] if self.rows is None else [self.rows[token][:, None]]
        for row in self.layers:
            for w, strand in row:
                if strand.ids is None:
                    self._write(strand.s[0, w.state + w.bias :], features)
                else:
                    strand.ids[...] = token
                loop.forward(self.cell, w, strand)
                strand.s[0, : self.size] = strand.s[1, : self.size]
                if strand.c is not None:
                    strand.c[0] = strand.c[1]
            features = [strand.s[1, : self.size] for _, strand in row]
        return features

    @staticmethod
    def _write(rows: Array, features: list[Array]) -> None:
        start = 0
        for f in features:
            rows[start : start + len(f)] = f
            start += len(f)

    def scores(self, token: int) -> Array:
        """Takes in one token and returns the logits (V,) of the next."""
        features = self.read(token)
        h = features[0] if len(features) == 1 else self.xp.concatenate(features)
        return (self.W @ h + self.b)[:, 0]


def sample(scores: Array, temperature: float, rng: np.random.Generator) -> int:
    """A token from softmax(scores / temperature); at 0 the likeliest. Drawn on the host, in float64."""
    if temperature == 0:
        return int(scores.argmax())
    z = to_host(scores).astype(np.float64) / temperature
    p = np.exp(z - z.max())
    return int(rng.choice(len(p), p=p / p.sum()))
