import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training.plain_runs import PLAIN

from npseq.models import LanguageModel
from npseq.training import NonFiniteLoss, Run, TrainingConfig, load_checkpoint, train

pytestmark = pytest.mark.usefixtures("no_figure")

KINDS = [
    {"cell": "rnn"},
    {"cell": "rnn", "sampling": "sequential-reset", "clip": None, "dtype": "float64", "lr": 0.1},
    {"cell": "gru", "optimizer": "rmsprop", "embedding_size": 3, "bidirectional": True},
    {"cell": "lstm", "num_layers": 2, "dropout": 0.5, "optimizer": "adam", "sampling": "random", "peepholes": True},
    {"cell": "lstm", "token": "word", "batch_size": 2, "steps": 3, "evaluate_every": 2, "proj_size": 3},
]


def config_of(text_file: Path, **options) -> TrainingConfig:
    return TrainingConfig(
        **{
            **PLAIN,
            "corpus": str(text_file),
            "hidden_size": 8,
            "epochs": 4,
            "batch_size": 4,
            "steps": 6,
            "seed": 3,
            **options,
        }
    )


def epochs_of(out: Path) -> list[dict]:
    """metrics.jsonl without the speed, the one number that no two runs share."""
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "tokens_per_second"} for row in rows]


def assert_same_run(one: Path, other: Path) -> None:
    a, b = load_checkpoint(one / "model.safetensors"), load_checkpoint(other / "model.safetensors")
    assert a.model.params.flat.tobytes() == b.model.params.flat.tobytes()
    assert a.rng.bit_generator.state == b.rng.bit_generator.state
    assert a.config == b.config
    assert a.optimizer_state.keys() == b.optimizer_state.keys()
    for name, value in a.optimizer_state.items():
        np.testing.assert_array_equal(value, b.optimizer_state[name])
    assert epochs_of(one) == epochs_of(other)


def interrupt_after(steps: int):
    left = [steps]

    def on_step(loss):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    return on_step


def exhaust(run: Run, **options) -> list:
    return list(run.epochs(**options))


def test_a_run_leaves_its_files(tmp_path, text_file):
    run = train(config_of(text_file), tmp_path / "deep" / "out")
    out = tmp_path / "deep" / "out"
    assert [row["epoch"] for row in epochs_of(out)] == [1, 2, 3, 4]
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert {"epoch", "loss", "perplexity", "grad_norm", "tokens_per_second"} == set(rows[0])
    np.testing.assert_allclose([np.exp(row["loss"]) for row in rows], [row["perplexity"] for row in rows], rtol=1e-12)
    np.testing.assert_array_equal(LanguageModel.load(out / "model.safetensors").params.flat, run.model.params.flat)
    assert not list(out.glob(".*"))


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tmp_path, text_file):
    one, two, other = (train(config_of(text_file, seed=seed), tmp_path / f"{k}") for k, seed in enumerate((1, 1, 2)))
    assert one.model.params.flat.tobytes() == two.model.params.flat.tobytes()
    assert one.model.params.flat.tobytes() != other.model.params.flat.tobytes()


@pytest.mark.parametrize("options", KINDS)
def test_resuming_goes_on_as_if_nothing_had_happened(tmp_path, text_file, options):
    train(config_of(text_file, **options), tmp_path / "straight")
    train(config_of(text_file, **{**options, "epochs": 2}), tmp_path / "resumed")
    assert len(exhaust(Run.resume(tmp_path / "resumed", {"epochs": 4}))) == 2
    assert_same_run(tmp_path / "straight", tmp_path / "resumed")


@pytest.mark.parametrize("steps", [0, 3, 17, 30])
def test_an_interrupted_run_goes_on_from_its_last_whole_epoch(tmp_path, text_file, steps):
    config = config_of(text_file, cell="gru", optimizer="adam")
    train(config, tmp_path / "straight")
    with pytest.raises(KeyboardInterrupt):
        exhaust(Run.begin(config, tmp_path / "cut"), on_step=interrupt_after(steps))
    exhaust(Run.resume(tmp_path / "cut"))
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


def test_a_run_that_was_cut_off_in_a_step_does_not_go_on_from_there(tmp_path, text_file):
    run = Run.begin(config_of(text_file), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        exhaust(run, on_step=interrupt_after(1))
    with pytest.raises(RuntimeError, match=r"must go on from its checkpoint; take Run\.resume\('.*out'\)"):
        exhaust(run)
    assert len(exhaust(Run.resume(tmp_path / "out"))) == 4


@pytest.mark.parametrize(
    "torn",
    [
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines, lines[-1].replace('"epoch": 2', '"epoch": 3'), '{"epoch": 4, "lo'],
        lambda lines: lines[:1],
        lambda lines: [],
    ],
)
def test_resuming_mends_metrics_that_a_crash_left_behind_or_ahead(tmp_path, text_file, torn):
    train(config_of(text_file), tmp_path / "straight")
    train(config_of(text_file, epochs=2), tmp_path / "cut")
    metrics = tmp_path / "cut" / "metrics.jsonl"
    before = metrics.read_text()
    metrics.write_text("\n".join(torn(before.splitlines())))
    run = Run.resume(tmp_path / "cut", {"epochs": 4})
    assert metrics.read_text() == before
    exhaust(run)
    assert_same_run(tmp_path / "straight", tmp_path / "cut")


def test_a_missing_metrics_file_is_written_anew(tmp_path, text_file):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    before = (tmp_path / "out" / "metrics.jsonl").read_text()
    (tmp_path / "out" / "metrics.jsonl").unlink()
    Run.resume(tmp_path / "out")
    assert (tmp_path / "out" / "metrics.jsonl").read_text() == before


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_that_fills_up_leaves_the_last_checkpoint_whole(tmp_path, text_file, monkeypatch, name):
    run = Run.begin(config_of(text_file), tmp_path / "out")
    epochs = run.epochs()
    next(epochs)
    next(epochs)

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, name, fail)
        with pytest.raises(OSError, match="No space left"):
            next(epochs)
    assert len(load_checkpoint(tmp_path / "out" / "model.safetensors").metrics) == len(run.metrics) == 2
    train(config_of(text_file), tmp_path / "straight")
    exhaust(Run.resume(tmp_path / "out"))
    assert_same_run(tmp_path / "straight", tmp_path / "out")


def test_a_checkpoint_is_on_the_disk_before_its_epoch_is_reported(tmp_path, text_file):
    run = Run.begin(config_of(text_file), tmp_path / "out")
    assert load_checkpoint(tmp_path / "out" / "model.safetensors").metrics == []
    for metrics in run.epochs():
        stored = load_checkpoint(tmp_path / "out" / "model.safetensors")
        assert stored.metrics[-1].line() == metrics.line()
        assert stored.model.params.flat.tobytes() == run.model.params.flat.tobytes()


def test_a_loss_that_is_not_finite_stops_and_the_last_good_checkpoint_stays(tmp_path, text_file):
    run = Run.begin(config_of(text_file, lr=0.5, nonlinearity="relu"), tmp_path / "out")
    epochs = run.epochs()
    next(epochs)
    good = run.model.params.flat.copy()
    run.optimizer.lr = 1e20
    with pytest.raises(NonFiniteLoss, match=r"in epoch 2, step \d+ \(largest gradient norm so far: [\d.e+]+\)"):
        next(epochs)
    stored = load_checkpoint(tmp_path / "out" / "model.safetensors")
    assert len(stored.metrics) == len(epochs_of(tmp_path / "out")) == 1
    np.testing.assert_array_equal(stored.model.params.flat, good)


def test_evaluations_stand_in_the_metrics_and_change_nothing_else(tmp_path, text_file):
    with_evaluations = train(config_of(text_file, evaluate_every=2), tmp_path / "a")
    without = train(config_of(text_file), tmp_path / "b")
    assert with_evaluations.model.params.flat.tobytes() == without.model.params.flat.tobytes()
    rows = epochs_of(tmp_path / "a")
    assert ["evaluation_perplexity" in row for row in rows] == [False, True, False, True]
    assert rows[-1]["evaluation_perplexity"] == pytest.approx(without.evaluate(), rel=1e-12)


def test_the_evaluation_is_the_perplexity_of_the_whole_text(tmp_path, text_file):
    run = train(config_of(text_file, dtype="float64"), tmp_path / "out")
    logits, _ = run.model.logits(run.ids[:-1, None])
    p = np.exp(logits[:, 0]) / np.exp(logits[:, 0]).sum(1, keepdims=True)
    nll = -np.log(p[np.arange(len(p)), run.ids[1:]]).mean()
    assert run.evaluate() == pytest.approx(np.exp(nll), rel=1e-12)


def test_samples_begin_with_their_prefixes(tmp_path, text_file):
    run = train(config_of(text_file, sample_prefix=("it was", "age")), tmp_path / "out")
    first, second = run.samples()
    assert first.startswith("it was")
    assert second.startswith("age")
    assert len(second) == 53
    assert train(config_of(text_file), tmp_path / "b").config.sample_prefix == ("it was the",)
    words = config_of(text_file, token="word", batch_size=2, steps=3)
    assert train(words, tmp_path / "c").config.sample_prefix == ("it was",)


def test_a_run_is_not_replaced_unasked(tmp_path, text_file):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    with pytest.raises(FileExistsError, match=r"go on with it \(Run.resume\), replace it \(overwrite=True\)"):
        Run.begin(config_of(text_file, seed=9), tmp_path / "out")
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before
    train(config_of(text_file, epochs=3, seed=9), tmp_path / "out", overwrite=True)
    assert [row["epoch"] for row in epochs_of(tmp_path / "out")] == [1, 2, 3]
    assert load_checkpoint(tmp_path / "out" / "model.safetensors").config.seed == 9


def test_a_run_that_cannot_begin_leaves_the_old_one_alone(tmp_path, text_file):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    for bad in ({"corpus": str(tmp_path / "none.txt")}, {"batch_size": 99}, {"sample_prefix": ("XYZ",)}):
        with pytest.raises((ValueError, FileNotFoundError)):
            Run.begin(config_of(text_file, **bad), tmp_path / "out", overwrite=True)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_without_room_for_a_new_run_keeps_the_old_one(tmp_path, text_file, monkeypatch, name):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(OSError, match=r"safetensors' must be writable: No space left on device; make room on its disk"):
        Run.begin(config_of(text_file, hidden_size=9), tmp_path / "out", overwrite=True)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, text_file, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"output folder .*file' must be writable: .*; name another one"):
        Run.begin(config_of(text_file), tmp_path / "file")
    with pytest.raises(OSError, match="must be writable"):
        Run.begin(config_of(text_file), tmp_path / "file" / "below")

    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match=r"must be writable: .*Permission denied"):
        Run.begin(config_of(text_file), tmp_path / "out")


def test_bad_texts_are_refused_before_a_folder_is_made(tmp_path, text_file):
    with pytest.raises(ValueError, match=r"at least batch_size \* steps \+ 1 = 40 \* 35 \+ 1 = 1401 tokens, got"):
        Run.begin(config_of(text_file, batch_size=40, steps=35), tmp_path / "out")
    with pytest.raises(
        ValueError, match=r"^'I' is not in the model's vocabulary, so the prefix 'It' cannot be read; a"
    ):
        Run.begin(config_of(text_file, clean="none", sample_prefix=("It",)), tmp_path / "out")
    with pytest.raises(ValueError, match="a prefix must hold at least one token, got '  '"):
        Run.begin(config_of(text_file, clean="none", token="word", sample_prefix=("  ",), steps=2), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_may_change_on_the_way_and_what_may_not(tmp_path, text_file):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    with pytest.raises(
        ValueError, match=r"keeps its options: hidden_size is 8 in .*out', got 16; leave it out, or start a"
    ):
        Run.resume(tmp_path / "out", {"hidden_size": 16})
    with pytest.raises(ValueError, match=r"keeps its options: clip is 1\.0 in"):
        Run.resume(tmp_path / "out", {"hidden_size": 8, "clip": 2.0})
    with pytest.raises(ValueError, match=r"epochs must be at least the 2 that the run in .* has had, got 1"):
        Run.resume(tmp_path / "out", {"epochs": 1})
    with pytest.raises(ValueError, match="text's own tokens"):
        Run.resume(tmp_path / "out", {"sample_prefix": ("XYZ",)})
    moved = text_file.rename(text_file.with_name("moved.txt"))
    with pytest.raises(FileNotFoundError, match="the one that --text FILE gives again, must be an existing file"):
        Run.resume(tmp_path / "out")
    run = Run.resume(
        tmp_path / "out", {"corpus": str(moved), "hidden_size": 8, "sample_prefix": ("best",), "epochs": 3}
    )
    exhaust(run)
    stored = load_checkpoint(tmp_path / "out" / "model.safetensors").config
    assert (stored.corpus, stored.epochs, stored.sample_prefix) == (str(moved), 3, ("best",))
    moved.write_text(moved.read_text().replace("best", "last"))
    with pytest.raises(ValueError, match=r"must be the one that the run in .* learns, it has changed since"):
        Run.resume(tmp_path / "out", {"epochs": 4})


def test_a_vocabulary_that_changed_past_max_tokens_is_noticed(tmp_path, text_file):
    train(config_of(text_file, epochs=2, max_tokens=60), tmp_path / "out")
    text_file.write_text(text_file.read_text() + " zzz")
    with pytest.raises(ValueError, match="it has changed since"):
        Run.resume(tmp_path / "out", {"epochs": 3})


def test_a_finished_run_resumes_to_nothing_left(tmp_path, text_file):
    train(config_of(text_file, epochs=2), tmp_path / "out")
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    assert exhaust(Run.resume(tmp_path / "out")) == []
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before


def test_there_must_be_a_run_to_resume(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold a run to resume, it has no model\.safetensors"):
        Run.resume(tmp_path / "nothing")


def test_the_figure_is_drawn_however_training_ends(tmp_path, text_file, monkeypatch):
    drawn = []
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: drawn.append((len(metrics), path.name)))
    with pytest.raises(KeyboardInterrupt):
        exhaust(Run.begin(config_of(text_file), tmp_path / "a"), on_step=interrupt_after(30))
    exhaust(Run.resume(tmp_path / "a"))
    assert drawn == [(2, "training.png"), (4, "training.png")]


def test_the_device_is_refused_before_anything_is_written(tmp_path, text_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match="device 'gpu' needs CuPy"):
        Run.begin(config_of(text_file, device="gpu"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_killed_process_leaves_a_whole_checkpoint(tmp_path, text_file):
    code = "import sys; from npseq.training import *; train(TrainingConfig.from_dict(eval(sys.argv[1])), sys.argv[2])"
    settings = repr(config_of(text_file, epochs=10**6).to_dict())
    process = subprocess.Popen([sys.executable, "-c", code, settings, str(tmp_path / "out")])
    path = tmp_path / "out" / "model.safetensors"
    while not path.exists() or len(load_checkpoint(path).metrics) < 3:  # read while it is written: always whole
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(load_checkpoint(path).metrics)
    run = Run.resume(tmp_path / "out", {"epochs": done + 1})
    exhaust(run)
    assert [row["epoch"] for row in epochs_of(tmp_path / "out")] == list(range(1, done + 2))


def test_a_run_of_lines_writes_up_to_the_end_of_one_and_resumes(tmp_path, no_figure):
    path = tmp_path / "lines.txt"
    path.write_text("ab\nabc\n" * 40, encoding="utf-8")
    config = TrainingConfig(
        **PLAIN | {"optimizer": "adam"}, corpus=str(path), end_of_line="<eos>", max_size=5, hidden_size=8,
        epochs=12, batch_size=2, steps=6, lr=0.02, warmup=5, sample_prefix=("a",)
    )  # fmt: skip
    run = train(config, tmp_path / "run")
    assert run.model.vocab.tokens == ("<unk>", "<eos>", "a", "b", "c")
    assert run.samples() in (["ab"], ["abc"])
    resumed = Run.resume(tmp_path / "run", {"epochs": 13})
    assert resumed.optimizer.steps == run.optimizer.steps
    assert len([*resumed.epochs()]) == 1
