"""What a language model, a tagger and a classifier share: an embedding or none, a recurrent layer, a linear output."""

from typing import Any, NamedTuple

import numpy as np

from npseq.arguments import array, instance, integers, one_of
from npseq.backend import Array, MaybeArray, array_module, generator
from npseq.bptt.workspace import Workspace
from npseq.layers import Bidirectional, Embedding, Linear
from npseq.layers.batch import check_ids, check_old
from npseq.layers.bidirectional import check_recurrent
from npseq.layers.linear import LinearTape
from npseq.layers.recurrent import Recurrent
from npseq.losses import binary_cross_entropy, softmax_cross_entropy
from npseq.losses.positions import check_same_shape
from npseq.models.model import Model
from npseq.models.positions import check_counted, checked_weights
from npseq.models.tied import TiedLinear, check_tied
from npseq.parameters import Parameters
from npseq.shown import by_fields


@by_fields
class SequenceTape(NamedTuple):
    """What the three layers' backward passes read."""

    embedding: Array | None
    recurrent: Any
    output: LinearTape
    context: int = 0  # so many first steps have no logits


class Buffers(NamedTuple):
    """What a training step leaves to be written over by the next one of the same shape."""

    tape: SequenceTape
    workspace: Workspace
    grads: Parameters

    def arrays(self) -> list[Array]:
        """Returns all arrays that a step of a language model writes on."""
        saved = [array for row in self.tape.recurrent.strands for strand in row for array in strand]
        return [self.grads.flat, *self.workspace.arrays(), *saved]


class SequenceModel(Model):
    """The part that LanguageModel, Tagger and Classifier share; use those. The output reads every step's y."""

    embedding: Embedding | Any = None  # None where x is features
    recurrent: Any
    output: Linear
    tied: bool = False  # whether the output's matrix is the embedding's

    def __init__(
        self,
        recurrent: Recurrent | Bidirectional,
        num_labels: int,
        *,
        loss: str = "softmax",
        embedding: Embedding | None = None,
        rng: Any = None,
    ):
        self.is_binary = one_of("loss", loss, ("softmax", "binary")) == "binary"
        check_recurrent("recurrent", recurrent)
        instance("embedding", embedding, (Embedding, type(None)), "an Embedding or None")
        if embedding is not None and embedding.dim != recurrent.input_size:
            raise ValueError(
                f"embedding must have the recurrent layer's {recurrent.input_size} inputs as its dim, "
                f"got {embedding.dim}"
            )
        if self.tied:
            output: Linear = TiedLinear(check_tied(embedding, recurrent.output_size), rng=generator(rng))
        else:
            output = Linear(recurrent.output_size, num_labels, dtype=recurrent.dtype, rng=generator(rng))
        self._join({"embedding": embedding, "recurrent": recurrent, "output": output})

    def forward(
        self, x: Array, lengths: Array | None = None, *, training: bool = False, tape: SequenceTape | None = None
    ) -> tuple[Array, SequenceTape]:
        """Returns the logits, (T, B, K), of a Classifier (B, K), and the tape that backward reads.

        Args:
            x: (T, B, D), or integer ids (T, B).
            lengths: (B,), where each sequence ends, or a mask (T, B) of the steps that it has; at others the logits of
                a step are the output layer's bias, and no loss counts.
            training: whether dropout acts.
            tape: an old one, to be written over.
        """
        logits, _, tape = self._run(x, None, lengths, training, tape)
        return logits, tape

    def _run(
        self,
        x: Array,
        state: Any = None,
        lengths: Array | None = None,
        training: bool = False,
        old: SequenceTape | None = None,
        context: int = 0,
    ) -> tuple[Array, Any, SequenceTape]:
        """(logits, last state, tape); the first `context` steps have no logits."""
        check_old(old, SequenceTape)
        features, looked_up = x, None
        if self.embedding is not None:
            ids = check_ids("ids", x, self.embedding.num_embeddings, lengths)
            features, looked_up = self.embedding.forward(ids)
        return self._run_features(features, looked_up, state, lengths, training, old, context)

    def _run_features(
        self,
        features: Array,
        looked_up: Array | None,
        state: Any,
        lengths: Array | None,
        training: bool,
        old: SequenceTape | None,
        context: int,
    ) -> tuple[Array, Any, SequenceTape]:
        """`_run` behind the embedding, whose last steps the ids looked_up are."""
        old_tape = None if old is None else old.recurrent
        y, state, tape = self.recurrent.forward(features, state, lengths, training=training, tape=old_tape)
        logits, output_tape = self.output.forward(self._read(y[context:] if context else y, state), copy=False)
        return logits, state, SequenceTape(looked_up, tape, output_tape, context)

    def _read(self, y: Array, state: Any) -> Array:
        """What the output layer reads of the recurrent layer."""
        return y

    def backward(
        self,
        dlogits: Array,
        tape: SequenceTape,
        *,
        truncation: Any = None,
        grads: Parameters | None = None,
        workspace: Workspace | None = None,
    ) -> tuple[MaybeArray, Parameters]:
        """Returns dx (None for ids) and the gradients of all parameters.

        Args:
            dlogits: shaped as the logits.
            tape: the one that forward returned.
            truncation: of the gradient, as the recurrent layer takes it.
            grads, workspace: a training loop's own buffers, written over.
        """
        grads, own = self._begin(tape, SequenceTape, grads, workspace, truncation)
        return self._descend(dlogits, tape, own, truncation, True), grads

    def _descend(
        self, dlogits: Array, tape: SequenceTape, own: dict[str, Any], truncation: Any, input_gradient: bool
    ) -> Array | None:
        """Writes every layer's gradients, in its own buffers; returns dx, of features if `input_gradient`."""
        dread, _ = self.output.backward(dlogits, tape.output, **own["output"])
        dy, dstate = self._unread(dread)
        if tape.context:
            zeros = np.zeros_like(dread, shape=(tape.context, *dread.shape[1:]))
            dy = array_module(dread).concatenate([zeros, dread])
        options: Any = own["recurrent"] | {"input_gradient": input_gradient or self.embedding is not None}
        dx: Array | None
        dx, _, _ = self.recurrent.backward(dy, tape.recurrent, dstate, truncation, **options)
        if self.embedding is not None and dx is not None and tape.embedding is not None:
            rows, grads = dx[len(dx) - len(tape.embedding) :], own["embedding"]["grads"]  # before: an input of zeros
            of_output = grads.flat.copy() if self.tied else None
            dx, _ = self.embedding.backward(rows, tape.embedding, grads=grads)
            if of_output is not None:
                grads.flat[...] += of_output
        return dx

    def _cut_parts(self, params: Parameters) -> dict[str, Parameters]:
        parts = super()._cut_parts(params)
        if self.tied:
            parts["output"].share("W", parts["embedding"]["W"].T)
        return parts

    def _unread(self, dread: Array) -> tuple[Array | None, Any]:
        """(dy, dstate) of the recurrent layer, from the gradient by what the output layer reads of it."""
        return dread, None

    def loss(
        self,
        x: Array,
        targets: Array,
        lengths: Array | None = None,
        *,
        weights: Array | None = None,
        reduction: str = "mean",
        training: bool = False,
    ) -> tuple[Array, Parameters]:
        """Returns the cross-entropy of targets, and its gradients.

        Args:
            x, lengths: as forward takes them.
            targets: class ids shaped as the logits without their last axis, or for "binary" 0 and 1 shaped as the
                logits.
            weights: a factor for each class id's position, 0 for positions that do not count; past a sequence's length
                there are none in any case.
            reduction: "mean" over what counts, or "sum", J = sum_t L_t.
            training: whether dropout acts.

        Raises:
            TypeError, ValueError: if an argument does not fit, before anything is learnt.
        """
        value, buffers = self._backpropagate(x, targets, lengths, weights, reduction, training)
        return value, buffers.grads

    def _training_loss(
        self, x: Array, targets: Array, lengths: Any = None, *, weights: Any = None, reduction: str = "mean"
    ) -> tuple[Array, Parameters]:
        value, self._buffers = self._backpropagate(x, targets, lengths, weights, reduction, True, self._buffers)
        return value, self._buffers.grads

    def _backpropagate(
        self,
        x: Array,
        targets: Array,
        lengths: Array | None,
        weights: Array | None,
        reduction: str,
        training: bool,
        old: Buffers | None = None,
    ) -> tuple[Array, Buffers]:
        self._check_loss(x, targets, lengths, weights, reduction)
        logits, _, tape = self._run(x, None, lengths, training, old.tape if old else None)
        weights = self._position_weights(logits, lengths, weights)
        if self.is_binary:
            by_label = None if weights is None else weights[..., None]
            value, dlogits = binary_cross_entropy(logits, targets, weights=by_label, reduction=reduction)
        else:
            value, dlogits = softmax_cross_entropy(logits, targets, weights=weights, reduction=reduction)
        return value, self._backward(dlogits, tape, old)

    def _check_loss(self, x: Array, targets: Array, lengths: Any, weights: Array | None, reduction: str) -> None:
        """Raises TypeError or ValueError for what would be refused after dropout has been drawn."""
        one_of("reduction", reduction, ("mean", "sum"))
        if array("x", x).ndim < 2:
            return  # forward says what x must be
        shape, classes = self._positions(x), self.output.out_features
        lengths = lengths if len(shape) == 2 else None  # of whole sequences all positions count
        weights = checked_weights(weights, shape, lengths, reduction)
        if self.is_binary:
            check_same_shape("logits", (*shape, classes), targets)
        elif integers("targets", targets).shape != shape:
            remedy = "; x has time first: x.swapaxes(0, 1)" if targets.shape == x.shape[:1] else ""
            raise ValueError(f"targets must have shape {shape}, a class for each position, got {targets.shape}{remedy}")
        check_counted(targets, None if self.is_binary else classes, lengths, weights)

    def _positions(self, x: Array) -> tuple[int, ...]:
        """The shape of the logits without the classes."""
        return x.shape[:2]

    def _backward(self, dlogits: Array, tape: SequenceTape, old: Buffers | None, truncation: Any = None) -> Buffers:
        """The gradients, in the buffers of the step before."""
        workspace = old.workspace if old else Workspace()
        grads, own = self._gradients(old.grads if old else None, workspace)
        self._descend(dlogits, tape, own, truncation, False)
        return Buffers(tape, workspace, grads)

    def _position_weights(self, logits: Array, lengths: Array | None, weights: Array | None) -> Array | None:
        return weights

    def predict(self, x: Array, lengths: Array | None = None) -> Array:
        """Returns the likeliest class of each position, or for "binary" whether each label is likelier than not.

        Args:
            x, lengths: as forward takes them.

        Raises:
            ValueError: if a parameter is not finite.
        """
        self.check_finite()
        logits = self.forward(x, lengths)[0].real
        return logits > 0 if self.is_binary else logits.argmax(axis=-1)
