"""The checks before anything is computed: what a layer takes, and what each refusal says."""

import numpy as np
import pytest
from layers.recurrent_cases import given, make

from npseq.layers.batch import check_array, check_batch, check_lengths, check_tape

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
X, IDS = np.zeros((2, 3, 4)), np.array([[0, 3, 1], [2, 0, 3]])


def test_features_are_taken_as_they_are():
    batch = check_batch(X, None, 4, F64, np)
    assert batch.x is X
    assert (batch.is_ids, batch.lengths, batch.mask) == (False, None, None)


def test_narrower_features_are_taken_too():
    assert check_batch(X.astype(np.float32), None, 4, F64, np).x.dtype == np.float32


def test_ids_are_taken_as_they_are():
    for ids in (IDS, IDS.astype(np.uint8)):
        batch = check_batch(ids, None, 4, F32, np)
        assert batch.x is ids
        assert batch.is_ids


def test_lengths_make_a_mask_unless_every_sequence_is_full():
    batch = check_batch(X, np.array([2, 0, 1]), 4, F64, np)
    np.testing.assert_array_equal(batch.mask, [[True, False, True], [True, False, False]])
    np.testing.assert_array_equal(batch.lengths, [2, 0, 1])
    assert check_batch(X, np.array([2, 2, 2]), 4, F64, np).mask is None


def test_ids_past_a_length_become_zero_in_a_copy():
    ids = np.array([[0, -7, 1], [2, 99, 3]])
    batch = check_batch(ids, np.array([2, 0, 1]), 4, F32, np)
    np.testing.assert_array_equal(batch.x, [[0, 0, 1], [2, 0, 0]])
    np.testing.assert_array_equal(ids, [[0, -7, 1], [2, 99, 3]])


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_no_steps_and_no_sequences_are_taken(shape):
    assert check_batch(np.zeros(shape, int), None, 4, F32, np).is_ids
    assert not check_batch(np.zeros((*shape, 4)), None, 4, F64, np).is_ids


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([[0]], TypeError, "x must be an array, got list; numpy.asarray makes one of a list"),
        (np.array([["a"]]), TypeError, "x must be a plain array of numbers, got ndarray of <U1"),
        (
            np.zeros((2, 3, 5)),
            ValueError,
            r"x must have shape \(T, B, 4\), or be integer ids \(T, B\), got \(2, 3, 5\)",
        ),
        (np.zeros((2, 3)), ValueError, r"x must have shape \(T, B, 4\), .*, got \(2, 3\) float64"),
        (IDS[0], ValueError, r"token ids must have shape \(T, B\), got \(3,\)"),
        (
            np.zeros((2, 3, 4), np.complex64),
            TypeError,
            r"x is complex64 but the layer is float64; use x.astype\(float64",
        ),
        (IDS + 1, ValueError, r"token ids must be in \[0, 4\), got 4 at step 0, sequence 1"),
        (IDS * 4, ValueError, r"token ids must be in \[0, 4\), got 12 at step 0, sequence 1"),
        (IDS - 1, ValueError, r"token ids must be in \[0, 4\), got -1 at step 0, sequence 0"),
    ],
)
def test_x_that_does_not_fit_is_refused(x, error, message):
    with pytest.raises(error, match=message):
        check_batch(x, None, 4, F64, np)


class Elsewhere:
    """An array of another module."""


def test_arrays_of_another_module_are_refused():
    with pytest.raises(TypeError, match=r"x is a numpy array but the layer's parameters are not; .*layer.to"):
        check_batch(X, None, 4, F64, Elsewhere)
    with pytest.raises(TypeError, match=r"dy is a numpy array but the layer's parameters are not; use layer.to"):
        check_array("dy", X, X.shape, F64, Elsewhere)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_lengths_are_taken_in_any_order(dtype):
    found = check_lengths(np.array([2, 0, 5], dtype), 5, 3)
    assert found.tolist() == [2, 0, 5]
    assert check_lengths([5, 1, 2], 5, 3).tolist() == [5, 1, 2]


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        (np.array([1.0, 2.0, 3.0]), TypeError, "lengths must be integers, got float64"),
        ([[1], [2, 3]], TypeError, "lengths must be integers, one a sequence, got"),
        (np.array([True, True, False]), TypeError, "lengths must be integers, got bool"),
        (np.array([1, 2]), ValueError, r"lengths must have shape \(3,\), one a sequence, got \(2,\)"),
        (np.array([[1, 2, 3]]), ValueError, r"lengths must have shape \(3,\), one a sequence, got \(1, 3\)"),
        (np.array([0, -1, 5]), ValueError, r"lengths must be in \[0, 5\], the steps of x, got -1 to 5"),
        (np.array([0, 1, 6]), ValueError, r"lengths must be in \[0, 5\], the steps of x, got 0 to 6"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, error, message):
    with pytest.raises(error, match=message):
        check_lengths(lengths, 5, 3)


def test_a_tape_says_its_steps_and_sequences():
    layer = make("lstm")
    assert check_tape(layer.forward(given(layer, 5, 2).x)[2], layer.signature) == (5, 2)


def test_a_tape_of_another_layer_or_of_nothing_is_refused():
    layer, other = make("lstm"), make("lstm", hidden=5)
    tape = other.forward(given(other, 5, 2).x)[2]
    with pytest.raises(TypeError, match=r"tape must come from this layer's forward, \(LSTMCell.*, got one from \(LSTM"):
        check_tape(tape, layer.signature)
    with pytest.raises(TypeError, match="tape must be the one that this layer's forward returned, got NoneType"):
        check_tape(None, layer.signature)


def test_layers_of_one_signature_read_each_others_tapes():
    layer, twin = make("gru after"), make("gru after", rng=7)
    assert check_tape(twin.forward(given(twin, 3, 1).x)[2], layer.signature) == (3, 1)


def test_an_array_of_the_shape_and_dtype_is_itself():
    for given_ in (X, np.asfortranarray(X), X[::-1]):
        assert check_array("dy", given_, (2, 3, 4), F64, np) is given_
    widened = check_array("dy", X.astype(np.float32), (2, 3, 4), F64, np)
    assert widened.dtype == np.float64


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (1.0, TypeError, r"dy must be an array of shape \(2, 3, 4\), got float"),
        (np.ma.masked_array(X), TypeError, r"dy must be an array of shape \(2, 3, 4\), got MaskedArray"),
        (X[0], ValueError, r"dy must have shape \(2, 3, 4\), got \(3, 4\)"),
        (
            X * 1j,
            TypeError,
            r"dy is complex128 but the layer is float64; use .astype\(float64\) on it, or layer.astype",
        ),
    ],
)
def test_an_array_that_does_not_fit_is_refused(value, error, message):
    with pytest.raises(error, match=message):
        check_array("dy", value, (2, 3, 4), F64, np)


def test_a_dtype_is_compared_by_value_where_it_is_another_object():
    """A big-endian array of the layer's dtype is castable, and comes back in the machine's own order."""
    found = check_array("dy", X.astype(">f8"), (2, 3, 4), F64, np)
    np.testing.assert_array_equal(found, X)
