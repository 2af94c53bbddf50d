"""Targets that are distributions: the loss is the scalar loop, PyTorch's, and that of class ids where it is one-hot."""

import math

import numpy as np
import pytest
from losses.cases import B, T, V, assert_complex_step

from npseq.losses import softmax_cross_entropy


@pytest.fixture
def q():
    q = np.random.default_rng(7).dirichlet(np.full(V, 0.5), (T, B))
    q[0, 0] = np.eye(V)[2]
    return q


def scalar_loop(logits, q, weights, smoothing, reduction):
    losses, gradient, total = np.zeros(logits.shape[:-1]), np.zeros(logits.shape), 0.0
    for place in np.ndindex(losses.shape):
        w = 1.0 if weights is None else float(weights[place])
        top = max(logits[place])
        norm = math.fsum(math.exp(z - top) for z in logits[place])
        mixed = [(1 - smoothing) * share + smoothing / len(q[place]) for share in q[place]]
        for k, (z, share) in enumerate(zip(logits[place], mixed, strict=True)):
            losses[place] -= w * share * (z - top - math.log(norm))
            gradient[place][k] = w * (math.exp(z - top) / norm - share)
        total += w
    if reduction == "none":
        return losses, gradient
    divisor = total if reduction == "mean" else 1.0
    return math.fsum(losses.ravel()) / divisor, gradient / divisor


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1)])
def test_it_is_the_scalar_loop_and_the_complex_step(logits, q, weights, reduction, smoothing, weighted, order):
    w = weights if weighted else None
    z = np.ascontiguousarray(logits.transpose(order)).transpose(np.argsort(order))
    options = {"weights": w, "label_smoothing": smoothing, "reduction": reduction}
    loss, dlogits = softmax_cross_entropy(z, q, **options)
    expected, gradient = scalar_loop(z, q, w, smoothing, reduction)
    np.testing.assert_allclose(loss, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(dlogits, gradient, rtol=1e-12, atol=1e-15)
    if not weighted:
        assert dlogits.strides == z.strides
    if reduction != "none":
        assert_complex_step(lambda moved: softmax_cross_entropy(moved, q, **options)[0], z, dlogits)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_one_hot_rows_are_class_ids(logits, targets, weights, smoothing):
    options = {"weights": weights, "label_smoothing": smoothing}
    loss, dlogits = softmax_cross_entropy(logits, np.eye(V)[targets], **options)
    by_id = softmax_cross_entropy(logits, targets, **options)
    np.testing.assert_allclose(loss, by_id[0], rtol=1e-14)
    np.testing.assert_allclose(dlogits, by_id[1], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_it_is_the_loss_of_pytorch(logits, q, reduction, smoothing):
    torch = pytest.importorskip("torch")
    z = torch.tensor(logits.reshape(-1, V), requires_grad=True)
    wanted = torch.nn.functional.cross_entropy(
        z, torch.tensor(q.reshape(-1, V)), reduction=reduction, label_smoothing=smoothing
    )
    wanted.sum().backward()
    loss, dlogits = softmax_cross_entropy(logits, q, reduction=reduction, label_smoothing=smoothing)
    np.testing.assert_allclose(np.ravel(loss), wanted.detach().numpy().ravel(), rtol=1e-13)
    np.testing.assert_allclose(dlogits.reshape(-1, V), z.grad.numpy(), rtol=1e-12, atol=1e-16)


def test_a_share_of_zero_and_a_weight_of_zero_reach_nothing(logits, q):
    ruled_out = np.where(q == 0, -np.inf, logits)
    assert np.isfinite(softmax_cross_entropy(ruled_out, q)[0])
    logits[1], q[1] = np.nan, np.inf
    weights = np.ones((T, B))
    weights[1] = 0
    loss, dlogits = softmax_cross_entropy(logits, q, weights=weights)
    kept = np.delete(logits, 1, axis=0), np.delete(q, 1, axis=0)
    np.testing.assert_allclose(loss, softmax_cross_entropy(*kept)[0], rtol=1e-14)
    assert not dlogits[1].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_far_apart_and_empty_batches(dtype):
    z = np.array([[np.finfo(dtype).max, 0, -np.finfo(dtype).max]], dtype)
    loss, dlogits = softmax_cross_entropy(z, np.array([[1, 0, 0]], dtype))
    assert (loss, dlogits.tolist()) == (0, [[0, 0, 0]])
    assert loss.dtype == dlogits.dtype == dtype
    loss, dlogits = softmax_cross_entropy(z[:0], np.zeros((0, 3)))
    assert (loss, dlogits.shape) == (0, (0, 3))


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda q: 2 * q, ValueError, r"targets must be distributions, .* of sum 2\.0; divide by their sum"),
        (lambda q: q - 0.5, ValueError, "targets must be distributions, not negative"),
        (lambda q: q * np.nan, ValueError, "targets must be distributions"),
        (lambda q: q[..., :4], ValueError, r"must have the shape of logits, \(4, 3, 5\), got \(4, 3, 4\)"),
        (lambda q: q.astype(np.float16), TypeError, "targets must have 32 bits or more"),
        (lambda q: q[..., 0], TypeError, "targets must be integers, got float64"),
        (lambda q: q + 0j, ValueError, "targets must have the leading shape of logits"),
    ],
)
def test_what_is_no_distribution_is_refused(logits, q, wrong, error, text):
    with pytest.raises(error, match=text):
        softmax_cross_entropy(logits, wrong(q))


def test_an_ignore_index_belongs_to_class_ids(logits, q):
    with pytest.raises(ValueError, match="ignore_index is for class ids, got 0 beside probabilities; use weights"):
        softmax_cross_entropy(logits, q, ignore_index=0)
