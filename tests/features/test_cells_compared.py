"""The cells differ as lectures say."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.data.agreement import AGREEMENT_VOCABULARY, agreement_sentences
from npseq.inspect import ledger
from npseq.models import Classifier, SequenceGenerator, Tagger

F64 = {"dtype": np.float64}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_peepholes_look_one_to_one_at_the_cell():
    layer = ns.LSTM(2, 3, peepholes=True, rng=0, **F64)
    rng = np.random.default_rng(1)
    x, h, c = rng.normal(size=(1, 1, 2)), rng.normal(size=(1, 1, 3)), rng.normal(size=(1, 1, 3))
    p = layer.params
    assert p["p_i"].shape == p["p_f"].shape == p["p_o"].shape == (3,)
    a = {g: x[0] @ p[f"W_x{g}"] + h[0] @ p[f"W_h{g}"] + p[f"b_{g}"] for g in "ifgo"}
    new_c = sigmoid(a["f"] + p["p_f"] * c[0]) * c[0] + sigmoid(a["i"] + p["p_i"] * c[0]) * np.tanh(a["g"])
    new_h = sigmoid(a["o"] + p["p_o"] * new_c) * np.tanh(new_c)  # o sees the new cell (Gers 2002)
    y, state, _ = layer.forward(x, (h, c))
    np.testing.assert_allclose(y[0], new_h, rtol=1e-13)
    np.testing.assert_allclose(state[1][0], new_c, rtol=1e-13)


def test_a_sentence_agrees_with_its_subject_whatever_stands_between():
    ids, plural = agreement_sentences(400, lag=6, rng=0)
    assert ids.shape == (8, 400)
    words = np.array(AGREEMENT_VOCABULARY.tokens)[ids]
    np.testing.assert_array_equal(words[1] == "cats", plural == 1)
    assert set(words[1]) == {"cat", "cats"}
    assert set(words[0]) == {"the"}
    assert set(words[2]) == {"which"}
    between = {tuple(sorted({"apples", "apple"} & set(column))) for column in words[3:].T}
    assert len(between) == 4
    assert 0.4 < plural.mean() < 0.6
    np.testing.assert_array_equal(agreement_sentences(9, 4, rng=3)[0], agreement_sentences(9, 4, rng=3)[0])
    assert agreement_sentences(2, 1, rng=0)[0].shape == (3, 2)
    with pytest.raises(ValueError, match="lag must be a positive integer, got 0"):
        agreement_sentences(2, 0)


def by_hand():
    """An LSTM of one cell: "cat" writes -1, "cats" writes +1, nothing else is let in, and nothing is forgotten."""
    layer = ns.LSTM(len(AGREEMENT_VOCABULARY), 1, rng=0, **F64)
    layer.params.flat[:] = 0
    cat, cats = AGREEMENT_VOCABULARY["cat"], AGREEMENT_VOCABULARY["cats"]
    layer.params["b_f"][:] = 30
    layer.params["b_i"][:] = -30
    layer.params["W_xi"][[cat, cats]] = 60
    layer.params["W_xg"][[cat, cats]] = [[-9], [9]]
    return layer


@pytest.mark.parametrize("lag", [3, 30, 300])
def test_saturated_gates_copy_the_cell_over_any_distance(lag):
    ids, plural = agreement_sentences(20, lag, rng=1)
    layer = by_hand()
    _, (_, c), tape = layer.forward(ids)
    np.testing.assert_allclose(c[0, :, 0], np.tanh(9) * (2 * plural - 1), rtol=0, atol=1e-10)
    seen = ledger(layer, None, tape, (None, np.ones((1, 20, 1))), pairs=False)
    np.testing.assert_allclose(seen.adjoints["c"][1:], 1, rtol=0, atol=1e-9)  # the gradient arrives undiminished
    model = Classifier(layer, 2, rng=0)
    model.params["output.W"] = np.array([[-1.0, 1.0]])
    model.params["output.b"] = np.zeros(2)
    assert (model.predict(ids) == plural).all()


@pytest.mark.parametrize(("d", "h"), [(28, 256), (3, 5)])
def test_parameters_of_the_cells(d, h):
    def size(layer):
        return layer.params.flat.size

    assert size(ns.RNN(d, h)) == h * (h + d + 1)
    assert size(ns.GRU(d, h, reset="before")) == 3 * h * (h + d + 1)
    assert size(ns.GRU(d, h, reset="after")) == 3 * h * (h + d + 1) + h  # the bias inside the reset gate's reach
    assert size(ns.LSTM(d, h)) == 4 * h * (h + d + 1)
    assert size(ns.LSTM(d, h, peepholes=True)) == 4 * h * (h + d + 1) + 3 * h


def test_gates_let_a_gradient_reach_further_back():
    """How much of the gradient at the last step arrives 40 steps earlier, at the initial weights."""
    x, share = np.random.default_rng(0).normal(size=(41, 4, 8)), {}
    for name, layer in (("rnn", ns.RNN(8, 16, rng=1, **F64)), ("lstm", ns.LSTM(8, 16, rng=1, **F64))):
        if name == "lstm":
            ns.initializers.forget_bias(layer.params, 3.0)
        dstate = np.ones((1, 4, 16))
        dx, _, _ = layer.backward(None, layer.forward(x)[2], dstate if name == "rnn" else (dstate, None))
        share[name] = np.linalg.norm(dx[0]) / np.linalg.norm(dx[-1])
    assert share["rnn"] < 1e-6
    assert share["lstm"] > 1e-2


def test_two_directions_are_two_layers_side_by_side():
    forward, backward = ns.GRU(3, 4, rng=1, **F64), ns.LSTM(3, 2, rng=2, **F64)
    model = Tagger(ns.Bidirectional(forward, backward), 5, rng=3)
    assert model.params["output.W"].shape == (6, 5)
    x = np.random.default_rng(0).normal(size=(7, 2, 3))
    there, back = forward.forward(x)[0], backward.forward(x[::-1])[0][::-1]
    expected = np.concatenate([there, back], axis=2) @ model.params["output.W"] + model.params["output.b"]
    np.testing.assert_allclose(model.forward(x)[0], expected, rtol=1e-12)
    same = Tagger(ns.GRU(3, 4, bidirectional=True), 5)
    assert same.params["output.W"].shape == (8, 5)


def test_a_deep_bidirectional_layer_hands_both_directions_up():
    layer = ns.RNN(3, 4, 2, bidirectional=True)
    assert layer.params["W_xh"].shape == (3, 4)
    assert layer.params["W_xh_l1"].shape == layer.params["W_xh_l1_reverse"].shape == (8, 4)


def test_only_two_directions_know_the_future():
    right = {}
    for name, layer in (("one", ns.GRU(2, 8, rng=1)), ("two", ns.GRU(2, 8, bidirectional=True, rng=1))):
        model, optimizer, rng = Tagger(layer, 2, rng=2), ns.Adam(0.05), np.random.default_rng(0)
        weights = np.repeat((np.arange(8) < 6)[:, None] * 1.0, 64, axis=1)
        for _ in range(60):
            bits = rng.integers(0, 2, (10, 64))
            model.step(bits[:8], bits[2:], weights=weights, optimizer=optimizer)
        bits = rng.integers(0, 2, (10, 500))
        right[name] = (model.predict(bits[:8]) == bits[2:])[:6].mean()
    assert right["two"] > 0.98
    assert right["one"] < 0.6


def test_a_melody_is_learnt_by_heart():
    scale = (np.arange(9)[:, None] * np.arange(1, 5) + 2) % 7
    model = SequenceGenerator(4, ns.Embedding(7, 6, rng=1), ns.GRU(6, 16, rng=2), rng=3)
    optimizer, moods = ns.Adam(0.03), np.eye(4, dtype=np.float32)
    for _ in range(80):
        model.step(moods, scale[:-1], scale[1:], optimizer=optimizer)
    for mood, melody in zip(moods, scale.T, strict=True):
        np.testing.assert_array_equal(model.generate(mood[None], int(melody[0]), 8)[0], melody[1:])


def test_a_review_is_judged_although_not_turns_it():
    rng = np.random.default_rng(0)
    ids, label = rng.integers(3, 9, (6, 300)), rng.integers(0, 2, 300)
    turned, at = rng.integers(0, 2, 300), rng.integers(1, 6, 300)
    ids[at, np.arange(300)] = label ^ turned  # 0 bad, 1 good
    ids[at[turned == 1] - 1, np.flatnonzero(turned)] = 2  # not
    layer = ns.LSTM(4, 10, rng=1)
    model, optimizer = Classifier(layer, 2, embedding=ns.Embedding(9, 4, rng=2), rng=3), ns.Adam(0.03)
    for _ in range(100):
        model.step(ids[:, :200], label[:200], optimizer=optimizer)
    assert (model.predict(ids[:, 200:]) == label[200:]).mean() > 0.95
