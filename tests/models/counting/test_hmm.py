"""Hidden Markov models, against every path written out, published examples, and the gradient checker."""

from itertools import pairwise, product

import numpy as np
import pytest

import npseq as ns
from npseq.models.counting.hmm import forward_backward, viterbi
from npseq.models.counting.markov import propagate


def scores(steps=4, states=3, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"initial": (states,), "transition": (states, states), "emission": (steps, states)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def score_of(path, initial, transition, emission):
    total = initial[path[0]] + sum(transition[i, j] for i, j in pairwise(path))
    return total + sum(emission[t, i] for t, i in enumerate(path))


def all_paths(at):
    """{path: its weight}"""
    steps, states = at["emission"].shape
    return {path: np.exp(score_of(path, **at)) for path in product(range(states), repeat=steps)}


@pytest.mark.parametrize(("steps", "states"), [(1, 1), (1, 3), (2, 2), (4, 3), (6, 2)])
def test_every_path_written_out(steps, states):
    at = scores(steps, states)
    paths, found = all_paths(at), forward_backward(**at)
    whole = sum(paths.values())
    assert found.log_prob == pytest.approx(np.log(whole), rel=1e-13)
    emission, transition = np.zeros((steps, states)), np.zeros((states, states))
    for path, weight in paths.items():
        emission[range(steps), path] += weight / whole
        np.add.at(transition, (path[:-1], path[1:]), weight / whole)
    np.testing.assert_allclose(found.emission, emission, rtol=1e-12)
    np.testing.assert_allclose(found.transition, transition, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.initial, emission[0], rtol=1e-12)
    path, log_prob = viterbi(**at)
    assert tuple(path) == max(paths, key=paths.get)
    assert log_prob == pytest.approx(np.log(max(paths.values())), rel=1e-13)


@pytest.mark.parametrize("method", ["complex", "central"])
def test_the_posteriors_are_the_gradient_of_the_log_probability(method):
    at = scores(5, 3, seed=1)
    found = {name: value for name, value in forward_backward(**at)._asdict().items() if name != "log_prob"}
    ns.testing.assert_gradients(lambda at: forward_backward(**at).log_prob, at, found, method=method)


def test_russell_and_norvig_s_umbrellas():
    """Rain on day t, by what was carried on five days; Artificial Intelligence, 3rd edition, 15.2."""
    umbrella, none = [0.9, 0.2], [0.1, 0.8]
    seen = np.log([umbrella, umbrella, none, umbrella, umbrella])
    found = forward_backward(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]), seen)
    assert found.emission[:, 0].round(4).tolist() == [0.8673, 0.8204, 0.3075, 0.8204, 0.8673]
    assert viterbi(np.log([0.5, 0.5]), np.log([[0.7, 0.3], [0.3, 0.7]]), seen)[0].tolist() == [0, 0, 1, 0, 0]


def test_the_doctor_s_patient():
    """Healthy or feverish, by three answers (Wikipedia, "Viterbi algorithm")."""
    normal, cold, dizzy = [0.5, 0.1], [0.4, 0.3], [0.1, 0.6]
    path, log_prob = viterbi(np.log([0.6, 0.4]), np.log([[0.7, 0.3], [0.4, 0.6]]), np.log([normal, cold, dizzy]))
    assert path.tolist() == [0, 0, 1]
    assert np.exp(log_prob) == pytest.approx(0.01512, rel=1e-12)


def test_seeing_nothing_leaves_the_chain():
    P, start = np.array([[0.9, 0.1], [0.5, 0.5]]), np.array([0.25, 0.75])
    found = forward_backward(np.log(start), np.log(P), np.zeros((6, 2)))
    assert found.log_prob == pytest.approx(0, abs=1e-14)
    np.testing.assert_allclose(found.emission, propagate(start, P, 5), rtol=1e-13)


def test_a_long_sequence_does_not_underflow():
    """Against sums that are scaled at every step; every probability is far below the least float64."""
    rng = np.random.default_rng(2)
    P, start, seen = rng.dirichlet(np.ones(3), 3), rng.dirichlet(np.ones(3)), rng.uniform(0, 1e-3, (3000, 3))
    share, log_prob = start * seen[0], 0.0
    for t in range(1, 3001):
        log_prob += np.log(share.sum())
        share = share / share.sum() @ P * seen[t] if t < 3000 else share
    found = forward_backward(np.log(start), np.log(P), np.log(seen))
    assert found.log_prob == pytest.approx(log_prob, rel=1e-12)
    np.testing.assert_allclose(found.emission.sum(axis=1), 1, rtol=1e-9)
    assert found.transition.sum() == pytest.approx(2999, rel=1e-9)


def test_what_is_impossible():
    """A chain that cannot come back: its states never fall."""
    with np.errstate(divide="ignore"):
        start, P = np.log([1.0, 0, 0]), np.log([[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]])
        seen = np.log([[1.0, 1, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1]])
    with pytest.raises(ValueError, match="at least one path must be possible"):
        forward_backward(start, P, seen)
    with pytest.raises(ValueError, match="at least one path must be possible"):
        viterbi(start, P, seen)
    found = forward_backward(start, P, seen[[0, 1, 3]])
    np.testing.assert_allclose(found.emission, [[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5]], rtol=1e-14)
    assert found.log_prob == pytest.approx(np.log(0.5), rel=1e-14)


def test_dtypes_are_kept_and_nothing_is_written_over():
    at = {name: value.astype(np.float32) for name, value in scores().items()}
    before = {name: value.copy() for name, value in at.items()}
    found = forward_backward(**at)
    assert {value.dtype.name for value in found[1:]} == {"float32"}
    assert viterbi(**at)[0].dtype == np.int64
    assert all((at[name] == before[name]).all() for name in at)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"initial": [0.5, 0.5]}, TypeError, "initial must be a NumPy or CuPy array of numbers, got list"),
        ({"initial": np.zeros(2)}, ValueError, r"shapes \(S,\), \(S, S\) and \(T, S\), got \(2,\), \(3, 3\) and"),
        ({"initial": np.zeros((1, 3))}, ValueError, r"shapes \(S,\), \(S, S\) and \(T, S\), got \(1, 3\)"),
        ({"transition": np.zeros((3, 2))}, ValueError, r"got \(3,\), \(3, 2\) and \(4, 3\)"),
        ({"emission": np.zeros(3)}, ValueError, r"got \(3,\), \(3, 3\) and \(3,\)"),
        ({"emission": np.zeros((0, 3))}, ValueError, "at least one step, got none"),
        ({"emission": np.array(0.0)}, ValueError, r"and \(\)"),
        ({"emission": np.zeros((4, 3), int)}, TypeError, "emission must be logarithms, float32 or float64, got int64"),
        ({"transition": np.full((3, 3), np.nan)}, ValueError, "transition must hold logarithms, none nan or infinity"),
        ({"emission": np.full((4, 3), np.inf)}, ValueError, "emission must hold logarithms, none nan or infinity"),
    ],
)
@pytest.mark.parametrize("function", [forward_backward, viterbi])
def test_errors(function, change, error, message):
    with pytest.raises(error, match=message):
        function(**(scores() | change))


def test_viterbi_takes_no_complex_scores():
    with pytest.raises(TypeError, match="initial must be logarithms, float32 or float64, got complex128"):
        viterbi(**{name: value + 0j for name, value in scores().items()})
