"""Sequence to sequence: an encoder and a decoder of one kind, which reads the target or its own words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from npseq.arguments import amount, array, flag, integer, one_of, share
from npseq.backend import Array, array_module, drawing, generator, to_host
from npseq.cell import Cell
from npseq.data import Vocabulary
from npseq.data.sentences import as_known
from npseq.initializers import xavier_uniform
from npseq.layers import Bidirectional, Embedding, Linear
from npseq.layers.batch import check_ids
from npseq.layers.contract import initial_values
from npseq.layers.layer import require_real
from npseq.layers.lengths import check_lengths
from npseq.layers.recurrent import Recurrent
from npseq.models.cells import CELL, check_cell_options, layer_of, recurrent_of
from npseq.models.decoding.beam_search import BeamSearch, beam_search
from npseq.models.decoding.generation import sized
from npseq.models.decoding.greedy import greedy, next_log_probs, own_inputs, reader
from npseq.models.halves import Decoder, Encoder
from npseq.models.masked_loss import masked_softmax_cross_entropy
from npseq.models.translating import Translating
from npseq.parameters import Parameters


class Seq2Seq(Translating):
    """d2l's network: embeddings, recurrent layers of the same sizes in both halves, the context in every decoder step.

    Dive into Deep Learning, 10.7.

    Args:
        source_vocab, target_vocab: a Vocabulary with the reserved tokens of ns.data.load_pairs, or its size, for which
            <bos> is 2 and <eos> is 3.
        cell: "rnn", "gru" (d2l's) or "lstm", or a cell of one's own, of both halves; or a recurrent layer, of whose
            copy the encoder is made, and the decoder of one like it. EncoderDecoder takes any two.
        embedding_size, hidden_size, num_layers: of both halves.
        decoder_layers: the decoder's, if they are not num_layers.
        bidirectional: whether the encoder reads both ways.
        bridge: whether the decoder's first state is a linear map of the context; needed where the two halves' states
            differ.
        dropout: between recurrent layers.
        initializer: "uniform", PyTorch's, or "xavier", d2l's: weights U(-a, a) with a = sqrt(6 / (in + out)), out of
            all gates together, biases as they were, embeddings N(0, 1).
        dtype: of the parameters.
        rng: a seed or a Generator, of the initial values and of dropout.

    Raises:
        ValueError: if an option or a size cannot be.

    Example:
        >>> pairs = ns.data.load_pairs("reversal", 20)
        >>> model = ns.models.Seq2Seq(pairs.source_vocab, pairs.target_vocab, hidden_size=8, rng=0)
        >>> model = model.fit(pairs, epochs=2)
        >>> len(model.predict(["ab", "c"]))
        2
        >>> loss, norm, _ = model.step(*next(pairs.batches(20, 0)), optimizer=ns.Adam(0.005), clip=1)
        >>> len(model.translate(["a", "b"], max_steps=5)) <= 5
        True
    """

    def __init__(
        self,
        source_vocab: Vocabulary | int,
        target_vocab: Vocabulary | int,
        cell: str | Cell | Recurrent = CELL,
        embedding_size: int = 32,
        hidden_size: int = 32,
        num_layers: int = 2,
        *,
        decoder_layers: int | None = None,
        bidirectional: bool = False,
        bridge: bool = False,
        dropout: float = 0.0,
        initializer: str = "uniform",
        dtype: Any = np.float32,
        rng: Any = None,
    ):
        given: dict[str, Any] = {"hidden_size": hidden_size, "num_layers": num_layers, "bidirectional": bidirectional}
        given |= {"dropout": dropout, "dtype": dtype}
        check_cell_options(cell, given, Seq2Seq)
        if isinstance(cell, Bidirectional):
            raise TypeError(f"cell must be a cell or a layer of one, got {cell}; hand two layers to EncoderDecoder")
        one_of("initializer", initializer, ("uniform", "xavier"))
        self.source_vocab, sources = sized("source_vocab", source_vocab)
        self.target_vocab, targets = sized("target_vocab", target_vocab)
        self.begin, self.end = (2, 3) if self.target_vocab is None else _reserved(self.target_vocab)
        embedding_size = integer("embedding_size", embedding_size)
        flag("bridge", bridge)
        with drawing(rng) as rng:
            first = layer_of(cell, embedding_size, **given, rng=rng)
            made: dict[str, Any] = {"dtype": first.dtype, "rng": rng}
            layers = first.num_layers if decoder_layers is None else integer("decoder_layers", decoder_layers)
            if not bridge and (layers != first.num_layers or first.directions == 2):
                raise ValueError(
                    "bridge must be True where the encoder reads both ways, or the decoder has another number of "
                    f"layers, got {bridge}"
                )
            second = recurrent_of(
                type(first), cell=first.cell, input_size=first.output_size + embedding_size, num_layers=layers,
                hidden_size=first.hidden_size, state_size=first.state_size, bias=first.bias, dropout=first.dropout.p,
                **made,
            )  # fmt: skip
            super().__init__(
                Encoder(Embedding(sources, embedding_size, **made), first),
                Decoder(
                    Embedding(targets, embedding_size, **made), second, Linear(second.output_size, targets, **made)
                ),
                Linear(first.output_size, layers * second.state_size, **made) if bridge else None,
            )
            if initializer == "xavier":
                self._draw_xavier(rng)

    def _draw_xavier(self, rng: np.random.Generator) -> None:
        for half in (self.encoder.recurrent, self.decoder.recurrent):
            _xavier(half, rng)
        for linear in (self.decoder.output, self.bridge):
            if linear is not None:
                linear.params["W"] = xavier_uniform(linear.params["W"].shape, rng, linear.dtype)

    def loss(
        self,
        source: Array,
        target: Array,
        source_lengths: Array | None = None,
        target_lengths: Array | None = None,
        *,
        teacher_forcing: float = 1.0,
        reduction: str = "valid",
        training: bool = False,
        rng: Any = None,
    ) -> tuple[Array, Parameters]:
        """Returns the masked cross-entropy of target given source, and its gradients.

        Args:
            source: (S, B).
            target: (T, B), ending with <eos>; the decoder reads <bos> and the target but for its last token.
            source_lengths, target_lengths: (B,); None is all steps.
            teacher_forcing: the probability with which a decoder step reads the target's last token and not the
                likeliest of its own; 1 is teacher forcing, 0 free running, between them lies scheduled sampling (Bengio
                et al. 2015). No gradient passes through that choice, which is made without dropout.
            reduction: "valid", the mean over target tokens, or "sequence", d2l's, summed over the batch; see
                masked_softmax_cross_entropy.
            training: whether dropout acts.
            rng: a seed or a Generator, of the choice.

        Raises:
            TypeError, ValueError: if an argument does not fit.
        """
        xp, rng = array_module(self.params.flat, array("target", target)), generator(rng)
        share("teacher_forcing", teacher_forcing)
        one_of("reduction", reduction, ("valid", "sequence"))
        flag("training", training)
        source, target = self._checked(source, target, source_lengths, target_lengths)
        inputs = xp.concatenate([xp.full_like(target[:1], self.begin), target[:-1]])
        if teacher_forcing < 1:
            encoded, _ = self.encoder.forward(source, source_lengths)
            state, _ = self.init_state(encoded)
            inputs = own_inputs(self.decoder, encoded.context, state, inputs, teacher_forcing, rng)
        logits, tape = self.forward(source, inputs, source_lengths, training=training)
        lengths = np.full(target.shape[1], len(target)) if target_lengths is None else target_lengths
        loss, dlogits = masked_softmax_cross_entropy(logits, target, lengths, reduction=reduction)
        return loss.sum(), self.backward(dlogits, tape)

    def _checked(self, source: Array, target: Array, source_lengths: Any, target_lengths: Any) -> tuple[Array, Array]:
        """Both, 0 past each length. Raises TypeError or ValueError for what would be refused after a draw."""
        source = check_ids("source", source, self.encoder.embedding.num_embeddings, source_lengths)
        if target_lengths is not None and array("target", target).ndim == 2:
            check_lengths(target_lengths, *target.shape)  # a target begins with the symbol of the beginning, at step 0
        target = check_ids("target", target, self.decoder.embedding.num_embeddings, target_lengths)
        if target.shape[1] != source.shape[1]:
            raise ValueError(f"target must have the {source.shape[1]} sequences of source, got {target.shape[1]}")
        return source, target

    def greedy(self, source: Array, source_lengths: Array | None = None, *, max_steps: int = 10) -> list[np.ndarray]:
        """Returns the likeliest token after the likeliest token, for each source: B arrays of ids without <eos>.

        Args:
            source: (S, B).
            source_lengths: (B,), where each source ends.
            max_steps: the most tokens that are written.
        """
        require_real(self)
        self.check_finite()
        max_steps = amount("max_steps", max_steps, least=0)
        check_ids("source", source, self.encoder.embedding.num_embeddings, source_lengths)
        encoded, _ = self.encoder.forward(source, source_lengths)
        state, _ = self.init_state(encoded)
        return greedy(self.decoder, encoded.context, state, self.begin, self.end, max_steps)

    def beam_search(self, source: Array, beam_size: int = 2, *, max_steps: int = 10, alpha: float = 0.75) -> BeamSearch:
        """Returns the beam search for one source; its hypotheses' tokens end with <eos> where they ended.

        Args:
            source: (S,).
            beam_size, max_steps, alpha: as ns.models.beam_search takes them.
        """
        if array("source", source).ndim != 1:
            raise ValueError(f"source must be one sentence (S,), got {source.shape}; search sentence by sentence")
        require_real(self)
        self.check_finite()
        encoded, _ = self.encoder.forward(source[:, None])
        state, _ = self.init_state(encoded)
        step = next_log_probs(reader(self.decoder, encoded.context))
        return beam_search(step, state, self.begin, self.end, max_steps, beam_size=beam_size, alpha=alpha)

    def translate(
        self, tokens: Sequence[str], beam_size: int = 1, *, max_steps: int | None = None, alpha: float = 0.75
    ) -> list[str]:
        """Returns a sentence's tokens in the other language.

        Args:
            tokens: of the sentence; those that are unknown are read as `predict` reads them.
            beam_size, alpha: as ns.models.beam_search takes them.
            max_steps: the most tokens that are written; None is ten more than twice those of the sentence.

        Raises:
            TypeError: if the model has no vocabularies, or tokens is one string.
        """
        if self.source_vocab is None or self.target_vocab is None:
            raise TypeError("tokens need a model with vocabularies; use greedy or beam_search on ids")
        if isinstance(tokens, str):
            way = "tokens.split()" if self.source_vocab.token == "word" else "list(tokens)"
            raise TypeError(f"tokens must be a list of strings, got one string; pass {way}")
        if not isinstance(tokens, list | tuple) or not all(isinstance(token, str) for token in tokens):
            raise TypeError(f"tokens must be a list of strings, got {tokens!r:.60}")
        vocab = self.source_vocab
        if text := [one for one in tokens if one not in vocab and vocab.tokenize(one) != [one]]:
            raise ValueError(f"tokens must be as the vocabulary cuts them, got {text[0]!r:.60}; predict takes texts")
        xp = array_module(self.params.flat)
        known = as_known([tokens], self.source_vocab)[0]
        source = xp.asarray(self.source_vocab[[*known, "<eos>"]])
        most = 2 * len(tokens) + 10 if max_steps is None else max_steps
        best = self.beam_search(source, beam_size, max_steps=most, alpha=alpha).best
        translated: list[str] = self.target_vocab.to_tokens([token for token in best.tokens if token != self.end])
        return translated

    def exact_matches(
        self, source: Array, target: Array, source_lengths: Array | None, target_lengths: Array
    ) -> np.ndarray:
        """Returns (B,) bool: which greedy translations are the target, <eos> and all. What was cut off has no <eos>.

        Args:
            source, target: (S, B) and (T, B).
            source_lengths, target_lengths: (B,); source_lengths None is all steps.
        """
        source, target = self._checked(source, target, source_lengths, target_lengths)
        lengths = check_lengths(target_lengths, *target.shape)
        found = self.greedy(source, source_lengths, max_steps=len(target))
        wanted = [row[:size] for row, size in zip(to_host(target).T, lengths, strict=True)]
        return np.array([np.array_equal(a, row[row != self.end]) for a, row in zip(found, wanted, strict=True)])


def _reserved(vocab: Vocabulary) -> tuple[int, int]:
    for token in ("<bos>", "<eos>"):
        if token not in vocab:
            raise ValueError(
                f"target_vocab must hold {token}; make it with reserved_tokens=('<pad>', '<bos>', '<eos>')"
            )
    return vocab["<bos>"], vocab["<eos>"]


def _xavier(recurrent: Any, rng: np.random.Generator) -> None:
    """Weights as PyTorch's xavier_uniform_ of weight_ih and weight_hh, in which the gates lie one below the other."""
    gates = len(recurrent.cell.gates)
    for name, value in recurrent.params.items():
        if name.startswith("W_"):
            drawn = xavier_uniform((value.shape[0], gates * value.shape[1]), rng, recurrent.dtype)
            value[...] = array_module(value).asarray(drawn[:, : value.shape[1]])
    initial_values(recurrent.cell, recurrent.params, rng)
