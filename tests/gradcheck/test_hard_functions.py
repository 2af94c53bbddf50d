"""Of functions that are hard to differentiate, no right gradient fails and no wrong one passes, at any scale."""

import numpy as np
import pytest
from gradcheck.hard import HARD, METHODS

from npseq.gradcheck import NotAnalyticError, gradcheck

PASSED = ("pass", "zero", "kink")
SCALES = [  # of f and of x: powers of two, which round nothing
    (2.0**-664, 1.0),
    (2.0**465, 1.0),
    (1.0, 2.0**-332),
    (1.0, 2.0**332),
    (2.0**-664, 2.0**-200),
    (2.0**465, 2.0**-332),
    (2.0**465, 2.0**332),
]
ALREADY_SCALED = ("1e-300 sine", "1e200 sine", "log at 1e-100 and 3", "log of 1e300", "x log x near 0")
ALREADY_SCALED += ("denormal argument", "tiny argument")
SCALED = [name for name in HARD if name not in ALREADY_SCALED]
FEW = ["sine", "power 200", "bump", "log near 0", "cube at 0", "minimum", "float32 over 10", "relu at 0", "dead relu"]


def status(f, x, gradient, method):
    """ "refused" if f is not analytic."""
    try:
        return gradcheck(lambda p: f(p["x"]), {"x": x}, {"x": gradient}, method=method).tensors[0].status
    except NotAnalyticError:
        return "refused"


def assert_right(case, found, method):
    refused = () if method == "complex" and case.analytic else ("refused",)
    assert found in PASSED if method in case.sure else found in (*PASSED, "inconclusive", *refused)


def assert_wrong(case, found, method):
    assert found == "fail" if method in case.sure else found in ("fail", "inconclusive", "refused")


TAYLOR = pytest.param("taylor", marks=pytest.mark.long)  # it judges as "directional" does


@pytest.mark.parametrize("method", ["central", "complex", "directional", TAYLOR])
@pytest.mark.parametrize("name", HARD)
def test_a_right_gradient_passes_and_a_wrong_one_fails_where_rounding_lets_it(name, method):
    case = HARD[name]
    assert_right(case, status(case.f, case.point, case.gradient(case.point), method), method)
    for wrong in case.wrongs():
        assert_wrong(case, status(case.f, case.point, wrong, method), method)


def assert_scaled(name, c, k, method):
    """c f(x / k) at k x is judged as f at x is."""
    case = HARD[name]

    def f(x):
        value = case.f(x / k)
        return c * (complex(value) if np.iscomplexobj(x) else float(value))

    with np.errstate(over="ignore"):  # some wrong gradients
        wrongs = [c / k * wrong for wrong in case.wrongs()]
    assert_right(case, status(f, k * case.point, c / k * case.gradient(case.point), method), method)
    for wrong in wrongs:
        assert_wrong(case, status(f, k * case.point, wrong, method), method)


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("name", FEW)
def test_the_scales_of_f_and_x_do_not_matter(name, method):
    for c, k in SCALES[::2]:
        if k == 1.0 or HARD[name].point.any():  # a point of zeros has no scale
            assert_scaled(name, c, k, method)


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", SCALED)
def test_the_scales_do_not_matter_to_any_function(name, method):
    for c, k in SCALES:
        if k == 1.0 or HARD[name].point.any():
            assert_scaled(name, c, k, method)


def test_there_are_many_hard_functions():
    assert len(HARD) >= 60
    assert sum(method in case.sure for case in HARD.values() for method in METHODS) > 170
