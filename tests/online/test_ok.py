"""OK is unbiased over every choice of signs, exact where it keeps as many products as steps, and varies least."""

import numpy as np
import pytest
from online.kronecker_cases import LAYERS, LENGTHS, B, D, H, T, all_signs, given

import npseq as ns
from npseq.online import kf_rtrl, ok
from npseq.online.ok import mixing


@pytest.mark.parametrize(("kind", "layers", "lengths", "rank"), [
    ("rnn", 1, None, 1), ("rnn", 2, LENGTHS, 2), ("gru", 1, LENGTHS, 1), ("lstm", 2, None, 1), ("coupled", 1, None, 2),
])  # fmt: skip
def test_the_mean_of_all_signs_is_the_gradient(kind, layers, lengths, rank):
    layer = LAYERS[kind](num_layers=layers)
    arguments, options, exact = given(layer, lengths)
    found = [ok(layer, *arguments, **options, rank=rank, signs=s).grads.flat for s in all_signs(layer, rank)]
    np.testing.assert_allclose(np.mean(found, axis=0), exact, rtol=0, atol=1e-12 * abs(exact).max())
    assert np.std(found, axis=0).max() > 1e-4 * abs(exact).max()


@pytest.mark.parametrize("rank", [T, T + 3, 20])
@pytest.mark.parametrize("kind", LAYERS)
def test_with_as_many_products_as_steps_it_is_backward(kind, rank):
    layer = LAYERS[kind](num_layers=2)
    arguments, options, exact = given(layer, LENGTHS)
    found = ok(layer, *arguments, **options, rank=rank, rng=0)
    np.testing.assert_allclose(found.grads.flat, exact, rtol=0, atol=1e-12 * abs(exact).max())


def test_it_varies_less_than_kf_rtrl_and_less_with_more_products():
    """E |g' - g|^2, exact, over every choice of signs."""
    layer = LAYERS["rnn"]()
    arguments, options, exact = given(layer, None)

    def variance(method, **own):
        signs = all_signs(layer, own.get("rank", 1))
        draws = [method(layer, *arguments, **options, **own, signs=drawn).grads.flat for drawn in signs]
        return np.mean([((draw - exact) ** 2).sum() for draw in draws])

    found = [variance(kf_rtrl), *(variance(ok, rank=rank) for rank in (1, 2, 3))]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.1 * found[0]


@pytest.mark.parametrize("sigma", [[3.0, 2, 1], [9.0, 1, 1], [1.0, 1, 1, 1], [5.0, 0.1], [1.0, 1e-9, 1e-9]])
def test_mixing_has_the_mean_and_the_least_variance(sigma):
    """E Z Z^T by all signs; E |Z Z^T - diag|^2 of (Benzing et al. 2019): the k largest have no part in it."""
    sigma, r = np.array(sigma), len(sigma) - 1
    drawn = np.array(np.meshgrid(*[[1.0, -1.0]] * (r + 1))).reshape(r + 1, -1).T
    found = np.array([mixing(sigma, signs, r) @ mixing(sigma, signs, r).T for signs in drawn])
    np.testing.assert_allclose(found.mean(axis=0), np.diag(sigma), rtol=0, atol=1e-14 * sigma.max())
    k = next(k for k in range(r) if (r - k) * sigma[k] <= sigma[k:].sum())
    least = sigma[k:].sum() ** 2 / (r - k) - (sigma[k:] ** 2).sum()
    got = ((found - np.diag(sigma)) ** 2).sum(axis=(1, 2)).mean()
    assert got == pytest.approx(least, rel=1e-9, abs=1e-25)


def test_what_is_nothing_is_kept_as_it_is():
    np.testing.assert_array_equal(mixing(np.array([4.0, 0]), np.ones(2), 1), [[2.0], [0]])
    np.testing.assert_array_equal(mixing(np.zeros(2), np.ones(2), 1), np.zeros((2, 1)))
    assert mixing(np.ones(2), np.ones(5), 4).shape == (2, 4)


def test_a_sequence_continues_in_float32_and_rank_is_an_integer():
    layer = ns.LSTM(D, H, rng=0)
    rng = np.random.default_rng(0)
    x, dy = (rng.normal(size=(T, B, size)).astype(np.float32) for size in (D, H))
    whole, first = ok(layer, x, dy, rank=4, rng=0), ok(layer, x[:2], dy[:2], rank=4, rng=0)
    second = ok(layer, x[2:], dy[2:], first.state, rank=4, influence=first.influence, rng=0)
    np.testing.assert_allclose(first.grads.flat + second.grads.flat, whole.grads.flat, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="rank must be a positive integer, got 0"):
        ok(layer, x, dy, rank=0)


def test_what_is_not_finite_makes_its_own_sequence_nan():
    layer, x = ns.GRU(2, 3, dtype=np.float64, rng=0), np.ones((4, 2, 2))
    x[1, 0, 0] = np.nan
    found = ns.online.ok(layer, x, np.ones((4, 2, 3)), rank=2, rng=0)
    assert np.isnan(found.grads.flat).any()
