"""A decoder that reads its own words: for a batch, for training, and for a beam."""

import numpy as np
import pytest
from models.seq2seq_cases import F64

import npseq as ns
from npseq.models import Decoder
from npseq.models.decoding.greedy import greedy, next_log_probs, own_inputs, reader

V, C = 6, 3


def decoder(cell=ns.GRU, layers=2):
    made = Decoder(
        ns.Embedding(V, 2, rng=0, **F64), cell(2 + C, 4, layers, rng=1, **F64), ns.Linear(4, V, rng=2, **F64)
    )
    made.params.flat[:] *= 3
    return made


def context(size):
    return np.random.default_rng(3).normal(size=(size, C))


@pytest.mark.parametrize("cell", [ns.GRU, ns.LSTM])
def test_each_token_is_the_likeliest_after_those_before_it(cell):
    model, c = decoder(cell), context(5)
    rows = greedy(model, c, None, begin=1, end=0, max_steps=6)
    for b, row in enumerate(rows):
        logits, _, _ = model.forward(np.concatenate([[1], row])[:, None], c[b : b + 1], None)
        chosen = logits[:, 0].argmax(axis=1)
        np.testing.assert_array_equal(chosen[: len(row)], row)
        assert len(row) == 6 or chosen[len(row)] == 0
        assert 0 not in row


def test_no_step_writes_nothing():
    assert [row.size for row in greedy(decoder(), context(3), None, 1, 0, max_steps=0)] == [0, 0, 0]


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_own_inputs_are_the_targets_or_the_likeliest(probability):
    model, c, rng = decoder(), context(4), np.random.default_rng(5)
    inputs = rng.integers(0, V, (7, 4))
    found = own_inputs(model, c, None, inputs, probability, np.random.default_rng(6))
    taught = np.random.default_rng(6).random(inputs.shape) < probability
    likeliest = model.forward(found, c, None)[0].argmax(axis=2)
    np.testing.assert_array_equal(found[0], inputs[0])
    np.testing.assert_array_equal(found[1:], np.where(taught[1:], inputs[1:], likeliest[:-1]))


@pytest.mark.parametrize("cell", [ns.RNN, ns.LSTM])
def test_a_beam_s_step_is_a_batch_of_prefixes(cell):
    model, c = decoder(cell), context(1)
    step = next_log_probs(reader(model, c))
    first, states = step([1], [None])
    second, _ = step([2, 4], [states[0], states[0]])
    for k, token in enumerate((2, 4)):
        logits, _, _ = model.forward(np.array([[1], [token]]), c, None)
        z = logits[:, 0] - np.log(np.exp(logits[:, 0]).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(first[0], z[0], rtol=1e-12)
        np.testing.assert_allclose(second[k], z[1], rtol=1e-12)
