"""Weights, masks and reductions mean the same in every loss."""

import numpy as np
import pytest
from losses.cases import B, T, V

from npseq.losses import binary_cross_entropy, mean_squared_error, perplexity, softmax_cross_entropy
from npseq.losses.positions import coefficients


@pytest.mark.parametrize(
    ("reduction", "plain", "masked", "weighted"),
    [
        ("mean", 0.25, [[0.5, 0], [0.5, 0]], [[0.125, 0], [0.875, 0]]),
        ("sum", 1.0, [[1, 0], [1, 0]], [[1, 0], [7, 0]]),
        ("none", 1.0, [[1, 0], [1, 0]], [[1, 0], [7, 0]]),
    ],
)
def test_coefficients_are_weights_of_the_mask_over_their_sum(reduction, plain, masked, weighted):
    mask, w = np.array([[True, False], [True, False]]), np.array([[1, 5], [7, 3]])
    for weights, where, expected in ((None, None, plain), (None, mask, masked), (w, mask, weighted)):
        found = coefficients(np, weights, where, (2, 2), np.dtype("f8"), reduction)
        np.testing.assert_array_equal(found, expected)


def test_coefficients_are_an_array_only_where_positions_may_differ():
    assert isinstance(coefficients(np, None, None, (2, 3), np.dtype("f4"), "mean"), float)
    assert coefficients(np, np.float64(2), None, (2, 3), np.dtype("f4"), "sum").shape == (2, 3)


def test_coefficients_of_a_mask_that_leaves_nothing_are_zero():
    found = coefficients(np, None, np.zeros(3, bool), (3,), np.dtype("f8"), "mean")
    np.testing.assert_array_equal(found, np.zeros(3))


@pytest.mark.parametrize("options", [{"ignore_index": 1}, {"weights": np.zeros((T, B))}])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_mean_over_nothing_is_zero(logits, options, reduction):
    loss, dlogits = softmax_cross_entropy(logits, np.ones((T, B), int), reduction=reduction, **options)
    assert np.sum(loss) == 0
    assert not dlogits.any()
    assert mean_squared_error(np.ones(0), np.ones(0))[0] == 0
    assert binary_cross_entropy(np.ones(0), np.ones(0))[0] == 0


def test_weights_are_broadcast(logits, targets):
    row = np.array([1.0, 0.0, 2.0])
    for reduction in ("mean", "sum", "none"):
        short = softmax_cross_entropy(logits, targets, weights=row, reduction=reduction)
        full = softmax_cross_entropy(logits, targets, weights=np.tile(row, (T, 1)), reduction=reduction)
        np.testing.assert_array_equal(short[0], full[0])
        np.testing.assert_array_equal(short[1], full[1])


def test_signed_weights_are_allowed_where_no_mean_is_taken(logits, targets):
    plain, dplain = softmax_cross_entropy(logits, targets, reduction="sum")
    loss, dlogits = softmax_cross_entropy(logits, targets, weights=np.array(-2.0), reduction="sum")
    np.testing.assert_allclose(loss, -2 * plain, rtol=1e-14)
    np.testing.assert_allclose(dlogits, -2 * dplain, rtol=1e-13, atol=1e-16)


def test_float32_stays_float32(weights, targets):
    z, y = np.ones((T, B), np.float32), np.zeros((T, B), int)
    for w in (None, weights, weights > 0):
        for loss in (binary_cross_entropy, mean_squared_error):
            assert {array.dtype for array in loss(z, y, weights=w)} == {np.dtype(np.float32)}
        found = softmax_cross_entropy(
            np.ones((T, B, V), np.float32), targets, ignore_index=0, weights=w, label_smoothing=0.1
        )
        assert {array.dtype for array in found} == {np.dtype(np.float32)}
    assert perplexity(np.float32(1)).dtype == np.float32


@pytest.mark.parametrize("loss", [binary_cross_entropy, mean_squared_error])
def test_an_unknown_reduction_is_refused(loss):
    with pytest.raises(ValueError, match="reduction must be one of 'mean', 'sum', 'none', got 'total'"):
        loss(np.ones(2), np.ones(2), reduction="total")
