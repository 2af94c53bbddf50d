"""Cross-entropy equals a scalar loop written from the formula, PyTorch, and has the gradient of a complex step."""

import cmath
import itertools
import math

import numpy as np
import pytest
from losses.cases import B, T, V, assert_complex_step

from npseq.losses import perplexity, softmax_cross_entropy

MEMORY = {"TBV": (0, 1, 2), "TVB": (0, 2, 1), "VTB": (2, 0, 1), "BTV": (1, 0, 2), "VBT": (2, 1, 0)}


def laid_out(values, order):
    """The same values, with the axes in memory in this order."""
    return np.ascontiguousarray(values.transpose(order)).transpose(np.argsort(order))


def scalar_cross_entropy(logits, targets, ignore_index, weights, smoothing, reduction):
    losses, gradient, total = np.zeros(targets.shape), np.zeros(logits.shape), 0.0
    for place in np.ndindex(targets.shape):
        target, w = int(targets[place]), 1.0 if weights is None else float(weights[place])
        if target == ignore_index:
            continue
        top = max(logits[place])
        norm = math.fsum(math.exp(z - top) for z in logits[place])
        for k, z in enumerate(logits[place]):
            p = math.exp(z - top) / norm
            wanted = smoothing / len(logits[place]) + (1 - smoothing) * (k == target)
            losses[place] -= w * wanted * (z - top - math.log(norm)) if wanted else 0
            gradient[place][k] = w * (p - wanted)
        total += w
    if reduction == "none":
        return losses, gradient
    divisor = total if reduction == "mean" else 1.0
    return math.fsum(losses.ravel()) / divisor, gradient / divisor


@pytest.mark.parametrize("scale", [1.0, 300.0], ids=["plain", "shifted"])
@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize(
    ("ignore_index", "weighted", "smoothing", "reduction"),
    list(itertools.product([None, 2, -100], [False, True], [0.0, 0.2], ["mean", "sum", "none"])),
)
def test_cross_entropy_is_the_scalar_loop(
    logits, targets, weights, scale, memory, ignore_index, weighted, smoothing, reduction
):
    if ignore_index == -100:
        targets[1, 1:] = -100
    w = weights if weighted else None
    z = laid_out(scale * logits, MEMORY[memory])
    loss, dlogits = softmax_cross_entropy(
        z, targets, ignore_index=ignore_index, weights=w, label_smoothing=smoothing, reduction=reduction
    )
    expected, gradient = scalar_cross_entropy(z, targets, ignore_index, w, smoothing, reduction)
    np.testing.assert_allclose(loss, expected, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(dlogits, gradient, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_the_gradient_lies_in_memory_as_the_logits_and_nothing_is_written_on(logits, targets, memory, dtype):
    z = laid_out(logits.astype(dtype), MEMORY[memory])
    before = z.copy(), targets.copy()
    loss, dlogits = softmax_cross_entropy(z, targets)
    assert dlogits.strides == z.strides
    assert dlogits.dtype == loss.dtype == dtype
    np.testing.assert_array_equal(z, before[0])
    np.testing.assert_array_equal(targets, before[1])
    again = softmax_cross_entropy(z, targets)
    assert again[0] == loss
    np.testing.assert_array_equal(again[1], dlogits)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (1, 1), (0, 3), (2, 1), (2, 3, 2)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_leading_shape_gives_the_scalar_loop(shape, reduction, weighted):
    rng = np.random.default_rng(3)
    z, ids = rng.normal(size=(*shape, V)), np.asarray(rng.integers(0, V, shape))
    w = np.asarray(rng.uniform(0.5, 1, shape)) if weighted else None
    loss, dlogits = softmax_cross_entropy(z, ids, ignore_index=-1, weights=w, reduction=reduction)
    assert dlogits.shape == z.shape
    assert np.shape(loss) == (shape if reduction == "none" else ())
    if ids.size:
        expected, gradient = scalar_cross_entropy(z, ids, -1, w, 0.0, reduction)
        np.testing.assert_allclose(loss, expected, rtol=1e-13)
        np.testing.assert_allclose(dlogits, gradient, rtol=1e-12, atol=1e-15)
    else:
        assert np.sum(loss) == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint64])
def test_any_integer_dtype_of_targets_gives_the_same_gradient(dtype):
    z = np.random.default_rng(4).normal(size=(300, 40, 7)).transpose(0, 2, 1)
    ids = np.random.default_rng(5).integers(0, 40, (300, 7))
    np.testing.assert_array_equal(
        softmax_cross_entropy(z, ids.astype(dtype))[1], softmax_cross_entropy(z, ids.astype(np.int64))[1]
    )


def test_strided_and_broadcast_logits_give_the_same_numbers(logits, targets):
    wide = np.zeros((2 * T, B, 2 * V))
    wide[::2, :, ::-2] = logits
    expected = softmax_cross_entropy(logits, targets)
    for z in (wide[::2, :, ::-2], np.asfortranarray(logits)):
        loss, dlogits = softmax_cross_entropy(z, targets)
        np.testing.assert_allclose(loss, expected[0], rtol=1e-14)
        np.testing.assert_allclose(dlogits, expected[1], rtol=1e-13, atol=1e-16)
    loss, dlogits = softmax_cross_entropy(np.broadcast_to(logits[:1], (T, B, V)), targets)
    expected = softmax_cross_entropy(np.repeat(logits[:1], T, axis=0), targets)
    np.testing.assert_allclose(dlogits, expected[1], rtol=1e-13, atol=1e-16)


def test_weights_mask_padded_sequences_as_d2l_does():
    """ones(3, 4, 10), valid lengths 4, 2, 0: the mean over all steps of each sequence, as d2l prints it."""
    mask = np.arange(4) < np.array([[4], [2], [0]])
    losses, dlogits = softmax_cross_entropy(np.ones((3, 4, 10)), np.ones((3, 4), int), weights=mask, reduction="none")
    np.testing.assert_allclose(losses.mean(axis=1), [2.3026, 1.1513, 0.0], atol=5e-5)
    assert not dlogits[~mask].any()
    loss, _ = softmax_cross_entropy(np.ones((3, 4, 10)), np.ones((3, 4), int), weights=mask)
    np.testing.assert_allclose(loss, math.log(10), rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_extreme_logits_stay_finite(dtype):
    z = np.array([[1e4, 0, -1e4], [1e4, 0, -1e4], [1e4, 1e4, 1e4]], dtype)
    losses, dlogits = softmax_cross_entropy(z, np.array([0, 2, 1]), reduction="none")
    np.testing.assert_allclose(losses, [0, 2e4, math.log(3)], rtol=1e-6)
    np.testing.assert_allclose(dlogits, [[0, 0, 0], [1, 0, -1], [1 / 3, -2 / 3, 1 / 3]], atol=1e-6)


def test_a_class_ruled_out_by_minus_infinity_has_no_gradient():
    losses, dlogits = softmax_cross_entropy(np.array([[0.0, 0.0, -np.inf]] * 2), np.array([0, 2]), reduction="none")
    np.testing.assert_allclose(losses, [math.log(2), np.inf])
    np.testing.assert_allclose(dlogits, [[-0.5, 0.5, 0], [0.5, 0.5, -1]])


@pytest.mark.parametrize("scale", [1.0, 300.0], ids=["plain", "shifted"])
@pytest.mark.parametrize("memory", ["TBV", "TVB", "VTB"])
@pytest.mark.parametrize("options", [{}, {"ignore_index": 2, "label_smoothing": 0.1}, {"reduction": "sum"}])
def test_the_gradient_of_cross_entropy_is_that_of_a_complex_step(logits, targets, scale, memory, options):
    z = laid_out(scale * logits, MEMORY[memory])
    _, dlogits = softmax_cross_entropy(z, targets, **options)
    assert_complex_step(lambda at: softmax_cross_entropy(at, targets, **options)[0], z, dlogits)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("ignore_index", [-100, 2])
def test_cross_entropy_is_pytorchs(logits, targets, reduction, smoothing, ignore_index):
    torch = pytest.importorskip("torch")
    targets[0, 0] = ignore_index
    z = torch.tensor(logits, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        z.reshape(-1, V),
        torch.tensor(targets).reshape(-1),
        ignore_index=ignore_index,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    expected.sum().backward()
    loss, dlogits = softmax_cross_entropy(
        logits, targets, ignore_index=ignore_index, label_smoothing=smoothing, reduction=reduction
    )
    np.testing.assert_allclose(np.ravel(loss), np.ravel(expected.detach().numpy()), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(dlogits, z.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_perplexity_counts_equally_likely_classes():
    for classes in (2, 28, 10_000):
        nll, _ = softmax_cross_entropy(np.full((T, B, classes), 3.0), np.zeros((T, B), int))
        np.testing.assert_allclose(perplexity(nll), classes, rtol=1e-13)
    assert perplexity(0.0) == 1
    assert perplexity(1e4) == perplexity(np.float32(100)) == perplexity(np.inf) == np.inf
    assert abs(perplexity(1 + 1j) - cmath.exp(1 + 1j)) < 1e-15


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (5, r"targets must be in \[0, 5\), got 5 at \(1, 2\)"),
        (-1, r"targets must be in \[0, 5\), got -1 at \(1, 2\); check the vocabulary"),
    ],
)
@pytest.mark.parametrize("ignore_index", [None, 0])
def test_a_target_out_of_range_is_named(logits, targets, bad, text, ignore_index):
    targets[1, 2] = targets[2, 0] = bad
    with pytest.raises(ValueError, match=text):
        softmax_cross_entropy(logits, targets, ignore_index=ignore_index)


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"logits": np.ones((T, B, V), int)}, TypeError, "logits must be floating or complex, got int64"),
        ({"targets": np.ones((T, B))}, TypeError, "targets must be integers, got float64"),
        ({"targets": np.ones((T, B), bool)}, TypeError, "targets must be integers, got bool"),
        (
            {"targets": np.ones((T, B), bool), "weights": np.tri(T, B)},
            TypeError,
            "targets must be integers, got bool",
        ),
        ({"targets": np.ones((B, T), int)}, ValueError, r"leading shape of logits, \(4, 3\), got \(3, 4\)"),
        ({"logits": np.ones(())}, ValueError, r"logits must have shape \(\.\.\., V\)"),
        ({"logits": np.ones((T, B, 0))}, ValueError, "at least one class"),
        ({"targets": None}, TypeError, "targets must be a NumPy or CuPy array of numbers, got NoneType"),
        ({"logits": np.ones((T, B, 0)), "targets": np.ones((T, B, 0))}, ValueError, "at least one class"),
        ({"weights": np.ones((T, 1, B))}, ValueError, r"weights must have the targets' shape \(4, 3\)"),
        ({"weights": np.ones(2)}, ValueError, r"broadcast to it, got \(2,\)"),
        ({"weights": np.ones((T, B), complex)}, TypeError, "weights must be real, got complex128"),
        ({"weights": np.full((T, B), -1.0)}, ValueError, "weights must not be negative under reduction='mean', got -1"),
        ({"label_smoothing": 1.5}, ValueError, r"label_smoothing must lie in \[0, 1\], got 1.5"),
        ({"reduction": "avg"}, ValueError, "reduction must be one of 'mean', 'sum', 'none', got 'avg'"),
    ],
)
def test_cross_entropy_refuses_arguments_that_do_not_fit(logits, targets, changes, error, text):
    with pytest.raises(error, match=text):
        softmax_cross_entropy(**{"logits": logits, "targets": targets, **changes})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_further_apart_than_the_largest_number(dtype):
    far = np.finfo(dtype).max
    logits = np.array([[far, -far]], dtype)
    loss, dlogits = softmax_cross_entropy(logits, np.array([0]))
    assert loss == 0
    assert not dlogits.any()
    loss, dlogits = softmax_cross_entropy(logits, np.array([1]))
    assert loss == np.inf
    np.testing.assert_array_equal(dlogits, [[1, -1]])


def test_one_position_of_weight_zero_has_no_loss_and_unsigned_targets_no_other_class():
    """A single position is an array of no axis; the largest unsigned number is not -1."""
    loss, dlogits = softmax_cross_entropy(np.array([np.inf, 1.0]), np.array(0), weights=np.array(0))
    assert (float(loss), dlogits.tolist()) == (0, [0, 0])
    largest = np.iinfo(np.uint64).max
    targets = np.array([1, largest], np.uint64)
    loss, _ = softmax_cross_entropy(np.zeros((2, 3)), targets, ignore_index=int(largest))
    np.testing.assert_allclose(loss, np.log(3))
