"""These checks evaluate the equations in the docstrings of gradcheck."""

from math import comb, erf
from typing import Any

import numpy as np
from docstrings import Docstring, check
from evaluation import holds, value
from printed import assert_same

from npseq.gradcheck import differences, directional, noise, taylor
from npseq.gradcheck.function import Line, ScalarFunction

RNG = np.random.default_rng(0)


CUBIC = {"f": lambda t: 0.2 + 0.7 * t - t**3, "f'''": -6.0}


def line(f: Any, noise: float = 0.0) -> Line:
    return Line(f, f(0.0), noise)


@check("npseq.gradcheck.complex_step:")
def complex_step(printed: Docstring) -> None:
    formula = printed("Im f(x + i h e) / h")
    point, names = RNG.normal(size=3), {"f": lambda x: np.sum(np.sin(x)), "Im": np.imag, "i": 1j, "h": 1e-20}
    found = [value(formula.sides[0], names | {"x": point, "e": e}) for e in np.eye(3)]
    assert_same(np.array(found), np.cos(point), formula.text)


@check("npseq.gradcheck.differences:difference")
def difference(printed: Docstring) -> None:
    formula = printed("(f(x + h) - f(x - h)) / (2 h)")
    found = differences.difference(line(lambda t: CUBIC["f"](0.5 + t)), 0.2).central
    assert_same(value(formula.sides[0], CUBIC | {"x": 0.5, "h": 0.2}), found, formula.text)


@check("npseq.gradcheck.differences:step_size")
def step_size(printed: Docstring) -> None:
    """Of a cubic, of which both hold exactly."""
    best, third = printed("h = (3 noise / |f'''|)^(1/3)"), printed("D(2h) - D(h) = f''' h^2 / 2")
    holds(best, CUBIC | {"noise": 1e-6, "h": differences.step_size(line(CUBIC["f"], noise=1e-6))})
    D = lambda h: differences.difference(line(CUBIC["f"]), h).central  # noqa: E731
    holds(third, CUBIC | {"D": D, "h": 0.5})


@check("npseq.gradcheck.directional:check_directional")
def check_directional(printed: Docstring) -> None:
    formula = printed("prod_k erf(tau_k / (e sqrt 2))")
    tau = [0.3, 0.7, 0.2]
    names = {"erf": erf, "tau": tau, "e": 0.5, "domains": {"k": range(3)}}
    assert_same(value(formula.sides[0], names), directional.chance_of_missing(0.5, tau), formula.text)


@check("npseq.gradcheck.taylor:")
def orders(printed: Docstring) -> None:
    printed.notation("h^2", "an order")


@check("npseq.gradcheck.kinks:slope_jump")
def slope_jump(printed: Docstring) -> None:
    """Of a parabola with a kink at the point, of which there is no further term."""
    printed.notation("+ O(h^3)", "an order")
    asymmetry, extrapolated = printed("A(h) = J + h f''"), printed("2 A(h/2) - A(h)")
    bent = line(lambda t: 0.2 + 0.4 * t + 0.5 * 3.0 * t * t + (0.7 * t if t > 0 else 0))
    A = lambda h: differences.difference(bent, h).asymmetry  # noqa: E731
    names = {"A": A, "J": 0.7, "f''": 3.0, "h": 0.25}
    holds(asymmetry, names)
    assert_same(value(extrapolated.sides[0], names), 0.7, extrapolated.text)


@check("npseq.gradcheck.noise:_deviation")
def deviation(printed: Docstring) -> None:
    """The k-th difference of independent noise has the squares of its coefficients for a variance."""
    formula = printed("sigma^2 comb(2k, k)")
    for k in noise.ORDERS:
        coefficients = np.diff(np.eye(k + 1)[0][::-1], k), np.array([comb(k, j) * (-1) ** j for j in range(k + 1)])
        expected = 0.3**2 * np.sum(coefficients[1] ** 2.0)
        assert_same(value(formula.sides[0], {"sigma": 0.3, "k": k, "comb": comb}), expected, formula.text)
    wave = np.array([(-1.0) ** j for j in range(noise.POINTS)])
    variances = [4.0**k / value(formula.sides[0], {"sigma": 1.0, "k": k, "comb": comb}) for k in noise.ORDERS]
    assert_same(noise._deviation(wave), np.sqrt(np.mean(variances)), formula.text)


@check("npseq.gradcheck.taylor:Remainders")
def remainders(printed: Docstring) -> None:
    first, second = printed("|f(x + h v) - f(x)|"), printed("|f(x + h v) - f(x) - h <g, v>|")
    x, v, g = RNG.normal(size=(3, 4))
    for sign in (1, -1):
        f = lambda at, sign=sign: sign * np.sum(np.sin(at))  # noqa: E731
        scalar = ScalarFunction(lambda at, f=f: f(at["x"]), {"x": x})
        scalar.origin = float(f(x))
        found = taylor.remainders(scalar, "x", v, float(sign * g @ v))
        for k in (0, 3):
            names = {"f": f, "x": x, "v": v, "g": sign * g, "h": found.h[k]}
            assert_same(value(first.sides[0], names), found.first[k], first.text)
            assert_same(value(second.sides[0], names), found.second[k], second.text)
