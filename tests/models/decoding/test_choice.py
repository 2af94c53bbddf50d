"""A token is the likeliest one, or drawn from those that top_k and top_p leave, as often as its probability says."""

import math

import numpy as np
import pytest

from npseq.models import LanguageModel
from npseq.models.decoding.choice import Choice, check_choice, sample

SCORES = np.log([0.1, 0.4, 0.2, 0.25, 0.05])


def shares(choice, count=4000):
    rng = np.random.default_rng(0)
    return np.bincount([sample(SCORES, choice, rng) for _ in range(count)], minlength=5) / count


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(0.0), [0, 1, 0, 0, 0]),
        (Choice(1.0), [0.1, 0.4, 0.2, 0.25, 0.05]),
        (Choice(math.inf), [0.2] * 5),
        (Choice(0.5), np.array([1, 16, 4, 6.25, 0.25]) / 27.5),
        (Choice(1.0, top_k=2), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
        (Choice(1.0, top_k=9), [0.1, 0.4, 0.2, 0.25, 0.05]),
        (Choice(1.0, top_p=0.4), [0, 1, 0, 0, 0]),
        (Choice(1.0, top_p=0.41), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
        (Choice(1.0, top_p=1.0), [0.1, 0.4, 0.2, 0.25, 0.05]),
        (Choice(math.inf, top_k=2), [0, 0.5, 0, 0.5, 0]),
        (Choice(1.0, top_k=3, top_p=0.7), [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
    ],
)
def test_tokens_come_as_often_as_they_should(choice, expected):
    np.testing.assert_allclose(shares(choice), expected, atol=0.03)


def test_what_has_no_chance_has_none_at_any_temperature():
    found = {sample(np.array([0.0, -np.inf, 1.0]), Choice(math.inf), np.random.default_rng(k)) for k in range(40)}
    assert found == {0, 2}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"temperature": -1}, "temperature must be 0, for the likeliest token, or positive, got -1"),
        ({"temperature": math.nan}, "temperature must be 0"),
        ({"temperature": 1, "top_k": 0}, "top_k must be a positive integer, got 0"),
        ({"temperature": 1, "top_p": 0}, r"top_p must lie in \(0, 1\], got 0"),
        ({"temperature": 1, "top_p": 1.5}, "top_p must"),
        ({"temperature": 0, "top_k": 2}, "temperature must be positive with top_k or top_p, .* got 0, which takes the"),
        ({"temperature": 0.0, "top_p": 0.9}, "temperature must be positive with top_k or top_p"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        check_choice(**given)


def test_a_language_model_writes_with_them_and_tells_each_token():
    model, told = LanguageModel(9, "gru", 4, rng=0), []
    likeliest = model.generate([1], 20)
    assert model.generate([1], 20, 5.0, 0, top_k=1).tolist() == likeliest.tolist()
    assert model.generate([1], 20, 5.0, 0, top_p=1e-9, on_token=told.append).tolist() == likeliest.tolist()
    assert told == likeliest.tolist()[1:]


@pytest.mark.parametrize("temperature", [0, 1])
def test_scores_that_overflow_choose_no_token(temperature):
    with pytest.raises(ValueError, match=r"the model's scores must be finite to choose a token, one is (nan|inf)"):
        sample(np.array([0, np.nan, 1]), Choice(temperature), np.random.default_rng(0))
    with pytest.raises(ValueError, match="one is inf"):
        sample(np.array([0, np.inf, -np.inf]), Choice(temperature), np.random.default_rng(0))
    with pytest.raises(ValueError, match="one is -inf"):
        sample(np.full(3, -np.inf), Choice(temperature), np.random.default_rng(0))
    assert sample(np.array([0, 900, -np.inf]), Choice(temperature), np.random.default_rng(0)) == 1


def test_a_temperature_next_to_zero_takes_the_likeliest():
    assert sample(np.array([0.0, 2.0, 1.9]), Choice(1e-320), np.random.default_rng(0)) == 1
