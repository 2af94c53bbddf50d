"""Adam and AdamW take the steps computed by hand: from 1, learning rate 1, both betas 1/2."""

import pytest
from optim.cases import alone

from npseq.optim import Adam, AdamW


@pytest.mark.parametrize(
    ("options", "grads", "expected"),
    [
        ({"eps": 0}, (2,), 0.0),  # the first step is the gradient's sign
        ({"eps": 2}, (2,), 0.5),  # eps is added to the corrected root, 2
        ({"eps": 0}, (2, -2), 1 / 3),  # m = 1, -1/2 and v = 2, 3, each over 1/2, 3/4
        ({"eps": 0}, (2, 0), -(3**-0.5)),  # m = 1, 1/2 and v = 2, 1
        ({"eps": 0, "amsgrad": True}, (2, 0), -(6**-0.5)),  # v stays 2
    ],
)
def test_the_steps_are_those_computed_by_hand(options, grads, expected):
    for kind in (Adam, AdamW):
        found = alone(kind(1, betas=(0.5, 0.5), weight_decay=0, **options), *grads)
        assert found == pytest.approx(expected, rel=1e-15)


def test_weight_decay_of_adam_is_a_gradient_and_that_of_adamw_is_not():
    assert alone(Adam(0.1, eps=0, weight_decay=0.5), 0) == pytest.approx(0.9, rel=1e-15)  # a step of lr, as for any g
    assert alone(AdamW(0.1, weight_decay=0.5), 0, 0) == pytest.approx(0.95**2, rel=1e-15)


def test_only_amsgrad_keeps_the_largest_square():
    assert list(Adam().kinds()) == ["mean", "square"]
    assert list(AdamW(amsgrad=True).kinds()) == ["mean", "square", "largest"]


@pytest.mark.parametrize(
    ("kind", "betas", "error", "text"),
    [
        (Adam, (1.0, 0.9), ValueError, r"betas\[0\] must lie in \[0, 1\), got 1.0"),
        (AdamW, (0.9, -0.1), ValueError, r"betas\[1\] must lie in \[0, 1\), got -0.1"),
        (Adam, 0.9, TypeError, "betas must be a pair of numbers, got 0.9"),
        (AdamW, (0.9,), TypeError, r"betas must be a pair of numbers, got \(0.9,\)"),
    ],
)
def test_betas_that_make_no_sense_are_refused(kind, betas, error, text):
    with pytest.raises(error, match=text):
        kind(betas=betas)
