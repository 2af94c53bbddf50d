"""Dropout: only in training, zero or scaled, differentiated with the factors that it drew."""

import numpy as np
import pytest

import npseq as ns

STEP = 1e-30


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_outside_training_nothing_happens():
    x = numbers(3, 4)
    for layer, options in ((ns.Dropout(0.5, rng=0), {}), (ns.Dropout(0.0, rng=0), {"training": True})):
        y, tape = layer.forward(x, **options)
        assert y is x
        assert tape is None
        assert layer.backward(x, tape)[0] is x


def test_forward_and_backward_are_the_definition_entry_by_entry():
    """The factors are those of the generator's own numbers: below p zero, else 1 / (1 - p)."""
    x, dy, draws = numbers(3, 4), numbers(3, 4, seed=1), np.random.default_rng(7).random((3, 4))
    layer = ns.Dropout(0.25, rng=7)
    y, mask = layer.forward(x, training=True)
    dx, grads = layer.backward(dy, mask)
    assert len(grads) == 0
    for index in np.ndindex(3, 4):
        factor = 0.0 if draws[index] < 0.25 else 1 / 0.75
        assert mask[index] == factor
        assert y[index] == x[index] * factor
        assert dx[index] == dy[index] * factor


def test_the_mean_is_kept():
    """100 000 draws: the share of zeros has standard deviation 0.0014, the mean 0.0020."""
    y, mask = ns.Dropout(0.3, rng=0).forward(np.ones(100_000), training=True)
    assert abs((mask == 0).mean() - 0.3) < 5 * 0.0014
    assert abs(y.mean() - 1) < 5 * 0.0020


def test_the_adjoint_identity():
    """<w, J v> by a complex step of forward with the same draws, <J' w, v> by backward."""
    x, v, w = numbers(3, 4), numbers(3, 4, seed=1), numbers(3, 4, seed=2)
    jv = ns.Dropout(0.5, rng=3).forward(x + 1j * STEP * v, training=True)[0].imag / STEP
    layer = ns.Dropout(0.5, rng=3)
    dx, _ = layer.backward(w, layer.forward(x, training=True)[1])
    assert (w * jv).sum() == pytest.approx((dx * v).sum(), rel=1e-14)
    assert dx.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_every_dtype_stays_itself_and_the_mask_is_real(dtype):
    x = np.ones((3, 4), dtype)
    y, mask = ns.Dropout(0.5, rng=0).forward(x, training=True)
    assert y.dtype == dtype
    assert mask.dtype == x.real.dtype
    assert ns.Dropout(0.5, rng=0).backward(y, mask)[0].dtype == dtype


def test_the_seed_fixes_the_draws_and_each_forward_draws_anew():
    x = np.ones(50)
    first, second, other = ns.Dropout(0.5, rng=3), ns.Dropout(0.5, rng=np.random.default_rng(3)), ns.Dropout(0.5, rng=4)
    y = first.forward(x, training=True)[0]
    np.testing.assert_array_equal(second.forward(x, training=True)[0], y)
    assert not np.array_equal(other.forward(x, training=True)[0], y)
    assert not np.array_equal(first.forward(x, training=True)[0], y)


def test_the_memory_layout_of_x_makes_no_difference():
    x = numbers(4, 6)
    y = ns.Dropout(0.5, rng=0).forward(x, training=True)[0]
    for same in (np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        np.testing.assert_array_equal(ns.Dropout(0.5, rng=0).forward(same, training=True)[0], y)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ns.Dropout(1.0), ValueError, r"p must be a probability in \[0, 1\), got 1.0"),
        (lambda: ns.Dropout(-0.1), ValueError, r"p must be a probability in \[0, 1\), got -0.1"),
        (lambda: ns.Dropout("0.5"), TypeError, r"p must be a number, got '0.5'"),
        (lambda: ns.Dropout(0.5).forward([1.0]), TypeError, "x must be a NumPy or CuPy array of numbers, got list"),
        (lambda: ns.Dropout(0.5).forward(np.ones(3, int)), TypeError, "x must be floating or complex, got int64"),
        (lambda: ns.Dropout(0.5).forward(np.ones(3), training="yes"), TypeError, "training must be True or False"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_it_prints_its_probability():
    assert repr(ns.Dropout(0.5)) == "Dropout(0.5)"
