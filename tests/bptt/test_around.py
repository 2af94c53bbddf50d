"""What stands around a cell's step: c_t's own derivative and the clamp, on single arrays and in one strand."""

import numpy as np
import pytest

from npseq.bptt import around
from npseq.bptt.around import bound_by, clip, factor, recorded, replayed, with_dc


@pytest.mark.parametrize(("x", "wanted"), [(0.5, 0.5), (-3.0, -2.0), (7.0, 2.0), (2.0, 2.0), (np.inf, 2.0)])
def test_a_number_is_clamped(x, wanted):
    assert clip(np.array([x]), 2.0)[0] == wanted
    if np.isfinite(x):
        assert factor(np.array([x]), 2.0)[0] * x == pytest.approx(wanted, rel=1e-15)


def test_nan_stays_and_a_zero_has_the_factor_one():
    assert np.isnan(clip(np.array([np.nan]), 2.0)).all()
    assert factor(np.array([0.0]), 2.0)[0] == 1


def test_beyond_the_limit_nothing_of_a_complex_step_is_left():
    x = np.array([1 + 1e-30j, 5 + 1e-30j, -5 + 1e-30j])
    np.testing.assert_array_equal(clip(x, 2.0), [1 + 1e-30j, 2, -2])


def test_the_weighed_sum_over_lags_is_what_is_clamped():
    x, weights = np.random.default_rng(0).normal(size=(2, 3, 5, 4)), np.array([1.0, 1, 2, 0.5, 3])
    bounded = bound_by(0.7, weights)(x)
    sums = np.einsum("ahkb,k->ahb", x, weights)
    np.testing.assert_allclose(np.einsum("ahkb,k->ahb", bounded, weights), np.clip(sums, -0.7, 0.7), rtol=1e-13)
    ratio = bounded / x  # each lag keeps its share
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[..., :1, :], x.shape), rtol=1e-12)


def test_recorded_factors_are_used_again_also_beside_an_axis_of_losses():
    rng, factors = np.random.default_rng(0), []
    first, second = rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 4))
    bound = recorded(0.5, factors)
    np.testing.assert_allclose(bound(first), np.clip(first, -0.5, 0.5), rtol=1e-15)
    np.testing.assert_allclose(bound(second), np.clip(second, -0.5, 0.5), rtol=1e-15)
    again, other = replayed(factors), rng.normal(size=(3, 6, 4))
    np.testing.assert_array_equal(again(first), first * factors[0])
    np.testing.assert_array_equal(again(other), other * factors[1][:, None])


def test_dc_is_added_from_the_last_step_on_and_nothing_is_written():
    dc, dnew = np.arange(6.0).reshape(3, 2, 1), (np.ones((2, 1)), np.ones((2, 1)))
    step = with_dc(dc)(lambda dnew, *others: (dnew, others))
    for row in dc[::-1]:
        (dh, total), others = step(dnew, "a", "s")
        assert dh is dnew[0]
        np.testing.assert_array_equal(total, 1 + row)
        assert others == ("a", "s")
    assert (dnew[1] == 1).all()


def test_both_names_of_the_page_are_here():
    assert "(T31)" in around.__doc__
    assert "(T32)" in around.__doc__
