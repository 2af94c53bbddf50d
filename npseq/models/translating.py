"""What one does with pairs of texts: a sequence-to-sequence model is fitted to them, translates, is saved whole."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from npseq.arguments import array, array_or_lists, integer
from npseq.arrays import type_name
from npseq.data import Pairs, Vocabulary, pad_sequences
from npseq.data.sentences import as_known
from npseq.layers.lengths import check_lengths, check_steps
from npseq.models.encoder_decoder import EncoderDecoder
from npseq.models.examples import Examples, check_vocab
from npseq.models.fitting import Fitting, no_targets

NO_VOCABULARIES = "texts need a model with vocabularies; give ids, or make the model with those of load_pairs"


class Translating(Fitting, EncoderDecoder):
    """The part of Seq2Seq that reads and writes texts; use that.

    `longest_` is the length of the longest target that it was fitted to.
    """

    fitted = (*Fitting.fitted, "longest_")
    source_vocab: Vocabulary | None
    target_vocab: Vocabulary | None
    longest_: int

    def _made(self) -> dict[str, Any]:
        encoder, decoder = self.encoder, self.decoder
        return {
            "source_vocab": self.source_vocab or encoder.embedding.num_embeddings,
            "target_vocab": self.target_vocab or decoder.embedding.num_embeddings,
            "cell": encoder.recurrent,
            "embedding_size": encoder.embedding.dim,
            "decoder_layers": decoder.recurrent.num_layers,
            "bridge": self.bridge is not None,
        }

    def _examples(self, data: Any, targets: Any) -> Examples:
        """Pairs; two lists of texts; or arrays (source, target, source_lengths, target_lengths) in a tuple."""
        if isinstance(data, Pairs):
            no_targets(targets, "pairs hold them, and valid= takes those to hold out")
            self._check_vocabs(data)
            ids = self._moved(data.source), self._moved(data.target)
            arrays: tuple[Any, ...] = (*ids, data.source_lengths, data.target_lengths)
        elif targets is not None:
            source, target = _read(data, self.source_vocab), _read(targets, self.target_vocab)
            arrays = self._moved(source[0]), self._moved(target[0]), source[1], target[1]
        elif isinstance(data, tuple) and len(data) in (2, 4) and not isinstance(data[0], Pairs):
            arrays = (*data, None, None)[:4]
        else:
            raise TypeError(
                "pairs must be Pairs, as load_pairs returns them, two lists of texts, or arrays in a tuple, got "
                f"{_way(data)}"
            )
        arrays = tuple(None if part is None else array("data", array_or_lists("data", part)) for part in arrays)
        Examples(arrays, (1, 1, 0, 0))  # refuses none
        self._checked(*arrays)  # type: ignore[attr-defined]
        source, target, ends, target_ends = arrays
        ends = None if ends is None else check_steps(ends, *source.shape)
        target_ends = None if target_ends is None else check_lengths(target_ends, *target.shape)
        return Examples((source, target, ends, target_ends), (1, 1, 0, 0), ((0, 2), (1, 3)), targets=1)

    def _check_vocabs(self, pairs: Pairs) -> None:
        for given, own in ((pairs.source_vocab, self.source_vocab), (pairs.target_vocab, self.target_vocab)):
            if own is not None:
                check_vocab(given, own)

    def _noted(self, examples: Examples) -> dict[str, int]:
        arrays: Any = examples.arrays
        _, target, _, lengths = arrays
        longest = len(target) if lengths is None else int(lengths.max())
        return {"longest_": max(longest, getattr(self, "longest_", 0))}

    def predict(self, texts: Sequence[str] | Any, *, batch_size: int = 256, max_steps: int | None = None) -> Any:
        """Returns the translation of each text by the likeliest token after the likeliest token; `translate` searches.

        Args:
            texts: a list of texts, or Pairs, whose sources are read, for a list of texts; or ids (S, B), for a list of
                arrays of ids.
            batch_size: how many are translated at a time.
            max_steps: the most tokens of a translation; None is half as many again as the longest one learnt from.

        Raises:
            TypeError: for texts without vocabularies.
        """
        size = integer("batch_size", batch_size)
        most = 3 * getattr(self, "longest_", 20) // 2 + 1 if max_steps is None else max_steps
        if isinstance(texts, Pairs):
            self._check_vocabs(texts)
            source, lengths, vocab = texts.source, texts.source_lengths, texts.target_vocab
        else:
            texts = _listed(texts)
            if not isinstance(texts, list | tuple):
                if isinstance(texts, Iterable) and not hasattr(texts, "dtype"):
                    way = "pass a column" if hasattr(texts, "columns") else "pass list(texts)"
                    raise TypeError(f"texts must be a list of strings, got {type_name(texts)}; {way}")
                return self.greedy(texts, max_steps=most)  # type: ignore[attr-defined]
            if self.target_vocab is None:
                raise TypeError(NO_VOCABULARIES)
            (source, lengths), vocab = _read(texts, self.source_vocab), self.target_vocab
        found: list[str] = []
        for start in range(0, len(lengths), size):
            ends = lengths[start : start + size]
            rows = self.greedy(  # type: ignore[attr-defined]
                self._moved(source[: int(ends.max()), start : start + size]), ends, max_steps=most
            )
            found += [vocab.decode(row) for row in rows]
        return found

    def score(self, data: Any, targets: Any = None, *, batch_size: int = 256) -> float:
        """Returns the share of pairs whose greedy translation is the target, token by token.

        Args:
            data, targets: as `fit` takes them.
            batch_size: how many are translated at a time.
        """
        examples, right = self._examples(data, targets), 0
        for source, target, ends, target_ends in examples.batches(
            integer("batch_size", batch_size), np.arange(len(examples))
        ):
            lengths = np.full(target.shape[1], len(target)) if target_ends is None else target_ends
            right += int(self.exact_matches(source, target, ends, lengths).sum())  # type: ignore[attr-defined]
        return right / len(examples)


def _way(data: Any) -> str:
    if isinstance(data, tuple) and data and isinstance(data[0], Pairs):
        return "a tuple of Pairs; give the first, fit(learnt, valid=test)"
    return f"{type_name(data)}; ns.data.load_pairs reads files, lists of pairs and data frames"


def _listed(texts: Any) -> Any:
    """A pandas Series, or an array of texts, as a list; anything else as it is."""
    if isinstance(texts, str):
        raise TypeError("texts must be a list of strings, got one string; pass [texts]")
    if hasattr(texts, "to_list"):
        return texts.to_list()
    return texts.tolist() if isinstance(texts, np.ndarray) and texts.dtype.kind in "OUT" else texts


def _read(texts: Any, vocab: Vocabulary | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns texts as ids (T, B), each ended by <eos>, and lengths (B,)."""
    if vocab is None:
        raise TypeError(NO_VOCABULARIES)
    if not all(isinstance(text, str) for text in _listed(texts)):
        raise TypeError(f"texts must be a list of strings, got {texts!r:.60}; translate takes tokens")
    if not len(texts):
        raise ValueError("texts must be at least one, got an empty list")
    lines = as_known(map(vocab.tokenize, _listed(texts)), vocab)
    return pad_sequences([[*vocab[line], vocab["<eos>"]] for line in lines], vocab["<pad>"])
