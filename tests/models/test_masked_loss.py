"""Cross-entropy over padded sequences."""

import numpy as np
import pytest

import npseq as ns
from npseq.data import sequence_mask
from npseq.models import masked_softmax_cross_entropy


def test_sequence_mask():
    x = np.array([[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(sequence_mask(x, np.array([1, 2])), [[1, 0, 0], [4, 5, 0]])
    masked = sequence_mask(np.ones((2, 3, 4)), np.array([1, 2]), value=-1)
    np.testing.assert_array_equal(masked[0], [[1] * 4, [-1] * 4, [-1] * 4])
    np.testing.assert_array_equal(masked[1], [[1] * 4, [1] * 4, [-1] * 4])


def test_masked_cross_entropy_has_the_notes_values():
    logits, targets = np.ones((4, 3, 10)), np.ones((4, 3), int)
    loss, dlogits = masked_softmax_cross_entropy(logits, targets, np.array([4, 2, 0]), reduction="sequence")
    np.testing.assert_allclose(loss, [np.log(10), np.log(10) / 2, 0], rtol=1e-15)
    np.testing.assert_allclose(loss, [2.3026, 1.1513, 0], atol=5e-5)
    assert not dlogits[2:, 1].any()
    assert not dlogits[:, 2].any()
    np.testing.assert_allclose(dlogits[0, 0], (0.1 - (np.arange(10) == 1)) / 4, rtol=0, atol=1e-15)
    mean, dmean = masked_softmax_cross_entropy(logits, targets, np.array([4, 2, 0]))
    assert mean == pytest.approx(np.log(10), rel=1e-15)
    np.testing.assert_allclose(dmean, dlogits * 4 / 6, rtol=0, atol=1e-15)


@pytest.mark.parametrize("reduction", ["valid", "sequence"])
def test_gradient_of_the_masked_cross_entropy(reduction):
    rng = np.random.default_rng(0)
    targets, lengths = rng.integers(0, 4, (3, 3)), np.array([2, 3, 0])

    def loss(values):
        return masked_softmax_cross_entropy(values["logits"], targets, lengths, reduction=reduction)[0].sum()

    def gradient(values):
        return {"logits": masked_softmax_cross_entropy(values["logits"], targets, lengths, reduction=reduction)[1]}

    ns.testing.assert_gradients(loss, {"logits": rng.normal(size=(3, 3, 4))}, gradient, method="complex")


def test_a_batch_of_nothing_has_no_loss():
    for reduction in ("valid", "sequence"):
        loss, dlogits = masked_softmax_cross_entropy(
            np.ones((3, 2, 4)), np.ones((3, 2), int), np.zeros(2, int), reduction=reduction
        )
        assert not loss.any()
        assert not dlogits.any()


def test_what_does_not_fit_is_refused():
    logits, targets, lengths = np.ones((3, 3, 4)), np.ones((3, 3), int), np.array([1, 2, 3])
    with pytest.raises(ValueError, match=r"logits must have shape \(T, B, V\), got \(3, 4\)"):
        masked_softmax_cross_entropy(logits[0], targets[0], lengths)
    with pytest.raises(ValueError, match=r"reduction must be one of 'valid', 'sequence', got 'mean'"):
        masked_softmax_cross_entropy(logits, targets, lengths, reduction="mean")
    with pytest.raises(ValueError, match=r"lengths must be in \[0, 4\), got 9 at"):
        masked_softmax_cross_entropy(logits, targets, np.array([1, 9, 2]))
