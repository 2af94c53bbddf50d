"""What a tagger and a classifier share: an embedding or none, a recurrent layer, a linear output and its loss."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import one_of
from npseq.backend import Array, array_module, generator
from npseq.bptt.workspace import Workspace, child
from npseq.layers import Bidirectional, Embedding, Linear
from npseq.layers.recurrent import Recurrent
from npseq.losses import binary_cross_entropy, softmax_cross_entropy
from npseq.models.model import Model
from npseq.models.step import Buffers
from npseq.parameters import Parameters


class ReaderTape(NamedTuple):
    """What the three layers' backward passes read."""

    looked_up: Array | None
    recurrent: Any
    output: Array


class Reader(Model):
    """Use Tagger or Classifier; this class holds what they share."""

    parts = ("embedding", "recurrent", "output")

    def __init__(
        self,
        recurrent: Recurrent | Bidirectional,
        num_labels: int,
        loss: str = "softmax",
        embedding: Embedding | None = None,
        rng: Any = None,
    ):
        """
        recurrent: any recurrent layer; the model works on a copy. num_labels: K, the classes of "softmax", of which
        one holds, or the labels of "binary", each of which holds or not. embedding: its rows become the recurrent
        layer's inputs; None hands features, or one-hot ids, straight on. rng: of the output layer's initial values.
        Raises ValueError for an unknown loss, sizes that do not fit and layers of different dtypes.
        """
        one_of("loss", loss, ("softmax", "binary"))
        if embedding is not None and embedding.dim != recurrent.input_size:
            raise ValueError(
                f"embedding must have the recurrent layer's {recurrent.input_size} inputs as its dim, "
                f"got {embedding.dim}"
            )
        self.embedding, self.recurrent, self.kind = embedding, recurrent, loss
        self.output = Linear(recurrent.output_size, num_labels, dtype=recurrent.dtype, rng=generator(rng))
        self._join()

    def _embed(self, x: Array) -> tuple[Array, Array | None]:
        return (x, None) if self.embedding is None else self.embedding.forward(x)

    def forward(
        self, x: Array, lengths: Array | None = None, training: bool = False, tape: ReaderTape | None = None
    ) -> tuple[Array, ReaderTape]:
        """The logits, and what backward reads. tape: an old one, to be written over."""
        raise NotImplementedError

    def backward(
        self, dlogits: Array, tape: ReaderTape, *, workspace: Workspace | None = None, grads: Parameters | None = None
    ) -> tuple[Array | None, Parameters]:
        """dx (None for ids) and the gradients of all parameters.

        workspace, grads: a training loop's own buffers, written over.
        """
        grads = self.params.like(np.empty_like(self.params.flat)) if grads is None else grads
        own = self._parts(grads)
        dread, _ = self.output.backward(dlogits, tape.output, grads=own["output"], workspace=child(workspace, "output"))
        dy, dstate = self._by_reading(dread)
        dx, _, _ = self.recurrent.backward(
            dy, tape.recurrent, dstate, workspace=child(workspace, "recurrent"), grads=own["recurrent"]
        )
        if self.embedding is not None:
            dx, _ = self.embedding.backward(dx, tape.looked_up, grads=own["embedding"])
        return dx, grads

    def _by_reading(self, dread: Array) -> tuple[Array | None, Any]:
        """(dy, dstate) of the recurrent layer, from the gradient by what the output layer reads of it."""
        raise NotImplementedError

    def loss(
        self,
        x: Array,
        targets: Array,
        lengths: Array | None = None,
        weights: Array | None = None,
        reduction: str = "mean",
        training: bool = False,
    ) -> tuple[Array, Parameters]:
        """The cross-entropy of targets, and its gradients.

        targets: class ids shaped as the logits without their last axis, or for "binary" 0 and 1 shaped as the logits.
        weights: a factor for each class id's position, 0 for positions that do not count; past a sequence's length
        there are none in any case. reduction: "mean" over what counts, or "sum", J = sum_t L_t. training: whether
        dropout acts. Raises TypeError or ValueError, before anything is learnt, for arguments that do not fit.
        """
        value, buffers = self._backpropagate((x, targets, lengths, weights, reduction), training, None)
        return value, buffers.grads

    def _training_loss(
        self, x: Array, targets: Array, lengths: Any = None, weights: Any = None, reduction: str = "mean"
    ) -> tuple[Array, Parameters]:
        batch = x, targets, lengths, weights, reduction
        value, self._buffers = self._backpropagate(batch, True, self._buffers)
        return value, self._buffers.grads

    def _backpropagate(self, batch: tuple, training: bool, old: Buffers | None) -> tuple[Array, Buffers]:
        """batch: what `loss` is given, in its order."""
        x, targets, lengths, weights, reduction = batch
        one_of("reduction", reduction, ("mean", "sum"))
        logits, tape = self.forward(x, lengths, training=training, tape=old.tape if old else None)
        weights = self._position_weights(logits, lengths, weights)
        if self.kind == "binary":
            by_label = None if weights is None else weights[..., None]
            value, dlogits = binary_cross_entropy(logits, targets, weights=by_label, reduction=reduction)
        else:
            value, dlogits = softmax_cross_entropy(logits, targets, weights=weights, reduction=reduction)
        workspace = old.workspace if old else Workspace()
        _, grads = self.backward(dlogits, tape, workspace=workspace, grads=old.grads if old else None)
        return value, Buffers(tape, workspace, grads)

    def _position_weights(self, logits: Array, lengths: Array | None, weights: Array | None) -> Array | None:
        if weights is not None and weights.shape != logits.shape[:-1]:
            raise ValueError(f"weights must have one entry a position, {logits.shape[:-1]}, got {weights.shape}")
        return weights

    def predict(self, x: Array, lengths: Array | None = None) -> Array:
        """The likeliest class of each position, or for "binary" whether each label is likelier than not."""
        logits = self.forward(x, lengths)[0].real
        return logits > 0 if self.kind == "binary" else logits.argmax(axis=-1)


def step_mask(steps: int, lengths: Array, like: Array) -> Array:
    """(T, B) of 1 up to each sequence's length and 0 past it, of the real dtype and place of `like`."""
    xp = array_module(like)
    return (xp.arange(steps)[:, None] < xp.asarray(lengths)).astype(np.dtype(like.real.dtype))
