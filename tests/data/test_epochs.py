"""Whole sentences side by side, each once an epoch, and minibatches that can be read again."""

import numpy as np
import pytest

from npseq.data import Epochs, random_windows, sentence_batches

TEXT = np.array([5, 6, 1, 1, 7, 1, 5, 6, 7, 1, 8])  # the last sentence has no end


def test_every_sentence_is_there_once_and_padded_with_the_end():
    for seed in range(5):
        batches = list(sentence_batches(TEXT, 1, 2, seed))
        assert [sentences.shape[1] for sentences, _ in batches] == [2, 2, 1]
        found = []
        for sentences, lengths in batches:
            assert len(sentences) == lengths.max()
            found += [column[:length].tolist() for column, length in zip(sentences.T, lengths, strict=True)]
            assert all((column[length:] == 1).all() for column, length in zip(sentences.T, lengths, strict=True))
        assert sorted(found) == [[1], [5, 6, 1], [5, 6, 7, 1], [7, 1], [8]]


def test_epochs_differ_and_a_seed_repeats_them():
    loader = Epochs(lambda rng: random_windows(np.arange(200), 2, 5, rng), rng=0)
    epochs = [[x.tolist() for x, _ in loader] for _ in range(2)]
    assert len(epochs[0]) == 19
    assert epochs[0] != epochs[1]
    again = Epochs(lambda rng: random_windows(np.arange(200), 2, 5, rng), rng=0)
    assert [[x.tolist() for x, _ in again] for _ in range(2)] == epochs


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sentence_batches(TEXT[None], 1, 2), ValueError, r"ids must be one text \(N,\) .* got shape \(1, 11\)"),
        (lambda: sentence_batches([], 1, 2), ValueError, r"of at least one token, got shape \(0,\)"),
        (lambda: sentence_batches(TEXT / 2, 1, 2), TypeError, "ids must be integers, got float64"),
        (lambda: sentence_batches(TEXT, -1, 2), ValueError, "end must be an integer of at least 0, got -1"),
        (lambda: sentence_batches(TEXT, 1, 0), ValueError, "batch_size must be a positive integer, got 0"),
        (lambda: Epochs([1, 2]), TypeError, "draw must be a function"),
    ],
)
def test_what_cannot_be_is_refused_by_the_call_itself(call, error, message):
    with pytest.raises(error, match=message):
        call()
