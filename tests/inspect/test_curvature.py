"""Second derivatives against PyTorch's, against each other, and against matrices written out."""

import numpy as np
import pytest
from layers.recurrent_cases import assert_close, both_directions, every_cell, given, make, parts

from npseq import GRU, LSTM, RNN, Linear, softmax_cross_entropy
from npseq.inspect import gauss_newton_product, hvp, jvp, lanczos, softmax_curvature

T, B = 4, 2
LENGTHS = np.array([2, 4])


def quartic(layer, data):
    """The gradient, by the parameters, of sum(y^4) / 4."""

    def gradient(flat):
        bound = layer.bind(flat)
        y, _, tape = bound.forward(data.x, data.state, LENGTHS)
        return bound.backward(y**3, tape)[2].flat

    return gradient


def dense(product, size):
    return np.stack([product(column) for column in np.eye(size)], axis=1)


def classifier():
    """A tanh RNN and a linear output over three classes, in one vector."""
    rnn, head = RNN(2, 3, dtype=np.float64, rng=0), Linear(3, 3, dtype=np.float64, rng=1)
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(T, B, 2)), rng.integers(0, 3, (T, B))
    flat = np.concatenate([rnn.params.flat, head.params.flat])
    cut = rnn.params.flat.size

    def run(flat):
        recurrent, output = rnn.bind(flat[:cut]), head.bind(flat[cut:])
        y, _, tape = recurrent.forward(x)
        logits, head_tape = output.forward(y)

        def back(dlogits):
            dy, dhead = output.backward(dlogits, head_tape)
            return np.concatenate([recurrent.backward(dy, tape)[2].flat, dhead.flat])

        return logits, back

    return flat, run, targets


@both_directions
@every_cell
def test_the_hessian_is_symmetric_and_is_the_gradients_derivative(cell, bidirectional):
    layer = make(cell, size=2, hidden=3, bidirectional=bidirectional)
    gradient, flat = quartic(layer, given(layer, T, B)), layer.params.flat
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(2, flat.size))
    Hu, Hv = hvp(gradient, flat, u), hvp(gradient, flat, v)
    assert u @ Hv == pytest.approx(v @ Hu, rel=1e-12)
    h = 1e-6
    slope = (gradient(flat + h * v) - gradient(flat - h * v)) / (2 * h)
    assert np.abs(slope - Hv).max() < 1e-7 * np.abs(Hv).max()


@pytest.mark.parametrize("kind", [RNN, GRU, LSTM])
def test_against_torch(kind):
    torch = pytest.importorskip("torch")
    export = pytest.importorskip("npseq.interop.torch").export
    layer = kind(2, 3, num_layers=2, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(T, B, 2)), rng.normal(size=layer.params.flat.size)

    def gradient(flat):
        bound = layer.bind(flat)
        y, _, tape = bound.forward(x)
        return bound.backward(y**3, tape)[2].flat

    module = getattr(torch.nn, kind.__name__)(2, 3, num_layers=2).double()
    module.load_state_dict({name: torch.tensor(value) for name, value in export(layer).items()})
    weights = dict(module.named_parameters())
    first = torch.autograd.grad((module(torch.tensor(x))[0] ** 4).sum() / 4, weights.values(), create_graph=True)
    along = {name: torch.tensor(value) for name, value in export(layer.bind(v)).items()}
    slope = sum((g * along[name]).sum() for name, g in zip(weights, first, strict=True))
    second = torch.autograd.grad(slope, weights.values())
    found = export(layer, layer.params.like(hvp(gradient, layer.params.flat, v)))
    assert_close(found, {name: value.numpy() for name, value in zip(weights, second, strict=True)}, 1e-12)


def test_mappings_and_tuples():
    def f(p):
        return {"a": p["x"] * p["y"]}, p["x"] ** 2

    at = {"x": np.array([1.0, 2.0]), "y": np.array([3.0, 4.0])}
    moved, squares = jvp(f, at, {"x": np.array([1.0, 0.0]), "y": np.array([0.0, 5.0])})
    np.testing.assert_allclose(moved["a"], [3.0, 10.0])
    np.testing.assert_allclose(squares, [2.0, 0.0])


@pytest.mark.parametrize("scale", [0.0, 1e-150, 1e150])
def test_a_direction_may_have_any_length(scale):
    np.testing.assert_allclose(jvp(lambda x: x**3, np.array([2.0]), np.array([scale])), 12 * scale, rtol=1e-14)


@both_directions
@every_cell
def test_forward_tangents_are_backwards_adjoints_transposed(cell, bidirectional):
    """<w, J v> = <J^T w, v>, over parameters, inputs and initial state at once."""
    layer = make(cell, size=2, hidden=3, bidirectional=bidirectional)
    data, along = given(layer, T, B), given(layer, T, B, seed=1)
    rng = np.random.default_rng(2)
    at = {"flat": layer.params.flat, "x": data.x, **dict(zip("hc", parts(data.state), strict=False))}
    v = {"flat": rng.normal(size=layer.params.flat.size), "x": along.x}
    v |= dict(zip("hc", parts(along.state), strict=False))

    def run(p):
        state = (p["h"], p["c"]) if "c" in p else p["h"]
        y, last, _ = layer.bind(p["flat"]).forward(p["x"], state, LENGTHS)
        return (y, *parts(last))

    moved = jvp(run, at, v)
    forward = sum((w * u).sum() for w, u in zip((data.dy, *parts(data.dstate)), moved, strict=True))
    dx, dstate, grads = layer.backward(data.dy, layer.forward(data.x, data.state, LENGTHS)[2], data.dstate)
    back = {"flat": grads.flat, "x": dx, **dict(zip("hc", parts(dstate), strict=False))}
    assert sum((back[name] * v[name]).sum() for name in v) == pytest.approx(forward, rel=1e-13)


def test_gauss_newton_is_the_matrix_written_out():
    flat, run, _ = classifier()
    J = dense(lambda v: jvp(lambda p: run(p)[0], flat, v).reshape(-1), flat.size)
    logits = run(flat)[0].reshape(-1, 3)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    H = np.zeros((len(J), len(J)))
    for k, row in enumerate(p):
        H[3 * k : 3 * k + 3, 3 * k : 3 * k + 3] = (np.diag(row) - np.outer(row, row)) / len(p)
    G = dense(
        lambda v: gauss_newton_product(lambda q: run(q)[0], lambda q, d: run(q)[1](d), softmax_curvature, flat, v),
        flat.size,
    )
    np.testing.assert_allclose(G, J.T @ H @ J, rtol=0, atol=1e-14)
    assert np.linalg.eigvalsh(G).min() > -1e-15


def test_gauss_newton_is_the_hessian_of_a_linear_model():
    head = Linear(3, 4, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    x, targets = rng.normal(size=(T, B, 3)), rng.integers(0, 4, (T, B))

    def forward(flat):
        return head.bind(flat).forward(x)[0]

    def backward(flat, d):
        bound = head.bind(flat)
        return bound.backward(d, bound.forward(x)[1])[1].flat

    v, flat = rng.normal(size=head.params.flat.size), head.params.flat
    H = hvp(lambda q: backward(q, softmax_cross_entropy(forward(q), targets)[1]), flat, v)
    G = gauss_newton_product(forward, backward, softmax_curvature, flat, v)
    np.testing.assert_allclose(G, H, rtol=0, atol=1e-14)


@pytest.mark.parametrize("which", ["LA", "SA", "BE"])
def test_the_ends_of_the_spectrum(which):
    flat, run, targets = classifier()

    def gradient(q):
        logits, back = run(q)
        return back(softmax_cross_entropy(logits, targets)[1])

    def product(v):
        return hvp(gradient, flat, v)

    values = np.linalg.eigvalsh(dense(product, flat.size))[::-1]
    ends = {"LA": values[:4], "SA": values[-4:], "BE": [*values[:2], *values[-2:]]}
    found = lanczos(product, flat.size, 4, which=which)
    np.testing.assert_allclose(found.values, ends[which], rtol=0, atol=1e-12 * values[0])
    for value, vector in zip(found.values, found.vectors.T, strict=True):
        np.testing.assert_allclose(product(vector), value * vector, rtol=0, atol=1e-12 * values[0])


def test_a_point_a_direction_or_a_count_that_does_not_fit_is_refused():
    with pytest.raises(TypeError, match="must carry complex numbers through and return them, got float64"):
        jvp(lambda x: abs(x), np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match=r"v must be real and shaped as the point it starts from, \(2,\) float64"):
        jvp(lambda x: x, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"float64 \(x\), got \(2,\) int64"):
        jvp(lambda x: x, {"x": np.ones(2)}, {"x": np.ones(2, int)})
    with pytest.raises(ValueError, match="v must have the same names as the point it starts from"):
        jvp(lambda x: x, {"x": np.ones(2)}, {"y": np.ones(2)})
    with pytest.raises(ValueError, match=r"count must be an integer in \[1, 3\), got 3"):
        lanczos(lambda v: v, 3, 3)
    with pytest.raises(ValueError, match="which must be one of 'LA', 'SA', 'BE', 'LM', got 'SM'"):
        lanczos(lambda v: v, 3, 2, which="SM")
