"""A pair (forward, backward) is checked without a loss of the user's own."""

import numpy as np
import pytest

import npseq as ns

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)


def forward(x, W, b):
    y = np.tanh(x @ W + b)
    return y, (x, W, y)


def backward(dy, saved):
    x, W, y = saved
    da = dy * (1 - y**2)
    return da @ W.T, x.T @ da, da.sum(axis=0)


@pytest.mark.parametrize("method", ["central", "complex", "directional"])
def test_a_right_pair_passes(method):
    report = ns.check_vjp(forward, backward, (X, W, B), method=method)
    assert report.passed
    assert [row.name for row in report.tensors] == ["x", "W", "b"]


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_wrong_argument_is_named(wrong):
    def mistaken(dy, saved):
        found = list(backward(dy, saved))
        found[wrong] = 2 * found[wrong]
        return tuple(found)

    report = ns.check_vjp(forward, mistaken, (X, W, B))
    assert [row.status == "fail" for row in report.tensors] == [k == wrong for k in range(3)]


def test_without_saved_values_backward_reads_the_arguments():
    assert ns.check_vjp(np.cumsum, lambda dy, x: np.cumsum(dy[::-1])[::-1], B).passed
    assert not ns.check_vjp(np.cumsum, lambda dy, x: np.cumsum(dy), B).passed


def test_several_outputs_and_a_layer_of_npseq():
    layer = ns.LSTM(3, 2, dtype=np.float64, rng=0)

    def run(x, state):
        y, last, tape = layer.forward(x, state)
        return {"y": y, "last": last}, tape

    def back(d, tape):
        return layer.backward(d["y"], tape, d["last"])[:2]

    at = RNG.normal(size=(5, 2, 3)), (RNG.normal(size=(1, 2, 2)), RNG.normal(size=(1, 2, 2)))
    assert ns.check_vjp(run, back, at).passed
    assert not ns.check_vjp(run, lambda d, tape: layer.backward(d["y"], tape)[:2], at).passed


def test_the_seed_draws_dy():
    seen = []
    for rng in (0, 0, 1):
        ns.check_vjp(np.cumsum, lambda dy, x: seen.append(dy) or np.cumsum(dy[::-1])[::-1], B, rng=rng)
    assert seen[0].tolist() == seen[1].tolist() != seen[2].tolist()


def test_backward_must_not_write_on_dy():
    def writes(dy, x):
        dy *= 2
        return dy

    with pytest.raises(ValueError, match="backward must not write on dy, it changed it in place; copy first"):
        ns.check_vjp(lambda x: 2 * x, writes, B)


@pytest.mark.parametrize("y", [None, "text", (None, 1)])
def test_forward_returns_arrays(y):
    with pytest.raises(TypeError, match="forward's y must be a NumPy or CuPy array of numbers"):
        ns.check_vjp(lambda x: y, lambda dy, x: dy, B)
