"""Where wrong entries lie is said axis by axis."""

import numpy as np
import pytest

import npseq as ns
from npseq.gradcheck.places import Labels, places, time_labels

X = Labels(("step", "sequence", "feature"))


def wrong(shape, *where):
    found = np.zeros(shape, bool)
    for index in where:
        found[index] = True
    return found


@pytest.mark.parametrize(
    ("found", "labels", "words"),
    [
        (wrong((5, 2, 3), np.s_[:4]), X, "steps 0 to 3 of 5, all sequences, all features"),
        (wrong((5, 2, 3), np.s_[0, :, 1]), X, "step 0 of 5, feature 1 of 3, all sequences"),
        (wrong((5, 2, 3), np.s_[[0, 2]]), X, "steps 0, 2 of 5, all sequences, all features"),
        (
            wrong((5, 2, 3), np.s_[0, 0], np.s_[1, 1]),
            X,
            "some entries of steps 0 to 1 of 5, all sequences, all features",
        ),
        (wrong((5, 1, 3), np.s_[1]), X, "step 1 of 5, all features"),
        (wrong((5, 2, 3), np.s_[:]), X, "every entry"),
        (wrong((40, 2), np.s_[::2]), Labels(("step",)), "20 of 40 steps from 0 to 38, all along axis 1"),
        (
            wrong((3, 4), np.s_[:, 1]),
            Labels(("unit before", "unit"), "gate f"),
            "unit 1 of 4, gate f, all units before",
        ),
        (wrong((3, 4), np.s_[:]), Labels(("feature", "unit"), "gate f"), "gate f, every entry"),
        (wrong((3, 4), np.s_[1, 2]), Labels(), "entry [1, 2]"),
        (wrong((3, 4), np.s_[1:, 2]), Labels(), "axis 0 at 1 to 2 of 3, axis 1 at 2 of 4"),
        (wrong((2, 8), np.s_[:, 2:4]), Labels(), "axis 1 at 2 to 3 of 8 (the second of 4 blocks), all along axis 0"),
        (wrong((2, 30), np.s_[:, ::3]), Labels(), "10 of 30 places on axis 1 from 0 to 27, all along axis 0"),
        (wrong((4,), np.s_[1]), time_labels(0), "step 1 of 4"),
        (wrong((), np.s_[...]), Labels(), "every entry"),
    ],
)
def test_the_words(found, labels, words):
    assert places(found, labels) == words


def test_a_gate_that_is_wrong_in_concatenated_weights_is_a_block():
    W = np.random.default_rng(0).normal(size=(3, 16))
    gradient = np.cos(W)
    gradient[:, 4:8] *= -1
    report = ns.gradcheck(lambda at: np.sin(at["W"]).sum(), {"W": W}, {"W": gradient})
    assert report.tensors[0].where == "axis 1 at 4 to 7 of 16 (the second of 4 blocks), all along axis 0"
    assert str(report).splitlines()[0] == f"NOT PASSED: 1 of 1 tensor wrong: W ({report.tensors[0].where}) " + (
        "(gradcheck, method 'central')"
    )


def test_a_pair_of_forward_and_backward_says_it_too():
    report = ns.check_vjp(lambda x: np.sin(x), lambda dy, x: dy * np.cos(x) * np.array([1, 1, 2]), np.ones((2, 3)))
    assert report.verdict.startswith("NOT PASSED: 1 of 1 tensor wrong: x (axis 1 at 2 of 3, all along axis 0)")
