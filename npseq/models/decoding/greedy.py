"""A decoder reads its own words: token by token, for a batch, a beam, or as the inputs of a training step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npseq.backend import Array, array_module, to_host
from npseq.layers.states import map_state
from npseq.models.decoding.beam_search import Step

Read = Callable[[np.ndarray, Any], tuple[Array, Any]]


def greedy(decoder: Any, context: Array, state: Any, begin: int, end: int, max_steps: int) -> list[np.ndarray]:
    """B arrays of the likeliest ids, each up to its first `end`, without it.

    Args:
        decoder: a Decoder.
        context: (B, C).
        state: of B sequences.
        begin: the token that is read first.
        end: the token that ends a sequence.
        max_steps: the most tokens that are written.
    """
    xp = array_module(context)
    ids = xp.full((1, len(context)), begin)
    rows: list[np.ndarray] = []
    running = np.ones(len(context), bool)
    while running.any() and len(rows) < max_steps:
        logits, state, _ = decoder.forward(ids, context, state)
        ids = logits.real.argmax(axis=2)
        rows.append(to_host(ids)[0])
        running &= rows[-1] != end
    found = np.array(rows, dtype=int).reshape(len(rows), len(context)).T
    return [row[: np.append(row == end, True).argmax()] for row in found]


def own_inputs(
    decoder: Any, context: Array, state: Any, inputs: Array, teacher_forcing: float, rng: np.random.Generator
) -> Array:
    """inputs (T, B), from the second row on with the decoder's own likeliest token in the place of the target's.

    teacher_forcing: the probability of keeping the target's, drawn for each position.
    """
    xp = array_module(inputs)
    taught = xp.asarray(rng.random(inputs.shape) < teacher_forcing)
    rows = [inputs[:1]]
    for t in range(1, len(inputs)):
        logits, state, _ = decoder.forward(rows[-1], context, state)
        rows.append(xp.where(taught[t], inputs[t], logits.real.argmax(axis=2)))
    return xp.concatenate(rows) if len(inputs) else inputs


def next_log_probs(read: Read) -> Step:
    """The step of a beam search whose prefixes' states are those of a batch of 1, or at first None.

    read: takes tokens (1, K) on the host and their state, and returns the scores (1, K, V) of the next ones and the
        state.
    """

    def step(tokens: Sequence[int], states: Sequence[Any]) -> tuple[np.ndarray, list[Any]]:
        joined = map_state(lambda *parts: np.concatenate(parts, axis=1), *states)
        logits, state = read(np.array([tokens]), joined)
        z = to_host(logits)[0].astype(np.float64)
        z -= z.max(axis=1, keepdims=True)
        after = [map_state(lambda part, k=k: part[:, k : k + 1], state) for k in range(len(tokens))]
        return z - np.log(np.exp(z).sum(axis=1, keepdims=True)), after

    return step


def reader(decoder: Any, context: Array) -> Read:
    """What a decoder reads of one sentence, whose context is (1, C)."""

    def read(tokens: np.ndarray, state: Any) -> tuple[Array, Any]:
        repeated = np.repeat(context, tokens.shape[1], axis=0)
        found: tuple[Array, Any] = decoder.forward(array_module(context).asarray(tokens), repeated, state)[:2]
        return found

    return read
