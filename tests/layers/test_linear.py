"""The linear layer against its definition, entry by entry, in any memory layout, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers.layouts import LAYOUTS, few
from layers.recurrent_cases import assert_close

import npseq as ns
from npseq.bptt import columns
from npseq.bptt.workspace import Workspace

STEP = 1e-30


def make(size=3, outputs=2, **options):
    return ns.Linear(size, outputs, **({"dtype": np.float64, "rng": 0} | options))


def backward_of(dy):
    layer = make()
    return layer.backward(dy, layer.forward(np.ones((2, 3)))[1])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("bias", [True, False])
def test_forward_and_backward_are_the_definition_entry_by_entry(bias):
    """Sums over the entries of x W + b, and of its derivatives, one number at a time."""
    layer, x, dy = make(bias=bias), numbers(4, 5, 3), numbers(4, 5, 2, seed=1)
    y, tape = layer.forward(x)
    dx, grads = layer.backward(dy, tape)
    W = layer.params["W"]
    expected = {name: np.zeros(value.shape) for name, value in {"y": y, "dx": dx, **grads}.items()}
    for t, n in np.ndindex(4, 5):
        for j in range(2):
            expected["y"][t, n, j] = (layer.params["b"][j] if bias else 0) + sum(x[t, n, i] * W[i, j] for i in range(3))
            if bias:
                expected["b"][j] += dy[t, n, j]
            for i in range(3):
                expected["dx"][t, n, i] += dy[t, n, j] * W[i, j]
                expected["W"][i, j] += dy[t, n, j] * x[t, n, i]
    assert ("b" in grads) == bias
    assert_close({"y": y, "dx": dx, **grads}, expected, 1e-14)


@pytest.mark.parametrize("outputs", [2, 3, 7])
def test_the_steps_of_a_recurrent_layer_are_read_as_they_lie(outputs):
    """y and dy lie as (T, features, B): with many outputs they become one product, whose result lies otherwise."""
    layer, x, dy = make(outputs=outputs), numbers(4, 3, 5).swapaxes(1, 2), numbers(4, outputs, 5).swapaxes(1, 2)
    W, b = layer.params["W"], layer.params["b"]
    y, tape = layer.forward(x)
    for one, workspace in ((dy, None), (dy, Workspace()), (np.moveaxis(numbers(outputs, 4, 5), 0, 2), None)):
        dx, grads = layer.backward(one, tape, workspace=workspace)
        expected = {
            "W": np.einsum("tbi,tbo->io", x, one),
            "b": one.sum(axis=(0, 1)),
            "dx": np.einsum("tbo,io->tbi", one, W),
        }
        assert_close({**grads, "dx": dx}, expected, 1e-14)
    np.testing.assert_allclose(y, np.einsum("tbi,io->tbo", x, W) + b, rtol=1e-13)


@few(25)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from(LAYOUTS),
    st.integers(0, 9),
)
def test_any_shape_and_memory_layout(outer, features, bias, layout, seed):
    layer, rng = make(features, bias=bias, rng=seed), np.random.default_rng(seed)
    x, dy = rng.normal(size=(*outer, features)), rng.normal(size=(*outer, 2))
    y, tape = layer.forward(layout(x))
    for _ in range(2):
        dx, grads = layer.backward(layout(dy), tape)
    wanted = {"y": np.einsum("...i,ij->...j", x, layer.params["W"]) + (layer.params["b"] if bias else 0)}
    wanted |= {
        "dx": np.einsum("...j,ij->...i", dy, layer.params["W"]),
        "W": x.reshape(-1, features).T @ dy.reshape(-1, 2),
    }
    wanted |= {"b": dy.reshape(-1, 2).sum(axis=0)} if bias else {}
    assert_close({"y": y, "dx": dx, **grads}, wanted, 1e-13)


def test_the_adjoint_identity():
    """<w, J v> by a complex step of forward, <J' w, v> by backward, along every direction at once."""
    layer, x, w = make(), numbers(2, 4, 3), numbers(2, 4, 2, seed=1)
    v, v_flat = numbers(2, 4, 3, seed=2), numbers(8, seed=3)
    moved = layer.bind(layer.params.flat + 1j * STEP * v_flat)
    jv = moved.forward(x + 1j * STEP * v)[0].imag / STEP
    dx, grads = layer.backward(w, layer.forward(x)[1])
    assert (w * jv).sum() == pytest.approx((dx * v).sum() + grads.flat @ v_flat, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_every_dtype_stays_itself(dtype):
    layer, x, dy = make(dtype=dtype), numbers(4, 5, 3).astype(dtype), numbers(4, 5, 2).astype(dtype)
    y, tape = layer.forward(x)
    dx, grads = layer.backward(dy, tape)
    assert {array.dtype for array in (y, tape.x, dx, grads.flat)} == {np.dtype(dtype)}
    W, b = (layer.params[name].astype(np.complex128) for name in ("W", "b"))
    assert_close({"y": y, "dx": dx}, {"y": x @ W + b, "dx": dy @ W.T}, 10 * np.finfo(dtype).eps)


def test_y_lies_in_memory_as_x_does():
    """A recurrent layer's y has its features last but one; its scores have theirs there, or first if they are many."""
    layer, x = make(), numbers(4, 3, 5).swapaxes(1, 2)
    y = layer.forward(x)[0]
    assert y.swapaxes(1, 2).flags.c_contiguous
    assert make(outputs=3).forward(x)[0].transpose(2, 0, 1).flags.c_contiguous
    assert layer.forward(np.ascontiguousarray(x))[0].flags.c_contiguous
    np.testing.assert_allclose(y, x @ layer.params["W"] + layer.params["b"], rtol=0, atol=1e-14)


def test_the_tape_is_a_copy_unless_another_is_asked_for():
    layer, x = make(), numbers(2, 3, 3)
    tape = layer.forward(x)[1]
    expected = layer.backward(np.ones((2, 3, 2)), tape)[1].flat.copy()
    x[...] = 0
    np.testing.assert_array_equal(layer.backward(np.ones((2, 3, 2)), tape)[1].flat, expected)
    view = x.view()
    view.flags.writeable = False  # x itself can still be written
    assert not np.shares_memory(layer.forward(view)[1].x, x)
    assert layer.forward(x, copy=False)[1].x is x


def test_sums_in_several_chunks_equal_one(monkeypatch):
    layer, x, dy = make(), numbers(7, 5, 3), numbers(7, 5, 2)
    _, whole = layer.backward(dy, layer.forward(x)[1])
    monkeypatch.setattr(columns, "LARGEST", 20)
    _, chunks = layer.backward(dy, layer.forward(x)[1])
    assert_close(dict(chunks), dict(whole), 1e-14)


def test_gradients_and_buffers_of_a_training_loop_are_written_over():
    layer, x, dy = make(), numbers(4, 3, 5).swapaxes(1, 2), numbers(4, 2, 5).swapaxes(1, 2)
    tape, workspace = layer.forward(x)[1], Workspace()
    dx, grads = layer.backward(dy, tape)
    own = layer.params.like(np.full_like(layer.params.flat, np.nan))
    for _ in range(2):
        dx_again, found = layer.backward(dy, tape, grads=own, workspace=workspace)
        assert found is own
        assert any(np.shares_memory(dx_again, buffer) for buffer in workspace.arrays())
        np.testing.assert_array_equal(own.flat, grads.flat)
        np.testing.assert_array_equal(dx_again, dx)


def test_parameters_start_as_pytorchs():
    flat = ns.Linear(25, 50, rng=0).params.flat
    assert flat.dtype == np.float32
    assert -0.2 <= flat.min() < -0.19
    assert 0.19 < flat.max() <= 0.2
    assert {name: value.shape for name, value in ns.Linear(25, 50).params.items()} == {"W": (25, 50), "b": (50,)}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ns.Linear(0, 2), ValueError, "in_features must be a positive integer, got 0"),
        (lambda: ns.Linear(3, 2.0), ValueError, "out_features must be a positive integer, got 2.0"),
        (lambda: ns.Linear(3, 2, bias="no"), TypeError, "bias must be True or False, got 'no'"),
        (lambda: ns.Linear(3, 2, dtype=np.int64), ValueError, "dtype must be float32, .* got int64"),
        (lambda: make().forward(np.ones(3)), ValueError, r"x must have shape \(\.\.\., N, 3\), got \(3,\)"),
        (lambda: make().forward([[1.0]]), TypeError, "x must be a NumPy or CuPy array of numbers, got list"),
        (lambda: make().forward(np.ones((2, 4))), ValueError, r"x must have shape \(2, 3\), got \(2, 4\)"),
        (lambda: make().forward(np.ones((2, 3)) * 1j), TypeError, "x is complex128 but the layer is float64"),
        (lambda: make().backward(np.ones((2, 2)), None), TypeError, "tape must be the one .* returned, got NoneType"),
        (lambda: make().backward(np.ones((2, 2)), np.ones((2, 3))), TypeError, "tape must be the one .*ndarray"),
        (lambda: backward_of(np.ones((2, 3))), ValueError, r"dy must have shape \(2, 2\), got"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_it_prints_its_sizes():
    assert repr(ns.Linear(3, 2)) == "Linear(3, 2, float32)"
