"""What lies past a sequence's length, or is dropped, reaches nothing, whatever bits it holds: every door is tried.

Each case runs once with zeros there and once with garbage; all that it returns must be the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, make

import npseq as ns
from npseq.layers.checkpointing import checkpointed
from npseq.layers.last_output import last_output
from npseq.layers.reversed import Reversed

T, B, D, H, V = 5, 3, 3, 4, 6
LENGTHS = np.array([3, 5, 0])
OVER = np.arange(T)[:, None] >= LENGTHS
GARBAGE = [np.nan, np.inf, -np.inf]
IDS = [-1, 10**6, V]


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def padded(garbage: float, *features: int, seed: int = 0) -> np.ndarray:
    """(T, B, features) with garbage past each length."""
    x = floats(T, B, *features, seed=seed)
    x[OVER] = garbage
    return x


def ids(garbage: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).integers(0, V, (T, B))
    found[OVER] = garbage
    return found


def flat(value: Any) -> list[np.ndarray]:
    """The arrays of nested tuples, lists and mappings."""
    if value is None:
        return []
    if hasattr(value, "keys"):
        return [array for key in value for array in flat(value[key])]
    if isinstance(value, tuple | list):
        return [array for part in value for array in flat(part)]
    return [np.asarray(value)]


def both_passes(layer: Any, garbage: float, truncation: Any = None, state: Any = None) -> list[Any]:
    y, last, tape = layer.forward(padded(garbage, D), state, LENGTHS, training=False)
    again = layer.backward(padded(garbage, layer.output_size, seed=1), tape, None, truncation)
    return [y, last, again, last_output(layer, last)]


def of_ids(layer: Any, garbage: int) -> list[Any]:
    y, last, tape = layer.forward(ids(garbage), None, LENGTHS)
    return [y, last, layer.backward(floats(*y.shape), tape)]


def bidirectional(**options: Any) -> ns.Bidirectional:
    return ns.Bidirectional(make("gru after", D, H, **options), make("lstm", D, 2, **options))


def dropped(garbage: float) -> list[Any]:
    layer, x = ns.Dropout(0.5, rng=0), floats(4, 6)
    kept = ns.Dropout(0.5, rng=0).forward(x, training=True)[1] > 0
    y, tape = layer.forward(np.where(kept, x, garbage), training=True)
    return [y, layer.backward(np.where(kept, x, garbage), tape)]


def padding_row(garbage: float) -> list[Any]:
    layer, tokens = ns.Embedding(V, 2, padding_idx=1, dtype=float, rng=0), np.array([[0, 1], [1, 4]])
    y, tape = layer.forward(tokens)
    return [y, layer.backward(np.where((tokens == 1)[..., None], garbage, floats(2, 2, 2)), tape)]


def online(method: Callable[..., Any], garbage: float, **options: Any) -> list[Any]:
    layer = make("gru after", D, H, num_layers=1)
    found = method(layer, padded(garbage, D), padded(garbage, H, seed=1), lengths=LENGTHS, **options)
    return [found.grads, found.y, found.state]


def of_checkpoints(garbage: float) -> list[Any]:
    return [*checkpointed(make("lstm", D, H), padded(garbage, D), padded(garbage, H, seed=1), None, LENGTHS)]


def of_scan(garbage: float) -> list[Any]:
    layer = make("lstm both", D, H, bidirectional=True)
    found = ns.scan.forward(layer, padded(garbage, D), lengths=LENGTHS)
    return [found.y, found.state, *ns.scan.backward(layer, padded(garbage, layer.output_size, seed=1), found.tape)]


def of_ledger(garbage: float) -> list[Any]:
    layer = make("lstm", D, H)
    tape = layer.forward(padded(garbage, D), None, LENGTHS)[2]
    dy = padded(garbage, H, seed=1)
    ledger = ns.inspect.ledger(layer, dy, tape)
    return [ledger.per_step, ledger.per_lag, ledger.per_example]


def of_inspect(garbage: float) -> list[Any]:
    layer = make("lstm", D, H, num_layers=1)
    tape, dy = layer.forward(padded(garbage, D), None, LENGTHS)[2], padded(garbage, H, seed=1)
    ledger = ns.inspect.ledger(layer, dy, tape)
    found = [ns.inspect.ghost_norms(layer, dy, tape), ns.inspect.pair_norms(layer, dy, tape)]
    found += [ns.inspect.crossing_norms(layer, dy, tape), ns.inspect.state_jacobians(layer, tape)]
    found += [ns.inspect.tail_norms(ledger), ns.inspect.random_truncation_variance(ledger, 0.5)]
    return [*found, ns.inspect.vanishing_penalty(layer, dy, tape).value]


def tagger(loss: str, garbage: float) -> list[Any]:
    model = ns.models.Tagger(make("gru after", D, H), 3, loss=loss, rng=0)
    shape = (T, B) if loss == "softmax" else (T, B, 3)
    targets = np.random.default_rng(3).integers(0, 2, shape)
    weights = np.where(OVER, 7.0, 1.0)
    return [
        *model.loss(padded(garbage, D), targets, LENGTHS, weights=weights),
        model.predict(padded(garbage, D), LENGTHS),
    ]


def tagger_of_garbage(garbage: float) -> list[Any]:
    """The garbage is in targets and weights."""
    model = ns.models.Tagger(make("gru after", D, H), 3, loss="binary", rng=0)
    targets = np.where(OVER[..., None], garbage, 1.0 * (floats(T, B, 3) > 0))
    return [*model.loss(padded(0, D), targets, LENGTHS, weights=np.where(OVER, garbage, 1.0))]


def sentences(garbage: int) -> list[Any]:
    model = ns.LanguageModel(V, "gru", H, embedding_size=2, dtype=float, rng=0)
    ids, weights = np.where(OVER, garbage, 1), np.where(OVER, np.nan, 1.0)
    given = model.loss(ids, ids, lengths=LENGTHS, weights=weights)
    return [*given, *model.loss(None, ids, lengths=LENGTHS, weights=weights), model.log_probs(ids, LENGTHS)]


def tagger_of_ids(garbage: int) -> list[Any]:
    model = ns.models.Tagger(make("gru after", 2, H), V, embedding=ns.Embedding(V, 2, dtype=float, rng=0), rng=0)
    step = model.step(ids(garbage), ids(garbage, 1), LENGTHS, optimizer=ns.SGD(0.1))
    return [step, model.params, *model.loss(ids(garbage), ids(garbage, 1), LENGTHS)]


def classifier(garbage: float) -> list[Any]:
    model = ns.models.Classifier(bidirectional(num_layers=1), 2, rng=0)
    return [*model.loss(padded(garbage, D), np.array([0, 1, 1]), LENGTHS), model.predict(padded(garbage, D), LENGTHS)]


def classifier_of_ids(garbage: int) -> list[Any]:
    model = ns.models.Classifier(make("lstm", 2, H), 2, embedding=ns.Embedding(V, 2, dtype=float, rng=0), rng=0)
    return [*model.loss(ids(garbage), np.array([0, 1, 1]), LENGTHS)]


def seq2seq(garbage: int) -> list[Any]:
    model = ns.models.Seq2Seq(V, V, hidden_size=4, embedding_size=2, dtype=float, rng=0)
    source, target = ids(garbage), ids(garbage, 1)
    greedy = model.greedy(source, LENGTHS)
    matches = model.exact_matches(source, target, LENGTHS, LENGTHS)
    losses = [
        model.loss(source, target, LENGTHS, LENGTHS, reduction=reduction, teacher_forcing=forcing, rng=0)
        for reduction, forcing in (("valid", 1.0), ("sequence", 0.5))
    ]
    return [greedy, matches, losses]


def generator(garbage: int) -> list[Any]:
    model = ns.models.SequenceGenerator(3, ns.Embedding(V, 2, dtype=float, rng=0), make("gru after", 2, H), rng=0)
    return [*model.loss(floats(B, 3), ids(garbage), ids(garbage, 1), LENGTHS)]


def masked_loss(garbage: float) -> list[Any]:
    logits, targets = padded(garbage, V), ids(-1 if garbage else 0)
    return [
        ns.models.masked_softmax_cross_entropy(logits, targets, LENGTHS, reduction=reduction)
        for reduction in ("valid", "sequence")
    ]


def empty_sequence_state(garbage: float) -> list[Any]:
    """A sequence of length 0 hands its state on; what it holds reaches no parameter."""
    layer = make("lstm", D, H)
    state = floats(2, B, H), floats(2, B, H)
    for part in state:
        part[:, 2] = garbage
    y, _, tape = layer.forward(padded(0, D), state, LENGTHS)
    dx, _, grads = layer.backward(floats(*y.shape), tape)
    return [y, dx, grads]


FLOATS: dict[str, Callable[[float], list[Any]]] = {
    **{cell: lambda garbage, cell=cell: both_passes(make(cell, D, H), garbage) for cell in CELLS},
    "both directions": lambda garbage: both_passes(make("lstm both", D, H, bidirectional=True), garbage),
    "one layer": lambda garbage: both_passes(make("gru before", D, H, num_layers=1), garbage),
    "bidirectional": lambda garbage: both_passes(bidirectional(), garbage),
    "reversed": lambda garbage: both_passes(Reversed(make("lstm", D, H)), garbage),
    "truncated": lambda garbage: both_passes(make("lstm", D, H), garbage, ns.Truncated(2)),
    "h detached": lambda garbage: both_passes(make("lstm", D, H), garbage, ns.HDetach(0.5, 0)),
    "random truncation": lambda garbage: both_passes(make("lstm", D, H), garbage, ns.RandomTruncation(0.5, 0)),
    "dropout": dropped,
    "padding_idx": padding_row,
    "rtrl": lambda garbage: online(ns.rtrl, garbage),
    "uoro": lambda garbage: online(ns.uoro, garbage, rng=0),
    "snap": lambda garbage: online(ns.online.snap, garbage, n=1),
    "rflo": lambda garbage: online(ns.online.rflo, garbage),
    "checkpointed": of_checkpoints,
    "scan": of_scan,
    "ledger": of_ledger,
    "inspect": of_inspect,
    "tagger": lambda garbage: tagger("softmax", garbage),
    "tagger of labels": lambda garbage: tagger("binary", garbage),
    "targets and weights": tagger_of_garbage,
    "classifier": classifier,
    "masked loss": masked_loss,
    "an empty sequence's state": empty_sequence_state,
}
OF_IDS: dict[str, Callable[[int], list[Any]]] = {
    "one layer": lambda garbage: of_ids(make("gru after", V, H, num_layers=1), garbage),
    "bidirectional": lambda garbage: of_ids(ns.Bidirectional(make("lstm", V, H), make("gru after", V, H)), garbage),
    "tagger": tagger_of_ids,
    "sentences": sentences,
    "classifier": classifier_of_ids,
    "seq2seq": seq2seq,
    "generator": generator,
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("door", FLOATS)
def test_numbers_past_a_length_reach_nothing(door, garbage):
    for found, expected in zip(flat(FLOATS[door](garbage)), flat(FLOATS[door](0)), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert np.isfinite(expected).all()


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_looks_for_mistakes_does_not_look_past_a_length(garbage):
    layer, dy = make("gru after", D, H), padded(garbage, H, seed=1)
    assert ns.inspect.first_nonfinite(layer, padded(garbage, D), lengths=LENGTHS, dy=dy) is None
    report = ns.gradcheck_layer(make("lstm", D, 2, num_layers=1), padded(garbage, D), lengths=LENGTHS)
    assert report, report


@pytest.mark.parametrize("garbage", IDS)
@pytest.mark.parametrize("door", OF_IDS)
def test_ids_past_a_length_may_be_anything(door, garbage):
    for found, expected in zip(flat(OF_IDS[door](garbage)), flat(OF_IDS[door](0)), strict=True):
        np.testing.assert_array_equal(found, expected)
