"""Generation runs one token at a time, with the same cells as in training."""

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np

from npseq.arguments import amount, array_or_lists, integer, integers
from npseq.arrays import type_name
from npseq.backend import Array, array_module, to_host
from npseq.bptt.stepping import Step, inputs_of, stepper, table
from npseq.bptt.tape import Weights
from npseq.cell import Cell
from npseq.data import Vocabulary
from npseq.layers import Embedding, Linear
from npseq.layers.recurrent import Recurrent
from npseq.models.decoding.choice import Choice, sample

LONGEST = 100_000_000  # tokens that are generated at once


class Stepper:
    """A model's state between tokens, of one sequence or of a batch; it starts at zero."""

    def __init__(self, embedding: Embedding | None, recurrent: Recurrent, output: Linear, batch: int = 1):
        self.xp, cell, R = array_module(recurrent.params.flat), recurrent.cell, recurrent.directions
        weights = [[recurrent.weights(layer, d) for d in range(R)] for layer in range(recurrent.num_layers)]
        outputs = [[None] * R] * (len(weights) - 1) + [_output_weights(output, R, self.xp)]
        self.first, *layers = [
            _together([stepper(cell, w, batch, read) for w, read in zip(row, of_row, strict=True)], self.xp)
            for row, of_row in zip(weights, outputs, strict=True)
        ]
        self.take, *takes = [_inputs_of(cell, row) for row in weights]
        self.above = list(zip(takes, layers, strict=True))
        self.rows = None if embedding is None else embedding.params["W"]
        self.zeros = self.xp.zeros((len(weights[0][0].x), 1), recurrent.dtype)
        self.tables = self._by_token([table(cell, w) for w in weights[0]] if embedding is None else [])

    def scores(self, token: int | None) -> Array:
        """Takes in one token, None for an input of zeros, and returns the logits (V,) of the next.

        They are written over by the next call.
        """
        looked_up = self.rows is None and token is not None
        h, scores = self.first(self.tables[token] if looked_up else self.take(self._features(token)))
        for take, layer in self.above:
            h, scores = layer(take(h))
        return scores[:, 0]

    def _by_token(self, tables: list[Array]) -> Any:
        """What the first layer reads of each token, from the inputs (A, H, V) of all of each direction."""
        each = [self.xp.moveaxis(one, 2, 0)[..., None].copy() for one in tables]
        return each[0] if len(each) == 1 else list(zip(*each, strict=True))

    def _features(self, token: int | None) -> Array:
        """(D, 1): what the first layer reads where it looks nothing up."""
        features: Array = self.zeros if token is None or self.rows is None else self.rows[token][:, None]
        return features


def _output_weights(output: Linear, directions: int, xp: Any) -> list[Array]:
    """(P + 1, V) of the output for each direction: its weights, and the biases, which the first one adds."""
    W, b = output.params["W"], output.params["b"]
    biases = [b] + [xp.zeros_like(b)] * (directions - 1)
    parts = W.reshape(directions, -1, W.shape[1])
    return [xp.concatenate([part, bias[None]]) for part, bias in zip(parts, biases, strict=True)]


def _together(steps: list[Step], xp: Any) -> Callable[[Any], tuple[Array, Array]]:
    """One layer: of two directions, the states side by side and the sum of what is read of them."""
    if len(steps) == 1:
        return steps[0]

    def both(inputs: Any) -> tuple[Array, Array]:
        found = [step(one) for step, one in zip(steps, inputs, strict=True)]
        return xp.concatenate([h for h, _ in found]), found[0][1] + found[1][1]

    return both


def _inputs_of(cell: Cell, weights: list[Weights]) -> Callable[[Array], Any]:
    """The function from features (D, 1) to what each direction's step takes."""
    each = [partial(inputs_of, cell, w) for w in weights]
    return each[0] if len(each) == 1 else lambda x: [of(x) for of in each]


@np.errstate(over="ignore")  # of a sigmoid's exp, whose quotient is then 0
def generated(
    stepper: Stepper,
    ids: Sequence[int | None],
    length: int,
    choice: Choice,
    rng: np.random.Generator,
    stop: int | None,
    on_token: Callable[[int], object] | None = None,
) -> list[int]:
    """At most `length` ids after these, which are read in first, None as zeros; the id `stop` ends them unseen."""
    for known in ids[:-1]:
        stepper.scores(known)
    found: list[int] = []
    token: int | None = ids[-1] if ids else None
    for _ in range(length):
        token = sample(stepper.scores(token), choice, rng)
        if token == stop:
            break
        found.append(token)
        if on_token is not None:
            on_token(token)
    return found


def finite_loss(total: float) -> float:
    """Returns a negative log-likelihood. Raises ValueError for one that is nan or infinite."""
    if not isfinite(total):
        raise ValueError(f"the loss must be finite, the model gives {total}; train it again with a smaller lr")
    return total


def check_length(length: Any) -> int:
    """Returns a length. Raises TypeError or ValueError unless so many tokens can be generated."""
    return amount("length", length, 0, LONGEST, "; generate a longer text part by part")


def check_begun(prefix: Any, vocab: Vocabulary | None) -> None:
    """Raises ValueError unless a text, if it is one, is made of known tokens."""
    if isinstance(prefix, str) and prefix and vocab is not None:
        check_prefix(prefix, vocab)


def check_prefix(prefix: str, vocabulary: Vocabulary) -> None:
    """Raises ValueError if a prefix has no tokens, or one that the vocabulary lacks, which it names first."""
    if not vocabulary.tokenize(prefix):
        raise ValueError(f"a prefix must hold at least one token, got {prefix!r:.80}")
    if lacking := missing(prefix, vocabulary):
        known = (
            " ".join(vocabulary.tokens[1:]) if vocabulary.token == "word" else "".join(sorted(vocabulary.tokens[1:]))
        )
        others = f", nor {', '.join(map(_shown, lacking[1:4]))}" if lacking[1:] else ""
        raise ValueError(
            f"{_shown(lacking[0])} is not in the model's vocabulary{others}, so the prefix {_shown(prefix)} cannot be "
            f"read; a prefix must be made of the text's own tokens, {len(vocabulary) - 1} of them: {_shown(known)}"
        )


def missing(text: str, vocabulary: Vocabulary) -> list[str]:
    """Returns the tokens of a text that the vocabulary lacks, in order."""
    return list(dict.fromkeys(token for token in vocabulary.tokenize(text) if token not in vocabulary))


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def sized(name: str, vocab: Any) -> tuple[Vocabulary | None, int]:
    """A Vocabulary, or None where only its size is given; and the size."""
    if isinstance(vocab, str):
        raise TypeError(f"{name} must be a Vocabulary or its size, got a text; pass ns.data.Vocabulary(list({name}))")
    return (vocab, len(vocab)) if isinstance(vocab, Vocabulary) else (None, integer(name, vocab))


def no_text(name: str, given: Any) -> None:
    """Raises TypeError, with the remedy, for what may be meant as a text but is no string."""
    several = isinstance(given, list | tuple) and given and all(isinstance(one, str) for one in given)
    if isinstance(given, PathLike):
        remedy = f"pathlib.Path({name}).read_text(encoding='utf-8')"
    elif isinstance(given, bytes | bytearray):
        remedy = f"{name}.decode()"
    elif several:
        remedy = f"''.join({name})"
    else:
        return
    raise TypeError(f"{name} must be a text, one str, or an array of ids, got {type_name(given)}; pass {remedy}")


def token_ids(tokens: Any, vocab: Vocabulary | None, size: int, xp: ModuleType, least: int = 1) -> Array:
    """A text, or ids in [0, size), as an array (N,) of xp; least: 0 or 1, how many there must be."""
    if isinstance(tokens, str):
        if vocab is None:
            raise TypeError("a text needs the model to have a Vocabulary; give token ids, or build the model with one")
        tokens = vocab.encode(tokens)
    if not isinstance(tokens, list | tuple):
        no_text("tokens", tokens)
    given = to_host(array_or_lists("tokens", tokens))
    ids = integers("tokens", given.astype(np.int64) if given.shape == (0,) else given, size)
    if ids.ndim != 1 or len(ids) < least:
        raise ValueError(f"tokens must be a text or ids (N,) of at least {least}, got {tokens!r:.80}")
    moved: Array = xp.asarray(ids)
    return moved


def stop_id(stop: str | int, vocab: Vocabulary | None, size: int) -> int:
    """The id of a token, or an id that is checked."""
    if isinstance(stop, str):
        if vocab is None or stop not in vocab:
            raise ValueError(f"stop must be a token of the model's Vocabulary, or an id, got {stop!r:.80}")
        found: int = vocab[stop]
        return found
    try:
        return integer("stop", stop, least=0, below=size)
    except ValueError as error:
        raise ValueError(f"stop must be a token or an id in [0, {size}), got {stop!r:.80}") from error
