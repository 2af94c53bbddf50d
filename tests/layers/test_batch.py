"""The checks before anything is computed: what a layer takes, and what each refusal says."""

import copy

import numpy as np
import pytest
from layers.recurrent_cases import given, make

import npseq as ns
from npseq.layers.batch import check_array, check_batch, check_tape
from npseq.layers.lengths import check_lengths

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
X, IDS = np.zeros((2, 3, 4)), np.array([[0, 3, 1], [2, 0, 3]])


def test_features_are_taken_as_they_are():
    batch = check_batch(X, None, 4, F64, np)
    assert batch.x is X
    assert (batch.is_ids, batch.lengths, batch.mask) == (False, None, None)


def test_narrower_features_are_taken_too():
    assert check_batch(X.astype(np.float32), None, 4, F64, np).x.dtype == np.float32


def test_ids_are_taken_as_they_are_and_unsigned_ones_as_signed():
    assert check_batch(IDS, None, 4, F32, np).x is IDS
    for dtype in (np.uint8, np.uint64, ">i2"):
        batch = check_batch(IDS.astype(dtype), None, 4, F32, np)
        assert batch.is_ids
        assert batch.x.dtype.kind == "i"
        np.testing.assert_array_equal(batch.x, IDS)


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
        ([[0]], TypeError, "must be a NumPy or CuPy array of numbers, got list; pass numpy.asarray"),
        (np.array([["a"]]), TypeError, "x must be a NumPy or CuPy array of numbers, got ndarray of <U1"),
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
            r"x is complex64 but the layer is float64; use layer.astype\('complex64'",
        ),
        (IDS + 1, ValueError, r"token ids of x \(T, B\) must be in \[0, 4\), got 4 at \(0, 1\)"),
        (IDS * 4, ValueError, r"token ids of x \(T, B\) must be in \[0, 4\), got 12 at \(0, 1\)"),
        (IDS - 1, ValueError, r"token ids of x \(T, B\) must be in \[0, 4\), got -1 at \(0, 0\)"),
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
        ([[1], [2, 3]], TypeError, "lengths must be an array, or lists of numbers that have one length"),
        (np.array([True, True, False]), TypeError, "lengths must be integers, got bool"),
        (np.array([1, 2]), ValueError, r"lengths must have shape \(3,\), one a sequence, got \(2,\)"),
        (np.array([[1, 2, 3]]), ValueError, r"lengths must have shape \(3,\), one a sequence, got \(1, 3\)"),
        (np.array([0, -1, 5]), ValueError, r"lengths must be in \[0, 6\), got -1 at \(1,\)"),
        (np.array([0, 1, 6]), ValueError, r"lengths must be in \[0, 6\), got 6 at \(2,\): x has no more steps"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths, error, message):
    with pytest.raises(error, match=message):
        check_lengths(lengths, 5, 3)


def test_a_tape_says_its_steps_and_sequences():
    layer = make("lstm")
    assert check_tape(layer.forward(given(layer, 5, 2).x)[2], layer) == (5, 2)


def test_a_tape_of_another_layer_or_of_nothing_is_refused():
    layer, other = make("lstm"), make("lstm", hidden=5)
    tape = other.forward(given(other, 5, 2).x)[2]
    with pytest.raises(TypeError, match=r"tape must come from this layer's forward, \(LSTMCell.*, got one from \(LSTM"):
        check_tape(tape, layer)
    with pytest.raises(TypeError, match="tape must be the one that this layer's forward returned, got NoneType"):
        check_tape(None, layer)


WRITES = {
    "an optimizer": lambda layer: ns.SGD(0.1).step(layer.params, layer.params.like(np.ones_like(layer.params.flat))),
    "an optimizer by name": lambda layer: ns.SGD(0.1).step(
        dict(layer.params), {n: p + 1 for n, p in layer.params.items()}
    ),
    "one name": lambda layer: layer.params.update(b_n=np.ones(layer.hidden_size)),
    "one name in place": lambda layer: layer.params.__setitem__("b_n", layer.params["b_n"] + 1),
    "the vector": lambda layer: setattr(layer.params, "flat", layer.params.flat + 1),
    "the vector in place": lambda layer: layer.params.flat.__setitem__(..., 0),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_tape_of_parameters_that_have_changed_since_is_refused(write):
    layer = make("gru after")
    data = given(layer, 3, 2)
    tape = layer.forward(data.x)[2]
    layer.backward(data.dy, tape)
    write(layer)
    with pytest.raises(ValueError, match=r"tape must have been made with the parameters .*; run forward again"):
        layer.backward(data.dy, tape)
    layer.backward(data.dy, layer.forward(data.x)[2])


def test_a_twins_tape_is_refused_and_a_copys_is_taken():
    layer, twin = make("gru after"), make("gru after", rng=7)
    data = given(layer, 3, 2)
    with pytest.raises(ValueError, match="or it is another layer's"):
        layer.backward(data.dy, twin.forward(data.x)[2])
    same = copy.deepcopy(layer)
    np.testing.assert_array_equal(
        layer.backward(data.dy, same.forward(data.x)[2])[2].flat,
        same.backward(data.dy, same.forward(data.x)[2])[2].flat,
    )


def test_a_write_on_one_layer_of_a_model_leaves_the_tapes_of_the_others():
    model = ns.LanguageModel(5, cell="gru", hidden_size=3, rng=0)
    y, _, tape = model.recurrent.forward(np.zeros((2, 1), int))
    _, output_tape = model.output.forward(y)
    model.output.params["b"] = np.ones(5)
    model.recurrent.backward(y, tape)
    with pytest.raises(ValueError, match="run forward again"):
        model.output.backward(np.ones((2, 1, 5), np.float32), output_tape)
    model.params["output.b"] = np.zeros(5)
    with pytest.raises(ValueError, match="run forward again"):
        model.recurrent.backward(y, tape)


def test_an_array_of_the_shape_and_dtype_is_itself():
    for given_ in (X, np.asfortranarray(X), X[::-1]):
        assert check_array("dy", given_, (2, 3, 4), F64, np) is given_
    widened = check_array("dy", X.astype(np.float32), (2, 3, 4), F64, np)
    assert widened.dtype == np.float64


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (1.0, TypeError, r"dy must be a NumPy or CuPy array of numbers of shape \(2, 3, 4\), got float"),
        (
            np.ma.masked_array(X),
            TypeError,
            r"dy must be a NumPy or CuPy array of numbers of shape \(2, 3, 4\), got numpy.MaskedArray; pass dy.filled",
        ),
        (X[0], ValueError, r"dy must have shape \(2, 3, 4\), got \(3, 4\)"),
        (
            X * 1j,
            TypeError,
            r"dy is complex128 but the layer is float64; use layer.astype",
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
