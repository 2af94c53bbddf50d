"""`fit` is the loop that one would write by hand; it keeps the best epoch, stops early, and tells every epoch."""

import numpy as np
import pytest

import npseq as ns
from npseq.data import load_labelled
from npseq.models import Classifier
from npseq.models.fitting import Falling

DATA = load_labelled([("good film", "+"), ("bad film", "-"), ("so good", "+"), ("so bad", "-")] * 6, min_freq=1)


def model(**options):
    return Classifier("gru", DATA.labels, vocab=DATA.vocab, embedding_size=4, hidden_size=6, rng=0, **options)


def test_it_is_the_loop_by_hand():
    one, two = model(), model()
    one.fit(DATA, epochs=3, batch_size=5, valid=0, optimizer=ns.Adam(0.01), clip=0.5, rng=7)
    rng, optimizer = np.random.default_rng(7), ns.Adam(0.01)
    for _ in range(3):
        order = rng.permutation(24)
        for start in range(0, 24, 5):
            rows = order[start : start + 5]
            ends = DATA.lengths[rows]
            two.step(DATA.ids[: ends.max(), rows], DATA.targets[rows], ends, optimizer=optimizer, clip=0.5)
    assert one.params.flat.tobytes() == two.params.flat.tobytes()
    assert [row["epoch"] for row in one.history_] == [1, 2, 3]
    assert one.best_epoch_ == 3


def test_the_best_epoch_is_kept():
    seen = []
    fitted = model().fit(DATA, epochs=5, valid=0.25, callbacks=lambda m, row: seen.append(m.params.flat.copy()))
    losses = [row["held_out_loss"] for row in fitted.history_]
    assert fitted.best_epoch_ == 1 + int(np.argmin(losses))
    np.testing.assert_array_equal(fitted.params.flat, seen[fitted.best_epoch_ - 1])


def test_other_data_may_be_held_out_and_evaluate_measures_them():
    learnt, held = DATA.split(0.25)
    fitted = model().fit(learnt, epochs=2, valid=held)
    assert fitted.evaluate(held) == pytest.approx(min(row["held_out_loss"] for row in fitted.history_))
    again = model().fit(learnt, epochs=2, valid=(held.ids, held.targets))
    assert len(again.history_) == 2


@pytest.mark.parametrize(("valid", "name"), [(0, "loss"), (0.25, "held_out_loss")])
def test_training_that_diverges_is_said_and_leaves_the_best_epoch_before(valid, name):
    windows, targets = ns.data.lagged_windows(np.sin(np.arange(99.0)), 4)
    one, kept = ns.models.Forecaster(4, rng=0), []

    def spoilt(m, row):
        kept.append(m.params.flat.copy())
        optimizer.lr = 1e3 if row["epoch"] == 3 else optimizer.lr

    optimizer = ns.SGD(0.1)
    with pytest.raises(
        ns.training.NonFiniteLoss, match=r"the loss must stay finite, but .* in epoch \d, step \d+ .*lr"
    ):
        one.fit(windows, targets, epochs=9, valid=valid, optimizer=optimizer, clip=None, callbacks=spoilt)
    assert len(one.history_) == len(kept) < 9
    assert one.best_epoch_ == (1 + int(np.argmin([row[name] for row in one.history_])) if valid else len(kept))
    np.testing.assert_array_equal(one.params.flat, kept[one.best_epoch_ - 1])


def test_training_that_diverges_at_once_leaves_the_parameters_as_they_were():
    one = ns.models.LatentForecaster(rng=0, cell="rnn")
    given = one.params.flat.copy()
    with pytest.raises(ns.training.NonFiniteLoss, match="in epoch 1, step 1"):
        one.fit(np.sin(np.arange(999.0)), epochs=2, optimizer=ns.SGD(1e30), clip=None)
    np.testing.assert_array_equal(one.params.flat, given)
    assert one.history_ == []


def test_the_usual_rate_falls_over_the_second_half():
    rate = Falling(1.0, 100)
    assert [rate(step) for step in (1, 50, 75, 100, 200)] == pytest.approx([1, 1, 0.5, 0.05, 0.05])
