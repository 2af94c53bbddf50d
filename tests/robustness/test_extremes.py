"""Numbers and sizes at the edge: nothing may crash, warn, or come out as nan where mathematics has an answer."""

from __future__ import annotations

import numpy as np
import pytest

import npseq as ns
from npseq.layers.checkpointing import checkpointed

LAYERS = {
    "rnn": lambda **o: ns.RNN(3, 4, rng=0, **o),
    "gru": lambda **o: ns.GRU(3, 4, rng=0, **o),
    "gru before": lambda **o: ns.GRU(3, 4, reset="before", rng=0, **o),
    "lstm": lambda **o: ns.LSTM(3, 4, rng=0, **o),
    "lstm peepholes": lambda **o: ns.LSTM(3, 4, peepholes=True, proj_size=2, rng=0, **o),
}
every_layer = pytest.mark.parametrize("kind", LAYERS)
every_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
every_cell = pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])


def passes(layer, x, dy=None):
    y, _, tape = layer.forward(x)
    return y, layer.backward(np.ones_like(y) if dy is None else dy, tape)[2]


def batch(dtype):
    return np.random.default_rng(1).normal(size=(6, 2, 3)).astype(dtype)


@every_layer
@every_dtype
@pytest.mark.parametrize("size", [1e6, -1e6, 1e-30, 0.0])
def test_weights_of_any_size(kind, dtype, size):
    layer = LAYERS[kind](dtype=dtype, num_layers=2, bidirectional=True)
    layer.params.flat[...] = size * (np.sign(layer.params.flat) if abs(size) == 1e6 else 1)
    y, grads = passes(layer, batch(dtype))
    assert np.isfinite(y).all()
    assert y.dtype == grads.flat.dtype == dtype
    if abs(size) < 1:  # the gradients of saturated and steep units may be beyond float32
        assert np.isfinite(grads.flat).all()
    assert not np.isnan(grads.flat).any() or dtype == np.float32


@every_layer
def test_saturated_gates_have_no_gradient_and_are_no_nan(kind):
    """Weights of 1e6 at inputs of 1: every tanh and sigmoid is at its end, where its derivative is exactly zero."""
    layer = LAYERS[kind](dtype=np.float64)
    layer.params.flat[...] = 1e6
    y, grads = passes(layer, np.ones((6, 2, 3)))
    assert np.isfinite(y).all()
    inner = [grads[name] for name in grads if name.startswith(("W_x", "W_h", "b_")) and name != "W_hp"]
    assert all((part == 0).all() for part in inner)


@every_layer
def test_all_weights_zero(kind):
    layer = LAYERS[kind](dtype=np.float64)
    layer.params.flat[...] = 0
    y, grads = passes(layer, batch(np.float64))
    assert (y == 0).all()
    assert np.isfinite(grads.flat).all()


@every_layer
@every_dtype
def test_denormal_numbers(kind, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    layer = LAYERS[kind](dtype=dtype)
    layer.params.flat[...] = tiny * np.sign(layer.params.flat)
    for x in (np.full((5, 2, 3), tiny, dtype), batch(dtype)):
        y, grads = passes(layer, x, np.full((5 if len(x) == 5 else 6, 2, layer.output_size), tiny, dtype))
        assert np.isfinite(y).all()
        assert np.isfinite(grads.flat).all()
    norm = ns.clip_grad_norm(grads, 1.0)
    assert np.isfinite(norm)


@every_dtype
@pytest.mark.parametrize("optimizer", [ns.SGD(0.1), ns.RMSprop(), ns.Adam(), ns.AdamW(), ns.Adagrad()])
def test_denormal_and_zero_gradients_update_to_finite_numbers(dtype, optimizer):
    params = {"w": np.ones(4, dtype)}
    for size in (0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).tiny):
        optimizer.state, optimizer.steps, params["w"][...] = {}, 0, 1
        optimizer.step(params, {"w": np.full(4, size, dtype)})
        assert np.isfinite(params["w"]).all()


@every_dtype
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_targets_that_are_all_ignored(dtype, reduction):
    logits = np.random.default_rng(0).normal(size=(3, 2, 5)).astype(dtype)
    loss, dlogits = ns.softmax_cross_entropy(logits, np.full((3, 2), -100), ignore_index=-100, reduction=reduction)
    assert loss == 0
    assert (dlogits == 0).all()
    loss, dlogits = ns.softmax_cross_entropy(logits, np.zeros((3, 2), int), weights=np.zeros((3, 2)))
    assert loss == 0
    assert (dlogits == 0).all()


@every_dtype
@pytest.mark.parametrize("size", [1e30, 3e38])
def test_huge_logits(dtype, size):
    logits = np.zeros((1, 1, 3), dtype)
    logits[..., 1] = size
    loss, dlogits = ns.softmax_cross_entropy(logits, np.ones((1, 1), int))
    assert loss == 0
    assert (dlogits == 0).all()
    loss, dlogits = ns.softmax_cross_entropy(logits, np.zeros((1, 1), int))
    assert loss == logits[0, 0, 1]
    np.testing.assert_array_equal(dlogits[0, 0], [-1, 1, 0])


@every_cell
def test_a_vocabulary_of_one_symbol(cell):
    """Nothing is to be learnt: P = 1, the loss is 0, the gradient rounding, and all that can be written is that."""
    eps = np.finfo(np.float32).eps
    model = ns.LanguageModel(1, cell, 3, rng=0)
    ids = np.zeros((4, 2), int)
    loss, grads, _ = model.loss(ids, ids)
    assert loss == 0
    assert abs(grads.flat).max() <= eps
    before = model.params.flat.copy()
    loss, norm, _ = model.step(ids, ids, None, ns.SGD(1.0), clip=1.0)
    assert loss == 0
    assert norm <= 10 * eps
    np.testing.assert_allclose(model.params.flat, before, rtol=0, atol=eps)
    assert model.generate([0], 5).tolist() == [0] * 6
    assert model.generate([0], 5, temperature=1.0, rng=0).tolist() == [0] * 6
    assert model.log_prob([0, 0, 0]) == 0
    assert float(ns.perplexity(model.evaluate(np.zeros(9, int)))) == 1


def test_a_text_of_one_letter(tmp_path):
    from npseq.training import TrainingConfig, train

    (tmp_path / "text").write_text("a" * 60)
    config = TrainingConfig(corpus=str(tmp_path / "text"), hidden_size=3, epochs=2, batch_size=2, steps=5)
    run = train(config, tmp_path / "run")
    assert run.model.vocab.tokens == ("<unk>", "a")
    assert np.isfinite(run.evaluate())


@every_cell
@pytest.mark.parametrize(("steps", "sequences"), [(0, 2), (3, 0), (0, 0), (1, 1)])
def test_nothing_to_read(cell, steps, sequences):
    layer = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}[cell](3, 4, rng=0)
    y, grads = passes(layer, np.zeros((steps, sequences, 3), np.float32))
    assert y.shape == (steps, sequences, 4)
    assert np.isfinite(grads.flat).all()


@every_cell
def test_many_steps_in_one_sequence(cell):
    """A tenth of what benchmarks.soak runs, T = 100,000; plain and checkpointed give the same gradient."""
    layer = {"rnn": ns.RNN, "gru": ns.GRU, "lstm": ns.LSTM}[cell](2, 2, dtype=np.float64, rng=0)
    ids = np.random.default_rng(1).integers(0, 2, (3_000, 1))
    y, _, tape = layer.forward(ids)
    plain = layer.backward(y, tape)[2].flat
    pieces = checkpointed(layer, ids, lambda first, y: y).grads.flat
    np.testing.assert_allclose(pieces, plain, rtol=1e-11)
    assert np.isfinite(plain).all()
