"""k1 and k2: when the updates come, what each reads, and how far its gradient reaches."""

import math
from itertools import pairwise

import numpy as np
import pytest

from npseq.bptt.truncation import RandomTruncation, Truncated
from npseq.models import LanguageModel
from npseq.optim import SGD
from npseq.training import Epoch, train_epoch
from npseq.training.chunks import chunks

B, T, V = 3, 6, 5
CELLS = ("rnn", "gru", "lstm")


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, V, 70)


def small(cell="lstm", **options):
    return LanguageModel(V, cell=cell, hidden_size=4, dtype=np.float64, rng=3, **options)


class Frozen:
    """An optimizer that keeps the gradients and leaves the parameters."""

    def __init__(self):
        self.grads = []

    def step(self, params, grads):
        self.grads.append(grads.flat.copy())


def train(model, ids, sampling="sequential", optimizer=None, **options):
    optimizer = SGD(1.0) if optimizer is None else optimizer
    epoch = Epoch(batch_size=B, steps=T, sampling=sampling, **options)
    return train_epoch(model, ids, optimizer, epoch, rng=7)


def text_rows(ids):
    """The rows (N, B) of inputs and targets that the sequential windows of rng 7 go through."""
    offset = int(np.random.default_rng(7).integers(0, T + 1))
    length = (len(ids) - 1 - offset) // B
    cut = length // T * T
    inputs, goals = (ids[first : first + B * length].reshape(B, length).T[:cut] for first in (offset, offset + 1))
    return inputs, goals


# what each update reads ----------------------------------------------------------------------------------------------


def windows(count):
    text = np.arange(count * T)[:, None]
    return [(text[k * T : (k + 1) * T], text[k * T : (k + 1) * T] + 1) for k in range(count)]


def test_a_chunk_reads_its_own_steps_and_up_to_k2_in_all():
    read = list(chunks(windows(2), every=2, reach=5, carried=True))
    assert [c.ids.ravel().tolist() for c in read] == [
        [0, 1], [0, 1, 2, 3], [1, 2, 3, 4, 5], [3, 4, 5, 6, 7], [5, 6, 7, 8, 9], [7, 8, 9, 10, 11],
    ]  # fmt: skip
    assert [c.targets.ravel().tolist() for c in read] == [[k, k + 1] for k in (1, 3, 5, 7, 9, 11)]
    assert [c.context for c in read] == [0, 2, 3, 3, 3, 3]
    assert [c.fresh for c in read] == [True, True, False, False, False, False]
    for before, after in pairwise(read):
        assert before.ids.ravel().tolist()[before.state_at :] == after.ids.ravel().tolist()[: after.context]


def test_nothing_reaches_past_the_beginning_of_a_window_that_starts_anew():
    read = list(chunks(windows(2), every=3, reach=6, carried=False))
    assert [c.ids.ravel().tolist() for c in read] == [[0, 1, 2], [*range(6)], [6, 7, 8], [*range(6, 12)]]
    assert [c.fresh for c in read] == [True] * 4


def test_every_loss_counts_once_whatever_k1_and_k2(ids):
    goals = text_rows(ids)[1]
    for every in (1, 2, 3, 6):
        for reach in (every, every + 1, 4 * T):
            read = chunks(windows(len(goals) // T), every, reach, carried=True)
            assert np.concatenate([c.targets for c in read]).size == len(goals)


# k1 = k2 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("every", [1, 2, 6])
def test_k1_equal_to_k2_carries_the_state_from_chunk_to_chunk(ids, cell, every):
    model, other = small(cell), small(cell)
    state, losses = None, []
    inputs, goals = text_rows(ids)
    for first in range(0, len(inputs), every):
        loss, grads, state = other.loss(inputs[first : first + every], goals[first : first + every], state)
        other.params.flat -= 0.7 * grads.flat
        losses.append(float(loss))
    metrics = train(model, ids, optimizer=SGD(0.7), bptt_every=every)
    np.testing.assert_allclose(model.params.flat, other.params.flat, rtol=0, atol=1e-14)
    assert metrics.loss == pytest.approx(np.mean(losses), rel=1e-13)


def test_the_defaults_are_one_update_a_window_and_no_reach_beyond_it(ids):
    plain, spelt = small(), small()
    train(plain, ids)
    train(spelt, ids, bptt_every=T, bptt_steps=T)
    assert plain.params.flat.tobytes() == spelt.params.flat.tobytes()


# k1 < k2 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("reach", [1, 3, 5])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "embedding_size": 3}])
def test_an_update_every_step_adds_up_to_truncated_k2_while_the_parameters_rest(ids, cell, reach, options):
    model, optimizer = small(cell, **options), Frozen()
    train(model, ids, optimizer=optimizer, bptt_every=1, bptt_steps=reach)
    inputs, goals = text_rows(ids)
    assert len(optimizer.grads) == len(inputs)
    _, whole, _ = model.loss(inputs, goals, truncation=Truncated(reach))
    np.testing.assert_allclose(np.mean(optimizer.grads, axis=0), whole.flat, rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_a_reach_over_the_whole_text_adds_up_to_the_whole_gradient(ids, cell):
    model, optimizer = small(cell), Frozen()
    train(model, ids, optimizer=optimizer, bptt_every=2, bptt_steps=1000)
    _, whole, _ = model.loss(*text_rows(ids))
    np.testing.assert_allclose(np.mean(optimizer.grads, axis=0), whole.flat, rtol=0, atol=1e-14)


def slope(model, state, ids, goals, count, direction):
    """The derivative, by differences, of the mean of the last `count` losses with the state held where it is."""
    moved, step = small(model.config["cell"]), 1e-5
    ends = []
    for sign in (1, -1):
        moved.params.flat[...] = model.params.flat + sign * step * direction
        logits = moved.logits(ids, state)[0][-count:]
        logits = logits - logits.max(axis=-1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        ends.append(-np.take_along_axis(log_p, goals[-count:, :, None], axis=2).mean())
    return (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize("cell", CELLS)
def test_a_sliding_gradient_is_that_of_its_losses_with_the_state_k2_steps_before_held(ids, cell):
    """While the parameters change: each update replays k2 steps with the parameters as they are now."""
    every, reach, lr = 2, 5, 0.3
    inputs, goals = text_rows(ids)
    model, optimizer = small(cell), Frozen()
    states = {0: None}  # the state before a step, as last found

    class Checking(SGD):
        def step(self, params, grads):
            done = len(optimizer.grads) * every
            first, last = max(0, done + every - reach), done + every
            direction = np.random.default_rng(done).standard_normal(params.flat.size)
            expected = slope(model, states[first], inputs[first:last], goals[first:last], every, direction)
            assert grads.flat @ direction == pytest.approx(expected, rel=1e-7, abs=1e-9)
            following = max(0, last + every - reach)
            if following:
                states[following] = model.logits(inputs[first:following], states[first])[1]
            optimizer.step(params, grads)
            super().step(params, grads)

    train(model, ids, optimizer=Checking(lr), bptt_every=every, bptt_steps=reach)
    assert len(optimizer.grads) == len(inputs) // every


def test_windows_that_start_anew_hold_the_reach(ids):
    """One update a window with k2 = T against two with k1 = T / 2: together the same gradient, nothing from before."""
    for sampling in ("random", "sequential-reset"):
        whole, halves = Frozen(), Frozen()
        train(small(), ids, sampling, optimizer=whole)
        train(small(), ids, sampling, optimizer=halves, bptt_every=T // 2, bptt_steps=3 * T)
        pairs = np.reshape(halves.grads, (len(whole.grads), 2, -1)).mean(axis=1)
        np.testing.assert_allclose(pairs, whole.grads, rtol=0, atol=1e-14)


# truncation within ---------------------------------------------------------------------------------------------------


def test_a_truncation_acts_on_every_gradient_of_the_loop(ids):
    model, optimizer = small(), Frozen()
    train(model, ids, optimizer=optimizer, truncation=Truncated(2))
    state, inputs, goals = None, *text_rows(ids)
    for k, found in enumerate(optimizer.grads):
        window = slice(k * T, (k + 1) * T)
        _, grads, after = model.loss(inputs[window], goals[window], state, truncation=Truncated(2))
        _, full, _ = model.loss(inputs[window], goals[window], state)
        np.testing.assert_allclose(found, grads.flat, rtol=0, atol=1e-15)
        assert not np.allclose(found, full.flat)
        state = after


def test_a_random_truncation_draws_anew_at_every_update(ids):
    first, second = Frozen(), Frozen()
    for optimizer in (first, second):
        train(small(), ids, "sequential-reset", optimizer, truncation=RandomTruncation(0.5, rng=1))
    np.testing.assert_array_equal(first.grads, second.grads)
    text = np.tile(ids[:1], 70)  # every window is the same
    drawn = Frozen()
    train(small(), text, "sequential-reset", drawn, truncation=RandomTruncation(0.5, rng=1))
    assert len({grads.tobytes() for grads in drawn.grads}) == len(drawn.grads) > 1


# what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bptt_every": 4}, "bptt_every must divide steps, so that .* got bptt_every 4 and steps 6"),
        ({"bptt_every": 0}, "bptt_every must be a positive integer, got 0"),
        ({"bptt_steps": 2}, r"bptt_steps must be at least bptt_every, .* 2 and bptt_every 6; truncation 'truncated:2'"),
        ({"bptt_every": 3, "bptt_steps": 1}, "bptt_steps must be at least bptt_every"),
    ],
)
def test_chunks_that_do_not_fit_are_refused(ids, options, message):
    with pytest.raises(ValueError, match=message):
        train(small(), ids, **options)


def test_a_model_refuses_a_reach_that_does_not_fit(ids):
    model, x = small(), ids[:12].reshape(6, 2)
    with pytest.raises(ValueError, match=r"context must leave some of the steps of ids \(T, B\), got 6 of \(6, 2\)"):
        model.loss(x, x[:0], context=6)
    with pytest.raises(ValueError, match=r"the first 2 steps of ids left out, got \(6, 2\) and \(6, 2\)"):
        model.loss(x, x, context=2)
    with pytest.raises(ValueError, match=r"state_at must be an integer in \[0, 7\), got 7"):
        model.loss(x, x, state_at=7)
    with pytest.raises(ValueError, match=r"state_at needs a layer of one direction, got LSTM\("):
        small(bidirectional=True).loss(x, x, state_at=3)


def test_the_perplexity_falls_with_a_sliding_reach():
    text, model, rng = np.tile([0, 1, 2, 3, 4], 30), small("rnn"), np.random.default_rng(0)
    epoch = Epoch(batch_size=B, steps=T, clip=1.0, bptt_every=2, bptt_steps=6)
    losses = [train_epoch(model, text, SGD(0.3), epoch, rng=rng).loss for _ in range(10)]
    assert math.exp(losses[-1]) < 1.2
