"""Of random functions that are hard on a checker, no right gradient fails and no wrong one passes."""

import numpy as np
import pytest
from gradcheck.rough import rough

from npseq.gradcheck import NotAnalyticError, gradcheck


def status(problem, gradient, method):
    try:
        return (
            gradcheck(lambda p: problem.f(p["x"]), {"x": problem.x}, {"x": gradient}, method=method).tensors[0].status
        )
    except NotAnalyticError:
        return "refused"


def judged(seeds, method):
    """How often a right gradient passed, a wrong one failed; asserts that none got the other verdict."""
    passed = failed = 0
    for seed in seeds:
        with np.errstate(all="ignore"):
            problem = rough(seed)
        if problem is None:
            continue
        found = status(problem, problem.gradient, method)
        assert found in ("pass", "kink", "zero", "inconclusive") or (found == "refused" and not problem.analytic), seed
        passed += found in ("pass", "kink", "zero")
        for number, wrong in enumerate(problem.wrong):
            found = status(problem, wrong, method)
            assert found in ("fail", "inconclusive", "refused"), (seed, number)
            failed += found == "fail"
    return passed, failed


@pytest.mark.parametrize("method", ["central", "complex", "directional"])
def test_no_right_gradient_fails_and_no_wrong_one_passes(method):
    passed, failed = judged(range(25), method)
    assert passed > 5
    assert failed > 20


@pytest.mark.long
@pytest.mark.parametrize("method", ["central", "complex", "directional", "taylor"])
@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_of_a_thousand_functions_too(start, method):
    judged(range(start, start + 100), method)
