"""Every entry of every parameter, input and initial state: complex step, central differences, and the oracle."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from layers.recurrent_cases import CELLS
from oracles import recurrent as oracle

from npseq.layers import LSTM

SHAPES = [  # layers, bidirectional, bias
    (1, False, True),
    (1, False, False),
    (1, True, True),
    (2, False, True),
    (2, True, False),
    (3, False, True),
    (3, True, True),
]
T, D = 3, 2
SEED = 1  # of those tried, the first with which no ReLU layer is dead, nor any unit within a step of its kink
LENGTHS = np.array([2, 0, 3])
ONE_EXTRA = ("lstm peepholes", "lstm projection")  # in the largest shape, "lstm both" stands for these
CASES = [(cell, *shape) for cell in CELLS for shape in SHAPES if not (cell in ONE_EXTRA and shape[:2] == (3, True))]
every_case = pytest.mark.parametrize(("cell", "layers", "bidirectional", "bias"), CASES)


class Case(NamedTuple):
    layer: object
    network: oracle.Network
    at: dict  # flat, x, h and, for an LSTM, c
    weights: dict  # y, h, c: the loss is the sum of weights times outputs
    gradient: dict  # as `at`


def random(rng, shape):
    """Away from zero, so that no weight goes untested by being small."""
    return rng.uniform(0.3, 1.0, shape) * rng.choice([-1.0, 1.0], shape)


@cache
def case(cell, layers, bidirectional, bias) -> Case:
    make, options, name = CELLS[cell]
    hidden = 2
    if "proj_size" in options:
        hidden, options = (3, options) if layers < 3 else (2, options | {"proj_size": 1})
    layer = make(D, hidden, num_layers=layers, bidirectional=bidirectional, bias=bias, dtype=np.float64, **options)
    rng = np.random.default_rng([SEED, CASES.index((cell, layers, bidirectional, bias))])
    layer.params.flat[:] = random(rng, layer.params.flat.shape)
    strands, B = layers * layer.directions, len(LENGTHS)
    at = {"flat": layer.params.flat, "x": random(rng, (T, B, D)), "h": random(rng, (strands, B, layer.state_size))}
    weights = {"y": random(rng, (T, B, layer.output_size)), "h": random(rng, at["h"].shape)}
    if make is LSTM:
        at["c"] = random(rng, (strands, B, hidden))
        weights["c"] = random(rng, at["c"].shape)
    _, _, tape = layer.forward(at["x"], state_of(at), LENGTHS)
    dx, dstate, grads = layer.backward(weights["y"], tape, state_of(weights))
    gradient = {"flat": grads.flat, "x": dx} | dict(zip("hc", dstate if make is LSTM else (dstate,), strict=False))
    return Case(layer, oracle.Network(name, layers, layer.directions), at, weights, gradient)


def state_of(values):
    return (values["h"], values["c"]) if "c" in values else values["h"]


def loss(layer, weights, at, term=np.positive):
    y, state, _ = layer.bind(at["flat"]).forward(at["x"], state_of(at), LENGTHS)
    states = state if isinstance(state, tuple) else (state,)
    return sum(term(weights[k] * value).sum() for k, value in zip("yhc", (y, *states), strict=False))


def slopes(f, at, step, slope):
    """{name: slope(f, array, index)} at every entry, where f reads arrays that are stepped in place and put back."""
    result = {}
    for name, array in at.items():
        result[name] = np.empty(array.shape, np.float64)
        for index in np.ndindex(array.shape):
            kept = array[index]
            result[name][index] = slope(f, array, index, kept, step)
            array[index] = kept
    return result


def complex_slope(f, array, index, kept, step):
    array[index] = kept + 1j * step
    return f().imag / step


def central_slope(f, array, index, kept, step):
    array[index] = kept + step
    above = f()
    array[index] = kept - step
    return (above - f()) / (2 * step)


def named(layer, gradient):
    """One array a parameter, so that each is held to its own scale."""
    rest = {name: array for name, array in gradient.items() if name != "flat"}
    return dict(layer.params.like(gradient["flat"])) | rest


def assert_close(found, expected, tolerance):
    assert found.keys() == expected.keys()
    for name, want in expected.items():
        scale = np.abs(want).max()
        assert scale > 0, name
        error = np.abs(found[name] - want).max()
        assert error <= tolerance * scale, f"{name}: {error:.1e} at scale {scale:.1e}"


@every_case
def test_every_entry_agrees_with_a_complex_step(cell, layers, bidirectional, bias):
    layer, _, at, weights, gradient = case(cell, layers, bidirectional, bias)
    point = {name: array.astype(np.complex128) for name, array in at.items()}
    twin = layer.astype(np.complex128)
    numeric = slopes(lambda: loss(twin, weights, point), point, 1e-30, complex_slope)
    assert_close(named(layer, gradient), named(layer, numeric), 1e-12)


@every_case
def test_every_entry_agrees_with_central_differences(cell, layers, bidirectional, bias):
    """Truncation leaves h^2/6 |f'''|, rounding eps F / h, where F sums the sizes of the loss's terms.

    h is near the best, (eps)^(1/3); with weights and inputs of size at most 1, |f'''| stays below 6 F here.
    """
    layer, _, at, weights, gradient = case(cell, layers, bidirectional, bias)
    point = {name: array.copy() for name, array in at.items()}
    h, F = 1e-5, loss(layer, weights, point, term=np.abs)
    numeric = named(layer, slopes(lambda: loss(layer, weights, point), point, h, central_slope))
    for name, found in named(layer, gradient).items():
        error = np.abs(found - numeric[name]).max()
        assert error <= F * (h**2 + np.finfo(float).eps / h), f"{name}: {error:.1e}"


@every_case
def test_every_entry_agrees_with_loops_over_numbers(cell, layers, bidirectional, bias):
    layer, network, at, weights, gradient = case(cell, layers, bidirectional, bias)
    rest = {name: array for name, array in at.items() if name != "flat"}

    def f(values):
        out = oracle.run(network, values, values["x"], values["h"], values.get("c"), LENGTHS)
        total = oracle.weighted(out.y, weights["y"]) + oracle.weighted(out.h, weights["h"])
        return total + oracle.weighted(out.c, weights["c"]) if "c" in weights else total

    assert_close(named(layer, gradient), oracle.gradient(f, dict(layer.params) | rest), 1e-12)
