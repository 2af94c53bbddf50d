"""Bias and variance in closed form against every draw there is, and against truncations carried out."""

from itertools import product

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, every_cell, given, make
from ledger_cases import STEPS, Drawn, ledger_and_gradient

from npseq import GRU, LSTM, Bidirectional, RandomTruncation, RouletteTruncation, Truncated
from npseq.inspect import (
    best_survival,
    expected_lags,
    ledger,
    random_truncation_variance,
    roulette_variance,
    tail_norms,
    truncation_bias,
)


def of_every_mask(gradient, keep, strands, steps):
    """Mean and variance over all masks, each with its probability."""
    keep = np.broadcast_to(keep, (strands, steps))
    mean, square = 0, 0
    for mask in product([True, False], repeat=strands * steps):
        kept = np.reshape(mask, (strands, steps))
        probability = np.where(kept, keep, 1 - keep).prod()
        if probability:
            truncation = RandomTruncation(keep[0])
            truncation.rng = Drawn(np.where(kept, 0.0, 1.0))
            found = gradient(truncation)
            mean, square = mean + probability * found, square + probability * (found**2).sum()
    return mean, square - (mean**2).sum()


@pytest.mark.parametrize("keep", [0.5, STEPS], ids=["constant", "a step"])
@every_cell
def test_every_mask_of_eight_steps(cell, keep):
    found, gradient = ledger_and_gradient(cell, 8)
    mean, variance = of_every_mask(gradient, keep, 1, 8)
    np.testing.assert_allclose(mean, gradient(), rtol=0, atol=1e-12 * np.abs(mean).max())
    assert random_truncation_variance(found, keep) == pytest.approx(variance, rel=1e-12)


@every_cell
def test_every_mask_of_ragged_sequences(cell):
    found, gradient = ledger_and_gradient(cell, 5, np.array([3, 5]))
    mean, variance = of_every_mask(gradient, STEPS[:5], 1, 5)
    np.testing.assert_allclose(mean, gradient(), rtol=0, atol=1e-12 * np.abs(mean).max())
    assert random_truncation_variance(found, STEPS[:5]) == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("lengths", [None, np.array([2, 4])], ids=["full", "ragged"])
@pytest.mark.parametrize("cell", ["rnn tanh", "gru before", "lstm"])
def test_every_mask_of_both_directions(cell, lengths):
    found, gradient = ledger_and_gradient(cell, 4, lengths, bidirectional=True)
    _, variance = of_every_mask(gradient, STEPS[:4], 2, 4)
    assert random_truncation_variance(found, STEPS[:4]) == pytest.approx(variance, rel=1e-12)


def test_two_different_directions_draw_independently():
    layer = Bidirectional(LSTM(2, 3, dtype=np.float64, rng=0), GRU(2, 2, dtype=np.float64, rng=1))
    rng = np.random.default_rng(0)
    x, dy, lengths = rng.normal(size=(4, 2, 2)), rng.normal(size=(4, 2, 5)), np.array([4, 2])
    tape = layer.forward(x, None, lengths)[2]
    mean, square = 0, 0
    for mask in product([0.0, 1.0], repeat=8):
        truncation = RandomTruncation(0.5)
        halves = iter(np.reshape(mask, (2, 1, 4)))
        truncation.rng = type("Halves", (), {"random": lambda self, shape, halves=halves: next(halves)})()
        found = layer.backward(dy, tape, None, truncation)[2].flat
        mean, square = mean + found / 256, square + (found**2).sum() / 256
    variance = square - (mean**2).sum()
    assert random_truncation_variance(ledger(layer, dy, tape), 0.5) == pytest.approx(variance, rel=1e-12)


def test_keeping_all_has_no_variance_and_keeping_less_has_more():
    found, _ = ledger_and_gradient("lstm", 8)
    assert random_truncation_variance(found, 1.0) == 0
    variances = [random_truncation_variance(found, keep) for keep in (0.9, 0.5, 0.1)]
    assert variances == sorted(variances)


def test_a_long_sequence_may_pass_every_number():
    """Finite, or inf, but never NaN."""
    found, _ = ledger_and_gradient("rnn relu", 30)
    assert not np.isnan(random_truncation_variance(found, 1e-300))


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["one", "stack"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_roulette(cell, options):
    found, gradient = ledger_and_gradient(cell, 8 if not options else 3, **options)
    lags = len(tail_norms(found)) - 1

    def survival(k):
        return 1.0 if k == 0 else 0.7**k + 0.05

    mean, square = 0, 0
    for n in range(1, lags + 1):  # N = n where the draw lies between survival(n) and survival(n - 1)
        below = survival(n) if n < lags else 0.0
        truncation = RouletteTruncation(survival)
        truncation.rng = Drawn((survival(n - 1) + below) / 2)
        drawn = gradient(truncation)
        probability = survival(n - 1) - below
        mean, square = mean + probability * drawn, square + probability * (drawn**2).sum()
    np.testing.assert_allclose(mean, gradient(), rtol=0, atol=1e-12 * np.abs(mean).max())
    variance = square - (mean**2).sum()
    assert roulette_variance(found, survival) == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=["one", "stack"])
@every_cell
def test_bias_of_every_length(cell, options):
    found, gradient = ledger_and_gradient(cell, 5, np.array([3, 5]), **options)
    bias, whole = truncation_bias(found), gradient()
    size = np.sqrt((whole**2).sum())
    assert len(bias.norm) == len(bias.relative) == len(bias.cosine) == len(tail_norms(found)) - 1
    for k in range(len(bias.norm)):
        cut = gradient(Truncated(k + 1))
        norm = np.sqrt(((cut - whole) ** 2).sum())
        assert bias.norm[k] == pytest.approx(norm, abs=1e-13 * size)
        assert bias.relative[k] == pytest.approx(norm / size, abs=1e-13)
        assert bias.cosine[k] == pytest.approx(cut @ whole / np.sqrt((cut**2).sum()) / size, rel=1e-12)
    assert bias.norm[-1] == 0


def test_bias_where_longer_lags_lie_together():
    layer = make("lstm", num_layers=1)
    data = given(layer, 6, 2)
    tape = layer.forward(data.x)[2]
    whole, part = (truncation_bias(ledger(layer, data.dy, tape, max_lag=k, pairs=False)) for k in (None, 3))
    for all_lengths, some in zip(whole, part, strict=True):
        np.testing.assert_allclose(some, all_lengths[:3], rtol=1e-10)


def test_the_table_of_biases():
    found, _ = ledger_and_gradient("lstm", 3)
    lines = repr(truncation_bias(found)).splitlines()
    assert lines[0].split() == ["length", "bias", "norm", "relative", "cosine"]
    assert lines[3].split() == ["3", "0", "0", "1.000000"]


@pytest.mark.parametrize("cost", [1.5, 3.0, 6.0, 8.0])
def test_no_other_survival_of_this_cost_does_better(cost):
    found, _ = ledger_and_gradient("gru after", 8)
    best = best_survival(found, cost)
    least = roulette_variance(found, best)
    assert expected_lags(best, 8) == pytest.approx(cost)
    rng = np.random.default_rng(0)
    Q = np.array([best(k) for k in range(8)])
    for _ in range(500):
        other = Q[1:] * np.exp(rng.normal(size=7) * 10.0 ** rng.uniform(-4, 0))
        other = np.minimum.accumulate(np.minimum(other, 1))
        other = (
            1 - (1 - other) * min(1, (8 - cost) / (7 - other.sum()))
            if other.sum() < cost - 1
            else (other * (cost - 1) / other.sum())
        )
        other = np.append(1.0, other)
        assert other.sum() == pytest.approx(cost)
        assert roulette_variance(found, lambda k, other=other: other[k]) >= least * (1 - 1e-12)


def test_what_never_counts_costs_next_to_nothing():
    """Only losses at the first step: no lag above 0 has a gradient."""
    layer = make("lstm", num_layers=1)
    data = given(layer, 5, 2)
    dy = data.dy * (np.arange(5) == 0)[:, None, None]
    found = ledger(layer, dy, layer.forward(data.x)[2])
    best = best_survival(found, 2.0)
    assert roulette_variance(found, best) == 0
    assert expected_lags(best, 5) < 1.01


def test_a_survival_a_cost_or_a_ledger_that_does_not_fit_is_refused():
    found, _ = ledger_and_gradient("lstm", 4)
    with pytest.raises(ValueError, match="the ledger must hold crossing norms or what it is of"):
        random_truncation_variance(found._replace(crossing_norms=None, of=None), 0.5)
    for keep in (0.0, 1.5, np.array([0.5, 0.5])):
        with pytest.raises(ValueError, match=r"keep must be a probability in \(0, 1\], or one a step \("):
            random_truncation_variance(found, keep)
    for survival in (lambda k: 0.5, lambda k: 1.0 * (k < 2), lambda k: 1.0 + k):
        with pytest.raises(ValueError, match="survival must start at 1, never rise, and stay above 0"):
            roulette_variance(found, survival)
    for cost in (1.0, 4.5):
        with pytest.raises(ValueError, match="cost must be above 1, the step's own lag, and at most 4"):
            best_survival(found, cost)
    short = found._replace(longer=found.gradient)
    with pytest.raises(ValueError, match=r"the ledger must tell all lags apart: ledger\(..., max_lag=None\)"):
        best_survival(short, 2.0)
