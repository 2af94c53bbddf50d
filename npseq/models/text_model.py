"""What one asks of a language model: how likely a text is, and what comes after it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from npseq.arguments import array, flag, function, instance, integer
from npseq.backend import Array, array_module, generator, to_host
from npseq.data import Vocabulary
from npseq.layers.batch import check_ids
from npseq.layers.layer import require_real
from npseq.layers.lengths import check_lengths
from npseq.layers.recurrent import Recurrent
from npseq.layers.states import map_state
from npseq.losses import softmax_cross_entropy
from npseq.models.decoding.beam_search import BeamSearch, beam_search
from npseq.models.decoding.choice import check_choice
from npseq.models.decoding.generation import (
    Stepper,
    check_begun,
    check_length,
    finite_loss,
    generated,
    no_text,
    stop_id,
    token_ids,
)
from npseq.models.decoding.greedy import next_log_probs
from npseq.models.decoding.many import ZEROS, ManyStepper, generated_together, prefixes_of
from npseq.models.positions import position_weights
from npseq.models.sequence import SequenceModel

NOTHING = -1  # in the place of a token: an input of zeros


class TextModel(SequenceModel):
    """The part of LanguageModel that changes no parameter; use that."""

    vocab: Vocabulary | None
    vocab_size: int

    def logits(self, ids: Array, state: Any = None) -> tuple[Array, Any]:
        """Returns the scores (T, B, V) of the token after each of ids, and the state after them.

        Args:
            ids: (T, B).
            state: the one before them, as the recurrent layer takes it.
        """
        return self._run(array("ids", ids), state)[:2]

    def evaluate(
        self, ids: Array | str, steps: int = 256, *, rows: int = 1, on_tokens: Callable[[int], object] | None = None
    ) -> float:
        """Returns the mean negative log-likelihood of ids, each token after all before it, in nats.

        Args:
            ids: (N,), or a text; the first token is given.
            steps: how many are run at a time.
            rows: in how many parts the text is read, side by side, which is faster; each but the first begins with the
                state after the `steps` tokens before it, in the place of all tokens before it.
            on_tokens: called with the number of tokens after each time.
        """
        require_real(self)
        no_text("ids", ids)
        if isinstance(ids, str):
            ids = token_ids(ids, self.vocab, self.vocab_size, array_module(self.params.flat))
        if array("ids", ids).ndim != 1 or len(ids) < 2:
            raise ValueError(f"ids must be one sequence (N,) of at least 2 tokens, got {ids.shape}")
        self.check_finite()
        steps, rows = integer("steps", steps), integer("rows", rows)
        function("on_tokens", bool if on_tokens is None else on_tokens)
        rows = max(1, min(rows, (len(ids) - 1) // 2))
        length = (len(ids) - 1) // rows
        starts = length * array_module(ids).arange(rows)
        total, state = 0.0, self._warmed_up(ids, starts[1:], min(steps, length))
        for start in range(0, length, steps):
            window = _columns(ids, starts + start, min(steps, length - start) + 1)
            logits, state = self.logits(window[:-1], state)
            total += float(softmax_cross_entropy(logits, window[1:], reduction="sum")[0])
            if on_tokens is not None:
                on_tokens(window[1:].size)
        if rest := len(ids) - 1 - length * rows:  # the last part is longer
            logits = self.logits(ids[-rest - 1 : -1, None], self._of_last(state))[0]
            total += float(softmax_cross_entropy(logits, ids[-rest:, None], reduction="sum")[0])
        return finite_loss(total) / (len(ids) - 1)

    def _warmed_up(self, ids: Array, starts: Array, steps: int) -> Any:
        """The state at 0, zeros, and those at the starts of other parts, after so many tokens before each."""
        if not len(starts) or self.recurrent.directions == 2:
            return None
        xp, state = array_module(ids), self.logits(_columns(ids, starts - steps, steps))[1]
        return map_state(lambda part: xp.concatenate([xp.zeros_like(part[:, :1]), part], axis=1), state)

    def _of_last(self, state: Any) -> Any:
        """The state of the last sequence."""
        return None if self.recurrent.directions == 2 else map_state(lambda part: part[:, -1:].copy(), state)

    def log_prob(self, tokens: Any) -> float:
        """Returns log P(y_1 .. y_n), the first token after a zero input and state (Ng, course 5, week 1).

        Args:
            tokens: a text, or ids (N,).
        """
        require_real(self)
        self.check_finite()
        ids = token_ids(tokens, self.vocab, self.vocab_size, array_module(self.params.flat))
        return float(self.log_probs(ids[:, None])[0])

    def log_probs(self, sentences: Array, lengths: Array | None = None) -> np.ndarray:
        """Returns log P (B,) of each sentence, as `log_prob` does; perplexity by sentence is exp(-log P / length).

        Args:
            sentences: ids (T, B).
            lengths: (B,), where each sentence ends.
        """
        require_real(self)
        self.check_finite()
        sentences = check_ids("sentences", sentences, self.vocab_size, lengths)
        steps, batch = sentences.shape
        first, after = None, None
        if lengths is not None:
            lengths = check_lengths(lengths, steps, batch)
            first, after = np.minimum(lengths, 1), np.maximum(lengths - 1, 0)
        logits, state = self._logits_from_nothing(batch, first)
        losses = _losses(logits[:steps], sentences[:1], first)
        if steps > 1:
            logits = self._run(sentences[:-1], state, after)[0]
            losses = losses + _losses(logits, sentences[1:], after)
        return -np.array([finite_loss(loss) for loss in to_host(losses).tolist()])

    def _logits_from_nothing(self, batch: int, lengths: Any = None) -> tuple[Array, Any]:
        """The scores (1, B, V) of the first token, and the state after the input of zeros."""
        zeros = array_module(self.params.flat).zeros((1, batch, self.recurrent.input_size), self.dtype)
        y, state, _ = self.recurrent.forward(zeros, None, lengths)
        return self.output.forward(y)[0], state

    def _begun(self, sentences: Array, lengths: Any) -> tuple[Array, Array | None]:
        """(features, the ids looked up) of whole sentences: zeros, then each token but the last."""
        ids = check_ids("targets", sentences, self.vocab_size, lengths)[:-1]
        xp, looked_up = array_module(self.params.flat), None
        if self.embedding is None:
            rows = (ids[..., None] == xp.arange(self.vocab_size)).astype(self.dtype)
        else:
            rows, looked_up = self.embedding.forward(ids)
        return xp.concatenate([xp.zeros((1, *rows.shape[1:]), self.dtype), rows])[: len(sentences)], looked_up

    def generate(
        self,
        prefix: Any,
        length: int,
        temperature: float = 0,
        rng: Any = None,
        *,
        top_k: int | None = None,
        top_p: float | None = None,
        stop: str | int | None = None,
        whole: bool = False,
        on_token: Callable[[int], object] | None = None,
        n: int | None = None,
    ) -> Any:
        """Returns prefix and `length` tokens after it: a text if prefix is one, else ids (N,).

        Args:
            prefix: a text or ids, read in for warm-up; an empty one begins as `log_prob` does. A list of texts, or of
                lists or arrays of ids, is continued together, and the result is a list too.
            length: how many tokens to generate.
            temperature: 0 takes the likeliest token; else tokens are drawn from P^(1 / temperature), all alike at inf.
            rng: a seed or a Generator, of what is drawn.
            top_k: only the likeliest so many tokens are drawn, at a positive temperature; so with top_p.
            top_p: only the likeliest tokens, that have this probability together, are drawn (Holtzman et al. 2020,
                arXiv 1904.09751).
            stop: a token or id at which generation ends; it is not included.
            whole: whether prefix is read after an input of zeros, as the beginning of a whole sentence is in `log_prob`
                and in training without ids; False begins with its first token, as d2l's `predict_ch8` does.
            on_token: called with each token's id, of one sequence.
            n: generate so many sequences after the one prefix at once, a list of them; all draw from rng in turn.

        Raises:
            ValueError: for a negative temperature, or 0 with top_k or top_p; an unknown token (encode makes it <unk>)
                or id; nan parameters.
        """
        require_real(self)
        self.check_finite()
        length, choice = check_length(length), check_choice(temperature, top_k, top_p)
        function("on_token", bool if on_token is None else on_token)
        prefixes = prefixes_of(prefix, n, length, on_token)
        instance("the model's layer", self.recurrent, Recurrent, "one cell's, to write token by token")
        last = None if stop is None else stop_id(stop, self.vocab, self.vocab_size)
        known, parts = [self._begun_with(one) for one in prefixes], (self.embedding, self.recurrent, self.output)
        whole, rng = flag("whole", whole), generator(rng)
        if prefixes is prefix or n is not None:
            begun = [[ZEROS, *ids] if whole or not ids else ids for ids in known]
            rest = generated_together(ManyStepper(*parts, len(begun)), begun, length, choice, rng, last)
            return [self._as_given(one, ids + more) for one, ids, more in zip(prefixes, known, rest, strict=True)]
        (ids,) = known
        read = [None, *ids] if whole else ids
        return self._as_given(prefix, ids + generated(Stepper(*parts), read, length, choice, rng, last, on_token))

    def _begun_with(self, prefix: Any) -> list[int]:
        check_begun(prefix, self.vocab)
        ids = token_ids(prefix, self.vocab, self.vocab_size, array_module(self.params.flat), least=0)
        found: list[int] = to_host(ids).tolist()
        return found

    def _as_given(self, prefix: Any, ids: list[int]) -> Any:
        """A text if prefix is one, else ids (N,)."""
        return self.vocab.decode(ids) if self.vocab and isinstance(prefix, str) else np.array(ids, dtype=np.int64)

    def beam_search(
        self,
        prefix: Any,
        beam_size: int = 2,
        *,
        max_steps: int = 10,
        alpha: float = 0.75,
        stop: str | int | None = None,
        whole: bool = False,
    ) -> BeamSearch:
        """Returns the beam search for what comes after prefix; its hypotheses' tokens end with `stop` where they ended.

        Args:
            prefix: a text or ids; an empty one begins as `log_prob` does.
            beam_size, max_steps, alpha: as ns.models.beam_search takes them.
            stop: a token or id that ends a sequence.
            whole: as `generate` takes it.

        Raises:
            ValueError: as `generate` does.
        """
        require_real(self)
        self.check_finite()
        max_steps = check_length(max_steps)
        check_begun(prefix, self.vocab)
        ids = token_ids(prefix, self.vocab, self.vocab_size, array_module(self.params.flat), least=0)
        end = None if stop is None else stop_id(stop, self.vocab, self.vocab_size)
        state = self._logits_from_nothing(1)[1] if flag("whole", whole) and len(ids) else None
        state = self.logits(ids[:-1, None], state)[1] if len(ids) > 1 else state
        begin = int(ids[-1]) if len(ids) else NOTHING
        step = next_log_probs(self._after)
        return beam_search(step, state, begin, end, max_steps, beam_size=beam_size, alpha=alpha)

    def _after(self, tokens: np.ndarray, state: Any) -> tuple[Array, Any]:
        """`logits` of tokens (1, K) on the host, which may be NOTHING."""
        if tokens[0, 0] == NOTHING:
            return self._logits_from_nothing(tokens.shape[1])
        return self.logits(array_module(self.params.flat).asarray(tokens), state)


def _columns(ids: Array, starts: Array, steps: int) -> Array:
    """So many ids (steps, B) from each start on."""
    columns: Array = ids[starts + array_module(ids).arange(steps)[:, None]]
    return columns


def _losses(logits: Array, targets: Array, lengths: Any) -> Array:
    """(B,) -log P of the targets (T, B), each sequence up to its length."""
    weights = position_weights(logits, lengths, None)
    losses: Array = (
        softmax_cross_entropy(logits, targets, weights=weights, reduction="none")[0].astype(np.float64).sum(axis=0)
    )
    return losses
