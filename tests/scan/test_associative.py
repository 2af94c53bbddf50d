"""The associative scan beside a loop."""

import numpy as np
import pytest

import npseq as ns
from npseq.scan.associative import prefixes


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 7, 8, 33])
def test_all_states_of_an_affine_recurrence(steps):
    rng = np.random.default_rng(steps)
    A, b, start = rng.normal(size=(steps, 2, 3, 3)), rng.normal(size=(steps, 2, 3)), rng.normal(size=(2, 3))
    s, expected = start, np.empty((steps, 2, 3))
    for t in range(steps):
        s = np.einsum("bij,bj->bi", A[t], s) + b[t]
        expected[t] = s
    found = ns.scan.affine(A, b, start)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * abs(expected).max(initial=0))


def test_it_is_in_order_and_takes_few_rounds():
    rounds = []

    def joined(earlier, later):
        rounds.append(len(later[0]))
        return (earlier[0] + later[0],)

    letters = np.array(list("abcdefghijklmnop"), object)
    (found,) = prefixes(joined, (letters,))
    assert list(found) == ["abcdefghijklmnop"[: k + 1] for k in range(16)]
    assert len(rounds) == 8  # 2 log2 16
    assert sum(rounds) < 2 * 16


def test_arguments_are_left_alone_and_checked():
    A, b, start = np.ones((3, 2, 2)), np.ones((3, 2)), np.ones(2)
    ns.scan.affine(A, b, start)
    assert (A == 1).all()
    assert (b == 1).all()
    with pytest.raises(ValueError, match=r"A must be \(T, ..., m, m\) for b \(T, ..., m\), got"):
        ns.scan.affine(np.ones((3, 2)), b)
    with pytest.raises(ValueError, match=r"start must have shape \(2,\)"):
        ns.scan.affine(A, b, np.ones(3))
    with pytest.raises(TypeError, match="b must be"):
        ns.scan.affine(A, [1.0, 2.0])
