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


GARBAGE = [np.nan, np.inf, -np.inf, 3e38]


def of_entries(loss, garbage):
    """The second and the last entry count for nothing, whatever stands there; the others are 0, 1, 2."""
    x, y, w = (np.array([value, 0, value], np.float32) for value in (0.5, 1, 2))
    x, y = (np.insert(part, [1, 3], garbage).astype(part.dtype) for part in (x, y / 4))
    return lambda reduction: loss(x, y, weights=np.insert(w + 1, [1, 3], 0), reduction=reduction)


def of_classes(garbage, targets, **options):
    logits = np.zeros((2, 3, V))
    logits[:, 1] = np.arange(V)
    logits[0, 0], logits[1, 2, 3] = garbage, garbage
    ids = np.ones((2, 3), int)
    ids[0, 0], ids[1, 2] = targets
    return lambda reduction: softmax_cross_entropy(logits, ids, reduction=reduction, label_smoothing=0.1, **options)


COUNTED = np.array([[0, 2.0, 1], [1, 1, 0]])
OF_NO_WEIGHT = {
    "binary": lambda garbage: of_entries(binary_cross_entropy, garbage),
    "squared": lambda garbage: of_entries(mean_squared_error, garbage),
    "ignored": lambda garbage: of_classes(garbage, (-100, -100), ignore_index=-100),
    "weighed by 0": lambda garbage: of_classes(garbage, (0 if garbage == 0 else 10**9, -1), weights=COUNTED),
    "a mask": lambda garbage: of_classes(garbage, (2, 3), weights=COUNTED > 0),
    "ignored, of weight nan": lambda garbage: of_classes(
        garbage, (7, 7), ignore_index=7, weights=np.where(COUNTED > 0, COUNTED, garbage)
    ),
}


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("case", OF_NO_WEIGHT)
def test_what_has_no_weight_reaches_nothing_whatever_it_holds(case, reduction, garbage):
    loss, gradient = OF_NO_WEIGHT[case](garbage)(reduction)
    expected, expected_gradient = OF_NO_WEIGHT[case](0)(reduction)
    np.testing.assert_array_equal(loss, expected)
    np.testing.assert_array_equal(gradient, expected_gradient)
    assert np.isfinite(expected_gradient).all()


def test_the_numbers_of_an_ignored_infinity_are_those_of_the_rest():
    """By hand: log(e^1 + e^2) and so on are of no consequence; the second position has z = 0.5, 0.1 beside -inf."""
    logits = np.array([[-np.inf, 1, 2], [-np.inf, 0.5, 0.1]])
    loss, dlogits = softmax_cross_entropy(logits, np.array([1, 0]), ignore_index=0)
    assert loss == pytest.approx(np.log1p(np.e), rel=1e-15)  # log((e + e^2) / e)
    np.testing.assert_array_equal(dlogits[1], 0)
    loss, gradient = mean_squared_error(np.array([0, 1.5]), np.array([np.nan, 1]), weights=np.array([0.0, 1]))
    assert (loss, gradient.tolist()) == (0.25, [0, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_an_infinite_logit_that_is_right_has_no_loss(dtype):
    loss, dlogits = binary_cross_entropy(np.array([-np.inf, np.inf], dtype), np.array([0, 1]), reduction="sum")
    assert loss == 0
    assert not dlogits.any()
    assert binary_cross_entropy(np.array([-np.inf]), np.ones(1), reduction="sum")[0] == np.inf


@pytest.mark.parametrize("size", [1e-300, 1e-45, 1e40, 1.7e308])
def test_the_size_of_all_weights_is_of_no_consequence_for_a_mean(targets, size):
    logits = np.random.default_rng(0).normal(size=(T, B, V)).astype(np.float32)
    plain, found = (softmax_cross_entropy(logits, targets, weights=np.full((T, B), w)) for w in (1, size))
    np.testing.assert_allclose(found[0], plain[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], plain[1], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-300, -1e-45, 1e40])
def test_weights_that_the_loss_cannot_hold_are_refused(size):
    """The remedy is followed."""
    z, y = np.ones(2, np.float32), np.zeros(2)
    with pytest.raises(ValueError, match=r"a size that float32 can hold.*use logits.astype\(float64\)"):
        mean_squared_error(z, y, weights=np.full(2, size), reduction="sum")
    loss, _ = mean_squared_error(z.astype(np.float64), y, weights=np.full(2, size), reduction="sum")
    assert loss == 2 * size


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_number_are_refused(value):
    with pytest.raises(ValueError, match="weights must be finite, got nan or inf; 0 leaves a position out"):
        mean_squared_error(np.ones(2), np.ones(2), weights=np.array([1, value]))


@pytest.mark.parametrize("loss", [softmax_cross_entropy, binary_cross_entropy, mean_squared_error])
def test_half_types_are_refused_because_their_sums_go_wrong(loss):
    """6,000 classes at 2.7: sum e^2.7 = 89,000 is beyond float16. The remedy is followed."""
    logits, targets = np.full(6000, 2.7, np.float16), np.array(1)
    if loss is not softmax_cross_entropy:
        targets = np.ones(6000, np.float16)
    with pytest.raises(TypeError, match=r"32 bits or more, got float16.*use .astype\(numpy.float32\)"):
        loss(logits, targets)
    found, _ = loss(logits.astype(np.float32), targets)
    if loss is softmax_cross_entropy:
        assert found == pytest.approx(np.log(6000), rel=1e-6)


@pytest.mark.parametrize("loss", [binary_cross_entropy, mean_squared_error])
def test_an_unknown_reduction_is_refused(loss):
    with pytest.raises(ValueError, match="reduction must be one of 'mean', 'sum', 'none', got 'total'"):
        loss(np.ones(2), np.ones(2), reduction="total")
