"""Pointwise losses equal scalar loops written from the formulas, PyTorch, and have the gradient of a complex step."""

import math

import numpy as np
import pytest
from losses.cases import B, T, assert_complex_step

from npseq.losses import binary_cross_entropy, mean_squared_error


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_binary_cross_entropy_and_squared_error_are_the_scalar_loops(weights, reduction):
    rng = np.random.default_rng(8)
    z, y = 5 * rng.normal(size=(T, B)), rng.uniform(size=(T, B))
    divisor = math.fsum(weights.ravel()) if reduction == "mean" else 1.0
    entropy, square = np.zeros((T, B)), np.zeros((T, B))
    for place in np.ndindex(T, B):
        p = 1 / (1 + math.exp(-z[place]))
        entropy[place] = -weights[place] * (y[place] * math.log(p) + (1 - y[place]) * math.log(1 - p)) / divisor
        square[place] = weights[place] * (z[place] - y[place]) ** 2 / divisor
    for loss, expected in ((binary_cross_entropy, entropy), (mean_squared_error, square)):
        value, _ = loss(z, y, weights=weights, reduction=reduction)
        np.testing.assert_allclose(value, expected if reduction == "none" else expected.sum(), rtol=1e-12)


def test_binary_cross_entropy_keeps_the_digits_of_both_tails():
    losses, dlogits = binary_cross_entropy(np.array([-60.0, 60.0]), np.array([0.0, 1.0]), reduction="none")
    np.testing.assert_allclose(losses, [math.exp(-60)] * 2, rtol=1e-14)
    np.testing.assert_allclose(dlogits, [math.exp(-60), -math.exp(-60)], rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_binary_cross_entropy_of_extreme_logits_stays_finite(dtype):
    losses, dlogits = binary_cross_entropy(np.array([1e4, 0, -1e4], dtype), np.array([0.0, 0.5, 1.0]), reduction="none")
    np.testing.assert_allclose(losses, [1e4, math.log(2), 1e4], rtol=1e-6)
    np.testing.assert_allclose(dlogits, [1, 0, -1])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_gradients_are_those_of_a_complex_step(reduction):
    rng = np.random.default_rng(6)
    z, y, w = 5 * rng.normal(size=(T, B)), rng.uniform(size=(T, B)), rng.uniform(size=(T, B))
    for loss in (binary_cross_entropy, mean_squared_error):
        for weights in (None, w):
            gradient = loss(z, y, weights=weights, reduction=reduction)[1]
            assert_complex_step(
                lambda at, loss=loss, weights=weights: loss(at, y, weights=weights, reduction=reduction)[0], z, gradient
            )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_binary_cross_entropy_and_squared_error_are_pytorchs(reduction):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(7)
    z, y = 5 * rng.normal(size=(T, B)), rng.uniform(size=(T, B))
    functional = torch.nn.functional
    for ours, theirs in (
        (binary_cross_entropy, functional.binary_cross_entropy_with_logits),
        (mean_squared_error, functional.mse_loss),
    ):
        at = torch.tensor(z, requires_grad=True)
        expected = theirs(at, torch.tensor(y), reduction=reduction)
        expected.sum().backward()
        loss, gradient = ours(z, y, reduction=reduction)
        np.testing.assert_allclose(loss, expected.detach().numpy(), rtol=1e-13)
        np.testing.assert_allclose(gradient, at.grad.numpy(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("loss", "arguments", "error", "text"),
    [
        (binary_cross_entropy, (np.ones(2), np.full(2, 1.5)), ValueError, r"must lie in \[0, 1\], got values from 1.5"),
        (binary_cross_entropy, (np.ones(2), np.array([0, np.nan])), ValueError, r"must lie in \[0, 1\]"),
        (binary_cross_entropy, (np.ones(2), np.ones(3)), ValueError, r"shape of the logits, \(2,\), got \(3,\)"),
        (binary_cross_entropy, (np.ones(2), np.ones(2, complex)), TypeError, "targets must be real"),
        (binary_cross_entropy, (np.ones(2, int), np.ones(2)), TypeError, "logits must be floating"),
        (mean_squared_error, (np.ones(2), np.ones(3)), ValueError, r"shape of the prediction, \(2,\), got \(3,\)"),
        (mean_squared_error, (np.ones(2), np.ones(2, complex)), TypeError, "target must be real"),
        (mean_squared_error, (np.ones(2, int), np.ones(2)), TypeError, "prediction must be floating"),
    ],
)
def test_binary_cross_entropy_and_squared_error_refuse_arrays_that_do_not_fit(loss, arguments, error, text):
    with pytest.raises(error, match=text):
        loss(*arguments)
