"""Ctrl-C: the step is finished and saved, and `--resume` goes on from it, to the bits of a run that nobody stopped."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from training.plain_runs import PLAIN

from npseq.cli import main
from npseq.files import read_content, write_content
from npseq.models import LanguageModel
from npseq.optim import SGD
from npseq.plot import training_curve
from npseq.training import (
    Epoch,
    Interrupted,
    NonFiniteLoss,
    Run,
    TrainingConfig,
    load_checkpoint,
    loop,
    train,
    train_epoch,
)
from npseq.training.interrupts import StopSignals

MODEL, METRICS = "model.safetensors", "metrics.jsonl"
EPOCHS = 3
KINDS = {
    "carried state": {"cell": "rnn"},
    "reset state, float64": {
        "cell": "rnn",
        "sampling": "sequential-reset",
        "clip": None,
        "dtype": "float64",
        "lr": 0.1,
    },
    "random windows": {"cell": "gru", "sampling": "random", "reset": "before", "optimizer": "adagrad"},
    "both directions": {"cell": "gru", "optimizer": "rmsprop", "embedding_size": 3, "bidirectional": True},
    "dropout": {"cell": "lstm", "num_layers": 2, "dropout": 0.5, "optimizer": "adam", "peepholes": True},
    "dropout, random": {"cell": "lstm", "num_layers": 2, "dropout": 0.5, "sampling": "random", "bptt_every": 3},
    "chunks": {"cell": "rnn", "bptt_every": 2, "optimizer": "adamw"},
    "chunks of windows that are reset": {"cell": "lstm", "bptt_every": 2, "sampling": "sequential-reset"},
    "sliding": {"cell": "lstm", "bptt_every": 3, "bptt_steps": 8, "embedding_size": 3},
    "sliding, reset": {"cell": "gru", "bptt_every": 2, "bptt_steps": 5, "sampling": "sequential-reset"},
    "random truncation": {"cell": "gru", "truncation": "random:0.5", "evaluate_every": 2},
    "words, projected": {"cell": "lstm", "token": "word", "batch_size": 2, "steps": 3, "proj_size": 3},
}


def config_of(text_file: Path, **options) -> TrainingConfig:
    return TrainingConfig(
        **{
            **PLAIN,
            "corpus": str(text_file),
            "hidden_size": 5,
            "epochs": EPOCHS,
            "batch_size": 4,
            "steps": 6,
            "seed": 3,
            **options,
        }
    )


@pytest.fixture(autouse=True)
def drawn(monkeypatch) -> list:
    """What the figure is drawn of, each time."""
    curves: list = []
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: curves.append(list(metrics)))
    return curves


@pytest.fixture
def clock(monkeypatch) -> None:
    """A clock that a training step moves on by a second, so that even the speed is the same in all runs."""
    steps, step = itertools.count(1), LanguageModel.step
    now = [0]

    def counted(self, *arguments, **options):
        now[0] = next(steps)
        return step(self, *arguments, **options)

    monkeypatch.setattr(LanguageModel, "step", counted)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: float(now[0])))


def after(steps: int):
    """A `stop` that is true after so many steps of the run."""
    asked = itertools.count(1)
    return lambda: next(asked) >= steps


def exhaust(run: Run, **options) -> Run:
    for _ in run.epochs(**options):
        pass
    return run


def files_of(out: Path) -> tuple:
    """A run's files, every bit of them: the order of a checkpoint's metadata apart, which safetensors leaves open."""
    content = read_content(out / MODEL, "npseq LanguageModel")
    assert sorted(path.name for path in out.iterdir()) == [METRICS, MODEL]
    tensors = {name: (array.dtype, array.shape, array.tobytes()) for name, array in content.tensors.items()}
    return tensors, content.metadata, (out / METRICS).read_bytes()


def straight(config: TrainingConfig, out: Path) -> tuple[tuple, int]:
    """The files of a run that nobody stopped, and how many steps it took."""
    steps = []
    exhaust(Run.begin(config, out), on_step=lambda _: steps.append(0))
    return files_of(out), len(steps)


# the same bits -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_stopped_after_every_single_step_is_the_run_that_was_not(tmp_path, text_file, drawn, kind):
    config = config_of(text_file, **KINDS[kind])
    expected, steps = straight(config, tmp_path / "straight")
    curve, positions = drawn[-1], []
    run = Run.begin(config, tmp_path / "cut")
    while len(run.metrics) < EPOCHS:
        with pytest.raises(Interrupted) as caught:
            exhaust(run, stop=lambda: True)
        positions.append(caught.value.position and caught.value.position.step)
        run = Run.resume(tmp_path / "cut")
    assert files_of(tmp_path / "cut") == expected
    assert len(positions) == steps
    assert positions.count(None) == EPOCHS  # an epoch's last step ends it
    assert max(filter(None, positions)) > 1
    assert [m.line() for m in drawn[-1]] == [m.line() for m in curve]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("steps", [1, 2, 4, 7])
def test_a_run_goes_on_after_any_step_in_the_same_process_or_another(tmp_path, text_file, steps):
    config = config_of(text_file, **KINDS["dropout"])
    expected, _ = straight(config, tmp_path / "straight")
    run = Run.begin(config, tmp_path / "same")
    for name in ("same", "other"):
        run = Run.begin(config, tmp_path / name, overwrite=True)
        with pytest.raises(Interrupted):
            exhaust(run, stop=after(steps))
        exhaust(run if name == "same" else Run.resume(tmp_path / name))
        assert files_of(tmp_path / name) == expected


@pytest.mark.usefixtures("clock")
def test_the_figure_is_the_same_picture(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", training_curve)
    config = config_of(text_file, **KINDS["carried state"])
    train(config, tmp_path / "straight")
    with pytest.raises(Interrupted):
        exhaust(Run.begin(config, tmp_path / "cut"), stop=after(4))
    exhaust(Run.resume(tmp_path / "cut"))
    one, other = ((tmp_path / name / "training.png").read_bytes() for name in ("straight", "cut"))
    assert one == other


def test_the_loop_alone_goes_on_from_the_position_that_it_hands_out():
    ids, epoch = np.random.default_rng(0).integers(0, 5, 61), Epoch(batch_size=3, steps=4, clip=0.1)
    models = [LanguageModel(5, cell="lstm", hidden_size=4, rng=3) for _ in range(2)]
    straight = train_epoch(models[0], ids, SGD(1.0), epoch, rng=7)
    rng = np.random.default_rng(7)
    with pytest.raises(Interrupted) as caught:
        train_epoch(models[1], ids, SGD(1.0), epoch, rng=rng, stop=lambda: True)
    position, asked = caught.value.position, []
    assert position.step == 1
    gone_on = train_epoch(models[1], ids, SGD(1.0), epoch, rng=rng, position=position, stop=lambda: asked.append(0))
    assert gone_on[:4] == straight[:4]
    assert models[1].params.flat.tobytes() == models[0].params.flat.tobytes()
    assert len(asked) == 2  # not after the first of the 4, which was stopped, and not after the last
    with pytest.raises(ValueError, match="position must lie within the epoch, got one after step 4, its last or"):
        train_epoch(models[1], ids, SGD(1.0), epoch, rng=rng, position=position._replace(step=4))


# what is kept --------------------------------------------------------------------------------------------------------


def stopped(text_file: Path, out: Path, steps: int = 4, **options) -> Run:
    run = Run.begin(config_of(text_file, **options), out)
    with pytest.raises(Interrupted):
        exhaust(run, stop=after(steps))
    return run


def test_a_position_comes_back_bit_for_bit(tmp_path, text_file):
    run = stopped(text_file, tmp_path / "out", cell="lstm", num_layers=2)
    again = load_checkpoint(tmp_path / "out" / MODEL).position
    assert again._replace(state=None) == run.position._replace(state=None)
    for one, other in zip(again.state, run.position.state, strict=True):
        assert one.shape == (2, 4, 5)
        assert one.tobytes() == other.tobytes()
    assert again.total > 0
    assert again.largest_norm > 0
    assert again.seconds > 0


def test_a_run_says_how_many_epochs_and_steps_it_has_done(tmp_path, text_file):
    run = stopped(text_file, tmp_path / "out", steps=2)
    assert run.progress == "0 of 3 epochs and 2 steps of the next"
    assert repr(Run.resume(tmp_path / "out")).startswith(f"Run({str(tmp_path / 'out')!r}, {run.progress}, ")
    exhaust(run)
    assert run.progress == "3 of 3 epochs"


def test_a_file_of_before_there_were_positions_is_loaded(tmp_path, text_file):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    content = read_content(tmp_path / "out" / MODEL, "npseq LanguageModel")
    training = json.loads(content.metadata["training"])
    assert training.pop("position") is None
    assert training["config"].pop("tf32") is False
    write_content(
        content._replace(metadata={**content.metadata, "training": json.dumps(training)}), tmp_path / "out" / MODEL
    )
    assert load_checkpoint(tmp_path / "out" / MODEL).position is None
    assert len(exhaust(Run.resume(tmp_path / "out", {"epochs": 3})).metrics) == 3


def test_an_epoch_that_was_begun_is_one_of_the_epochs(tmp_path, text_file):
    stopped(text_file, tmp_path / "out", steps=2)
    with pytest.raises(ValueError, match="epochs must be an integer of at least 1"):
        Run.resume(tmp_path / "out", {"epochs": 0})
    run = Run.resume(tmp_path / "out", {"epochs": 1})
    assert len(exhaust(run).metrics) == 1
    run = Run.resume(tmp_path / "out", {"epochs": 2})
    with pytest.raises(Interrupted):
        exhaust(run, stop=after(1))
    with pytest.raises(ValueError, match=r"epochs must be at least the 2 that the run in .*out' has begun, got 1"):
        Run.resume(tmp_path / "out", {"epochs": 1})


def test_what_is_spoilt_is_not_saved(tmp_path, text_file):
    run = Run.begin(config_of(text_file), tmp_path / "out")

    def spoil(loss):
        run.model.params.flat[0] = np.nan

    with pytest.raises(NonFiniteLoss, match="a parameter was not after the update in epoch 1, step 1"):
        exhaust(run, on_step=spoil, stop=after(1))
    assert load_checkpoint(tmp_path / "out" / MODEL).position is None


@pytest.mark.usefixtures("clock")
def test_a_disk_that_is_full_then_leaves_the_checkpoint_before(tmp_path, text_file, monkeypatch):
    expected, _ = straight(config_of(text_file), tmp_path / "straight")
    stopped(text_file, tmp_path / "out", steps=2)
    run = Run.resume(tmp_path / "out")

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            exhaust(run, stop=after(1))
    assert load_checkpoint(tmp_path / "out" / MODEL).position.step == 2
    exhaust(Run.resume(tmp_path / "out"))
    assert files_of(tmp_path / "out") == expected


# signals -------------------------------------------------------------------------------------------------------------


def raising(monkeypatch, at: dict[int, int]) -> None:
    """Sends this process a signal in the middle of these steps, before their update."""
    count, step = itertools.count(1), LanguageModel.step

    def signalled(self, *arguments, **options):
        if number := at.get(next(count)):
            signal.raise_signal(number)
        return step(self, *arguments, **options)

    monkeypatch.setattr(LanguageModel, "step", signalled)


def flags(text_file: Path, out: Path) -> list[str]:
    given = {"text": text_file, "out": out, "hidden-size": 5, "epochs": 9, "batch-size": 4, "steps": 6}
    given |= PLAIN
    return ["train", *(f"--{name}={value}" for name, value in given.items())]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_finishes_the_step_and_says_how_to_go_on(tmp_path, text_file, monkeypatch, capsys, number, status):
    out = tmp_path / "a run"
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        raising(patch, {2: number})
        assert main(flags(text_file, out)) == status
    told = (
        f"npseq: interrupted; 0 of 9 epochs and 2 steps of the next are saved; go on with: npseq train --resume '{out}'"
    )
    assert capsys.readouterr().err == f"{told}\n"
    assert signal.getsignal(number) is before
    assert main(["train", "--resume", str(out), "--quiet"]) == 0
    straight(config_of(text_file, epochs=9, seed=0), tmp_path / "straight")
    one, other = (LanguageModel.load(path / MODEL).params.flat for path in (out, tmp_path / "straight"))
    assert one.tobytes() == other.tobytes()


def test_the_last_step_of_all_is_the_end_all_the_same(tmp_path, text_file, monkeypatch, capsys):
    _, steps = straight(config_of(text_file, epochs=9, seed=0), tmp_path / "straight")
    with monkeypatch.context() as patch:
        raising(patch, {steps: signal.SIGINT})
        assert main(flags(text_file, tmp_path / "out")) == 130
    assert "interrupted; 9 of 9 epochs are saved" in capsys.readouterr().err
    assert main(["train", "--resume", str(tmp_path / "out"), "--quiet"]) == 0


def test_a_second_one_stops_at_once(tmp_path, text_file, monkeypatch, capsys):
    with monkeypatch.context() as patch:

        def twice(self, *arguments, **options):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("the second one must have stopped it")

        patch.setattr(LanguageModel, "step", twice)
        assert main(flags(text_file, tmp_path / "out")) == 130
    assert "interrupted; 0 of 9 epochs are saved; go on with" in capsys.readouterr().err
    assert load_checkpoint(tmp_path / "out" / MODEL).position is None


def test_train_in_a_notebook_stops_between_two_steps(tmp_path, text_file, monkeypatch):
    with monkeypatch.context() as patch:
        raising(patch, {3: signal.SIGINT})
        with pytest.raises(KeyboardInterrupt, match="training was asked to stop") as caught:
            train(config_of(text_file, batch_size=2), tmp_path / "out")
    assert caught.value.position.step == load_checkpoint(tmp_path / "out" / MODEL).position.step == 3


def test_a_signal_that_is_ignored_stays_so_and_the_others_come_back():
    before = signal.getsignal(signal.SIGTERM)
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals(signal.SIGINT, signal.SIGTERM) as stop:
            signal.raise_signal(signal.SIGINT)
            assert not stop()
            signal.raise_signal(signal.SIGTERM)
            assert stop()
            assert stop.number == signal.SIGTERM
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, old)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_arrives_twice_may_count_once():
    with StopSignals(signal.SIGINT, insist=False) as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stop()


def test_a_thread_hears_none():
    heard = []

    def work():
        with StopSignals(signal.SIGINT) as stop:
            heard.append((stop(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == [(False, signal.getsignal(signal.SIGINT))]


@pytest.mark.skipif(os.name != "posix", reason="a signal to another process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_signalled_at_any_moment(tmp_path, text_file, number):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "npseq", *flags(text_file, out), "--epochs", str(10**6), "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (out / METRICS).exists() or (out / METRICS).read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert told.startswith("npseq: interrupted; ")
    assert told.count("\n") == 1
    done = load_checkpoint(out / MODEL)
    exhaust(Run.resume(out, {"epochs": len(done.metrics) + 2}))
    straight(config_of(text_file, epochs=len(done.metrics) + 2, seed=0), tmp_path / "straight")
    a, b = (load_checkpoint(path / MODEL) for path in (out, tmp_path / "straight"))
    assert a.model.params.flat.tobytes() == b.model.params.flat.tobytes()
    assert a.rng.bit_generator.state == b.rng.bit_generator.state
    assert [m[:4] for m in a.metrics] == [m[:4] for m in b.metrics]
