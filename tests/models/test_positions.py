import numpy as np
import pytest

from npseq.models.positions import check_counted, checked_weights, position_weights, step_mask

LOGITS = np.zeros((3, 2, 4), np.float32)
LENGTHS = np.array([3, 1])
MASK = [[1, 1], [1, 0], [1, 0]]


def test_a_mask_is_one_up_to_each_length_in_the_dtype_of_the_logits():
    mask = step_mask(3, LENGTHS, LOGITS)
    assert mask.dtype == np.float32
    assert mask.tolist() == MASK


def test_weights_count_up_to_each_length_whatever_stands_past_it():
    weights = np.array([[2.0, 3], [4, np.nan], [5, np.inf]])
    assert position_weights(LOGITS, None, None) is None
    assert position_weights(LOGITS, LENGTHS, None).tolist() == MASK
    assert position_weights(LOGITS, LENGTHS, weights).tolist() == [[2, 3], [4, 0], [5, 0]]
    assert checked_weights(weights, (3, 2), LENGTHS, "mean").tolist() == [[2, 3], [4, 0], [5, 0]]


def test_weights_have_one_entry_a_position():
    with pytest.raises(ValueError, match=r"weights must have one entry a position, \(3, 2\), got \(3,\)"):
        checked_weights(np.ones(3), (3, 2), LENGTHS, "mean")
    with pytest.raises(ValueError, match="weights must be finite"):
        checked_weights(np.full((3, 2), np.nan), (3, 2), LENGTHS, "mean")


def test_a_target_must_be_a_class_where_it_counts():
    targets = np.array([[0, 1], [2, 9], [3, -1]])
    check_counted(targets, 4, LENGTHS, None)
    check_counted(targets, 4, None, np.array(MASK))
    with pytest.raises(ValueError, match=r"targets must be in \[0, 4\), got 9 at \(1, 1\)"):
        check_counted(targets, 4, None, None)


def test_a_label_must_be_a_probability_where_it_counts():
    targets = np.stack([np.ones((3, 2)), np.array([[0, 0.5], [1, np.nan], [0, 7]])], axis=2)
    check_counted(targets, None, LENGTHS, None)
    check_counted(targets, None, None, np.array(MASK))
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        check_counted(targets, None, None, None)
