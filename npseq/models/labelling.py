"""What a Classifier and a Tagger share: they are made by name, read texts, and answer with the names of labels."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np

from npseq.activations import sigmoid
from npseq.arguments import array, array_or_lists, finite, instance, integer
from npseq.arrays import type_name
from npseq.backend import Array, array_module, drawing, to_host
from npseq.cell import Cell
from npseq.data import Labelled, Vocabulary, pad_sequences
from npseq.layers import Bidirectional, Embedding
from npseq.layers.lengths import check_steps, has_step
from npseq.layers.recurrent import Recurrent
from npseq.models.cells import CELL, check_cell_options, layer_of
from npseq.models.examples import Examples, check_vocab
from npseq.models.fitting import Fitting, no_targets
from npseq.models.label_inputs import by_name, holding, is_texts, lines_of, names_of
from npseq.models.sequence import SequenceModel

EMBEDDED = 32  # features of a token, where nothing else is said
WANTED = (
    "targets must be given: a label for each text, or for each token of each sentence; load_labelled and load_tagged "
    "read files, lists of pairs and data frames"
)


class LabelModel(Fitting, SequenceModel):
    """Reads sequences and answers with labels; use Classifier or Tagger.

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
    """

    def __init__(
        self,
        cell: str | Cell | Recurrent | Bidirectional = CELL,
        num_labels: int | Sequence[str] | None = None,
        *,
        loss: str = "softmax",
        vocab: Vocabulary | None = None,
        embedding: Embedding | None = None,
        embedding_size: int | None = None,
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
        if any(isinstance(one, Labelled) for one in (cell, num_labels, vocab)):
            raise TypeError(
                "a model must be given num_labels=data.labels and vocab=data.vocab, got the data themselves"
            )
        if num_labels is None and isinstance(cell, int | list | tuple):
            raise TypeError(f"cell must come before the labels, got {cell!r:.60}; name them: num_labels={cell!r:.60}")
        check_cell_options(cell, given, type(self))
        if vocab is not None and not isinstance(vocab, Vocabulary):
            raise TypeError(f"vocab must be a Vocabulary or None, got {vocab!r:.80}")
        names = None if isinstance(num_labels, int | np.integer) else names_of(num_labels)
        self.vocab, count = vocab, integer("num_labels", num_labels) if names is None else len(names)
        instance("embedding", embedding, (Embedding, type(None)), "an Embedding, whose size embedding_size is, or None")
        reads = None if isinstance(cell, str | Cell) else cell.input_size
        if vocab is not None and (size := reads if embedding is None else embedding.num_embeddings) not in (
            None,
            len(vocab),
        ):
            raise ValueError(f"the model must read the {len(vocab)} tokens of vocab, got a layer that reads {size}")
        with drawing(rng) as rng:
            layer, rows = cell, embedding
            if isinstance(cell, str | Cell):
                size, rows = self._inputs(embedding, embedding_size, input_size, dtype, rng)
                layer = layer_of(cell, size, **given, rng=rng)
            elif input_size is not None or embedding_size is not None:
                raise ValueError("input_size and embedding_size belong to a cell by name; leave them out")
            super().__init__(layer, count, loss=loss, embedding=rows, rng=rng)  # type: ignore[arg-type]
        self.classes_ = np.arange(count) if names is None else np.array(names, dtype=object)

    def _inputs(
        self, embedding: Embedding | None, embedding_size: Any, input_size: Any, dtype: Any, rng: Any
    ) -> tuple[int, Embedding | None]:
        """The features of a step, and the embedding, of a cell by name."""
        if input_size is not None and (self.vocab is not None or embedding is not None):
            raise ValueError(f"input_size must be left out with a vocab or an embedding, got {input_size}")
        if embedding is None and self.vocab is not None:
            size = integer("embedding_size", EMBEDDED if embedding_size is None else embedding_size)
            return size, Embedding(len(self.vocab), size, dtype=dtype, rng=rng)
        if embedding_size is not None:
            raise ValueError(
                f"embedding_size must be left out without a vocab, or beside an embedding, got {embedding_size}"
            )
        if embedding is not None:
            return embedding.dim, embedding
        if input_size is None:
            raise ValueError(
                "a cell by name needs to know what it reads: vocab, for texts, or input_size, the features of a step"
            )
        return integer("input_size", input_size), None

    def _made(self) -> dict[str, Any]:
        names = None if self.classes_.dtype == int else [str(name) for name in self.classes_]
        return {
            "cell": self.recurrent,
            "num_labels": len(self.classes_) if names is None else names,
            "loss": "binary" if self.is_binary else "softmax",
            "vocab": self.vocab,
            "embedding": self.embedding,
        }

    def predict(self, x: Any, lengths: Array | None = None) -> Any:
        """Returns the likeliest label of each position; for "binary" whether each label is likelier than not.

        Args:
            x: (T, B, D), or ids (T, B), as forward takes them, for class numbers; or a list of texts, or Labelled, for
                names of labels.
            lengths: (B,), of arrays.

        Raises:
            ValueError: if a parameter is not finite.
        """
        self.check_finite()
        if not self._reads(x):
            return SequenceModel.predict(self, self._numbers("x", x), lengths)
        ids, ends = self._read_texts(x)
        return self._named(to_host(SequenceModel.predict(self, ids, ends)), ends)

    def predict_proba(self, x: Any, lengths: Array | None = None) -> Array:
        """Returns the probability of each label, in the order of classes_: as the logits, (B, K) or (T, B, K).

        Args:
            x, lengths: as `predict` takes them.
        """
        self.check_finite()
        if self._reads(x):
            x, lengths = self._read_texts(x)
        else:
            x = self._numbers("x", x)
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
        self.check_finite()
        examples, right, counted = self._examples(data, targets), 0, 0
        for x, wanted, lengths in examples.batches(integer("batch_size", batch_size), np.arange(len(examples))):
            hit = to_host(SequenceModel.predict(self, x, lengths) == wanted)
            hit = hit[has_step(lengths, *x.shape[:2])] if self._by_step else hit
            right, counted = right + int(hit.sum()), counted + hit.size
        return right / max(counted, 1)

    def _examples(self, data: Any, targets: Any) -> Examples:
        """Labelled data; texts and the names of their labels; or arrays x, targets and, in a tuple with x, lengths."""
        x, targets, lengths = self._given(data, targets)
        if by_name(targets) and not self._by_step:
            targets = self._moved(self._numbered(targets, lengths=None))
        if x is None or targets is None:
            raise TypeError(WANTED)
        x, targets = self._numbers("data", x), array("targets", array_or_lists("targets", targets))
        lengths = None if lengths is None else array("lengths", array_or_lists("lengths", lengths))
        self._check_loss(x, targets, lengths, None, "mean")
        lengths = None if lengths is None else check_steps(lengths, *x.shape[:2])
        if x.dtype.kind == "f":
            has = self._moved(has_step(lengths, *x.shape[:2]))
            finite("data", array_module(x).where(has[..., None], x, 0))
        if self._by_step:
            return Examples((x, targets, lengths), (1, 1, 0), ((0, 2), (1, 2)), targets=1)
        return Examples((x, targets, lengths), (1, 0, 0), ((0, 2),))

    def _given(self, data: Any, targets: Any) -> tuple[Any, Any, Any]:
        """What `fit` is given as x, targets and lengths, whose texts are ids and whose labels of texts are numbers."""
        if isinstance(data, str | PathLike) or hasattr(data, "columns"):
            given = type_name(data) if hasattr(data, "columns") else repr(data)[:60]
            raise TypeError(f"data must be loaded, by load_labelled or load_tagged, got {given}")
        if targets is None and isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], str):
            data, targets = data
        if isinstance(data, Labelled):
            no_targets(targets, "labelled data hold them")
            ids, lengths = self._read_texts(data)
            self._check_labels(data)
            return ids, self._moved(data.targets), lengths
        if is_texts(data, self.vocab is not None):
            ids, lengths = self._read_texts(data)
            return ids, self._moved(self._numbered(targets, lengths)), lengths
        if not isinstance(data, tuple):
            return data, targets, None
        if len(data) != (3 if targets is None else 2):
            raise TypeError(f"data must be (x, targets, lengths), or (x, lengths) beside targets, got {len(data)}")
        return (data[0], data[1], data[2]) if targets is None else (data[0], targets, data[1])

    @property
    def _by_step(self) -> bool:
        """Whether each step has a label, not each text."""
        return len(self._positions(np.zeros((1, 1), int))) == 2

    def _reads(self, x: Any) -> bool:
        """Whether x is read by the vocabulary, or is loaded data."""
        has_vocab = self.vocab is not None
        return isinstance(x, Labelled) or is_texts(x, has_vocab) or (has_vocab and isinstance(x, list | tuple))

    def _check_labels(self, data: Labelled) -> None:
        """Raises ValueError for labels that are not the model's, or of texts where those of tokens are learnt."""
        if (data.targets.ndim == 2) != self._by_step:
            wanted, given, other = ("token", "text", "Classifier") if self._by_step else ("text", "token", "Tagger")
            raise ValueError(f"data must have a label for each {wanted}, got one for each {given}; take a {other}")
        if len(data.labels) != len(self.classes_) or (
            self.classes_.dtype == object and data.labels != tuple(self.classes_)
        ):
            raise ValueError(
                f"the labels of data must be the model's, {self.classes_.tolist()!s:.80}, got "
                f"{list(data.labels)!s:.80}; load both parts together and split them, or the second with like=first"
            )

    def _read_texts(self, texts: Sequence[Any] | Labelled) -> tuple[Array, np.ndarray]:
        """Returns ids (T, B) and lengths (B,) of texts or lists of tokens; an unknown one is read in lower case."""
        if isinstance(texts, Labelled):
            if self.vocab is not None:
                check_vocab(texts.vocab, self.vocab)
            return self._moved(texts.ids), texts.lengths
        if self.vocab is None:
            raise TypeError("texts need a model with a vocab; give ids, or make the model with vocab=data.vocab")
        ids = [self.vocab[line] for line in lines_of(texts, self.vocab, whole=not self._by_step)]
        padded, lengths = (
            pad_sequences(ids, self.vocab.unk) if any(ids) else (np.zeros((1, len(ids)), int), [0] * len(ids))
        )
        return self._moved(padded.astype(np.int64)), np.asarray(lengths)

    def _numbered(self, targets: Any, lengths: Any) -> np.ndarray:
        """Returns the places of labels that are given by name, or by number; lengths: of sentences."""
        if targets is None:
            raise TypeError(WANTED)
        places = {name: k for k, name in enumerate(self.classes_.tolist())}
        if self.is_binary:
            return self._numbers("targets", holding([str(name) for name in self.classes_], targets))

        def place(label: Any) -> int:
            label = label.item() if isinstance(label, np.generic) else label
            return places[label if label in places or self.classes_.dtype == int else str(label)]

        try:
            if not self._by_step:
                return np.array([place(label) for label in targets], int)
            rows = [[place(label) for label in row] for row in targets]
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
