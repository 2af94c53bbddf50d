"""Lengths, ids, targets and sizes are right in every integer dtype, at every door; a bool is no integer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import npseq as ns
from npseq.models import counting

DTYPES = ["i1", "i2", "i4", "u1", "u2", "u4", "u8", ">i2", ">i4", ">i8", ">u4", ">u8"]
T, B, D, H, V = 5, 2, 3, 4, 6
RNG = np.random.default_rng(0)
X, DY = RNG.normal(size=(T, B, D)), RNG.normal(size=(T, B, H))
LENGTHS, IDS = np.array([1, 5]), RNG.integers(0, D, (T, B))
OF = {"dtype": np.float64, "rng": 0}


def gru(**options: Any) -> Any:
    return ns.GRU(D, H, **OF, **options)


def both() -> Any:
    return ns.Bidirectional(gru(), ns.LSTM(D, H, **OF))


def passes(layer: Any, x: Any, lengths: Any = None) -> Any:
    """y, the last state, and all gradients."""
    y, state, tape = layer.forward(x, None, lengths)
    return y, state, layer.backward(np.ones_like(y), tape)


def model() -> Any:
    return ns.LanguageModel(D, "gru", H, embedding_size=2, **OF)


def tagger() -> Any:
    return ns.models.Tagger(gru(), V, rng=0)


def seq2seq() -> Any:
    return ns.models.Seq2Seq(V, V, "gru", D, H, 1, **OF)


def captions() -> Any:
    return ns.models.SequenceGenerator(2, ns.Embedding(V, D, **OF), gru(), rng=0)


TEXT = np.arange(40) % D
DOORS: dict[str, tuple[np.ndarray, Callable[[Any], Any]]] = {  # what is cast, and the call
    "lengths of Recurrent": (LENGTHS, lambda n: passes(gru(num_layers=2), X, n)),
    "lengths of both directions": (LENGTHS, lambda n: passes(gru(bidirectional=True), X, n)),
    "lengths of Bidirectional": (LENGTHS, lambda n: passes(both(), X, n)),
    "lengths of Reversed": (LENGTHS, lambda n: passes(ns.layers.Reversed(gru()), X, n)),
    "lengths of checkpointed": (LENGTHS, lambda n: ns.checkpointed(gru(), X, DY, lengths=n)[:3]),
    "lengths of scan.forward": (LENGTHS, lambda n: ns.scan.forward(gru(), X, lengths=n)[:2]),
    "lengths of rtrl": (LENGTHS, lambda n: ns.rtrl(gru(), X, DY, lengths=n)),
    "lengths of uoro": (LENGTHS, lambda n: ns.uoro(gru(), X, DY, lengths=n, rng=0)),
    "lengths of snap": (LENGTHS, lambda n: ns.snap(gru(), X, DY, lengths=n)),
    "lengths of rflo": (LENGTHS, lambda n: ns.rflo(gru(), X, DY, lengths=n)),
    "lengths of gradcheck_layer": (
        LENGTHS, lambda n: ns.gradcheck_layer(ns.RNN(D, 1, **OF), X, lengths=n, rng=0).max_error),
    "lengths of first_nonfinite": (
        LENGTHS, lambda n: ns.inspect.first_nonfinite(gru(), np.where(X > 1, np.nan, X), lengths=n)[2:]),
    "lengths of stale_state_bias": (LENGTHS, lambda n: ns.inspect.stale_state_bias(
        (layer := gru()), lambda h: layer.backward(None, layer.forward(X, h)[2], np.ones((1, B, H)))[2],
        np.ones((1, B, H)), X, lengths=n)),
    "lengths of Tagger": (LENGTHS, lambda n: tagger().loss(X, IDS, n)),
    "lengths of Classifier": (LENGTHS, lambda n: ns.models.Classifier(gru(), V, rng=0).loss(X, IDS[0], n)),
    "lengths of Seq2Seq": (LENGTHS, lambda n: seq2seq().loss(IDS, IDS, n, n)),
    "lengths of exact_matches": (LENGTHS, lambda n: seq2seq().exact_matches(IDS, IDS, n, n)),
    "lengths of SequenceGenerator": (LENGTHS, lambda n: captions().loss(np.ones((B, 2)), IDS, IDS, n)),
    "lengths of the masked loss": (
        LENGTHS, lambda n: ns.models.masked_softmax_cross_entropy(np.ones((T, B, V)), IDS, n)),
    "lengths of sequence_mask": (LENGTHS, lambda n: ns.data.sequence_mask(X[..., 0].T, n)),
    "ids of Recurrent": (IDS, lambda ids: passes(gru(), ids)),
    "ids of Recurrent, with lengths": (IDS, lambda ids: passes(gru(), ids, LENGTHS)),
    "ids that are looked up": (IDS, lambda ids: passes(ns.GRU(200, H, **OF), ids)),
    "ids of Bidirectional": (IDS, lambda ids: passes(both(), ids)),
    "ids of scan.forward": (IDS, lambda ids: ns.scan.forward(gru(), ids)[:2]),
    "ids of rtrl": (IDS, lambda ids: ns.rtrl(gru(), ids, DY)),
    "ids of checkpointed": (IDS, lambda ids: ns.checkpointed(gru(), ids, DY)[1:3]),
    "ids of Embedding": (IDS, lambda ids: (lambda layer: layer.backward(
        np.ones((T, B, 2)), layer.forward(ids)[1]))(ns.Embedding(D, 2, 1, **OF))),
    "ids of LanguageModel": (IDS, lambda ids: model().loss(ids, IDS)),
    "targets of LanguageModel": (IDS, lambda ids: model().loss(IDS, ids)),
    "targets of whole sentences": (IDS, lambda ids: model().loss(None, ids)),
    "sentences of log_probs": (IDS, lambda ids: model().log_probs(ids)),
    "ids of evaluate": (TEXT, lambda ids: model().evaluate(ids, 7)),
    "tokens of log_prob": (TEXT, lambda ids: model().log_prob(ids)),
    "tokens of generate": (TEXT, lambda ids: model().generate(ids, 3)),
    "ids of Tagger's embedding": (IDS, lambda ids: ns.models.Tagger(
        gru(), V, embedding=ns.Embedding(D, D, **OF), rng=0).loss(ids, IDS)),
    "targets of Tagger": (IDS, lambda ids: tagger().loss(X, ids)),
    "ids of Seq2Seq": (IDS, lambda ids: seq2seq().loss(ids, ids, teacher_forcing=0.5, rng=0)),
    "ids of SequenceGenerator": (IDS, lambda ids: captions().loss(np.ones((B, 2)), ids, ids)),
    "targets of the cross-entropy": (IDS, lambda ids: ns.softmax_cross_entropy(X[..., :1] + np.arange(D), ids)),
    "targets that are ignored": (
        IDS, lambda ids: ns.softmax_cross_entropy(X[..., :1] + np.arange(D), ids, ignore_index=2)),
    "ids of one_hot": (IDS, lambda ids: ns.data.one_hot(ids, D)),
    "ids of sentence_batches": (TEXT, lambda ids: list(ns.data.sentence_batches(ids, 1, 2, 0))),
    "ids of random_windows": (TEXT, lambda ids: list(ns.data.random_windows(ids, 2, 3, 0))),
    "ids of sequential_windows": (TEXT, lambda ids: list(ns.data.sequential_windows(ids, 2, 3, 0))),
    "ids of train_epoch": (TEXT, lambda ids: ns.training.train_epoch(
        model(), ids, ns.SGD(0.1), ns.training.Epoch(batch_size=2, steps=5), rng=0)[1:4]),
    "ids of a Vocabulary": (TEXT, lambda ids: len(ns.data.Vocabulary("abc").decode(ids))),
    "ids of NGramModel": (TEXT, lambda ids: counting.NGramModel(ids, V, smoothing=1.0).log_prob(ids)),
    "states of a chain": (TEXT, lambda ids: counting.transition_matrix(ids, V, smoothing=1.0)),
    "states of log_prob": (TEXT, lambda ids: counting.log_prob(ids, np.ones(D) / D, np.ones((D, D)) / D)),
}  # fmt: skip


def leaves(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        for one in value:
            yield from leaves(one)
    elif value is not None and not isinstance(value, str):
        yield np.asarray(value)


@pytest.mark.parametrize(("values", "call"), DOORS.values(), ids=DOORS)
def test_every_integer_dtype_gives_the_same(values, call):
    expected = list(leaves(call(values)))
    assert expected
    for dtype in DTYPES:
        found = list(leaves(call(values.astype(dtype))))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=dtype)


@pytest.mark.parametrize(("values", "call"), DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("dtype", [bool, np.float64, np.complex128])
def test_a_bool_a_float_and_a_complex_number_are_no_integers(values, call, dtype):
    with pytest.raises((TypeError, ValueError), match=r"must be|must have"):
        call(values.astype(dtype))


@pytest.mark.parametrize("call", [call for name, (_, call) in DOORS.items() if name.startswith("lengths")],
                         ids=[name for name in DOORS if name.startswith("lengths")])  # fmt: skip
@pytest.mark.parametrize(("lengths", "message"), [
    (np.array([7, 99]), r"lengths must .* 7"), (np.array([-3, 2]), r"lengths must .* -3"),
    (np.array([200, 2], np.uint8), r"lengths must .* 200"), (np.array([1.5, 2.0]), "lengths must be integers"),
    (np.array([1]), "lengths"), ([1, 2.5], "lengths must be integers"), (np.array([[1, 2]]), "lengths"),
])  # fmt: skip
def test_lengths_are_refused_alike_at_every_door(call, lengths, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(lengths)


SIZES: dict[str, tuple[int, Callable[[Any], Any]]] = {  # a size and what is made of it
    "RNN": (20, lambda n: ns.RNN(n, n, rng=0).params.flat),
    "LSTM": (20, lambda n: ns.LSTM(n, n, proj_size=int(n) - 1, bidirectional=True, rng=0).params.flat),
    "Linear": (200, lambda n: ns.Linear(n, n, rng=0).params.flat),
    "Embedding": (200, lambda n: ns.Embedding(n, n, padding_idx=int(n) - 1, rng=0).params.flat),
    "LanguageModel": (20, lambda n: ns.LanguageModel(n, "gru", n, embedding_size=n, rng=0).params.flat),
    "Seq2Seq": (20, lambda n: ns.models.Seq2Seq(n, n, "gru", n, n, 1, rng=0).params.flat),
    "Forecaster": (200, lambda n: ns.models.Forecaster(n, n, rng=0).params.flat),
    "Truncated": (200, lambda n: ns.Truncated(n).plan(1, 300, 299).lag_weights),
    "transition_matrix": (200, lambda n: counting.transition_matrix(np.arange(9), n, smoothing=1)),
    "one_step": (20, lambda n: counting.one_step(lambda w: w[:, 0], np.arange(90.0), n)),
    "multi_step": (20, lambda n: counting.multi_step(lambda w: w[:, 0], np.arange(90.0), n, n)),
    "k_step": (20, lambda n: counting.k_step(lambda w: w[:, 0], np.arange(90.0), n, n)),
    "naive": (200, lambda n: counting.naive(np.arange(300), n, n)),
    "error_growth": (200, lambda n: counting.error_growth(0.5, 0.5, n)),
    "sample_states": (200, lambda n: counting.sample_states(np.ones(1), np.ones((1, 1)), n)),
    "NGramModel": (100, lambda n: counting.NGramModel([0, 1, 0], n, 2, smoothing=1).distribution([1])),
    "noisy_sine": (200, lambda n: ns.data.noisy_sine(n, rng=0)),
    "random_windows": (20, lambda n: list(ns.data.random_windows(np.arange(900), n, n, 0))),
    "sequential_windows": (20, lambda n: list(ns.data.sequential_windows(np.arange(900), n, n, 0))),
    "pad_sequences": (200, lambda n: ns.data.pad_sequences([[1, 2]], length=n)),
    "one_hot": (200, lambda n: ns.data.one_hot([3, 0], n)),
    "zeros": (200, lambda n: ns.initializers.zeros((n, n))),
    "Epoch": (20, lambda n: ns.training.Epoch(batch_size=n, steps=n).every),
    "evaluate": (20, lambda n: model().evaluate(TEXT, n)),
    "generate": (200, lambda n: model().generate([0], n)),
    "SequenceGenerator.generate": (20, lambda n: captions().generate(np.ones((B, 2)), 0, n)),
    "beam_search": (20, lambda n: ns.models.beam_search(
        lambda tokens, states: (np.zeros((len(tokens), 2)), states), None, 0, None, n, beam_size=n).kept),
    "lyapunov_exponents": (4, lambda n: ns.inspect.lyapunov_exponents(
        (layer := ns.LSTM(D, H, **OF)), layer.forward(X)[2], n, warmup=n)),
    "snap": (2, lambda n: ns.snap(gru(), X, DY, n=n).grads),
}  # fmt: skip


@pytest.mark.parametrize(("size", "make"), SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64, np.int64])
def test_a_size_of_numpys_is_one_of_pythons(size, make, kind):
    if size > np.iinfo(kind).max:
        kind = np.uint16
    for one, other in zip(leaves(make(kind(size))), leaves(make(size)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in SIZES if name not in ("LSTM", "Embedding")])  # which take n - 1
@pytest.mark.parametrize("size", [True, 2.0, "2", -1, 1 + 0j, np.bool_(True), np.array([2])])
def test_a_size_is_an_integer(name, size):
    with pytest.raises((TypeError, ValueError), match="must be"):
        SIZES[name][1](size)
