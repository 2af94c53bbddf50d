"""npseq.interop.keras, and through it every output and every gradient, against Keras's documented equations and Keras.

The equations are evaluated here, by an oracle of their own that needs NumPy alone. Where Keras and PyTorch are
installed, Keras itself runs in float64 on its PyTorch backend, whose autograd gives the gradients.
"""

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest
from interop.keras_cases import CELLS, B, D, H, T, make, random_weights, shapes

from npseq import LSTM, Dropout, Embedding, Linear
from npseq.interop.keras import export, load

every_cell = pytest.mark.parametrize("cell", CELLS)
every_stack = pytest.mark.parametrize(
    ("layers", "bidirectional", "bias"),
    [(1, False, True), (1, False, False), (1, True, True), (2, False, True), (2, True, False), (3, True, True)],
)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def keras_step(cell, x, h, c, kernel, recurrent, bias):
    """Keras's documentation and source, one sequence: GRU z, r, h; LSTM i, f, c, o."""
    if cell in ("tanh", "relu"):
        a = x @ kernel + h @ recurrent + bias
        return (np.tanh(a) if cell == "tanh" else np.maximum(a, 0)), c
    if cell == "lstm":
        i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    given, inner = bias if cell == "reset after" else (bias, np.zeros(3 * H))
    xz, xr, xh = np.split(x @ kernel + given, 3)
    if cell == "reset after":
        hz, hr, hh = np.split(h @ recurrent + inner, 3)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        candidate = np.tanh(xh + r * hh)
    else:
        z, r = sigmoid(xz + h @ recurrent[:, :H]), sigmoid(xr + h @ recurrent[:, H : 2 * H])
        candidate = np.tanh(xh + (r * h) @ recurrent[:, 2 * H :])
    return z * h + (1 - z) * candidate, c


def by_the_equations(cell, weights, x, bidirectional, bias):
    """y (T, B, R*H) of a stack of Keras layers from its list of weights, from zero states."""
    size, weights = 2 + bias, list(weights)
    while weights:
        halves = []
        for reverse in (False, True)[: 1 + bidirectional]:
            kernel, recurrent, *rest = weights[:size]
            del weights[:size]
            own = rest[0] if rest else np.zeros((2, 3 * H) if cell == "reset after" else kernel.shape[1])
            y = np.zeros((*x.shape[:2], H))
            for b in range(x.shape[1]):
                h = c = np.zeros(H)
                for t in reversed(range(len(x))) if reverse else range(len(x)):
                    h, c = keras_step(cell, x[t, b], h, c, kernel, recurrent, own)
                    y[t, b] = h
            halves.append(y)
        x = np.concatenate(halves, axis=2)
    return x


@every_cell
@every_stack
def test_same_as_the_equations(cell, layers, bidirectional, bias):
    weights = random_weights(cell, layers, bidirectional, bias)
    layer = make(cell, layers, bidirectional, bias)
    load(layer, weights)
    x = np.random.default_rng(1).normal(size=(T, B, D))
    expected = by_the_equations(cell, weights, x, bidirectional, bias)
    np.testing.assert_allclose(layer.forward(x)[0], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        by_the_equations(cell, export(layer), x, bidirectional, bias), expected, rtol=0, atol=1e-12
    )


@every_cell
@every_stack
def test_round_trip_is_identical(cell, layers, bidirectional, bias):
    first, second = (make(cell, layers, bidirectional, bias, np.float32, rng) for rng in (0, 1))
    weights = export(first)
    assert [array.shape for array in weights] == shapes(cell, layers, bidirectional, bias)
    load(second, weights)
    np.testing.assert_array_equal(second.params.flat, first.params.flat)
    for array in weights:
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert not np.shares_memory(array, first.params.flat)


def test_biases_add_up_and_leave_once():
    layer, weights = make("reset after"), random_weights("reset after", 1, False, True)
    load(layer, weights)
    (z, r, n), (hz, hr, hn) = (np.split(row, 3) for row in weights[2])
    for name, expected in {"b_z": z + hz, "b_r": r + hr, "b_n": n, "b_hn": hn}.items():
        np.testing.assert_array_equal(layer.params[name], expected)
    np.testing.assert_array_equal(export(layer)[2][0], np.concatenate([z + hz, r + hr, n]))
    np.testing.assert_array_equal(export(layer, layer.params)[2][1], np.concatenate([0 * z, 0 * r, hn]))
    assert not np.signbit(export(layer)[2][1][: 2 * H]).any()


def test_derivatives_stand_in_both_rows_but_for_the_candidate():
    layer = make("reset after")
    grads = {name: np.random.default_rng(k).normal(size=a.shape) for k, (name, a) in enumerate(layer.params.items())}
    rows = export(layer, grads)[2]
    np.testing.assert_array_equal(rows[0], np.concatenate([grads["b_z"], grads["b_r"], grads["b_n"]]))
    np.testing.assert_array_equal(rows[1], np.concatenate([grads["b_z"], grads["b_r"], grads["b_hn"]]))


def test_weights_of_each_layer_by_themselves():
    weights = random_weights("lstm", 2, False, True)
    first, second = make("lstm", 2, rng=1), make("lstm", 2, rng=2)
    load(first, weights)
    load(second, [weights[:3], weights[3:]])
    np.testing.assert_array_equal(first.params.flat, second.params.flat)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_and_embedding(bias):
    rng = np.random.default_rng(0)
    kernel, b, table = rng.normal(size=(D, H)), rng.normal(size=H), rng.normal(size=(7, D))
    layer = Linear(D, H, bias=bias, dtype=np.float64)
    load(layer, [kernel, b][: 1 + bias])
    x = rng.normal(size=(B, D))
    np.testing.assert_allclose(layer.forward(x)[0], x @ kernel + bias * b, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(export(layer)[0], kernel)
    embedding = Embedding(7, D, dtype=np.float64)
    load(embedding, [table])
    np.testing.assert_array_equal(embedding.forward(np.array([[3, 6]]))[0][0], table[[3, 6]])
    np.testing.assert_array_equal(export(embedding)[0], table)


FORMS = [
    (LSTM(D, H, peepholes=True), ValueError, "Keras's LSTM has no peepholes, got peepholes=True; use LSTM.*False"),
    (LSTM(D, H, proj_size=2), ValueError, "Keras's LSTM has no projection, got proj_size=2; use LSTM.*proj_size=0"),
    (Dropout(0.5), TypeError, "layer must be an RNN, GRU, LSTM, Linear or Embedding, got Dropout"),
]


@pytest.mark.parametrize(("layer", "error", "message"), FORMS)
def test_a_layer_that_keras_does_not_have_is_refused(layer, error, message):
    with pytest.raises(error, match=message):
        export(layer)
    with pytest.raises(error, match=message):
        load(layer, [])


WRONG = [
    (
        lambda w: w[:2],
        ValueError,
        r"must hold 3 arrays .*\(kernel of layer 0, recurrent_kernel of layer 0, bias of layer",
    ),
    (
        lambda w: [],
        ValueError,
        "got 0; num_layers, bidirectional and bias must agree, and a Keras layer must have been b",
    ),
    (lambda w: [w[0].T, *w[1:]], ValueError, r"weights\[0\], kernel of layer 0, must have shape \(3, 15\).*\(15, 3\)$"),
    (lambda w: [*w[:2], w[2][0]], ValueError, r"bias of layer 0, must have shape \(2, 15\).*\(15,\); reset_after and"),
    (
        lambda w: [w[0].astype(float), *w[1:]],
        TypeError,
        r"weights\[0\], kernel of layer 0, is float64 but .*float32; use",
    ),
    (lambda w: {"kernel": w[0]}, TypeError, "weights must be the list that get_weights.*, a Keras layer.*, got dict"),
]


@pytest.mark.parametrize(("change", "error", "message"), WRONG)
def test_wrong_weights_are_refused_before_anything_is_written(change, error, message):
    layer = make("reset after", dtype=np.float32)
    before = layer.params.flat.copy()
    with pytest.raises(error, match=message):
        load(layer, change(export(make("reset after", dtype=np.float32, rng=1))))
    np.testing.assert_array_equal(layer.params.flat, before)


def test_export_refuses_values_not_named_as_params():
    layer = make("tanh")
    with pytest.raises(ValueError, match=r"values must have exactly the names .*'W_xh' must be \(3, 5\), got none"):
        export(layer, {})
    with pytest.raises(ValueError, match=r"'W_hh' must be \(5, 5\), got \(2, 2\)"):
        export(layer, {**layer.params, "W_hh": np.zeros((2, 2))})
    with pytest.raises(ValueError, match=r"'extra' must be absent, got \(1,\)"):
        export(layer, {**layer.params, "extra": np.zeros(1)})


def test_keras_is_not_imported():
    command = "import sys, npseq.interop.keras; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0


# Keras itself --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Keras on PyTorch, since that gives gradients; it writes its settings into a home of its own."""
    pytest.importorskip("torch")
    os.environ["KERAS_BACKEND"], os.environ["KERAS_HOME"] = "torch", str(tmp_path_factory.mktemp("keras"))
    keras = pytest.importorskip("keras")
    if keras.backend.backend() != "torch":
        pytest.skip("Keras runs on another backend in this process")
    return keras


@pytest.fixture
def float64(keras, monkeypatch):
    """Keras in float64. But with TensorFlow it rounds the products of two float64 to float32, by one table."""
    types = importlib.import_module("keras.src.backend.common.dtypes")
    monkeypatch.setitem(getattr(types, "BIT64_TO_BIT32_DTYPE", {}), "float64", "float64")
    one = np.ones((1, 1))
    if "float64" not in str(keras.ops.matmul(one, one).dtype):
        pytest.skip("this Keras computes in float32 only")


# Keras's own variables hand NumPy 2 an argument that NumPy says will change
keras_warns = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def keras_stack(keras, cell, layers, bidirectional, bias, dtype):
    """A Sequential, built, every weight drawn, biases too."""
    _, _, name, own = CELLS[cell]
    stack = []
    for _ in range(layers):
        one = getattr(keras.layers, name)(H, return_sequences=True, use_bias=bias, dtype=dtype, **own)
        stack.append(keras.layers.Bidirectional(one, dtype=dtype) if bidirectional else one)
    model = keras.Sequential([keras.layers.Input((T, D), dtype=dtype), *stack])
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(scale=0.5, size=w.shape).astype(dtype) for w in model.get_weights()])
    return model


def in_float64(keras, cell, layers, bidirectional, bias, model):
    """The same network in float64, so that a layer in float32 is not blamed for Keras's own rounding."""
    exact = keras_stack(keras, cell, layers, bidirectional, bias, "float64")
    exact.set_weights([weight.astype(np.float64) for weight in model.get_weights()])
    return exact


def agree(layer, model, tolerance, mask=None):
    """y, and every gradient by Keras's own automatic differentiation in float64; mask (T, B) as Keras's, turned."""
    import torch

    rng = np.random.default_rng(1)
    x, dy = (rng.normal(size=(T, B, size)).astype(layer.dtype) for size in (D, layer.output_size))
    given = torch.tensor(x.swapaxes(0, 1).astype(np.float64), requires_grad=True)
    expected = given
    for one in model.layers:
        expected = one(expected, mask=None if mask is None else torch.tensor(mask.T))
    if mask is not None:  # Keras repeats the output before
        expected = expected * torch.tensor(mask.T[..., None], device=expected.device)
    model.zero_grad()
    (expected * torch.tensor(dy.swapaxes(0, 1).astype(np.float64), device=expected.device)).sum().backward()
    y, _, tape = layer.forward(x, None, mask)
    dx, _, grads = layer.backward(dy, tape)
    pairs = [(y.swapaxes(0, 1), expected.detach()), (dx.swapaxes(0, 1), given.grad)]
    pairs += list(zip(export(layer, grads), [w.value.grad for w in model.trainable_weights], strict=True))
    for found, other in pairs:
        other = other.cpu().numpy()
        assert found.shape == other.shape
        assert np.abs(found - other).max() <= tolerance * max(1, np.abs(other).max())


@keras_warns
@every_cell
@every_stack
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_same_as_keras(keras, float64, cell, layers, bidirectional, bias, dtype, tolerance):
    model = keras_stack(keras, cell, layers, bidirectional, bias, dtype)
    layer = make(cell, layers, bidirectional, bias, dtype)
    load(layer, model)
    agree(layer, in_float64(keras, cell, layers, bidirectional, bias, model), tolerance)
    other = make(cell, layers, bidirectional, bias, dtype, rng=1)
    load(other, model.layers if layers > 1 else model.layers[0].get_weights())
    np.testing.assert_array_equal(other.params.flat, layer.params.flat)


@keras_warns
@every_cell
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, True), (2, False)])
def test_a_mask_is_that_of_keras(keras, float64, cell, layers, bidirectional):
    """Left padding, a gap, and a sequence without a step."""
    mask = np.array([[0, 1, 0], [0, 0, 0], [1, 1, 0], [1, 0, 0]], bool)
    model = keras_stack(keras, cell, layers, bidirectional, True, "float64")
    layer = make(cell, layers, bidirectional, True, "float64")
    load(layer, model)
    agree(layer, model, 1e-12, mask)


@keras_warns
@every_cell
def test_keras_takes_what_export_gives(keras, float64, cell):
    layer = make(cell, 2, True, dtype=np.float32)
    model = keras_stack(keras, cell, 2, True, True, "float32")
    model.set_weights(export(layer))
    agree(layer, in_float64(keras, cell, 2, True, True, model), 1e-6)
    each = export(layer)
    for k, one in enumerate(model.layers):
        one.set_weights(each[k * 6 : (k + 1) * 6])
    agree(layer, in_float64(keras, cell, 2, True, True, model), 1e-6)


@keras_warns
def test_linear_and_embedding_of_keras(keras):
    dense, table = keras.layers.Dense(H), keras.layers.Embedding(7, D)
    dense.build((B, D))
    table.build()
    layer, embedding = Linear(D, H), Embedding(7, D)
    load(layer, dense)
    load(embedding, table)
    x, ids = np.random.default_rng(0).normal(size=(B, D)).astype(np.float32), np.array([[1, 6]])
    np.testing.assert_allclose(layer.forward(x)[0], dense(x).detach().cpu().numpy(), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(embedding.forward(ids)[0], table(ids).detach().cpu().numpy())


@keras_warns
def test_a_keras_layer_that_was_not_built(keras):
    with pytest.raises(ValueError, match=r"got 0; .* a Keras layer must have been built"):
        load(make("lstm", dtype=np.float32), keras.layers.LSTM(H))
