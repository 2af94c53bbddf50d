"""A run on several ranks is that of one process, and if one rank stops, all do."""

import json

import numpy as np
import pytest
from training.distributed.thread_ranks import (
    Stopped,
    config_of,
    lead,
    on_ranks,
    stop_on,
    succeeded,
    train_on,
)

from npseq.training import Interrupted, NonFiniteLoss, Run, load_checkpoint, train
from npseq.training.distributed.ranks import FailedAtRoot, shared_run, train_together

pytestmark = pytest.mark.usefixtures("no_figure")

KINDS = [
    {"cell": "rnn", "clip": 0.05},
    {"cell": "gru", "optimizer": "adam", "sampling": "random", "bidirectional": True, "evaluate_every": 2},
    {"cell": "lstm", "num_layers": 2, "dropout": 0.5, "bptt_every": 3, "bptt_steps": 5, "truncation": "random:0.8"},
    {"cell": "lstm", "token": "word", "batch_size": 3, "steps": 2, "embedding_size": 4, "optimizer": "rmsprop"},
]


@pytest.mark.parametrize("options", KINDS)
def test_a_run_on_three_ranks_is_that_of_one_process(tmp_path, text_file, options):
    config = config_of(text_file, dtype="float64", **options)
    alone = train(config, tmp_path / "alone")
    runs = train_on(3, lambda: Run.begin(config, tmp_path / "three"), tmp_path / "three")
    for run in runs:
        np.testing.assert_array_equal(run.model.params.flat, runs[0].model.params.flat)
        np.testing.assert_allclose(run.model.params.flat, alone.model.params.flat, rtol=0, atol=1e-10)
        assert run.rng.bit_generator.state == alone.rng.bit_generator.state
    rows = [
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("alone", "three")
    ]
    for one, three in zip(*rows, strict=True):
        assert one.keys() == three.keys()
        for name in one.keys() - {"tokens_per_second"}:
            assert one[name] == pytest.approx(three[name], rel=0, abs=1e-10)


def test_resume_on_another_number_of_ranks(tmp_path, text_file):
    config = config_of(text_file, dtype="float64", cell="lstm", num_layers=2, dropout=0.2, optimizer="adam", epochs=4)
    alone = train(config, tmp_path / "alone")
    out = tmp_path / "several"
    train_on(3, lambda: Run.begin(config, out), out, epochs=2)
    assert len(load_checkpoint(out / "model.safetensors").metrics) == 2
    train_on(2, lambda: Run.resume(out), out, epochs=1)
    (run,) = train_on(1, lambda: Run.resume(out), out)
    assert [m.epoch for m in run.metrics] == [1, 2, 3, 4]
    np.testing.assert_allclose(run.model.params.flat, alone.model.params.flat, rtol=0, atol=1e-10)


@pytest.mark.parametrize("options", [KINDS[1], KINDS[2], {"cell": "lstm", "sampling": "sequential"}])
def test_all_ranks_stop_after_the_step_in_which_one_was_asked_to(tmp_path, text_file, options):
    config = config_of(text_file, **options)
    train_on(3, lambda: Run.begin(config, tmp_path / "straight"), tmp_path / "straight")
    expected, out = load_checkpoint(tmp_path / "straight" / "model.safetensors"), tmp_path / "cut"
    start = lambda: Run.resume(out) if out.exists() else Run.begin(config, out)  # noqa: E731
    for asked, steps in (({1: 2, 2: 4}, 2), ({0: 1}, 3)):
        stopped = stop_on(3, asked, start, out)
        positions = [position for _, position in stopped]
        assert [position.step for position in positions] == [steps] * 3
        kept = load_checkpoint(out / "model.safetensors").position
        for whole in (kept, *positions):  # of all 7 columns, on every rank
            for one, other in zip(np.atleast_1d(whole.state), np.atleast_1d(kept.state), strict=True):
                assert one.shape[-2] == 7
                assert one.tobytes() == other.tobytes()
    train_on(3, start, out)
    found = load_checkpoint(out / "model.safetensors")
    assert found.model.params.flat.tobytes() == expected.model.params.flat.tobytes()
    assert found.rng.bit_generator.state == expected.rng.bit_generator.state
    assert [m[:4] for m in found.metrics] == [m[:4] for m in expected.metrics]


def test_a_stopped_epoch_goes_on_on_another_number_of_ranks(tmp_path, text_file):
    config = config_of(text_file, dtype="float64", cell="lstm", num_layers=2, dropout=0.2, optimizer="adam")
    alone, out = train(config, tmp_path / "alone"), tmp_path / "several"
    stop_on(3, {2: 2}, lambda: Run.begin(config, out), out)
    stop_on(1, {0: 1}, lambda: Run.resume(out), out)
    runs = train_on(2, lambda: Run.resume(out), out)
    np.testing.assert_allclose(runs[0].model.params.flat, alone.model.params.flat, rtol=0, atol=1e-10)
    np.testing.assert_allclose([m.loss for m in runs[0].metrics], [m.loss for m in alone.metrics], rtol=0, atol=1e-10)


def test_ranks_that_were_asked_to_stop_leave_together(tmp_path, text_file, capsys):
    def work(rank):
        run = shared_run(rank, lambda: Run.begin(config_of(text_file), tmp_path / "out"), tmp_path)
        epochs, steps = run.epochs, []
        ask = rank.rank == 1
        run.epochs = lambda **options: epochs(on_step=lambda _: steps.append(0), stop=lambda: ask and len(steps) == 3)
        train_together(run, rank, lead)

    results = on_ranks(2, work)
    assert isinstance(results[0], Interrupted)
    assert isinstance(results[1], SystemExit)
    assert results[1].code == 130
    assert not capsys.readouterr().err
    assert load_checkpoint(tmp_path / "out" / "model.safetensors").position.step == 4


def test_only_rank_0_touches_the_folder(tmp_path, text_file):
    """The others, which are told of a folder that cannot be, train on without a look at it."""
    config, out = config_of(text_file, epochs=2), tmp_path / "out"

    def work(rank):
        run = shared_run(rank, lambda: Run.begin(config, out), out if rank.rank == 0 else text_file / "no folder")
        return run, list(run.epochs())

    runs = succeeded(on_ranks(2, work))
    assert [run.shard.writes for run, _ in runs] == [True, False]
    assert [len(epochs) for _, epochs in runs] == [2, 2]
    lines = (out / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    assert len(load_checkpoint(out / "model.safetensors").metrics) == 2


def test_a_run_that_cannot_start_is_reported_on_rank_0_alone(tmp_path):
    def begin():
        raise FileExistsError("there is a run")

    results = on_ranks(2, lambda rank: shared_run(rank, begin, tmp_path))
    assert isinstance(results[0], FileExistsError)
    assert isinstance(results[1], FailedAtRoot)


def test_a_rank_that_fails_stops_all_and_the_checkpoint_is_whole(tmp_path, text_file, capsys):
    out = tmp_path / "out"

    def work(rank):
        run = shared_run(rank, lambda: Run.begin(config_of(text_file, epochs=50), out), out)
        if rank.rank == 1:
            step, count = run.model.step, [0]

            def fails_later(*args, **options):
                count[0] += 1
                if count[0] == 20:
                    raise MemoryError("no room for the tape")
                return step(*args, **options)

            run.model.step = fails_later
        train_together(run, rank, lead)

    results = on_ranks(2, work)
    assert isinstance(results[1], Stopped)
    assert "rank 1 of 2 stopped, and all others with it: MemoryError: no room for the tape" in capsys.readouterr().err
    done = len(load_checkpoint(out / "model.safetensors").metrics)
    assert 0 < done < 50
    assert len(Run.resume(out).metrics) == done


def test_a_loss_that_is_not_finite_meets_all_ranks(tmp_path, text_file, capsys):
    config = config_of(text_file, lr=1e30, clip=None, cell="rnn", nonlinearity="relu", epochs=9)

    def work(rank):
        train_together(shared_run(rank, lambda: Run.begin(config, tmp_path / "out"), tmp_path), rank, lead)

    results = on_ranks(2, work)
    assert isinstance(results[0], NonFiniteLoss)
    assert isinstance(results[1], SystemExit)
    assert results[1].code == 1
    assert not capsys.readouterr().err
