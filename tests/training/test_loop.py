import math
from itertools import pairwise

import numpy as np
import pytest

from npseq.models import LanguageModel
from npseq.optim import SGD
from npseq.training import Epoch, EpochMetrics, NonFiniteLoss, train_epoch

B, T, V = 3, 4, 5


def small(cell="lstm", **options):
    return LanguageModel(V, cell=cell, hidden_size=4, dtype=np.float64, rng=3, **options)


@pytest.fixture
def ids():
    return np.random.default_rng(0).integers(0, V, 61)


class Recording(LanguageModel):
    """Stands in for a model and notes how it is called."""

    def __init__(self, losses=None, norms=None):
        super().__init__(V, cell="rnn", hidden_size=2, rng=0)
        self.calls, self.losses, self.norms = [], losses, norms

    def step(self, ids, targets, state, optimizer, clip=None, **reach):
        k = len(self.calls)
        self.calls.append((ids.copy(), targets.copy(), state, clip))
        return self.losses[k] if self.losses else 1.0, self.norms[k] if self.norms else 2.0, f"state {k}"


def run(model, ids, sampling="sequential", clip=None, optimizer=None, **options):
    epoch = Epoch(batch_size=B, steps=T, sampling=sampling, clip=clip)
    return train_epoch(model, ids, optimizer or SGD(1.0), epoch, rng=7, **options)


def after(epochs, largest_norm=0.0):
    """The metrics of so many epochs before."""
    norms = [largest_norm, *[0.0] * (epochs - 1)]
    return [EpochMetrics(k, 1.0, math.e, norm, 1e5) for k, norm in enumerate(norms, 1)]


def test_the_sequential_arm_carries_the_state_of_windows_that_go_on(ids):
    model = Recording()
    run(model, ids, clip=0.5)
    assert [call[2] for call in model.calls] == [None, *(f"state {k}" for k in range(len(model.calls) - 1))]
    for (_, before, _, _), (after, _, _, _) in pairwise(model.calls):
        np.testing.assert_array_equal(after[0], before[-1])
    assert {call[3] for call in model.calls} == {0.5}


def test_the_reset_arm_reads_the_same_windows_from_a_zero_state(ids):
    carried, reset = Recording(), Recording()
    run(carried, ids)
    run(reset, ids, "sequential-reset")
    assert {call[2] for call in reset.calls} == {None}
    assert len(carried.calls) == len(reset.calls) == 4
    for a, b in zip(carried.calls, reset.calls, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_the_random_arm_draws_windows_that_do_not_go_on(ids):
    model = Recording()
    run(model, np.arange(61), "random")
    assert {call[2] for call in model.calls} == {None}
    starts = np.concatenate([call[0][0] for call in model.calls])
    assert len(set(starts % T)) == 1
    assert sorted(starts) != list(starts)
    for x, y, _, _ in model.calls:
        np.testing.assert_array_equal(y, x + 1)


def test_a_new_epoch_starts_from_a_zero_state(ids):
    model = Recording()
    run(model, ids)
    first = len(model.calls)
    run(model, ids)
    assert model.calls[first][2] is None


def test_the_metrics_are_running_averages_over_the_tokens(ids):
    model = Recording(losses=[1.0, 2.0, 0.5, 3.0], norms=[1.0, 9.0, 2.0, 3.0])
    metrics = run(model, ids, before=after(16))
    assert metrics.epoch == 17
    assert metrics.loss == pytest.approx(6.5 / 4, rel=1e-15)
    assert metrics.perplexity == pytest.approx(math.exp(6.5 / 4), rel=1e-15)
    assert metrics.grad_norm == 9.0
    assert metrics.tokens_per_second > 0
    assert math.isnan(metrics.evaluation_perplexity)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("sampling", ["sequential", "sequential-reset"])
def test_an_epoch_is_d2ls_loop_written_out(ids, cell, sampling):
    """Forward, cross-entropy, gradients, clipping by the global norm, update: from the model's own gradients."""
    clip, lr = 0.05, 0.7
    model, other = small(cell), small(cell)
    offset = int(np.random.default_rng(7).integers(0, T + 1))
    rows = ids[offset : offset + 61 - 1 - offset - (60 - offset) % B].reshape(B, -1)
    goal = ids[offset + 1 : offset + 1 + rows.size].reshape(B, -1)
    nll, norms, state = [], [], None
    for start in range(0, rows.shape[1] - T + 1, T):
        x, y = rows[:, start : start + T].T, goal[:, start : start + T].T
        loss, grads, state = other.loss(x, y, state if sampling == "sequential" else None)
        norm = math.sqrt(sum((grads[name] ** 2).sum() for name in grads))
        for name in grads:
            other.params[name] -= lr * min(1, clip / norm) * grads[name]
        nll.append(float(loss))
        norms.append(norm)
    metrics = run(model, ids, sampling, clip=clip, optimizer=SGD(lr))
    np.testing.assert_allclose(model.params.flat, other.params.flat, rtol=0, atol=1e-14)
    assert metrics.loss == pytest.approx(np.mean(nll), rel=1e-13)
    assert metrics.grad_norm == pytest.approx(max(norms), rel=1e-12)
    assert min(norms) > clip


def test_the_carried_state_matters(ids):
    carried, reset = small(), small()
    run(carried, ids)
    run(reset, ids, "sequential-reset")
    assert not np.allclose(carried.params.flat, reset.params.flat)


def test_the_perplexity_falls_on_a_text_that_repeats():
    text = np.tile([0, 1, 2, 3, 4], 30)
    model = small("rnn")
    rng = np.random.default_rng(0)
    losses = [
        train_epoch(model, text, SGD(0.5), Epoch(batch_size=B, steps=T, clip=1.0), rng=rng).perplexity
        for _ in range(12)
    ]
    assert losses[0] > 3
    assert losses[-1] < 1.2


@pytest.mark.parametrize("bad", [math.nan, math.inf, np.float32(np.nan)])
def test_a_loss_that_is_not_finite_stops_at_its_step(ids, bad):
    model = Recording(losses=[1.0, 2.0, bad, 1.0], norms=[3.0, 8.0, 1.0, 1.0])
    with pytest.raises(
        NonFiniteLoss, match=r"in epoch 4, step 3 \(largest gradient norm so far: 8\); take a"
    ) as caught:
        run(model, ids, before=after(3, largest_norm=5.0))
    assert len(model.calls) == 3
    assert (caught.value.epoch, caught.value.step, caught.value.largest_norm) == (4, 3, 8.0)


def test_the_largest_norm_may_lie_in_an_earlier_epoch(ids):
    model = Recording(losses=[math.nan])
    with pytest.raises(NonFiniteLoss, match=r"the loss was nan and the gradient norm 2\.0 in epoch 2, step 1 .* 25\)"):
        run(model, ids, before=after(1, largest_norm=25.0))


def test_a_gradient_norm_that_is_not_finite_stops_too(ids):
    with pytest.raises(NonFiniteLoss, match="the gradient norm nan in epoch 1, step 2"):
        run(Recording(losses=[1.0] * 4, norms=[1.0, math.nan, 1.0, 1.0]), ids)


def test_parameters_that_the_last_update_spoilt_stop_too(ids):
    model = Recording()
    model.params["output.b"][1] = np.inf
    with pytest.raises(NonFiniteLoss, match="a parameter was not after the update in epoch 1, step 4"):
        run(model, ids)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_real_divergence_is_caught_without_a_warning(ids, cell):
    options = {"nonlinearity": "relu"} if cell == "rnn" else {}
    with pytest.raises(NonFiniteLoss, match="the loss must stay finite"):
        run(small(cell, **options), ids, optimizer=SGD(1e308))


def test_on_step_is_called_after_every_batch_with_the_mean_loss_so_far(ids):
    calls = []
    model = Recording(losses=[1.0, 2.0, 6.0, 3.0])
    metrics = run(model, ids, on_step=lambda loss: calls.append((len(model.calls), loss)))
    assert calls == [(1, 1.0), (2, 1.5), (3, 3.0), (4, 3.0)]
    assert metrics.loss == 3.0


def test_bad_arguments_are_refused(ids):
    with pytest.raises(ValueError, match=r"sampling must be one of 'sequential', .* got 'fast'"):
        run(Recording(), ids, "fast")
    with pytest.raises(ValueError, match=r"at least batch_size \* steps \+ 1 = 3 \* 4 \+ 1 = 13 tokens, got 12"):
        run(Recording(), ids[:12])
