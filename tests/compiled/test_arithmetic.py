"""exp and tanh are right to a few units in the last place, against numbers of more digits; so is the sigmoid of exp."""

from __future__ import annotations

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="the extra `fast` is not installed")

from npseq.compiled.arithmetic import functions  # noqa: E402

WIDE = np.longdouble
RANGES = {np.float32: (-87.3, 88.7), np.float64: (-708.3, 709.7)}  # where exp is a normal number
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 800.0, -800.0, 1e-30, -1e-30]


def points(kind: type, low: float, high: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    spans = [(low, high), (-20, 20), (-1, 1), (-1e-3, 1e-3)]
    return np.concatenate([rng.uniform(max(a, low), min(b, high), 100_000) for a, b in spans]).astype(kind)


def mapped(kind: type, name: str):
    f, one = functions(np.dtype(kind))["exp" if name == "sigmoid" else name], kind(1)
    of_one = numba.njit(lambda x: one / (one + f(-x)), error_model="numpy") if name == "sigmoid" else f

    @numba.njit
    def over(x, y):
        for j in range(x.size):
            y[j] = of_one(x[j])

    def run(x):
        y = np.empty_like(x)
        over(x, y)
        return y

    return run


def units_apart(found: np.ndarray, exact: np.ndarray) -> float:
    return float((abs(found - exact) / np.spacing(abs(exact).astype(found.dtype))).max())


@pytest.mark.skipif(np.finfo(WIDE).eps >= np.finfo(np.float64).eps, reason="no type of more digits to judge float64")
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_exp_tanh_and_a_sigmoid_are_right_to_a_few_units_in_the_last_place(kind):
    x = points(kind, *RANGES[kind])
    wide = x.astype(WIDE)
    assert units_apart(mapped(kind, "exp")(x), np.exp(wide)) < 1.1
    assert units_apart(mapped(kind, "tanh")(x), np.tanh(wide)) < 3
    inner = abs(x) < RANGES[kind][1] - 1
    assert units_apart(mapped(kind, "sigmoid")(x[inner]), 1 / (1 + np.exp(-wide[inner]))) < 3


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["exp", "tanh"])
def test_special_values_are_numpys(kind, name):
    x = np.array(SPECIAL, kind)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    found = mapped(kind, name)(x)
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(kind).eps)
    np.testing.assert_array_equal(np.signbit(found[1:]), np.signbit(expected[1:]))
