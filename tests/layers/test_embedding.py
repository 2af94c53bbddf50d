"""Rows looked up by id: forward, the sum of gradients of repeated ids, padding, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layers.layouts import few, fortran, read_only, strided
from layers.recurrent_cases import assert_close

import npseq as ns

STEP = 1e-30


def make(count=4, dim=2, **options):
    return ns.Embedding(count, dim, **({"dtype": np.float64, "rng": 0} | options))


@few(25)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=3), st.none() | st.integers(0, 3), st.integers(0, 9))
def test_forward_and_backward_are_the_definition_entry_by_entry(shape, padding_idx, seed):
    layer, rng = make(padding_idx=padding_idx, rng=seed), np.random.default_rng(seed)
    ids, dy = read_only(rng.integers(0, 4, shape)), read_only(rng.normal(size=(*shape, 2)))
    y, tape = layer.forward(ids)
    for _ in range(2):
        dx, grads = layer.backward(dy, tape)
    wanted = np.zeros((4, 2))
    for index in np.ndindex(*shape):
        if ids[index] != padding_idx:
            wanted[ids[index]] += dy[index]
        np.testing.assert_array_equal(y[index], layer.params["W"][ids[index]])
    assert dx is None
    assert_close({"W": grads["W"]}, {"W": wanted}, 1e-13)


def test_the_adjoint_identity():
    """<w, J v> by a complex step of forward, <J' w, v> by backward."""
    layer, ids, rng = make(5, 3), np.array([[0, 1, 1], [4, 1, 0]]), np.random.default_rng(0)
    w, v = rng.normal(size=(2, 3, 3)), rng.normal(size=15)
    jv = layer.bind(layer.params.flat + 1j * STEP * v).forward(ids)[0].imag / STEP
    _, grads = layer.backward(w, layer.forward(ids)[1])
    assert (w * jv).sum() == pytest.approx(grads.flat @ v, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
@pytest.mark.parametrize("ids_dtype", [np.uint8, np.int64])
def test_every_dtype_stays_itself(dtype, ids_dtype):
    layer, ids = make(dtype=dtype), np.array([[3, 0], [0, 1]], ids_dtype)
    y, tape = layer.forward(ids)
    _, grads = layer.backward(np.ones_like(y), tape)
    assert {array.dtype for array in (y, grads.flat)} == {np.dtype(dtype)}
    np.testing.assert_array_equal(grads["W"], np.array([[2, 2], [1, 1], [0, 0], [1, 1]]))


@pytest.mark.parametrize("layout", [fortran, strided, lambda array: array[::-1].copy()[::-1]])
def test_the_memory_layout_makes_no_difference(layout):
    layer, rng = make(), np.random.default_rng(0)
    ids, dy = rng.integers(0, 4, (5, 3)), rng.normal(size=(5, 3, 2))
    y, tape = layer.forward(layout(ids))
    np.testing.assert_array_equal(y, layer.forward(ids)[0])
    np.testing.assert_array_equal(
        layer.backward(layout(dy), tape)[1].flat, layer.backward(dy, layer.forward(ids)[1])[1].flat
    )


def test_the_padding_row_is_zero_and_stays_so():
    layer, ids = make(padding_idx=2), np.array([2, 0, 2])
    y, tape = layer.forward(ids)
    np.testing.assert_array_equal(y[[0, 2]], 0)
    _, grads = layer.backward(np.ones((3, 2)), tape)
    np.testing.assert_array_equal(grads["W"], [[1, 1], [0, 0], [0, 0], [0, 0]])


def test_the_tape_is_a_copy_and_gradients_are_written_over():
    layer, ids, dy = make(), np.array([0, 1, 1]), np.ones((3, 2))
    _, tape = layer.forward(ids)
    expected = layer.backward(dy, tape)[1].flat
    ids[...] = 3
    own = layer.params.like(np.full_like(layer.params.flat, np.nan))
    _, found = layer.backward(dy, tape, grads=own)
    assert found is own
    np.testing.assert_array_equal(own.flat, expected)


def test_parameters_start_from_a_standard_normal():
    """10 000 draws: their mean has standard deviation 0.01, their spread 0.007."""
    flat = ns.Embedding(100, 100, rng=0).params.flat
    assert flat.dtype == np.float32
    assert abs(flat.mean()) < 0.05
    assert abs(flat.std() - 1) < 0.035


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ns.Embedding(0, 2), ValueError, "num_embeddings must be a positive integer, got 0"),
        (lambda: ns.Embedding(4, -1), ValueError, "dim must be a positive integer, got -1"),
        (lambda: ns.Embedding(4, 2, padding_idx=4), ValueError, r"padding_idx must be .*in \[0, 4\), got 4"),
        (lambda: ns.Embedding(4, 2, padding_idx=-1), ValueError, r"padding_idx must be .*in \[0, 4\), got -1"),
        (lambda: ns.Embedding(4, 2, padding_idx=1.0), ValueError, r"padding_idx must be .*in \[0, 4\), got 1.0"),
        (lambda: make().forward(np.ones(3)), TypeError, "ids must be integers, got float64"),
        (lambda: make().forward([1]), TypeError, "ids must be a NumPy or CuPy array of numbers, got list"),
        (lambda: make().forward(np.array([0, 4])), ValueError, r"ids must be in \[0, 4\), got 4 at"),
        (lambda: make().forward(np.array([-1])), ValueError, r"ids must be in \[0, 4\), got -1 at"),
        (lambda: make().backward(np.ones((1, 2)), np.ones(1)), TypeError, "tape must be integers, got float64"),
        (lambda: make().backward(np.ones((1, 2)), np.array([9])), ValueError, r"tape must be in \[0, 4\), got 9 at"),
        (lambda: make().backward(np.ones((1, 3)), np.array([0])), ValueError, r"dy must have shape \(1, 2\), got"),
        (lambda: make().backward(np.ones((1, 2)) * 1j, np.array([0])), TypeError, "dy is complex128 but the layer is"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_it_prints_its_sizes():
    assert repr(ns.Embedding(4, 2, padding_idx=1)) == "Embedding(4, 2, padding_idx=1, float32)"
