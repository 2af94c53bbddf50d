"""Expressions of an exercise are read, evaluated as NumPy evaluates them, and printed."""

import numpy as np
import pytest

from npseq.learn.expressions import Lines, Values

TEXTS = [
    "x.T @ (da * (1 - da**2))",
    "(p - q) / n",
    "da @ W.T + 2 * da - x @ W[:, :3]",
    "(da * tanh(da)).sum(axis=0)",
    "da.sum(axis=1, keepdims=True)",
    "-sigmoid(da) * da * (1 - da)",
]


@pytest.mark.parametrize("text", TEXTS)
def test_an_expression_has_the_value_that_numpy_gives_it(text):
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(4, 4)) for name in ("x", "da", "p", "q", "W", "W[:, :3]")} | {"n": np.array(3.0)}
    lines = Lines()
    found = Values(lines, arrays).of(lines.read(text))
    space = {**arrays, "tanh": np.tanh, "sigmoid": lambda a: 1 / (1 + np.exp(-a)), "part": arrays["W[:, :3]"]}
    np.testing.assert_allclose(found, eval(text.replace("W[:, :3]", "part"), space), rtol=1e-13)


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_printed_means_the_same(text):
    lines = Lines()
    node = lines.read(text)
    assert lines.read(lines.text(node)) == node


def test_shapes_that_do_not_fit_have_no_value():
    lines = Lines()
    values = Values(lines, {"x": np.ones((2, 3)), "y": np.ones((2, 3))})
    assert values.of(lines.read("x @ y")) is None
    assert values.of(lines.read("x @ y + x")) is None
    assert values.of(lines.read("z")) is None


def test_a_division_by_zero_is_no_number():
    lines = Lines()
    found = Values(lines, {"x": np.array([1.0, 2.0]), "y": np.array([0.0, 2.0])}).of(lines.read("x / y"))
    assert np.isnan(found[0])
    assert found[1] == 1


def test_what_an_exercise_does_not_use_is_refused():
    with pytest.raises(LookupError, match="an exercise cannot hold"):
        Lines().read("x if y else z")
