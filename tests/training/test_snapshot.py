"""A snapshot puts a step back and finds its first value that is not finite; training names it in its error."""

import numpy as np
import pytest

from npseq.bptt.truncation import RandomTruncation
from npseq.models import LanguageModel
from npseq.optim import SGD, Adam
from npseq.training import Epoch, NonFiniteLoss, Run, TrainingConfig, train, train_epoch
from npseq.training.chunks import chunks
from npseq.training.snapshot import Snapshot

EPOCH = {"batch_size": 3, "steps": 6, "clip": 1.0}


def first_chunk(**options):
    epoch = Epoch(**EPOCH, **options)
    ids = np.random.default_rng(0).integers(0, 5, 60)
    return epoch, next(chunks(epoch.windows(ids, np.random.default_rng(1)), epoch.every, epoch.reach, True))


def step(model, chunk, optimizer, epoch):
    return model.step(chunk.ids, chunk.targets, None, optimizer, epoch.clip, truncation=epoch.truncation)


@pytest.mark.parametrize("truncation", [None, RandomTruncation(0.5, rng=4)])
def test_a_finite_step_is_put_back_and_has_no_origin(truncation):
    epoch, chunk = first_chunk(truncation=truncation)
    model, optimizer = LanguageModel(5, "gru", 4, 2, dropout=0.5, rng=0), Adam(0.1)
    step(model, chunk, optimizer, epoch)
    before, steps = model.params.flat.copy(), optimizer.state_dict()["steps"]
    snapshot = Snapshot(model, optimizer, epoch)
    snapshot.take(chunk, None)
    step(model, chunk, optimizer, epoch)
    after = model.params.flat.copy()
    assert snapshot.origin() is None
    assert model.params.flat.tobytes() == before.tobytes() != after.tobytes()
    assert optimizer.state_dict()["steps"] == steps
    for rng, state in zip(snapshot.generators, snapshot.random, strict=True):
        rng.bit_generator.state = state  # first_nonfinite has drawn from them
    step(model, chunk, optimizer, epoch)
    assert model.params.flat.tobytes() == after.tobytes()  # the same dropout and the same truncation


def test_the_origin_of_a_step_that_diverged_is_its_first_value():
    epoch, chunk = first_chunk()
    model, optimizer = LanguageModel(5, "rnn", 4, nonlinearity="relu", rng=0), SGD(1.0)
    model.params["output.W"][0, 2] = np.nan
    snapshot = Snapshot(model, optimizer, epoch)
    snapshot.take(chunk, None)
    with np.errstate(all="ignore"):
        step(model, chunk, optimizer, epoch)
        found = snapshot.origin()
    assert found is not None
    assert np.isnan(found.value)
    assert np.isnan(model.params.flat).sum() == 1  # the parameters before the step


# in training ---------------------------------------------------------------------------------------------------------


def diverged(**options):
    """A model that has diverged in training, and the error."""
    model = LanguageModel(4, "rnn", 8, nonlinearity="relu", rng=0, **options)
    ids = np.random.default_rng(0).integers(0, 4, 400)
    with pytest.raises(NonFiniteLoss) as caught:
        train_epoch(model, ids, SGD(1e12), Epoch(batch_size=4, steps=9), rng=0, trace_nonfinite=True)
    return model, caught.value


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "dropout": 0.5}])
def test_the_error_says_where_it_came_from_and_the_last_finite_parameters_stay(options):
    model, error = diverged(**options)
    assert error.origin is not None
    assert str(error.origin) in str(error)
    assert np.isfinite(model.params.flat).all()


def test_nothing_is_copied_unless_it_is_asked_for(monkeypatch):
    def never(*arguments):
        raise AssertionError("a copy was made")

    monkeypatch.setattr("npseq.training.loop.Snapshot", never)
    model, ids = LanguageModel(4, "gru", 5, rng=0), np.random.default_rng(0).integers(0, 4, 60)
    assert train_epoch(model, ids, SGD(0.1), Epoch(batch_size=2, steps=4), rng=0).epoch == 1


@pytest.mark.usefixtures("no_figure")
def test_a_run_says_where_it_came_from(tmp_path, text_file):
    options = {
        "hidden_size": 4,
        "batch_size": 2,
        "steps": 5,
        "cell": "rnn",
        "nonlinearity": "relu",
        "lr": 1e20,
        "clip": None,
    }
    run = Run.begin(TrainingConfig(corpus=str(text_file), **options), tmp_path / "run")
    with pytest.raises(
        NonFiniteLoss, match=r"; the first value that is not finite is (nan|-?inf) in .*; take"
    ) as caught:
        list(run.epochs(trace_nonfinite=True))
    assert caught.value.origin.kind in ("state", "logits", "loss")


@pytest.mark.usefixtures("no_figure")
def test_tracing_changes_no_bit(tmp_path, text_file):
    options = {
        "hidden_size": 6,
        "epochs": 2,
        "batch_size": 3,
        "steps": 6,
        "cell": "lstm",
        "num_layers": 2,
        "dropout": 0.5,
    }
    config = TrainingConfig(corpus=str(text_file), **options)
    plain = train(config, tmp_path / "a")
    traced = Run.begin(config, tmp_path / "b")
    assert len(list(traced.epochs(trace_nonfinite=True))) == 2
    assert traced.model.params.flat.tobytes() == plain.model.params.flat.tobytes()
