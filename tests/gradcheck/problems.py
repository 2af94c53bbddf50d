"""Functions with gradients worked out by hand, for the tests of the checker."""

import numpy as np

from npseq.gradcheck.function import ScalarFunction
from npseq.gradcheck.noise import measured_rounding
from npseq.gradcheck.verdict import Tensor, Tolerance

METHODS = ["central", "complex", "directional", "taylor"]
X = np.random.default_rng(4).standard_normal((5, 4))


def point(dtype=np.float64):
    """A matrix, a vector, a scalar, an empty tensor and one that the network ignores."""
    rng = np.random.default_rng(3)
    shapes = {"W": (4, 3), "b": (3,), "s": (), "empty": (0, 3), "unused": (2,)}
    return {name: np.asarray(rng.standard_normal(shape), dtype) for name, shape in shapes.items()}


def network(p):
    return (np.tanh(X @ p["W"] + p["b"]) ** 2).sum() * p["s"]


def gradient(p):
    h = np.tanh(X @ p["W"] + p["b"])
    dz = 2 * h * (1 - h * h) * p["s"]
    return {
        "W": X.T @ dz,
        "b": dz.sum(0),
        "s": np.asarray((h * h).sum()),
        "empty": np.zeros((0, 3)),
        "unused": np.zeros(2),
    }


AT = {"x": np.array([0.3, -0.8, 1.1])}


def smooth(p):
    return (np.tanh(p["x"]) * np.array([1.0, -2.0, 0.5])).sum() + p["x"][0] * p["x"][1]


def dsmooth(p):
    x = p["x"]
    return {"x": np.array([1.0, -2.0, 0.5]) / np.cosh(x) ** 2 + np.array([x[1], x[0], 0.0])}


def scaled(scale, factor=1.0):
    """The gradient of scale * smooth at AT, wrong by a factor."""
    return {"x": scale * factor * dsmooth(AT)["x"]}


def weighed(p):
    return (np.tanh(p["W"]) ** 2).sum() * p["s"]


WEIGHED_AT = {"W": np.random.default_rng(0).standard_normal((3, 4)), "s": np.array(2.0), "empty": np.zeros((0, 2))}
RIGHT = {
    "W": 2 * np.tanh(WEIGHED_AT["W"]) * (1 - np.tanh(WEIGHED_AT["W"]) ** 2) * 2.0,
    "s": (np.tanh(WEIGHED_AT["W"]) ** 2).sum(),
    "empty": np.zeros((0, 2)),
}
WRONG = {**RIGHT, "W": RIGHT["W"] * np.where(np.arange(12).reshape(3, 4) == 6, 1.5, 1)}  # the entry [1, 2]


def measured(f, x):
    """f of one array, as the methods get it: with its value at x and the bound on its rounding error."""
    function = ScalarFunction(lambda p: f(p["x"]), {"x": np.asarray(x, dtype=np.float64)})
    function.origin = function()
    function.noise, function.unit = measured_rounding(function, np.random.default_rng(0))
    return function


def tensor(analytic, rtol=1e-6):
    """What a method checks of one array."""
    analytic = np.asarray(analytic, dtype=np.float64)
    return Tensor("x", analytic.shape, analytic.reshape(-1), Tolerance.of(None, rtol, analytic.dtype))
