"""What a Classifier and a Tagger share: they are made by name, read texts, and answer with the names of labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npseq.activations import sigmoid
from npseq.arguments import array, array_or_lists, integer
from npseq.backend import Array, array_module, drawing, to_host
from npseq.cell import Cell
from npseq.data import Labelled, Vocabulary, pad_sequences
from npseq.layers import Bidirectional, Embedding
from npseq.layers.recurrent import Recurrent
from npseq.models.cells import check_cell_options, layer_of
from npseq.models.examples import Examples
from npseq.models.fitting import Fitting, no_targets
from npseq.models.sequence import SequenceModel

EMBEDDED = 32  # features of a token, where nothing else is said


class LabelModel(Fitting, SequenceModel):
    """Reads sequences and answers with labels; use Classifier or Tagger.

    Args:
        recurrent: a recurrent layer, of which the model takes a copy; or the name of a cell, "rnn", "gru" or "lstm", or
            a cell of one's own, of which it is made.
        num_labels: K, the classes of "softmax", of which one holds, or the labels of "binary", each of which holds or
            not; or their names.
        loss: "softmax" or "binary".
        vocab: a Vocabulary, by which the model reads texts.
        embedding: its rows become the recurrent layer's inputs; None hands features, or one-hot ids, straight on. Of a
            cell by name, how many features a token has; None is 32 with a vocab.
        input_size: D features of a step, for a cell by name without a vocab.
        hidden_size, num_layers, bidirectional, dropout, dtype: of a cell by name.
        rng: a seed or a Generator, of the initial values.
    """

    def __init__(
        self,
        recurrent: str | Cell | Recurrent | Bidirectional,
        num_labels: int | Sequence[str],
        *,
        loss: str = "softmax",
        vocab: Vocabulary | None = None,
        embedding: Embedding | int | None = None,
        input_size: int | None = None,
        hidden_size: int = 64,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        given: dict[str, Any] = {"hidden_size": hidden_size, "num_layers": num_layers, "bidirectional": bidirectional}
        given |= {"dropout": dropout, "dtype": dtype}
        check_cell_options(recurrent, given, type(self))
        if vocab is not None and not isinstance(vocab, Vocabulary):
            raise TypeError(f"vocab must be a Vocabulary or None, got {vocab!r:.80}")
        names = None if isinstance(num_labels, int | np.integer) else _names(num_labels)
        self.vocab, count = vocab, integer("num_labels", num_labels) if names is None else len(names)
        with drawing(rng) as rng:
            layer, rows = recurrent, embedding
            if isinstance(recurrent, str | Cell):
                size, rows = self._inputs(embedding, input_size, dtype, rng)
                layer = layer_of(recurrent, size, **given, rng=rng)
            elif input_size is not None or isinstance(embedding, int):
                raise ValueError("input_size and the size of an embedding belong to a cell by name; leave them out")
            super().__init__(layer, count, loss=loss, embedding=rows, rng=rng)  # type: ignore[arg-type]
        self.classes_ = np.arange(count) if names is None else np.array(names, dtype=object)

    def _inputs(self, embedding: Any, input_size: Any, dtype: Any, rng: Any) -> tuple[int, Embedding | None]:
        if isinstance(embedding, Embedding):
            return embedding.dim, embedding
        if self.vocab is not None:
            size = integer("embedding", EMBEDDED if embedding is None else embedding)
            return size, Embedding(len(self.vocab), size, dtype=dtype, rng=rng)
        if input_size is None:
            raise ValueError(
                "a cell by name needs to know what it reads: vocab, for texts, or input_size, the features of a step"
            )
        return integer("input_size", input_size), None

    def _made(self) -> dict[str, Any]:
        names = None if self.classes_.dtype == int else [str(name) for name in self.classes_]
        return {
            "recurrent": self.recurrent,
            "num_labels": len(self.classes_) if names is None else names,
            "loss": "binary" if self.is_binary else "softmax",
            "vocab": self.vocab,
            "embedding": self.embedding,
        }

    def predict(self, x: Any, lengths: Array | None = None) -> Any:
        """Returns the likeliest label of each position; for "binary" whether each label is likelier than not.

        Args:
            x: (T, B, D), or ids (T, B), as forward takes them, for class numbers; or a list of texts, for names of
                labels.
            lengths: (B,), of arrays.

        Raises:
            ValueError: if a parameter is not finite.
        """
        self.check_finite()
        if not _is_texts(x):
            return SequenceModel.predict(self, x, lengths)
        ids, ends = self._read_texts(x)
        return self._named(to_host(SequenceModel.predict(self, ids, ends)), ends)

    def predict_proba(self, x: Any, lengths: Array | None = None) -> Array:
        """Returns the probability of each label, in the order of classes_: as the logits, (B, K) or (T, B, K).

        Args:
            x, lengths: as `predict` takes them.
        """
        self.check_finite()
        if _is_texts(x):
            x, lengths = self._read_texts(x)
        logits = self.forward(x, lengths)[0].real
        if self.is_binary:
            return sigmoid(logits)
        p = array_module(logits).exp(logits - logits.max(axis=-1, keepdims=True))
        probabilities: Array = p / p.sum(axis=-1, keepdims=True)
        return probabilities

    def score(self, data: Any, targets: Any = None, *, batch_size: int = 256) -> float:
        """Returns the accuracy: the share of positions whose label is the likeliest.

        Args:
            data, targets: as `fit` takes them.
            batch_size: how many are run at a time.
        """
        examples, right, counted = self._examples(data, targets), 0, 0
        for x, wanted, lengths in examples.batches(integer("batch_size", batch_size), np.arange(len(examples))):
            hit = to_host(SequenceModel.predict(self, x, lengths) == wanted)
            mask = np.ones(hit.shape, bool)
            if lengths is not None and mask.shape[:2] == x.shape[:2]:
                mask[np.arange(len(x))[:, None] >= to_host(lengths)] = False
            right, counted = right + int(hit[mask].sum()), counted + int(mask.sum())
        return right / max(counted, 1)

    def _examples(self, data: Any, targets: Any) -> Examples:
        """Labelled data; texts and the names of their labels; or arrays x, targets and, in a tuple with x, lengths."""
        lengths: Any
        if isinstance(data, Labelled):
            no_targets(targets, "labelled data hold them")
            arrays: tuple[Any, ...] = (self._moved(data.ids), self._moved(data.targets), data.lengths)
        elif _is_texts(data):
            ids, lengths = self._read_texts(data)
            arrays = (ids, self._moved(self._numbered(targets, lengths)), lengths)
        elif isinstance(data, tuple):
            arrays = (*data, None)[:3] if targets is None else (data[0], targets, data[1])
        else:
            arrays = (data, targets, None)
        if arrays[0] is None or arrays[1] is None:
            raise TypeError("targets must be given: a label for each text, or pass (x, targets, lengths)")
        x, wanted = (array("data", array_or_lists("data", part)) for part in arrays[:2])
        lengths = None if arrays[2] is None else array("data", array_or_lists("data", arrays[2]))
        x = x.astype(self.dtype) if x.dtype.kind == "f" else x
        self._check_loss(x, wanted, lengths, None, "mean")
        by_step = len(self._positions(x)) == 2
        axes = (1, 1 if by_step else 0, 0)
        return Examples((x, wanted, lengths), axes, ((0, 2), (1, 2)) if by_step else ((0, 2),))

    def _read_texts(self, texts: Sequence[Any]) -> tuple[Array, np.ndarray]:
        """Returns ids (T, B) and lengths (B,) of texts or lists of tokens; an unknown one is read in lower case."""
        if self.vocab is None:
            raise TypeError("texts need a model with a vocab; give ids, or make the model with vocab=data.vocab")
        for place, text in enumerate(texts):
            if not isinstance(text, str | list | tuple):
                raise TypeError(f"texts must be strings, or lists of tokens, got {text!r:.40} in place {place}")
        known = self.vocab
        lines = [known.tokenize(text) if isinstance(text, str) else list(text) for text in texts]
        ids = [[known[token if token in known else token.lower()] for token in line] for line in lines]
        padded, lengths = pad_sequences(ids, known.unk) if any(ids) else (np.zeros((1, len(ids)), int), [0] * len(ids))
        return self._moved(padded.astype(np.int64)), np.asarray(lengths)

    def _numbered(self, targets: Any, lengths: np.ndarray) -> np.ndarray:
        """Returns the places of labels that are given by name, or by number."""
        places = {name: k for k, name in enumerate(self.classes_.tolist())}
        try:
            if len(self._positions(np.zeros((1, 1), int))) == 1:
                return np.array([places[label] for label in targets])
            rows = [[places[label] for label in row] for row in targets]
        except (KeyError, TypeError) as error:
            raise ValueError(f"a target must be one of the labels {list(places)[:20]}, got {error}") from error
        padded, ends = pad_sequences(rows)
        if ends.tolist() != lengths.tolist():
            raise ValueError("each sentence must have a label for every token; give sentences as lists of tokens")
        return padded

    def _named(self, predicted: np.ndarray, lengths: np.ndarray) -> Any:
        """Returns the names of labels: an array (B,), or for each sentence a list, one a token."""
        if self.is_binary:
            return predicted
        names = self.classes_[predicted]
        if names.ndim == 1:
            return names
        return [names[: int(end), k].tolist() for k, end in enumerate(lengths)]


def _is_texts(x: Any) -> bool:
    """Whether x is a list of texts, or of lists of tokens, a pandas Series of texts among them."""
    if isinstance(x, str):
        raise TypeError(f"texts must be a list of strings, got one string; pass [{x!r:.40}]")
    values = list(x) if isinstance(x, list | tuple) or hasattr(x, "to_list") else []
    return bool(values) and (
        isinstance(values[0], str)
        or (isinstance(values[0], list | tuple) and bool(values[0]) and isinstance(values[0][0], str))
    )


def _names(labels: Any) -> list[str]:
    named = isinstance(labels, list | tuple) or (isinstance(labels, np.ndarray) and labels.ndim == 1)
    if (
        not named
        or not len(labels)
        or not all(isinstance(name, str) for name in labels)
        or len(set(labels)) < len(labels)
    ):
        raise TypeError(f"num_labels must be how many labels there are, or their names, each once, got {labels!r:.80}")
    return list(labels)
