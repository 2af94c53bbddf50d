import numpy as np
import pytest

import npseq as ns
from npseq.layers.reversed import Reversed, reordered, reversed_steps

T, B, D, H = 5, 4, 3, 2
LENGTHS = np.array([3, 5, 0, 1])


def test_it_reads_from_the_last_step_to_the_first():
    layer = Reversed(ns.GRU(D, H, dtype=np.float64, rng=0))
    x = np.random.default_rng(0).normal(size=(T, B, D))
    y, _, tape = layer.forward(x)
    np.testing.assert_allclose(y, layer.layer.forward(x[::-1])[0][::-1], rtol=0, atol=1e-15)
    again, _, _ = layer.forward(x, tape=tape)
    np.testing.assert_array_equal(again, layer.astype(np.float64).to("cpu").forward(x)[0])
    assert layer.forward(np.zeros((T, B), int))[0].shape == (T, B, H)
    assert layer.backward(None, layer.forward(np.zeros((T, B), int))[2])[0] is None
    assert repr(layer).startswith("Reversed(GRU(3, 2")


def test_what_does_not_fit_is_refused():
    layer = Reversed(ns.GRU(D, H, dtype=np.float64, rng=0))
    y, _, tape = layer.forward(np.zeros((T, B, D)))
    with pytest.raises(TypeError, match="layer must be an RNN, GRU or LSTM layer, got Linear"):
        Reversed(ns.Linear(D, H))
    with pytest.raises(ValueError, match=r"x must have shape \(T, B, 3\) or be ids"):
        layer.forward(np.zeros(3))
    with pytest.raises(TypeError, match="tape must be the one that this layer's forward returned, got NoneType"):
        layer.backward(y, None)
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 4, 2\), got \(1, 4, 2\)"):
        layer.backward(y[:1], tape)


def test_every_sequence_starts_at_its_own_last_step():
    rng = np.random.default_rng(1)
    layer, x = Reversed(ns.LSTM(D, H, 2, dtype=np.float64, rng=0)), rng.normal(size=(T, B, D))
    y, (h, c), _ = layer.forward(x, None, LENGTHS)
    for b, size in enumerate(LENGTHS):
        own, (own_h, own_c), _ = layer.layer.forward(x[:size, b : b + 1][::-1])
        np.testing.assert_allclose(y[:size, b], own[::-1, 0], rtol=0, atol=1e-15)
        np.testing.assert_allclose(h[:, b], own_h[:, 0], rtol=0, atol=1e-15)
        np.testing.assert_allclose(c[:, b], own_c[:, 0], rtol=0, atol=1e-15)
        assert not y[size:, b].any()


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_the_order_is_its_own_inverse(lengths):
    order, _ = reversed_steps(T, B, lengths)
    x = np.random.default_rng(0).normal(size=(T, B, D))
    np.testing.assert_array_equal(reordered(reordered(x, order), order), x)
    own = np.full(B, T) if lengths is None else lengths
    for b, size in enumerate(own):
        assert order[:, b].tolist() == [*reversed(range(size)), *range(size, T)]


@pytest.mark.parametrize("truncation", [None, ns.Truncated(2)])
def test_its_gradients_are_those_of_differences(truncation):
    layer = Reversed(ns.LSTM(D, H, dtype=np.float64, rng=0))
    x = np.random.default_rng(0).normal(size=(T, B, D))
    report = ns.gradcheck_layer(layer, x, lengths=LENGTHS, truncation=truncation)
    assert report.passed
    assert {row.name for row in report.tensors} >= {"x", "h0", "c0", "W_xi"}
    ledger = ns.inspect.ledger(layer, np.ones((T, B, H)), layer.forward(x, None, LENGTHS)[2])
    grads = layer.backward(np.ones((T, B, H)), layer.forward(x, None, LENGTHS)[2])[2]
    np.testing.assert_allclose(ledger.per_step["W_xi"].sum(axis=0), grads["W_xi"], rtol=1e-12, atol=1e-14)


def test_the_layer_is_not_copied_and_a_bound_one_is():
    inner = ns.GRU(D, H, rng=0)
    layer = Reversed(inner)
    assert layer.params is inner.params
    other = layer.bind(np.zeros_like(inner.params.flat))
    assert not other.layer.params.flat.any()
    assert layer.layer is inner
