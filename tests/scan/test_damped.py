"""The damped step beside a least-squares solution of all steps in one matrix."""

import numpy as np
import pytest

from npseq.scan.damped import smoothed


def by_least_squares(J, e, damping):
    """(P10), the unknowns of all steps in one vector."""
    steps, m = e.shape
    rows = np.eye(steps * m)
    for t in range(1, steps):
        rows[t * m : (t + 1) * m, (t - 1) * m : t * m] -= J[t]
    whole = np.concatenate([rows, np.sqrt(damping) * np.eye(steps * m)])
    right = np.concatenate([e.ravel(), np.zeros(steps * m)])
    return np.linalg.lstsq(whole, right, rcond=None)[0].reshape(steps, m)


@pytest.mark.parametrize("damping", [1e-3, 0.5, 20.0])
@pytest.mark.parametrize("steps", [1, 2, 5, 12])
def test_it_is_the_least_squares_solution(steps, damping):
    rng = np.random.default_rng(steps)
    J, e = rng.normal(size=(steps, 2, 3, 3)), rng.normal(size=(steps, 2, 3))
    found = smoothed(J, e, damping)
    for b in range(2):
        expected = by_least_squares(J[:, b], e[:, b], damping)
        np.testing.assert_allclose(found[:, b], expected, rtol=0, atol=1e-12 * abs(expected).max())
