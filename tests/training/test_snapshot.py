"""A snapshot puts a step back and finds its first value that is not finite."""

import numpy as np
import pytest

from npseq.bptt.truncation import RandomTruncation
from npseq.models import LanguageModel
from npseq.optim import SGD, Adam
from npseq.training import Epoch
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
