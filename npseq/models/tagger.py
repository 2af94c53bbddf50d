"""A tagger reads many steps and writes as many: a label for every step."""

from npseq.backend import Array
from npseq.models.labelling import LabelModel
from npseq.models.positions import position_weights


class Tagger(LabelModel):
    """y_t = W_y h_t + b_y at every step; with two directions h_t is [h_t forward, h_t backward].

    x (T, B, D), or ids (T, B); logits (T, B, K).

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
        >>> data = ns.data.load_tagged([[("the", "D"), ("cat", "N")], [("cats", "N")]] * 9, min_freq=1)
        >>> model = ns.models.Tagger("gru", data.labels, vocab=data.vocab, rng=0).fit(data, valid=0)
        >>> model.predict(["the cats", "cat"])
        [['D', 'N'], ['N']]
        >>> tagger = ns.models.Tagger(ns.GRU(2, 8, bidirectional=True, rng=0), num_labels=3, rng=0)
        >>> tagger.predict(np.zeros((5, 4, 2), np.float32)).shape
        (5, 4)
    """

    def _position_weights(self, logits: Array, lengths: Array | None, weights: Array | None) -> Array | None:
        return position_weights(logits, lengths, weights)
