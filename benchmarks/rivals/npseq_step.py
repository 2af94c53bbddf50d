"""npseq's own training step, as a user would write it."""

from __future__ import annotations

import numpy as np

import npseq as ns


def step(
    cell: str, T: int, B: int, V: int, H: int, dtype: str = "float32", layers: int = 1, embedding: int | None = None
):
    """A function of nothing that does one step: forward, loss, backward, clip, update."""
    rng = np.random.default_rng(0)
    model = ns.LanguageModel(V, cell, H, layers, embedding_size=embedding, dtype=dtype, rng=0)
    ids, targets = rng.integers(V, size=(2, T, B))
    optimizer = ns.SGD(0.1)
    return lambda: model.step(ids, targets, None, optimizer, clip=1.0)
