"""Truncation against the oracle with states held fixed, and each random truncation's mean over all of its draws."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, assert_close, both_directions, every_cell, given, make, parts
from oracles import recurrent as oracle

from npseq.bptt.truncation import (
    CarouselTruncation,
    HDetach,
    Plan,
    RandomTruncation,
    RouletteTruncation,
    Truncated,
    check_truncation,
    edge_of,
    shifted,
)

T, B = 3, 3
LENGTHS = np.array([2, 0, 3])
one_of_each = pytest.mark.parametrize(
    "truncation",
    [
        Truncated(2),
        RandomTruncation(0.5, 0),
        RouletteTruncation(lambda k: 0.9**k, 0),
    ],
    ids=["lag", "random", "roulette"],
)
one_or_two_layers = pytest.mark.parametrize("layers", [1, 2])


def small(cell, layers=1, bidirectional=False, **options):
    """A layer whose gradients reach far, and its numbers."""
    layer = make(cell, size=2, hidden=3, num_layers=layers, bidirectional=bidirectional, **options)
    rng = np.random.default_rng(1)
    layer.params.flat[:] = rng.uniform(0.3, 1.0, layer.params.flat.shape) * rng.choice([-1, 1], layer.params.flat.shape)
    return layer, given(layer, T, B)


def gradient(layer, data, truncation=None, lengths=LENGTHS, **options):
    """{name: gradient} of every parameter, x and the initial state."""
    _, _, tape = layer.forward(data.x, data.state, lengths, **options)
    dx, dstate, grads = layer.backward(data.dy, tape, data.dstate, truncation)
    return {**grads, "x": dx, **dict(zip("hc", parts(dstate), strict=False))}


def by_oracle(cell, layer, data, factor):
    """The same from the oracle, where every carry counts factor(strand, sequence, step of x) times."""
    network = oracle.Network(CELLS[cell][2], layer.num_layers, layer.directions)
    at = {**layer.params, "x": data.x, **dict(zip("hc", parts(data.state), strict=False))}
    states: dict = {}
    oracle.run(network, at, data.x, at["h"], at.get("c"), LENGTHS, oracle.recorder(states))

    def loss(values):
        carry = oracle.blend(states, factor)
        out = oracle.run(network, values, values["x"], values["h"], values.get("c"), LENGTHS, carry)
        total = oracle.weighted(out.y, data.dy)
        return total + sum(oracle.weighted(*pair) for pair in zip((out.h, out.c), parts(data.dstate), strict=False))

    return oracle.gradient(loss, at)


def weighted_sum(gradients, weights):
    return {name: sum(w * g[name] for w, g in zip(weights, gradients, strict=True)) for name in gradients[0]}


def only(data, t):
    """The loss of step t alone; of the last state alone where t is None."""
    if t is None:
        return data._replace(dy=np.zeros_like(data.dy))
    keep = np.arange(T)[:, None, None] == t
    nothing = tuple(np.zeros_like(part) for part in parts(data.dstate))
    return data._replace(dy=np.where(keep, data.dy, 0), dstate=nothing if len(nothing) == 2 else nothing[0])


@every_cell
@one_or_two_layers
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_truncated_holds_the_state_that_many_steps_before_each_loss(cell, layers, steps):
    """The sum over t of the gradient of l_t alone, where h and c after step t - steps are constants, in every layer."""
    layer, data = small(cell, layers)
    terms = []
    for t in (*range(T), None):
        last = LENGTHS - 1 if t is None else np.full(B, t)
        terms.append(by_oracle(cell, layer, only(data, t), lambda k, b, step, last=last: step > last[b] - steps + 1))
    assert_close(gradient(layer, data, Truncated(steps)), weighted_sum(terms, np.ones(len(terms))), 1e-12)


@every_cell
@both_directions
@one_or_two_layers
def test_lags_count_every_carry_in_every_layer_and_direction(cell, bidirectional, layers):
    """With every carry weighed by w, a path of lag k counts w^k: a polynomial whose terms are the lags' gradients.

    It is compared at more points than it has coefficients, so that each coefficient is right.
    """
    layer, data = small(cell, layers, bidirectional)
    most = (layers if bidirectional else 1) * T
    upto = [gradient(layer, data, Truncated(k)) for k in range(1, most + 2)]
    lags = [upto[0]] + [weighted_sum([b, a], [1, -1]) for a, b in pairwise(upto)]
    assert_close(upto[-1], gradient(layer, data), 1e-12)
    for w in np.linspace(-1, 1, most + 2):
        expected = by_oracle(cell, layer, data, lambda k, b, step, w=w: w)
        assert_close(weighted_sum(lags, w ** np.arange(most + 1)), expected, 1e-12)


@every_cell
@both_directions
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_far_enough_is_the_whole_gradient(cell, bidirectional, lengths):
    layer, data = small(cell, 2, bidirectional)
    whole = gradient(layer, data, lengths=lengths)
    for truncation in (
        Truncated(2 * T + 1),
        Truncated(1000),
        RandomTruncation(1.0, 0),
        RandomTruncation(np.ones(T), 0),
        RouletteTruncation(lambda k: 1.0, 0),
    ):
        assert_close(gradient(layer, data, truncation, lengths), whole, 1e-12)
    if not bidirectional:
        assert_close(gradient(layer, data, Truncated(T + 1), lengths), whole, 1e-12)


@every_cell
def test_parameters_and_inputs_need_no_more_than_all_steps(cell):
    """Only the initial state lies one carry further back."""
    layer, data = small(cell, 2)
    found, whole = gradient(layer, data, Truncated(T)), gradient(layer, data)
    reached = ("x", *layer.params)
    assert_close({name: found[name] for name in reached}, {name: whole[name] for name in reached}, 1e-12)
    full = LENGTHS == T
    assert (found["h"][:, full] != whole["h"][:, full]).all()


class Drawn:
    """A generator that draws what it is told."""

    def __init__(self, numbers):
        self.numbers = numbers

    def random(self, shape=None):
        assert shape is None or shape == self.numbers.shape
        return self.numbers


def masked(keep, mask):
    """RandomTruncation as it is when these carries (strands, T) are kept; steps in each strand's own order of time."""
    truncation = RandomTruncation(keep)
    truncation.rng = Drawn(np.where(mask, 0.0, 1 - 1e-9))
    return truncation


@every_cell
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, True), (2, False), (2, True)])
def test_one_random_truncation_weighs_every_carry_by_its_factor(cell, layers, bidirectional):
    layer, data = small(cell, layers, bidirectional)
    keep = np.array([0.5, 0.8, 0.4])
    strands = layers * layer.directions
    mask = np.random.default_rng(2).random((strands, T)) < 0.7

    def factor(strand, b, step):
        own = T - 1 - step if bidirectional and strand % 2 else step
        return mask[strand, own] / keep[own]

    assert_close(gradient(layer, data, masked(keep, mask)), by_oracle(cell, layer, data, factor), 1e-12)


@every_cell
@pytest.mark.parametrize("keep", [0.3, np.array([0.5, 0.9, 0.2])], ids=["one", "a step each"])
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (1, True), (2, False)])
def test_the_mean_of_all_random_truncations_is_the_gradient(cell, keep, layers, bidirectional):
    layer, data = small(cell, layers, bidirectional)
    strands = layers * layer.directions
    masks = [np.array(bits).reshape(strands, T) for bits in product([False, True], repeat=strands * T)]
    chances = [np.where(mask, keep, 1 - keep).prod() for mask in masks]
    assert abs(sum(chances) - 1) < 1e-14
    mean = weighted_sum([gradient(layer, data, masked(keep, mask)) for mask in masks], chances)
    assert_close(mean, gradient(layer, data), 1e-12)


@every_cell
@both_directions
@one_or_two_layers
@pytest.mark.parametrize(
    "survival",
    [lambda k: 0.5**k, lambda k: 1 / (1 + k), lambda k: 1.0 if k < 2 else 0.25],
    ids=["geometric", "harmonic", "plateau"],
)
def test_the_mean_of_all_roulettes_is_the_gradient(cell, bidirectional, layers, survival):
    layer, data = small(cell, layers, bidirectional)
    longest = (layers if bidirectional else 1) * T
    tail = [*(survival(k) for k in range(longest + 1)), 0.0]
    draws, chances = [], []
    for n in range(1, longest + 2):
        if tail[n - 1] == tail[n]:
            continue  # never drawn
        truncation = RouletteTruncation(survival)
        truncation.rng = Drawn(tail[n])
        draws.append(gradient(layer, data, truncation))
        chances.append(tail[n - 1] - tail[n])
    assert_close(weighted_sum(draws, chances), gradient(layer, data), 1e-12)


def test_one_roulette_weighs_each_lag_by_its_inverse_survival():
    layer, data = small("gru before")
    truncation = RouletteTruncation(lambda k: 0.5**k)
    truncation.rng = Drawn(0.3)  # below survival(0) and survival(1) only: N = 2
    first, second = gradient(layer, data, Truncated(1)), gradient(layer, data, Truncated(2))
    assert_close(gradient(layer, data, truncation), weighted_sum([first, second], [-1, 2]), 1e-12)


@pytest.mark.parametrize(
    "build",
    [
        lambda rng: RandomTruncation(0.5, rng),
        lambda rng: RouletteTruncation(lambda k: 0.8**k, rng),
    ],
)
def test_the_seed_fixes_the_draws(build):
    layer, data = small("lstm", 2)
    first, second, other = build(3), build(np.random.default_rng(3)), build(4)
    runs = [[gradient(layer, data, t)["W_xf"] for _ in range(8)] for t in (first, second, other)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert not all(np.array_equal(runs[0][0], run) for run in runs[0])


@every_cell
@pytest.mark.parametrize("truncation", [Truncated(9), RouletteTruncation(lambda k: 1.0, 0), RandomTruncation(1.0, 0)])
def test_dropout_and_token_ids_go_with_every_truncation(cell, truncation):
    layer, data = small(cell, 2, True, dropout=0.5)
    start = layer.dropout.rng.bit_generator.state

    def found(truncation, x):
        layer.dropout.rng.bit_generator.state = start
        return gradient(layer, data._replace(x=x), truncation, training=True)

    assert_close(found(truncation, data.x), found(None, data.x), 1e-12)
    ids = np.array([[0, 1, 1], [1, 1, 0], [0, 0, 1]])
    whole = found(None, np.eye(2)[ids])
    by_id = found(truncation, ids)
    assert by_id.pop("x") is None
    assert_close(by_id, {name: whole[name] for name in by_id}, 1e-12)


@every_cell
@one_of_each
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_dtype_stays_and_nothing_is_written_on(cell, truncation, dtype):
    layer, _ = small(cell, 2, True)
    layer = layer.astype(dtype)
    data = given(layer, T, B)
    kept = data.dy.copy()
    assert {array.dtype for array in gradient(layer, data, truncation).values()} == {np.dtype(dtype)}
    np.testing.assert_array_equal(data.dy, kept)


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (1, 1)])
@one_of_each
@every_cell
def test_the_smallest_sizes_are_taken(cell, truncation, steps, batch):
    layer, _ = small(cell, 2, True)
    data = given(layer, steps, batch)
    found = gradient(layer, data, truncation, None)
    assert found["x"].shape == (steps, batch, 2)
    if steps == 0:
        np.testing.assert_array_equal(found["h"], parts(data.dstate)[0])


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Truncated(0), ValueError, "steps must be a positive integer, got 0"),
        (lambda: Truncated(2.0), ValueError, "steps must be a positive integer, got 2.0"),
        (lambda: Truncated(True), ValueError, "steps must be a positive integer, got True"),
        (
            lambda: RandomTruncation(0.0),
            ValueError,
            r"keep must be a probability in \(0, 1\], or one a step \(T,\), got 0",
        ),
        (lambda: RandomTruncation(1.1), ValueError, r"keep must be a probability in \(0, 1\], .* got 1.1"),
        (lambda: RandomTruncation(np.nan), ValueError, r"keep must be a probability in \(0, 1\], .* got nan"),
        (lambda: RandomTruncation(np.array([0.5, -0.5])), ValueError, r"keep must be a probability in \(0, 1\]"),
        (lambda: RandomTruncation(np.full((2, 2), 0.5)), ValueError, r"keep must be a probability in \(0, 1\]"),
        (lambda: RouletteTruncation(0.5), TypeError, "survival must be a function, got 0.5"),
    ],
)
def test_constructors_refuse(build, error, message):
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize(
    ("truncation", "message"),
    [
        (RandomTruncation(np.array([0.5, 0.5])), "keep must have a probability for each of 3 steps, got 2"),
        (RouletteTruncation(lambda k: 0.5), "survival must start at 1, never rise, and stay above 0 up to lag 3"),
        (RouletteTruncation(lambda k: 1.0 + k), "survival must start at 1, never rise"),
        (RouletteTruncation(lambda k: float(k < 2)), "at 0 the longer paths could never be made up for"),
        (RouletteTruncation(lambda k: 1.0 if k == 0 else np.nan), "survival must start at 1"),
    ],
)
def test_backward_refuses(truncation, message):
    layer, data = small("lstm")
    with pytest.raises(ValueError, match=message):
        gradient(layer, data, truncation)


def test_they_print_themselves():
    assert repr(Truncated(3)) == "Truncated(3)"
    assert repr(RandomTruncation(0.5)) == "RandomTruncation(keep=0.5)"
    assert repr(RouletteTruncation(abs)) == "RouletteTruncation(<built-in function abs>)"


# from a plan to what the loop applies between steps -------------------------------------------------------------------


def test_an_adjoint_moves_one_lag_on_and_the_last_lag_is_dropped():
    adjoint = np.arange(12.0).reshape(2, 3, 2)
    found = shifted(adjoint)
    np.testing.assert_array_equal(found[:, 0], 0)
    np.testing.assert_array_equal(found[:, 1:], adjoint[:, :2])
    np.testing.assert_array_equal(shifted(adjoint[:, :1]), 0)


def test_without_a_plan_nothing_lies_between_steps():
    assert edge_of(None, 0) is None


@pytest.mark.parametrize("dc", [None, np.full((2, 3), 5.0)])
def test_factors_are_those_of_the_strand_and_the_step(dc):
    factors, dh = np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 3))
    for strand, t in product(range(2), range(2)):
        found_h, found_c = edge_of(Plan(None, factors), strand)(dh, dc, t)
        np.testing.assert_array_equal(found_h, dh * factors[strand, t])
        assert (found_c is None) == (dc is None)
        if dc is not None:
            np.testing.assert_array_equal(found_c, dc * factors[strand, t])


def test_factors_of_h_leave_c_whole():
    dh, dc = np.ones((2, 3)), np.ones((2, 3))
    found_h, found_c = edge_of(Plan(None, None, np.array([[1.0, 0.0]])), 0)(dh, dc, 1)
    np.testing.assert_array_equal(found_h, 0)
    assert found_c is dc


def test_weights_of_lags_move_both_adjoints_by_a_lag():
    dh, dc = np.arange(6.0).reshape(1, 2, 3), np.arange(6.0, 12.0).reshape(1, 2, 3)
    edge = edge_of(Plan(np.ones(2), None), 0)
    for found, given_ in zip(edge(dh, dc, 0), (dh, dc), strict=True):
        np.testing.assert_array_equal(found, shifted(given_))
    assert edge(dh, None, 0)[1] is None


def test_a_plan_has_a_weight_for_every_lag_that_can_occur():
    np.testing.assert_array_equal(Truncated(5).plan(2, 3, 3).lag_weights, np.ones(4))
    np.testing.assert_array_equal(Truncated(2).plan(2, 3, 3).lag_weights, np.ones(2))
    assert RandomTruncation(0.5, 0).plan(2, 3, 3).factors.shape == (2, 3)
    assert set(RandomTruncation(0.5, 0).plan(20, 3, 3).factors.ravel()) == {0.0, 2.0}
    np.testing.assert_array_equal(CarouselTruncation().plan(2, 3, 3).h_factors, np.zeros((2, 3)))


def test_only_truncations_are_taken_and_those_of_h_alone_only_by_an_lstm():
    gru, lstm = make("gru after"), make("lstm")
    for truncation in (None, Truncated(2), RandomTruncation(0.5)):
        check_truncation(truncation, gru, 3)
    check_truncation(HDetach(0.5), lstm, 3)
    with pytest.raises(TypeError, match=r"truncation must be Truncated, .* or None, got <class"):
        check_truncation(Truncated, gru, 3)
    with pytest.raises(ValueError, match=r"HDetach needs a cell that has c beside h, an LSTM, got GRU"):
        check_truncation(HDetach(0.5), gru, 3)
