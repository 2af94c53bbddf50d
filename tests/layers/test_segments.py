"""Resets: a sequence that starts anew is several sequences, run one by one; the gradient is that of a complex step."""

import numpy as np
import pytest

import npseq as ns
from npseq.layers.segments import segments_of

T, B, D, H = 7, 4, 2, 2
LENGTHS = np.array([7, 4, 0, 6])
LAYERS = {
    "rnn": lambda: ns.RNN(D, H, dtype=np.float64, rng=0),
    "gru both ways": lambda: ns.GRU(D, H, num_layers=2, bidirectional=True, dtype=np.float64, rng=0),
    "lstm": lambda: ns.LSTM(D, H, num_layers=2, peepholes=True, dtype=np.float64, rng=0),
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def resets(rng):
    flags = rng.random((T, B)) < 0.4
    flags[0] = [True, False, True, False]
    return flags


def parts_of(state):
    return state if isinstance(state, tuple) else (state,)


def like(layer, rng):
    """A random state of B sequences."""
    parts = [rng.normal(size=part.shape) for part in parts_of(layer.forward(np.zeros((1, B, D)))[1])]
    return tuple(parts) if len(parts) > 1 else parts[0]


def one_by_one(layer, x, state, lengths, resets):
    """y and the last state, each segment in a call of its own."""
    y, last = np.zeros((T, B, layer.output_size)), [part.copy() for part in parts_of(state)]
    for b, length in enumerate(lengths):
        now = [part[:, b : b + 1] for part in parts_of(state)]
        for t in range(length):
            if t and not resets[t, b]:
                continue
            stop = next((s for s in range(t + 1, length) if resets[s, b]), length)
            start = [np.zeros_like(part) for part in now] if resets[t, b] else now
            found, after, _ = layer.forward(x[t:stop, b : b + 1], tuple(start) if len(start) > 1 else start[0])
            y[t:stop, b] = found[:, 0]
            for part, new in zip(last, parts_of(after), strict=True):
                part[:, b] = new[:, 0]
    return y, last


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_batch_with_resets_is_its_segments_one_by_one(kind, lengths, rng, resets):
    layer, x = LAYERS[kind](), rng.normal(size=(T, B, D))
    state = like(layer, rng)
    expected, after = one_by_one(layer, x, state, [T] * B if lengths is None else lengths, resets)
    y, last, _ = layer.forward(x, state, lengths, resets=resets)
    np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-15)
    for part, wanted in zip(parts_of(last), after, strict=True):
        np.testing.assert_allclose(part, wanted, rtol=1e-13, atol=1e-15)


def assert_complex_step(layer, x, state, resets, truncation, rng):
    copy = layer.astype(complex)
    y, _, tape = layer.forward(x, state, LENGTHS, resets=resets)
    dy, dlast = rng.normal(size=y.shape), like(layer, rng)
    dx, dstate, grads = layer.backward(dy, tape, dlast, truncation)

    def loss(x, parts, flat):
        copy.params.flat = flat
        given = tuple(parts) if len(parts) > 1 else parts[0]
        y, last, _ = copy.forward(x.astype(complex), given, LENGTHS, resets=resets)
        return (y * dy).sum() + sum((a * b).sum() for a, b in zip(parts_of(last), parts_of(dlast), strict=True))

    at = [x, *parts_of(state), layer.params.flat]
    for k, found in enumerate([dx, *parts_of(dstate), grads.flat]):
        for place in np.ndindex(found.shape):
            moved = [value.astype(complex) for value in at]
            moved[k][place] += 1e-30j
            value = loss(moved[0], moved[1:-1], moved[-1]).imag / 1e-30
            assert abs(value - found[place]) <= 1e-13 * max(abs(found).max(), 1)


@pytest.mark.parametrize("kind", LAYERS)
def test_every_entry_of_the_gradient_is_that_of_a_complex_step(kind, rng, resets):
    layer = LAYERS[kind]()
    assert_complex_step(layer, rng.normal(size=(T, B, D)), like(layer, rng), resets, None, rng)


def test_a_truncation_beyond_every_segment_cuts_nothing(rng):
    """A reset every second step; a path from the first step of a segment to the state before it has lag 2."""
    layer, resets = LAYERS["lstm"](), np.broadcast_to(np.arange(T)[:, None] % 2 == 0, (T, B))
    assert_complex_step(layer, rng.normal(size=(T, B, D)), like(layer, rng), resets, ns.Truncated(3), rng)


def test_ids_old_tapes_and_no_resets_at_all(rng):
    layer, ids, none = ns.GRU(5, 3, rng=0), rng.integers(0, 5, (T, B)), np.zeros((T, B), bool)
    plain, last, _ = layer.forward(ids, None, LENGTHS)
    y, same, tape = layer.forward(ids, None, LENGTHS, resets=none)
    np.testing.assert_allclose(y, plain, rtol=1e-6)
    np.testing.assert_allclose(same, last, rtol=1e-6)
    again, _, tape = layer.forward(ids, None, LENGTHS, resets=none, tape=tape)
    np.testing.assert_array_equal(again, y)
    assert layer.backward(np.ones_like(y), tape)[0] is None


def test_nothing_to_read(rng, resets):
    layer = ns.LSTM(D, H, dtype=np.float64, rng=0)
    y, (h, c), tape = layer.forward(rng.normal(size=(T, B, D)), None, np.zeros(B, int), resets=resets)
    assert not y.any()
    _, (dh, _), grads = layer.backward(np.ones_like(y), tape, (np.ones_like(h), np.zeros_like(c)))
    assert (dh == 1).all()
    assert not grads.flat.any()


def test_a_ledger_of_the_segments(rng, resets):
    layer, x = ns.GRU(D, H, dtype=np.float64, rng=0), rng.normal(size=(T, B, D))
    y, _, tape = layer.forward(x, resets=resets)
    dy = rng.normal(size=y.shape)
    ledger = ns.inspect.ledger(layer, tape.segments.split(dy), tape.tape)
    grads = layer.backward(dy, tape)[2]
    for name, value in grads.items():
        np.testing.assert_allclose(ledger.per_lag[name].sum(axis=0), value, rtol=1e-12, atol=1e-13)


def test_where_segments_lie():
    flags = np.array([[0, 1], [0, 0], [1, 1], [1, 0]], bool)
    found = segments_of(flags, np.array([4, 2]), 4, 2)
    assert found.sequence.tolist() == [0, 0, 0, 1]
    assert found.start.tolist() == [0, 2, 3, 0]
    assert found.lengths.tolist() == [2, 1, 1, 2]
    assert found.fresh.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (np.zeros((T, B), int), TypeError, "resets must be bool, got int64; give resets != 0"),
        (np.zeros((T, 1), bool), ValueError, r"resets must have shape \(7, 4\), a flag for each step of x, got"),
        ([[True] * B] * T, TypeError, r"resets must be a NumPy or CuPy array of numbers \(T, B\), got list"),
    ],
)
def test_what_are_no_resets_is_refused(wrong, error, text):
    with pytest.raises(error, match=text):
        LAYERS["rnn"]().forward(np.zeros((T, B, D)), resets=wrong)


def test_a_tape_of_another_kind_is_refused(rng, resets):
    layer, x = LAYERS["rnn"](), rng.normal(size=(T, B, D))
    plain, with_resets = layer.forward(x)[2], layer.forward(x, resets=resets)[2]
    for given, flags in ((plain, resets), (with_resets, None)):
        with pytest.raises(TypeError, match="tape must be an old one that forward returned, or None"):
            layer.forward(x, resets=flags, tape=given)
