"""Tied weights: an output layer whose matrix is the embedding's, transposed (Press & Wolf 2017, arXiv 1608.05859)."""

from typing import Any

from npseq.initializers import uniform_sqrt_hidden
from npseq.layers import Embedding, Linear
from npseq.parameters import Parameters, simple_layout


class TiedLinear(Linear):
    """A linear layer whose own parameter is b alone; W (dim, V) is a view of the embedding's, which a model gives it.

    Its backward writes the gradient by W into the same view of the embedding's gradient.
    """

    def __init__(self, embedding: Embedding, *, rng: Any):
        self.in_features, self.out_features = embedding.dim, embedding.num_embeddings
        size, dtype = (self.out_features,), embedding.dtype
        bias = uniform_sqrt_hidden(size, rng, hidden_size=self.in_features, dtype=dtype)
        self.params = Parameters(simple_layout({"b": size}), bias)


def check_tied(embedding: Embedding | None, features: int) -> Embedding:
    """The embedding. Raises ValueError unless the output layer can have its matrix."""
    if embedding is None or embedding.dim != features:
        held = "none" if embedding is None else f"one of {embedding.dim} features"
        raise ValueError(
            f"tied needs an embedding of as many features as the output layer reads, {features}, got {held}; set "
            f"embedding_size to {features}"
        )
    return embedding
