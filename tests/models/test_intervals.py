"""Intervals are those of Student's t, with as many degrees of freedom as errors without common steps."""

import numpy as np
import pytest

from npseq.models.intervals import reach_of, weighed, weight_of


def test_one_and_two_errors_have_the_quantiles_in_closed_form():
    one = 3 * np.tan(np.pi * 0.8 / 2)  # Cauchy's quantile
    np.testing.assert_allclose(reach_of([[-3.0]], 1, 0.8), [one], rtol=1e-12)
    two = np.sqrt((9 + 1) / 2) * 0.9 * np.sqrt(2 / (1 - 0.9**2))  # of two degrees: share sqrt(2 / (1 - share^2))
    np.testing.assert_allclose(reach_of([[3.0, 1.0], [2.0, 2.0]], 2, 0.9), [two, 2 * np.tan(np.pi * 0.9 / 2)])
    np.testing.assert_allclose(reach_of([[3.0], [3.0], [-3.0]], 3, 0.8), [one, one, one], rtol=1e-12)
    assert reach_of([[3.0]], 1, 0.0).tolist() == [0]


def test_past_the_last_errors_the_distance_grows_as_the_root_of_the_steps():
    near = reach_of([[3.0, -1.0], [2.0]], 2, 0.5)
    np.testing.assert_allclose(
        reach_of([[3.0, -1.0], [2.0], []], 8, 0.5), [near[0], *near[1] * np.sqrt(np.arange(2, 9) / 2)]
    )
    assert np.isnan(reach_of([], 3, 0.8)).all()


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_so_many_of_what_is_to_come_lie_inside(share):
    rng = np.random.default_rng(0)
    walks = rng.normal(size=(400, 60)).cumsum(axis=1)
    inside = []
    for walk in walks:  # the forecast is the last value; 40 steps are held out, then 12 come
        known = walk[:48]
        errors = [(known[k + 1 :] - known[: -k - 1]).tolist() for k in range(12)]
        inside.append(np.abs(walk[48:] - known[-1]) <= reach_of(errors, 12, share))
    assert np.mean(inside) == pytest.approx(share, abs=0.04)  # three standard deviations are 0.07 of 400 walks


def test_the_weight_has_the_least_squared_errors():
    rng = np.random.default_rng(0)
    network, naive, wanted = rng.normal(size=(3, 20))
    wanted = wanted + network + naive
    found = weight_of(network, naive, wanted)
    errors = [np.sum((weighed(network, naive, w) - wanted) ** 2) for w in (found, found - 1e-3, found + 1e-3)]
    assert 0 < found < 1
    assert errors[0] < min(errors[1:])
    assert weight_of(network, naive, naive - network) == 0
    assert weight_of(network, naive, 3 * network) == 1
    assert weight_of(naive, naive, wanted) == 0
