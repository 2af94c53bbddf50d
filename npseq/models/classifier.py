"""A classifier reads many steps and writes one: a label for a whole sequence."""

from typing import Any

from npseq.backend import Array
from npseq.layers.last_output import last_output, last_output_gradient
from npseq.models.labelling import LabelModel


class Classifier(LabelModel):
    """y = W_y h_T + b_y, h_T the last layer's state after each sequence's own last step.

    With two directions h_T is [forward's after the last step, backward's after the first]. x (T, B, D), or ids (T, B);
    logits (B, K). A sequence of length 0 is classified from the initial state.

    Args:
        cell: "rnn", "gru" or "lstm", or a cell of one's own, of which the model is made; or a recurrent layer, of which
            it takes a copy.
        num_labels: K, the classes of "softmax", of which one holds, or the labels of "binary", each of which holds or
            not; or their names. It must be given.
        loss: "softmax" or "binary".
        vocab: a Vocabulary, by which the model reads texts.
        embedding: an Embedding, whose rows become the recurrent layer's inputs; None hands features, or one-hot ids,
            straight on, and with a vocab a cell by name gets one.
        embedding_size: features of that one.
        input_size: D features of a step, for a cell by name without a vocab.
        hidden_size, num_layers, bidirectional, dropout, dtype: of a cell by name.
        rng: a seed or a Generator, of the initial values.

    Raises:
        ValueError: if loss is another one, sizes do not fit, or layers differ in dtype.

    Example:
        >>> data = ns.data.load_labelled([("good film", "+"), ("bad film", "-")] * 8, min_freq=1)
        >>> model = ns.models.Classifier("gru", data.labels, vocab=data.vocab, rng=0).fit(data, valid=0)
        >>> model.predict(["good", "bad"]).tolist(), model.score(data)
        (['+', '-'], 1.0)
        >>> classifier = ns.models.Classifier(ns.LSTM(2, 8, rng=0), num_labels=3, rng=0)
        >>> classifier.predict(np.zeros((5, 4, 2), np.float32), np.array([5, 3, 1, 2])).shape
        (4,)
    """

    def _positions(self, x: Array) -> tuple[int, ...]:
        return x.shape[1:2]

    def _read(self, y: Array, state: Any) -> Array:
        return last_output(self.recurrent, state)

    def _unread(self, dread: Array) -> tuple[Array | None, Any]:
        return None, last_output_gradient(self.recurrent, dread)
