"""The folder of a run: what may be replaced in it, and by which run."""

import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from training.plain_runs import PLAIN

from npseq.files.claim import LOCK
from npseq.plot import training_curve
from npseq.training import EpochMetrics, Interrupted, Run, TrainingConfig, load_checkpoint, train
from npseq.training.folder import FIGURE, METRICS, MODEL, OURS, Folder

LINE = EpochMetrics(1, 1.0, 2.7, 0.5, 1e5).line()


def config_of(text_file, **options):
    return TrainingConfig(
        **{**PLAIN, "corpus": str(text_file), "hidden_size": 4, "epochs": 3, "batch_size": 4, "steps": 6, **options}
    )


def content(out):
    """Everything in a folder: kind, mode and bytes of each entry."""
    return {path.name: (stat.S_IFMT(path.lstat().st_mode), path.lstat().st_ino,
                        path.read_bytes() if path.is_file() else None) for path in out.iterdir()}  # fmt: skip


# what is not npseq's -------------------------------------------------------------------------------------------------

FOREIGN = {
    MODEL: [b"not a model", (40).to_bytes(8, "little") + b'{"__metadata__":{"format":"pt"}}' + b" " * 8],
    METRICS: [b"epoch,loss\n1,2\n", b'{"epoch": 1, "loss": 2.5}\n', f"{LINE}\nmy notes\n".encode(), b'{"a": 1}',
              f'{LINE}\n{{"epoch": 2, '.encode() + b"x" * 5000],
    FIGURE: [b"\x89PNG\r\n\x1a\n of another program", b"hello"],
}  # fmt: skip


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(("name", "foreign"), [(name, raw) for name, raws in FOREIGN.items() for raw in raws])
@pytest.mark.parametrize("how", ["begin", "overwrite", "overwrite a run", "resume"])
def test_what_npseq_did_not_write_is_never_replaced(tmp_path, text_file, name, foreign, how):
    out = tmp_path / "out"
    out.mkdir()
    if how in ("overwrite a run", "resume"):
        train(config_of(text_file, epochs=2), out)
    (out / name).write_bytes(foreign)
    before = content(out)
    if how == "resume":
        error, told = (FileExistsError, "npseq did not write it; move it away")
        if name == MODEL:
            error, told = (
                ValueError,
                "no model of npseq|must be in the format 'npseq LanguageModel' that npseq saved",
            )
        with pytest.raises(error, match=told):
            Run.resume(out, {"epochs": 3})
    else:
        told = (
            rf"{name}' must be npseq's own file to be replaced, npseq did not write it; move it away, or name another"
        )
        with pytest.raises(FileExistsError, match=told):
            Run.begin(config_of(text_file), out, overwrite=how != "begin")
    assert content(out) == before
    (out / name).rename(tmp_path / "moved away")  # the remedy
    if how == "resume" and name != MODEL:
        assert len(list(Run.resume(out, {"epochs": 3}).epochs())) == 1
    else:
        assert len(train(config_of(text_file), out, overwrite=how != "begin").metrics) == 3
    assert (tmp_path / "moved away").read_bytes() == foreign


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("how", ["begin", "overwrite", "resume"])
def test_no_link_in_the_folder_is_written_through(tmp_path, text_file, name, there, how):
    out, target = tmp_path / "out", tmp_path / "target"
    train(config_of(text_file, epochs=2), out)
    if there:
        if (out / name).exists():
            (out / name).rename(target)
        else:
            training_curve([EpochMetrics(1, 1.0, 2.7, 0.5, 1e5)], target.with_suffix(".png"))
            target.with_suffix(".png").rename(target)
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(target)
    before, targeted = content(out), target.read_bytes() if there else None
    if how == "resume" and name == MODEL and not there:
        with pytest.raises(FileNotFoundError, match="must hold a run to resume"):
            Run.resume(out, {"epochs": 3})
    else:
        with pytest.raises(
            FileExistsError, match=rf"{name}' must be a plain file where npseq writes, it is a symbolic"
        ):
            Run.resume(out, {"epochs": 3}) if how == "resume" else Run.begin(config_of(text_file), out,
                                                                             overwrite=how == "overwrite")  # fmt: skip
    assert content(out) == before
    assert (target.read_bytes() if target.exists() else None) == targeted


def test_partial_files_of_others_are_neither_written_nor_deleted(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "thesis").write_text("a thesis")
    (out / f".{MODEL}.partial").symlink_to(tmp_path / "thesis")
    (out / ".npseq.partial").write_text("mine")
    (out / f".{MODEL}-{'0' * 16}.partial").write_text("left by a process that was killed")
    train(config_of(text_file), out)
    assert (tmp_path / "thesis").read_text() == "a thesis"
    assert sorted(os.listdir(out)) == sorted([f".{MODEL}.partial", ".npseq.partial", MODEL, METRICS])


def test_modes_are_kept(tmp_path, text_file):
    out = tmp_path / "out"
    train(config_of(text_file, epochs=2, valid=0.2), out)
    for name in OURS:
        os.chmod(out / name, 0o600)
    list(Run.resume(out, {"epochs": 3}).epochs())
    assert {stat.S_IMODE((out / name).stat().st_mode) for name in OURS} == {0o600}
    train(config_of(text_file, epochs=2), out, overwrite=True)
    assert {stat.S_IMODE((out / name).stat().st_mode) for name in (MODEL, METRICS)} == {0o600}


def test_a_log_without_a_model_is_replaced_if_asked(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    (tmp_path / METRICS).write_text(f"{LINE}\n")
    with pytest.raises(FileExistsError, match=r"must not hold a run yet, but it has metrics.jsonl; replace it \(over"):
        Run.begin(config_of(text_file), tmp_path)
    assert len(train(config_of(text_file), tmp_path, overwrite=True).metrics) == 3


def test_the_files_of_a_run_are_known_as_npseqs(tmp_path, text_file):
    train(config_of(text_file, evaluate_every=2, valid=0.2), tmp_path / "out")
    assert [ours(tmp_path / "out" / name) for name, ours in OURS.items()] == [True] * 4
    assert sorted(os.listdir(tmp_path / "out")) == sorted(OURS)


# the figure ----------------------------------------------------------------------------------------------------------


def test_a_figure_that_cannot_be_drawn_is_a_warning(tmp_path, text_file, monkeypatch):
    def no_room(metrics, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("npseq.plot.training_curve", no_room)
    with pytest.warns(
        RuntimeWarning, match=r"the figure could not be drawn, all else is saved: .*No space left on dev"
    ):
        run = train(config_of(text_file), tmp_path / "out")
    assert len(run.metrics) == len(load_checkpoint(tmp_path / "out" / MODEL).metrics) == 3
    assert run.evaluate() > 1


def test_a_disk_that_is_full_is_told_once(tmp_path, text_file, monkeypatch):
    run = Run.begin(config_of(text_file), tmp_path / "out")
    epochs = run.epochs()
    next(epochs)

    def no_room(*given):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_room)
        with pytest.raises(OSError, match=r"model\.safetensors' must be writable: No space left on device; make room"):
            next(epochs)
    assert sorted(os.listdir(tmp_path / "out")) == [METRICS, MODEL]


# one run at a time ---------------------------------------------------------------------------------------------------

HOLD = """
import sys
from npseq.training import Run, TrainingConfig
run = Run.resume(sys.argv[1], {"epochs": 9})
print("held", flush=True)
input()
"""


@pytest.fixture
def held(tmp_path, text_file, no_figure):
    """A folder whose run another process has resumed."""
    train(config_of(text_file, epochs=2), tmp_path / "out")
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "out")], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout.readline() == "held\n"
    yield tmp_path / "out"
    process.communicate("\n")
    assert sorted(os.listdir(tmp_path / "out")) == [METRICS, MODEL]


def test_a_run_of_another_process_is_left_alone(held, text_file):
    before = content(held)
    told = r"the folder '.*out' must not be in use, but another process is training in it; wait until it ends, or name"
    for call in (
        lambda: Run.resume(held, {"epochs": 5}),
        lambda: Run.begin(config_of(text_file), held, overwrite=True),
    ):
        with pytest.raises(BlockingIOError, match=told):
            call()
    assert content(held) == before
    assert sorted(before) == sorted([LOCK, METRICS, MODEL])


@pytest.mark.usefixtures("no_figure")
def test_a_run_holds_its_folder_until_its_epochs_end(tmp_path, text_file):
    out = tmp_path / "out"
    run = Run.begin(config_of(text_file), out)
    assert (out / LOCK).exists()
    for _ in run.epochs():
        assert (out / LOCK).exists()
    assert not (out / LOCK).exists()
    Run.resume(out)  # nothing is left to do
    assert not (out / LOCK).exists()
    run = Run.resume(out, {"epochs": 9})
    assert (out / LOCK).exists()
    with pytest.raises(Interrupted):
        list(run.epochs(stop=lambda: True))
    assert not (out / LOCK).exists()
    with pytest.raises(ValueError, match="hidden_size is 4"):
        Run.resume(out, {"hidden_size": 5})
    assert not (out / LOCK).exists()


@pytest.mark.usefixtures("no_figure")
def test_the_later_run_of_one_process_goes_on_and_the_earlier_says_so(tmp_path, text_file):
    out = tmp_path / "out"
    train(config_of(text_file), tmp_path / "straight")
    first = Run.begin(config_of(text_file), out)
    second = Run.resume(out)
    told = r"the run in '.*out' must not have gone on without this object, .*; take Run.resume\(out\)"
    assert len(list(second.epochs())) == 3
    with pytest.raises(RuntimeError, match=told):
        next(first.epochs())
    assert first.metrics == []
    third = Run.resume(out, {"epochs": 5})
    rows = third.epochs()
    next(rows)
    list(Run.resume(out, {"epochs": 5}).epochs())
    with pytest.raises(RuntimeError, match=told):
        next(rows)
    assert len((out / METRICS).read_text().splitlines()) == 5
    assert len(load_checkpoint(out / MODEL).metrics) == 5


@pytest.mark.usefixtures("no_figure")
def test_a_run_whose_folder_another_has_written_since_does_not_go_on(tmp_path, text_file):
    out = tmp_path / "out"
    run = Run.begin(config_of(text_file), out)
    with pytest.raises(Interrupted):
        list(run.epochs(stop=lambda: True))
    list(Run.resume(out).epochs())
    with pytest.raises(RuntimeError, match="another one has written there since"):
        list(run.epochs())
    with pytest.raises(RuntimeError, match="another one has written there since"):  # it stays so
        list(run.epochs())
    assert len(load_checkpoint(out / MODEL).metrics) == 3


@pytest.mark.usefixtures("no_figure")
def test_an_interrupted_run_goes_on_where_nobody_has_written_since(tmp_path, text_file):
    run = Run.begin(config_of(text_file), tmp_path / "out")
    with pytest.raises(Interrupted):
        list(run.epochs(stop=lambda: True))
    train(config_of(text_file), tmp_path / "straight")
    list(run.epochs())
    one, two = (load_checkpoint(tmp_path / name / MODEL).model.params.flat for name in ("out", "straight"))
    np.testing.assert_array_equal(one, two)


@pytest.mark.usefixtures("no_figure")
def test_a_run_has_one_iterator_over_its_epochs(tmp_path, text_file):
    run = Run.begin(config_of(text_file), tmp_path / "out")
    first, second = run.epochs(), run.epochs()
    assert next(first).epoch == 1
    for call in (lambda: next(second), run.epochs):
        with pytest.raises(
            RuntimeError, match=r"epochs must have one iterator at a time, and one has begun; close\(\)"
        ):
            call()
    assert [metrics.epoch for metrics in first] == [2, 3]
    assert list(run.epochs()) == []
    assert len((tmp_path / "out" / METRICS).read_text().splitlines()) == 3
    again = Run.resume(tmp_path / "out", {"epochs": 5})
    cut = again.epochs()
    next(cut)
    cut.close()  # the remedy
    assert [metrics.epoch for metrics in again.epochs()] == [5]


def test_a_folder_that_is_not_claimed_is_not_written(tmp_path):
    folder = Folder(tmp_path)
    for call in (lambda: folder.log(EpochMetrics(1, 1.0, 2.7, 0.5, 1e5)), lambda: folder.write_log([])):
        with pytest.raises(RuntimeError, match="must not have gone on without this object"):
            call()
    folder.draw([EpochMetrics(1, 1.0, 2.7, 0.5, 1e5)])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("out", "error"), [("", ValueError), (3, TypeError), ("a\0b", ValueError)])
def test_what_is_no_folder_is_refused(text_file, out, error):
    for call in (lambda: Run.begin(config_of(text_file), out), lambda: Run.resume(out)):
        with pytest.raises(error, match=r"^out must (name a file or a folder|be a path)"):
            call()
