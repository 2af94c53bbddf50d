"""Functions of positional arrays and of trees are checked as those of named arrays are."""

from dataclasses import dataclass

import numpy as np
import pytest

import npseq as ns
from npseq.gradcheck.callables.problem import problem_of

X, W = np.array([0.5, -1.0, 2.0]), np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]])


def loss(x, W):
    return (x @ W).sum() ** 2


def dloss(x, W):
    total = 2 * (x @ W).sum()
    return total * W.sum(axis=1), total * np.outer(x, np.ones(W.shape[1]))


@dataclass
class Layer:
    W: object
    b: object


@pytest.mark.parametrize("gradient", [dloss, dloss(X, W)])
@pytest.mark.parametrize("method", ["central", "complex", "directional"])
def test_positional_arrays(gradient, method):
    report = ns.gradcheck(loss, (X, W), gradient, method)
    assert report.passed
    assert [row.name for row in report.tensors] == ["x", "W"]


def test_a_wrong_argument_is_named():
    report = ns.gradcheck(loss, (X, W), lambda x, W: (dloss(x, W)[0], 2 * dloss(x, W)[1]))
    assert report.worst.name == "W"
    assert [row.name for row in report.tensors if row.status == "fail"] == ["W"]


def test_one_array():
    assert ns.gradcheck(lambda x: (x**3).sum(), X, lambda x: 3 * x**2).passed
    assert not ns.gradcheck(lambda x: (x**3).sum(), X, 2 * X**2).passed


def test_numbers_are_arrays_of_no_axes():
    assert ns.gradcheck(lambda a, b: a * b, (2.0, 3.0), (3.0, 2.0)).passed


@pytest.mark.parametrize(
    ("tree", "gradient"),
    [
        ({"layers": [{"W": W}], "b": X}, {"layers": [{"W": 2 * W}], "b": np.ones(3)}),
        ([W, (X,)], [2 * W, (np.ones(3),)]),
        (Layer(W, X), lambda layer: Layer(2 * layer.W, np.ones(3))),
    ],
)
def test_trees(tree, gradient):
    def f(tree):
        if isinstance(tree, Layer):
            W, b = tree.W, tree.b
        elif isinstance(tree, dict):
            W, b = tree["layers"][0]["W"], tree["b"]
        else:
            W, (b,) = tree
        return (W**2).sum() + b.sum()

    report = ns.gradcheck(f, tree, gradient)
    assert report.passed
    assert len(report.tensors) == 2


def test_named_arrays_are_passed_on_as_they_are():
    f, at, gradient = object(), {"x": X}, {"x": X}
    problem = problem_of(f, at, gradient, None)
    assert problem.f is f
    assert problem.at is at
    assert problem.gradient is gradient


@pytest.mark.parametrize("at", [X, (X, W), {"x": X}])
def test_only_a_framework_brings_its_own_gradient(at):
    with pytest.raises(
        TypeError, match=r"gradient must be arrays of the form of at, .* got None; only a function or a layer"
    ):
        ns.gradcheck(lambda *at: 0.0, at)


def test_what_is_no_array_is_refused_by_its_path():
    with pytest.raises(TypeError, match=r"at\['params.b'\] must be a NumPy or CuPy array of numbers, got NoneType"):
        ns.gradcheck(lambda params: 0.0, ({"W": W, "b": None},), ({"W": W, "b": X},))
    with pytest.raises(ValueError, match=r"missing: 'params.b'"):
        ns.gradcheck(lambda params: 0.0, ({"W": W, "b": X},), ({"W": W},))
