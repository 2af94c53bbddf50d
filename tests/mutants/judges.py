"""Who may notice that a backward pass is wrong: npseq's checker, and what libraries have in its place.

Each judge takes a problem and says whether it is satisfied. All see the same shapes, values and upstream gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mutants.cases import CASES, Problem
from mutants.mutant import Mutant

from npseq.gradcheck import check

STEPS = 50


def checker(method: str) -> Callable[[Problem], bool]:
    """npseq's, on every entry, of the second backward in a row."""

    def satisfied(problem: Problem) -> bool:
        problem.gradient(copied(problem.at))
        return check.gradcheck(problem.loss, problem.at, problem.gradient, method=method).passed

    return satisfied


def shapes(problem: Problem) -> bool:
    """Every gradient is there, with its tensor's shape and dtype, and finite."""
    found = problem.gradient(copied(problem.at))
    return found.keys() == problem.at.keys() and all(
        found[name].shape == value.shape and found[name].dtype == value.dtype and np.isfinite(found[name]).all()
        for name, value in problem.at.items()
    )


def loss_falls(problem: Problem) -> bool:
    """Gradient descent takes a tenth off the loss, as thinc's `test_LSTM_learns` asks that it falls."""
    values = copied(problem.at)
    first, gradient = problem.lesson(values)
    for _ in range(STEPS):
        for name in problem.parameters:
            values[name] -= problem.rate * gradient[name]
        last, gradient = problem.lesson(values)
    return bool(last < 0.9 * first)


def projection(scale: float) -> Callable[[Problem], bool]:
    """One random direction through everything at once, a central difference, and an absolute floor, as in autograd's
    `check_vjp` and Chainer's `check_backward`. scale: what the loss is multiplied with.
    """

    def satisfied(problem: Problem) -> bool:
        rng = np.random.default_rng(3)
        v = {name: rng.standard_normal(value.shape) for name, value in problem.at.items()}
        norm = np.sqrt(sum((part**2).sum() for part in v.values()))
        gradient = problem.gradient(copied(problem.at))
        analytic = scale * sum((gradient[name] * part).sum() for name, part in v.items()) / norm

        def moved(step: float) -> Any:
            return scale * problem.loss({name: value + step * v[name] / norm for name, value in problem.at.items()})

        numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5
        return bool(abs(analytic - numeric) <= 1e-6 + 1e-3 * abs(numeric))

    return satisfied


JUDGES: dict[str, Callable[[Problem], bool]] = {
    "central": checker("central"),
    "complex": checker("complex"),
    "projection, scale 1": projection(1.0),
    "projection, scale 1e-7": projection(1e-7),
    "shapes": shapes,
    "loss falls": loss_falls,
}
CHECKERS = ("central", "complex")


def copied(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: value.copy() for name, value in values.items()}


def verdict(judge: str, case: str) -> str:
    """ "satisfied", "dissatisfied", or "raised" with the exception's name, of npseq as it is at the moment."""
    with np.errstate(all="ignore"):
        try:
            return "satisfied" if JUDGES[judge](CASES[case]()) else "dissatisfied"
        except Exception as error:  # a crash is a way of being caught, and told apart from the others
            return f"raised {type(error).__name__}: {error}"


def judged(mutant: Mutant, judge: str, others: dict[str, Mutant]) -> str:
    """ "missed", "caught", "raised ...", or "" where the judge has nothing to do with what is mutated.

    A mutant of the check is caught where it is seen to let a wrong backward pass go by: that is what a zoo is for.
    """
    with mutant.patch():
        if not mutant.lets_pass:
            found = verdict(judge, mutant.case)
            return {"satisfied": "missed", "dissatisfied": "caught"}.get(found, found)
        if judge not in CHECKERS:
            return ""
        with others[mutant.lets_pass].patch():
            return "caught" if verdict(judge, mutant.case) == "satisfied" else "missed"
