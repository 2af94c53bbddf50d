"""In training: the origin of a nan or an infinity is named, and the last finite parameters stay."""

import numpy as np
import pytest
from nonfinite_cases import D, model_and_ids

import npseq as ns
from npseq.training import Epoch, NonFiniteLoss, TrainingConfig, train
from npseq.training.loop import train_epoch


def astray(**options):
    """A model that goes astray in training, and the error."""
    model = ns.LanguageModel(4, "rnn", 8, nonlinearity="relu", rng=0, **options)
    ids = np.random.default_rng(0).integers(0, 4, 400)
    with pytest.raises(NonFiniteLoss) as caught:
        train_epoch(model, ids, ns.SGD(1e12), Epoch(batch_size=4, steps=9), rng=0, trace_nonfinite=True)
    return model, caught.value


def test_training_says_where_it_came_from_and_keeps_the_last_finite_parameters():
    model, error = astray()
    assert error.origin is not None
    assert str(error.origin) in str(error)
    assert np.isfinite(model.params.flat).all()


def test_dropout_is_drawn_again_as_it_was():
    model, error = astray(num_layers=2, dropout=0.5)
    assert error.origin is not None
    assert np.isfinite(model.params.flat).all()


def test_without_being_asked_nothing_is_kept(monkeypatch):
    def never(*arguments):
        raise AssertionError("a copy was made")

    monkeypatch.setattr("npseq.training.loop.Snapshot", never)
    model, epoch = model_and_ids()[0], Epoch(batch_size=2, steps=4)
    train_epoch(model, np.random.default_rng(0).integers(0, D, 60), ns.SGD(0.1), epoch, rng=0)


def test_a_run_says_where_it_came_from(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    from npseq.training import Run

    options = {"hidden": 4, "batch_size": 2, "steps": 5, "nonlinearity": "relu", "lr": 1e20, "clip": None}
    run = Run.begin(TrainingConfig(corpus=str(text_file), **options), tmp_path / "run")
    with pytest.raises(
        NonFiniteLoss, match=r"; the first value that is not finite is (nan|-?inf) in .*; take"
    ) as caught:
        list(run.epochs(trace_nonfinite=True))
    assert caught.value.origin.kind in ("state", "logits", "loss")


def test_tracing_changes_no_bit(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    options = {"hidden": 6, "epochs": 2, "batch_size": 3, "steps": 6, "cell": "lstm", "layers": 2, "dropout": 0.5}
    from npseq.training import Run

    config = TrainingConfig(corpus=str(text_file), **options)
    plain = train(config, tmp_path / "a")
    traced = Run.begin(config, tmp_path / "b")
    assert len(list(traced.epochs(trace_nonfinite=True))) == 2
    assert traced.model.params.flat.tobytes() == plain.model.params.flat.tobytes()
