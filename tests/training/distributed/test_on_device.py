"""Several ranks, each with a device, and TF32: on the fake CuPy, with threads for ranks."""

import sys
from collections import Counter

import numpy as np
import pytest
from fake_cupy import device_module
from training.distributed.thread_ranks import config_of, hundred_losses, on_ranks, stop_on, succeeded, train_on

import npseq as ns
from npseq.gpu.settings import CURRENT
from npseq.training import Run, train
from npseq.training.distributed.ranks import shared_run
from npseq.training.distributed.shard import Shard, ShardDropout

pytestmark = pytest.mark.usefixtures("no_figure")


@pytest.fixture(autouse=True)
def cupy(monkeypatch):
    module = device_module.make(devices=2)
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


def test_a_sum_on_the_host_of_gradients_on_devices(cupy):
    """Uneven shares: loss and gradient are those of the whole batch, and stay where they were."""
    rng = np.random.default_rng(0)
    ids, targets = rng.integers(0, 11, (2, 5, 7))
    model = ns.LanguageModel(11, "gru", 6, dtype=np.float64, rng=0)
    expected, grads, _ = model.loss(ids, targets)

    def work(rank):
        shard = Shard(rank, 7)
        own = ns.LanguageModel(11, "gru", 6, dtype=np.float64, rng=0).to("gpu")
        losses = []
        for _ in range(2):
            loss, found, _ = own.loss(*(cupy.asarray(x[:, shard.columns]) for x in (ids, targets)))
            losses.append(shard.all_reduce(loss, found))
        return losses, found.flat, rank.calls

    for losses, flat, calls in succeeded(on_ranks(3, work)):
        assert {type(loss) for loss in losses} == {cupy.ndarray}
        assert [float(loss) for loss in losses] == pytest.approx([float(expected)] * 2, rel=1e-12)
        np.testing.assert_allclose(flat.get(), grads.flat, rtol=0, atol=1e-12)
        assert calls == [("add", model.params.flat.size + 2)] * 2


def test_a_loss_that_was_kept_is_not_that_of_the_next_step():
    """Losses are looked at many steps later."""
    model = ns.LanguageModel(11, "gru", 6, rng=0)
    (rank,) = on_ranks(1, lambda rank: Shard(rank, 4))
    first = rank.all_reduce(np.float32(1), model.params)
    rank.all_reduce(np.float32(2), model.params)
    assert first == 1


def test_dropout_of_a_share_lies_on_the_device(cupy):
    def work(rank):
        return ShardDropout(0.5, np.random.default_rng(0), Shard(rank, 4)).draw(cupy.ones((3, 2)))

    for found in succeeded(on_ranks(2, work)):
        assert isinstance(found, cupy.ndarray)
        assert found.shape == (3, 2)


@pytest.mark.parametrize(
    "options", [{"cell": "rnn"}, {"cell": "lstm", "num_layers": 2, "dropout": 0.5, "optimizer": "adam"}]
)
def test_a_run_on_three_ranks_and_two_devices(tmp_path, text_file, cupy, options):
    config = config_of(text_file, dtype="float64", device="gpu", **options)
    alone = train(config_of(text_file, dtype="float64", **options), tmp_path / "alone")

    def work(rank):
        run = shared_run(rank, lambda: Run.begin(config, tmp_path / "three"), tmp_path / "three")
        list(run.epochs())
        return run

    for run in succeeded(on_ranks(3, work)):
        assert isinstance(run.model.params.flat, cupy.ndarray)
        np.testing.assert_allclose(run.model.params.flat.get(), alone.model.params.flat, rtol=0, atol=1e-10)
    taken = Counter(cupy.used)
    assert set(taken) == {0, 1}
    assert taken[0] > taken[1] > 0  # ranks 0 and 2, and rank 1


def test_ranks_on_devices_stop_after_one_step_and_go_on(tmp_path, text_file):
    options = {"dtype": "float64", "cell": "lstm", "num_layers": 2, "dropout": 0.5, "optimizer": "adam"}
    config, out = config_of(text_file, device="gpu", **options), tmp_path / "three"
    alone = train(config_of(text_file, **options), tmp_path / "alone")
    stopped = stop_on(3, {1: 2, 2: 3}, lambda: Run.begin(config, out), out)
    assert [position.step for _, position in stopped] == [2] * 3
    assert all(type(part) is np.ndarray for part in Run.resume(out).position.state)
    for run in train_on(3, lambda: Run.resume(out), out):
        np.testing.assert_allclose(run.model.params.flat.get(), alone.model.params.flat, rtol=0, atol=1e-10)


def test_one_process_keeps_the_device_that_is_current(cupy):
    ns.RNN(2, 3, rng=0).to("gpu")
    assert not cupy.used


def test_hundred_steps_on_the_host_are_as_before():
    """The same lines, without a device: what test_shard.py holds them to."""
    np.testing.assert_allclose(
        succeeded(on_ranks(2, lambda rank: hundred_losses(Shard(rank, 7))))[0], hundred_losses(None), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("tf32", [False, True])
def test_a_run_multiplies_as_its_configuration_says(tmp_path, text_file, cupy, tf32, monkeypatch):
    seen = set()
    right = ns.LanguageModel.step

    def step(self, *args, **options):
        seen.add((CURRENT.tf32, cupy._core.get_compute_type(np.float32)))
        return right(self, *args, **options)

    monkeypatch.setattr(ns.LanguageModel, "step", step)
    train(config_of(text_file, device="gpu", tf32=tf32, epochs=1), tmp_path / "out")
    assert seen == {(tf32, 7 if tf32 else 1)}
