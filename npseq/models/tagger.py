"""A tagger reads many steps and writes as many: a label for every step."""

from npseq.backend import Array
from npseq.models.positions import position_weights
from npseq.models.sequence import SequenceModel


class Tagger(SequenceModel):
    """y_t = W_y h_t + b_y at every step; with two directions h_t is [h_t forward, h_t backward].

    x (T, B, D), or ids (T, B); logits (T, B, K).

    Args:
        recurrent: any recurrent layer; the model works on a copy.
        num_labels: K, the classes of "softmax", of which one holds, or the labels of "binary", each of which holds or
            not.
        loss: "softmax" or "binary".
        embedding: its rows become the recurrent layer's inputs; None hands features, or one-hot ids, straight on.
        rng: a seed or a Generator, of the output layer's initial values.

    Raises:
        ValueError: if loss is another one, sizes do not fit, or layers differ in dtype.

    Example:
        >>> tagger = ns.models.Tagger(ns.GRU(2, 8, bidirectional=True, rng=0), num_labels=3, rng=0)
        >>> tagger.predict(np.zeros((5, 4, 2), np.float32)).shape
        (5, 4)
    """

    def _position_weights(self, logits: Array, lengths: Array | None, weights: Array | None) -> Array | None:
        return position_weights(logits, lengths, weights)
