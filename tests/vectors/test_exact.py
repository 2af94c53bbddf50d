"""The 50-digit networks: equal to npseq, to differences in 50 digits, and, truncated, to windows."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from npseq.vectors import exact
from npseq.vectors.cases import cases, computed, problem

BY_NAME = {case.name: case for case in cases()}
ULPS = 64 * np.finfo(np.float64).eps  # of a tensor's scale: float64 adds up to T*B*(D + H) rounded terms
QUICK = [
    "rnn-two-layers-bidirectional-ragged-states-truncated",
    "rnn-relu-bidirectional-ragged-states",
    "gru-two-layers-ragged-states",
    "gru-before-states-truncated",
    "lstm-projection-bidirectional-states",
    "lstm-peepholes-two-layers-bidirectional-ragged-states-truncated",
    "lstm-peepholes-projection-states",
    "lstm-empty-sequence-states",
    "gru-no-bias-states",
]


def solve(case, **inputs):
    given = problem(case)
    params = {name: inputs.pop(name, value) for name, value in given.layer.params.items()}
    return exact.exact(case.cell, case.options, params, given.inputs | inputs, case.truncated)


def agree(case):
    found, right = computed(problem(case)), solve(case)
    assert found.keys() == right.keys()
    for name, numbers in right.items():
        value = numbers.astype(np.float64)
        assert np.abs(found[name] - value).max(initial=0) <= ULPS * np.abs(value).max(initial=0), name


@pytest.mark.parametrize("name", QUICK)
def test_npseq_in_float64_agrees(name):
    agree(BY_NAME[name])


@pytest.mark.long
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_npseq_in_float64_agrees_on_every_case(case):
    agree(case)


@pytest.mark.parametrize(
    "name",
    ["rnn-ragged-states", "rnn-relu-states", "gru-states", "gru-before-states", "lstm-peepholes-projection-states"],
)
def test_derivatives_are_those_of_differences_in_50_digits(name):
    case, step = BY_NAME[name], Decimal("1e-15")
    given, found = problem(case), solve(case)
    places = {"dx": "x", "dh0": "h0", "dc0": "c0"} | {of: of for of in given.layer.params}
    for answer, of in places.items():
        if answer not in found:
            continue
        at = given.inputs.get(of, given.layer.params.get(of))
        index = tuple(size // 2 for size in at.shape)
        with localcontext() as context:
            context.prec = exact.DIGITS
            high, low = (loss(given, solve(case, **{of: moved(at, index, side * step)})) for side in (1, -1))
            error = (high - low) / (2 * step) - found[answer][index]
        assert abs(error) < Decimal("1e-27"), of


def moved(array, index, step):
    out = np.frompyfunc(Decimal, 1, 1)(array)
    out[index] += step
    return out


def loss(given, answer):
    pairs = ((answer[name], given.inputs[f"d{name}"]) for name in ("y", "h", "c") if name in answer)
    return sum(a * Decimal(b) for values, upstream in pairs for a, b in zip(values.flat, upstream.flat, strict=True))


@pytest.mark.parametrize("name", ["rnn-states-truncated", "gru-states-truncated"])
def test_a_truncated_gradient_is_the_sum_over_windows(name):
    """Each loss reaches two steps back; the state before them is held fixed."""
    case = BY_NAME[name]
    inputs, params = problem(case).inputs, problem(case).layer.params
    states = [inputs["h0"], *(solve(case)["y"][:, None].astype(np.float64))]
    total = {of: np.zeros(value.shape) for of, value in params.items()}
    for t in range(case.steps):
        start = max(t - 1, 0)
        window = {"x": inputs["x"][start : t + 1], "lengths": np.full(case.batch, t + 1 - start), "h0": states[start]}
        window["dy"] = inputs["dy"][start : t + 1] * (np.arange(start, t + 1) == t)[:, None, None]
        window["dh"] = inputs["dh"] * (t == case.steps - 1)
        found = exact.exact(case.cell, case.options, params, window)
        total = {of: value + found[of].astype(np.float64) for of, value in total.items()}
    truncated = solve(case)
    for of, value in total.items():
        right = truncated[of].astype(np.float64)
        assert np.abs(value - right).max() <= ULPS * np.abs(right).max(), of


def test_no_relu_is_at_its_kink(monkeypatch):
    distances, relu = [], exact.Graph.relu
    monkeypatch.setattr(exact.Graph, "relu", lambda g, a: distances.append(abs(a.value)) or relu(g, a))
    for case in cases(["rnn"]):
        if "relu" in case.name:
            solve(case)
    assert len(distances) > 1000
    assert min(distances) > 1e-5  # float32 computes the same sign
