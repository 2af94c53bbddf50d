"""The command line where streams, folders, terminals, disks and backends are not as usual, or not there."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import npseq
from npseq.cli import main
from npseq.models import LanguageModel
from npseq.training import load_checkpoint

HERE = {**os.environ, "PYTHONPATH": str(Path(npseq.__file__).parents[1])}  # also where there is no working folder
MODEL, METRICS = "model.safetensors", "metrics.jsonl"
TINY = ["--hidden-size", "4", "--epochs", "2", "--batch-size", "2", "--steps", "5", "--valid", "0"]
posix = pytest.mark.skipif(os.name != "posix", reason="closed streams, terminals and signals of a POSIX system")
FORKED = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # where another test has loaded JAX


@pytest.fixture
def trained(tmp_path, text_file, monkeypatch, capsys):
    """A run, whose figure is not drawn."""
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    assert main(["train", "--text", str(text_file), *TINY, "--out", str(tmp_path / "run"), "--quiet"]) == 0
    capsys.readouterr()
    return tmp_path / "run"


def shell(line, **options):
    """A shell's command, in which $npseq is the command line."""
    command = f'npseq="{sys.executable} -m npseq"; {line}'
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=HERE, **options)


def refused(run, told, status=1):
    assert re.fullmatch(rf"npseq: error: {told}\n", run.stderr), run.stderr
    assert (run.returncode, run.stdout) == (status, "")


# streams -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("flags", ["train --help-all", "--version"])
@pytest.mark.parametrize("buffered", ["", "PYTHONUNBUFFERED=1"])
def test_help_that_finds_no_room_is_an_error(flags, buffered):
    run = shell(f"{buffered} $npseq {flags} >/dev/full")
    refused(run, "the answer must find room where stdout goes: No space left on device")


@posix
@pytest.mark.parametrize("command", ["--help", "train --out NEW"])
def test_a_closed_stream_is_an_error_before_anything_is_done(tmp_path, command):
    command = command.replace("NEW", str(tmp_path / "new"))
    told = "must be open, even if nobody reads: redirect it to /dev/null"
    refused(shell(f"$npseq {command} >&-"), f"stdout {told}")
    run = shell(f"$npseq {command} 2>&-")
    assert (run.returncode, run.stdout, run.stderr) == (1, f"npseq: error: stderr {told}\n", "")
    assert shell(f"$npseq {command} >&- 2>&-").returncode == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_where_no_error_can_be_told_there_is_still_its_status(trained, text_file, tmp_path):
    assert shell("$npseq sample /no/model 2>/dev/full").returncode == 2
    flags = f"--text '{text_file}' {' '.join(TINY)} --out '{tmp_path / 'new'}'"
    run = shell(f"$npseq train {flags} >/dev/full")  # the lines of its epochs find none either
    refused(run, "the answer must find room where stdout goes: No space left on device")
    assert len(load_checkpoint(tmp_path / "new" / MODEL).metrics) == 2


# folders -------------------------------------------------------------------------------------------------------------


@posix
def test_a_working_folder_that_was_deleted_is_named(tmp_path, trained, text_file):
    def gone(flags):
        (tmp_path / "gone").mkdir()
        return shell(f"rmdir ../gone; $npseq {flags}", cwd=tmp_path / "gone")

    told = r"the working folder must exist, where {} is looked for, but it has been deleted; change to .*"
    refused(gone(f"train --text '{text_file}'"), told.format("out 'npseq-run'"), 2)
    refused(gone("train --text t.txt --out /tmp/x"), told.format("--text 't.txt'"), 2)
    refused(gone("sample run"), told.format("the model 'run'"), 2)
    run = gone(f"sample '{trained}' --length 3")  # whose path is absolute
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("command", [["train", "--out", ""], ["train", "--resume", ""], ["train", "--text", ""],
                                     ["sample", ""], ["evaluate", ""], ["inspect", ""], ["inspect", "--out", ""],
                                     ["inspect", "--text", ""]])  # fmt: skip
def test_an_empty_path_is_no_path(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert re.fullmatch(
        r"npseq: error: [a-z -]* must name a file or a folder, got ''; '\.' is the working folder\n", err
    )
    assert out == ""
    assert os.listdir(tmp_path) == []


# figures -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_a_backend_that_cannot_be_loaded_is_not_needed(tmp_path, text_file, backend):
    out = tmp_path / "new"
    flags = ["train", "--text", str(text_file), *TINY, "--out", str(out), "--quiet"]
    run = subprocess.run([sys.executable, "-m", "npseq", *flags], capture_output=True, text=True, check=False,
                         env={**os.environ, "MPLBACKEND": backend})  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")


def test_no_room_for_the_figure_is_a_warning_beside_the_result(tmp_path, text_file, monkeypatch, capsys):
    replace = os.replace

    def no_room(partial, place):
        if place.name == "training.png":
            raise OSError(28, "No space left on device")
        replace(partial, place)

    monkeypatch.setattr(os, "replace", no_room)
    out = tmp_path / "new"
    flags = ["train", "--text", str(text_file), *TINY, "--out", str(out), "--quiet"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filters", [])  # as outside of the tests, where a warning is no error
        assert main(flags) == 0
    printed, err = capsys.readouterr()
    assert err == (
        "npseq: warning: the figure could not be drawn, all else is saved: "
        f"{str(out / 'training.png')!r} must be writable: No space left on device; make room on its disk\n"
    )
    assert printed.splitlines()[-1] == f"files: {out / MODEL}, {out / METRICS}"
    assert sorted(os.listdir(out)) == [METRICS, MODEL]


def test_figures_of_others_stay(tmp_path, text_file, capsys, monkeypatch):
    drawn = b"\x89PNG Software\0npseq"
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, file, **options: file.write(drawn))
    out = tmp_path / "figures"
    out.mkdir()
    (out / "jacobians.png").write_bytes(b"a picture of mine")
    (out / "another.png").write_bytes(b"a picture of mine")
    flags = [
        "inspect",
        "--text",
        str(text_file),
        "--cell",
        "rnn",
        "--steps",
        "5",
        "--hidden-size",
        "4",
        "--epochs",
        "0",
    ]
    assert main([*flags, "--out", str(out)]) == 2
    assert "jacobians.png' must be npseq's own file to be replaced, npseq did not write it" in capsys.readouterr().err
    assert sorted(os.listdir(out)) == ["another.png", "jacobians.png"]
    (out / "jacobians.png").rename(tmp_path / "mine.png")
    for _ in range(2):  # and npseq's own are replaced
        assert main([*flags, "--out", str(out)]) == 0
        assert "another.png" not in capsys.readouterr().out
    assert (out / "another.png").read_bytes() == b"a picture of mine"


# signals -------------------------------------------------------------------------------------------------------------


def command(text_file, out):
    flags = ["train", "--text", str(text_file), *TINY, "--epochs", str(10**6), "--out", str(out)]
    return [sys.executable, "-m", "npseq", *flags]


def resumed(out):
    """Whether a run goes on from where it was stopped."""
    done = len(load_checkpoint(out / MODEL).metrics)
    assert (out / METRICS).read_bytes().count(b"\n") == done
    assert sorted(set(os.listdir(out)) - {"training.png"}) == [METRICS, MODEL]
    return main(["train", "--resume", str(out), "--epochs", str(done + 2), "--quiet"]) == 0


def hung_up_by_a_signal():
    """Whoever started the tests may ignore SIGHUP, as nohup does, and a child inherits that."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@posix
@FORKED
def test_a_hangup_ends_a_run_as_sigterm_does(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    process = subprocess.Popen(command(text_file, tmp_path / "new"), start_new_session=True, text=True,
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               preexec_fn=hung_up_by_a_signal)  # fmt: skip
    log = tmp_path / "new" / METRICS
    while not log.exists() or log.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGHUP
    assert re.fullmatch(r"npseq: interrupted; .* are saved; go on with: npseq train --resume .*\n", told)
    assert resumed(tmp_path / "new")


@posix
@FORKED
def test_a_terminal_that_goes_away_ends_a_run_in_good_order(tmp_path, text_file, monkeypatch):
    """Its bar and its last words find no terminal, and its state is saved all the same."""
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    import pty

    process, terminal = pty.fork()
    if process == 0:  # pragma: no cover
        hung_up_by_a_signal()
        os.execv(sys.executable, command(text_file, tmp_path / "new"))
    log = tmp_path / "new" / METRICS
    while not log.exists() or log.read_bytes().count(b"\n") < 3:
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 1 << 16)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 128 + signal.SIGHUP
    assert resumed(tmp_path / "new")


# what a run must not end with in silence -----------------------------------------------------------------------------


def test_a_run_that_diverged_is_a_status_and_advice(tmp_path, text_file, capsys):
    flags = [
        "train",
        "--text",
        str(text_file),
        *TINY,
        "--cell",
        "rnn",
        "--optimizer",
        "sgd",
        "--lr",
        "1e6",
        "--quiet",
        "--out",
        str(tmp_path / "new"),
    ]
    assert main(flags) == 1
    out, err = capsys.readouterr()
    assert out.startswith("perplexity inf while training (epoch 2)\nperplexity inf, inf bits a character, on text.txt")
    assert re.fullmatch(r"npseq: error: the perplexity must stay finite, the loss is \S+ nats a token; take a smaller "
                        r"lr, or a smaller clip; the checkpoint of epoch 2 stays in '.*new'\n", err)  # fmt: skip


@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_a_model_of_nan_is_a_status(trained, capsys, command):
    model = LanguageModel.load(trained / MODEL)
    model.params["output.W"][0, 0] = np.nan
    checkpoint = load_checkpoint(trained / MODEL)
    checkpoint.model.params.flat[...] = model.params.flat
    from npseq.training import save_checkpoint

    save_checkpoint(checkpoint, trained / MODEL)
    assert main([command, str(trained)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "the model's parameters must be finite, 'output.W' holds nan or infinity; load a model" in err


@pytest.mark.parametrize("command", [["inspect", "--steps", "5"], ["evaluate"], ["train", "--epochs", "3", "--resume"]])
@pytest.mark.parametrize("change", [lambda text: text.translate(str.maketrans("abcdefghijklmnopqrstuvwxyz",
                                                                              "zyxwvutsrqponmlkjihgfedcba")),
                                    lambda text: text[::-1], lambda text: f"{text} q"])  # fmt: skip
def test_every_command_that_reads_the_text_of_a_run_knows_if_it_has_changed(
    trained, text_file, capsys, command, change
):
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    text = text_file.read_text()
    text_file.write_text(change(text))
    assert main([*command, str(trained)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert (
        f"the text of corpus {str(text_file)!r} must be the one that the run in {str(trained)!r} learns, it has ch"
        in err
    )
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before
    text_file.write_text(text)  # the remedy
    assert main(["evaluate", str(trained)]) == 0


def test_the_first_tokens_of_a_changed_text_are_its_own(trained, text_file, capsys):
    """Also where fewer of them, or another cleaning, is asked for."""
    text_file.write_text(text_file.read_text().replace("foolishness", "loofishness"))
    for flags in (["--max-tokens", "20"], ["--clean", "letters"]):
        assert main(["evaluate", str(trained), *flags]) == 2
        assert "it has changed since" in capsys.readouterr().err
    assert main(["evaluate", str(trained), "--text", str(text_file)]) == 0  # of any text, if it is asked for by name
