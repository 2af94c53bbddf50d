"""docs/derivations/activations.md: every row of its table, run beside the functions of npseq."""

import math
import re

import numpy as np
import pytest
from printed import text_of

import npseq as ns
from npseq.activations import KINDS
from npseq.activations.activation import derivative_of

PAGE = text_of("docs/derivations/activations.md")
CELL = r" (?:`([^`]*)`)? ?\|"
ROWS = re.findall(rf"^\| A(\d+) \|{CELL * 4} ?([^|]*?) ?\|$", PAGE, re.MULTILINE)
X = np.concatenate([np.linspace(-8.03, 7.97, 161), [-31.3, 29.7]])
FUNCTIONS = ["abs", "exp", "log1p", "maximum", "minimum", "pi", "sign", "sqrt", "tanh", "where"]
NAMES = {name: getattr(np, name) for name in FUNCTIONS} | {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Phi": np.vectorize(lambda x: math.erfc(-x / math.sqrt(2)) / 2),
    "phi": lambda x: np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
}
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])


def made(row, alpha=None, beta=None):
    """The activation of a row, and its numbers as the row's formulas name them."""
    name, numbers = re.fullmatch(r"(\w+)(?:\((.*)\))?", row[1]).groups()
    usual = {key: float(value) for key, value in (pair.split("=") for pair in (numbers or "").split(", ") if pair)}
    given = {key: value for key, value in {"alpha": alpha, "beta": beta}.items() if value is not None and key in usual}
    return ns.Activation(name, **given), usual | given


def value(formula, **names):
    return eval(formula, {"__builtins__": {}}, NAMES | names) + 0 * X


def test_the_table_has_every_activation_once_in_order():
    assert [int(row[0]) for row in ROWS] == list(range(1, len(KINDS) + 1))
    assert [made(row)[0].name for row in ROWS] == list(KINDS)
    for row in ROWS:
        activation, numbers = made(row)
        assert numbers == {k: v for k in ("alpha", "beta") if (v := getattr(activation, k)) is not None}


@every_row
@pytest.mark.parametrize("numbers", [{}, {"alpha": 0.7, "beta": -0.3}], ids=["usual", "other"])
def test_a_row_is_the_function(row, numbers):
    activation, given = made(row, **numbers)
    np.testing.assert_allclose(activation(X), value(row[2], x=X, **given), rtol=1e-12, atol=1e-12)
    expected = value(row[3], x=X, **given)
    np.testing.assert_allclose(activation.derivative(X), expected, rtol=1e-12, atol=1e-12)
    step = activation(X + 1e-30j)
    np.testing.assert_allclose(step.imag / 1e-30, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(step.real, activation(X), rtol=1e-13, atol=1e-14)


@every_row
def test_the_fifth_column_is_what_npseq_writes_by_the_output(row):
    activation, given = made(row)
    assert activation.needs_input == (not row[4])
    if row[4]:
        y = activation(X)
        expected = value(row[4], y=y, **given)
        found = derivative_of(activation, output=True)(y, np.empty_like(y))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found, activation.derivative(X), rtol=1e-10, atol=1e-12)


@every_row
def test_the_last_column_names_all_kinks_and_jumps(row):
    """There, and nowhere else on a fine grid, the slopes of the two sides differ."""
    activation, _ = made(row)
    h = 1e-5
    grid = np.linspace(-10, 10, 20001)
    right, left = activation(grid + h) - activation(grid), activation(grid) - activation(grid - h)
    apart = grid[abs(right - left) > 1e-3 * h * np.maximum(1, abs(activation(grid)))]
    expected = [float(number) for number in row[5].split(", ") if number]
    assert sorted({round(float(x), 6) for x in apart}) == expected


@pytest.mark.parametrize("name", ["sigmoid", "relu", "gelu"])
def test_clip_is_the_function_of_what_is_bounded(name):
    activation, clipped = ns.Activation(name), ns.Activation(name, clip=1.7)
    np.testing.assert_allclose(clipped(X), activation(np.clip(X, -1.7, 1.7)), rtol=1e-15)
    np.testing.assert_allclose(clipped.derivative(X), activation.derivative(X) * (abs(X) < 1.7), rtol=1e-13, atol=1e-15)


def test_the_lines_at_the_top_run():
    exec("".join(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)), {})
    assert str(ns.Activation("leaky_relu", alpha=0.2)) == "leaky_relu(alpha=0.2)"
