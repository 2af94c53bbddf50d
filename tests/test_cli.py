from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import npseq
from npseq.cli import main
from npseq.models import LanguageModel
from npseq.training import load_checkpoint

TEXT = "it was the best of times it was the worst of times it was the age of wisdom\n" * 4
TINY = ["--hidden", "8", "--epochs", "2", "--batch-size", "4", "--steps", "6"]


@pytest.fixture
def text(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


@pytest.fixture
def no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)


@pytest.fixture
def trained(tmp_path: Path, text: str, no_figure: None, capsys: pytest.CaptureFixture[str]) -> str:
    out = str(tmp_path / "run")
    assert main(["train", "--text", text, *TINY, "--out", out, "--quiet"]) == 0
    capsys.readouterr()
    return out


def refused(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    """The one line on stderr of a command that must fail with this status."""
    assert main(list(arguments)) == status
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("npseq: error: ")
    assert captured.out == ""
    return captured.err


# train ---------------------------------------------------------------------------------------------------------------


def test_train_writes_the_files_and_prints_the_result(tmp_path, text, capsys):
    out = tmp_path / "run"
    assert main(["train", "--text", text, *TINY, "--out", str(out), "--sample-prefix", "it was"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert sorted(path.name for path in out.iterdir()) == ["metrics.jsonl", "model.safetensors", "training.png"]
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert printed[0].startswith(f"epoch 1  perplexity {rows[0]['perplexity']:.3f}, ")
    assert printed[1].startswith(f"epoch 2  perplexity {rows[1]['perplexity']:.3f}, ")
    assert printed[2].startswith(f"perplexity {rows[1]['perplexity']:.3f} while training (epoch 2), ")
    assert printed[3].endswith(" tokens/s on cpu")
    assert printed[4].startswith("sample: it was")
    assert printed[5].startswith("files: ")
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")


def test_tf32_belongs_to_a_gpu(capsys, tmp_path, text):
    told = refused(capsys, 2, "train", "--text", text, "--tf32", "--out", str(tmp_path / "run"))
    assert "tf32 belongs to device gpu and dtype float32, got device 'cpu'" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_figure")
def test_every_flag_reaches_the_configuration(tmp_path, text):
    flags = """
        --token word --clean none --max-tokens none --cell lstm --hidden 6 --layers 2 --embedding 3 --bidirectional
        --dropout 0.25 --initializer normal --peepholes --proj-size 2 --dtype float64 --optimizer adam --lr 0.5
        --clip none --epochs 1 --batch-size 2 --steps 4 --sampling random --evaluate-every 1 --device cpu --seed 11
        --sample-prefix it --sample-prefix was --bptt-every 2 --bptt-steps 2 --truncation random:0.9 --threads 1
    """
    assert main(["train", "--text", text, *shlex.split(flags), "--out", str(tmp_path / "run")]) == 0
    config = load_checkpoint(tmp_path / "run" / "model.safetensors").config.to_dict()
    assert config == {
        "corpus": text,
        "token": "word",
        "clean": "none",
        "max_tokens": None,
        "cell": "lstm",
        "hidden": 6,
        "layers": 2,
        "embedding": 3,
        "bidirectional": True,
        "dropout": 0.25,
        "initializer": "normal",
        "nonlinearity": "tanh",
        "reset": "after",
        "peepholes": True,
        "proj_size": 2,
        "dtype": "float64",
        "optimizer": "adam",
        "lr": 0.5,
        "clip": None,
        "epochs": 1,
        "batch_size": 2,
        "steps": 4,
        "bptt_every": 2,
        "tf32": False,  # with device gpu alone, which there is none of here
        "threads": 1,
        "bptt_steps": 2,
        "truncation": "random:0.9",
        "sampling": "random",
        "evaluate_every": 1,
        "device": "cpu",
        "seed": 11,
        "sample_prefix": ("it", "was"),
    }
    for cell in (["gru", "--reset", "before"], ["rnn", "--nonlinearity", "relu"]):
        assert main(["train", "--text", text, *TINY, "--cell", *cell, "--out", str(tmp_path / cell[0])]) == 0
        config = load_checkpoint(tmp_path / cell[0] / "model.safetensors").config
        assert cell[2] in (config.reset, config.nonlinearity)


@pytest.mark.usefixtures("no_figure")
def test_the_default_corpus_needs_no_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *TINY, "--max-tokens", "2000", "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "sample: assignment" in printed
    assert "epoch 1 " not in printed
    assert (tmp_path / "npseq-run" / "model.safetensors").is_file()


def test_the_progress_bar_shows_epoch_perplexity_speed_and_time(tmp_path, text, monkeypatch, capsys, no_figure):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    assert main(["train", "--text", text, *TINY, "--epochs", "4", "--out", str(tmp_path / "run")]) == 0
    bar = capsys.readouterr().err.split("\r")
    assert any(f" {100}%" not in line and "epoch 2/4" in line and "perplexity" in line for line in bar)
    assert any("tokens/s" in line and "<" in line for line in bar)


@pytest.mark.usefixtures("no_figure")
def test_resume_goes_on_to_the_same_bits(tmp_path, text, trained, capsys):
    assert main(["train", "--text", text, *TINY, "--epochs", "5", "--out", str(tmp_path / "straight")]) == 0
    assert main(["train", "--resume", trained, "--epochs", "5", "--quiet", "--hidden", "8"]) == 0
    one, two = (load_checkpoint(Path(out) / "model.safetensors") for out in (tmp_path / "straight", trained))
    assert one.model.params.flat.tobytes() == two.model.params.flat.tobytes()
    assert [m.epoch for m in two.metrics] == [1, 2, 3, 4, 5]
    assert len((Path(trained) / "metrics.jsonl").read_text().splitlines()) == 5


@pytest.mark.usefixtures("no_figure")
def test_an_interrupted_run_says_how_to_go_on(tmp_path, text, monkeypatch, capsys):
    calls = []
    step = LanguageModel.step

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 15:
            raise KeyboardInterrupt
        return step(self, *arguments, **options)

    out = str(tmp_path / "a run")
    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "step", interrupted)
        assert main(["train", "--text", text, *TINY, "--epochs", "9", "--out", out]) == 130
    line = capsys.readouterr().err
    assert line == f"npseq: interrupted; 1 of 9 epochs are saved; go on with: npseq train --resume '{out}'\n"
    assert main(["train", "--resume", out]) == 0
    assert len(load_checkpoint(Path(out) / "model.safetensors").metrics) == 9


@pytest.mark.usefixtures("no_figure")
def test_a_loss_that_is_not_finite_ends_with_status_1(tmp_path, text, capsys):
    arguments = ["train", "--text", text, *TINY, "--nonlinearity", "relu", "--lr", "1e20", "--clip", "none", "--quiet"]
    line = refused(capsys, 1, *arguments, "--out", str(tmp_path / "run"))
    assert "the loss must stay finite, but the loss was" in line
    assert "in epoch 1, step " in line
    assert "largest gradient norm so far: " in line
    assert line.endswith(f"the checkpoint of epoch 0 stays in {str(tmp_path / 'run')!r}\n")
    assert np.isfinite(LanguageModel.load(tmp_path / "run" / "model.safetensors").params.flat).all()


@pytest.mark.usefixtures("no_figure")
def test_a_full_disk_ends_with_status_1(tmp_path, text, monkeypatch, capsys):
    calls = []

    def fails_later(descriptor):
        calls.append(descriptor)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails_later)
    line = refused(capsys, 1, "train", "--text", text, *TINY, "--quiet", "--out", str(tmp_path / "run"))
    assert "No space left on device; the checkpoint of epoch 1 stays in" in line


# what train refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "many"], "argument --hidden: must be an integer, got 'many'"),
        (["--clip", "some"], "argument --clip: must be a number or none, got 'some'"),
        (["--hidden", "0"], "hidden must be an integer of at least 1, got 0"),
        (["--cell", "transformer"], "cell must be one of rnn, gru, lstm, got 'transformer'"),
        (["--peepholes"], "peepholes belongs to cell lstm"),
        (["--corpus", "shakespeare"], "argument --corpus: invalid choice: 'shakespeare'"),
        (["--corpus", "time-machine", "--text", "x"], "argument --text: not allowed with argument --corpus"),
        (["--bptt-every", "4"], "bptt_every must divide steps"),
        (["--bptt-every", "few"], "argument --bptt-every: must be an integer or none, got 'few'"),
        (["--bptt-steps", "3"], "bptt_steps must be at least bptt_every"),
        (["--truncation", "half"], "truncation must be full, truncated:STEPS, random:KEEP"),
        (["--hid", "3"], "unrecognized arguments: --hid 3"),
        (["--width", "3"], "unrecognized arguments: --width 3"),
        (["extra"], "unrecognized arguments: extra"),
        (["--hidden"], "argument --hidden: expected one argument"),
        (["--text", "/no/such/file"], "'/no/such/file', where there is no file"),
        (["--resume", "/no/such/run"], "must hold a run to resume, it has no model.safetensors"),
        (["--resume", "a", "--out", "b"], "--resume goes on in its own folder"),
        (["--resume", "a", "--overwrite"], "--resume goes on in its own folder"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(capsys, 2, "train", *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"caf\xe9 au lait " * 100, "must be UTF-8, the file"),
        (b"12345 67890\n" * 100, "must hold something after cleaning"),
        (b"too short", "the text must hold at least batch_size * steps + 1 = 32 * 35 + 1 = 1121 tokens, got 9"),
    ],
)
def test_bad_texts_are_one_line_and_status_2(tmp_path, capsys, content, message):
    (tmp_path / "text").write_bytes(content)
    line = refused(capsys, 2, "train", "--text", str(tmp_path / "text"), "--out", str(tmp_path / "run"))
    assert message in line
    assert not (tmp_path / "run").exists()


def test_bad_output_folders_are_one_line_and_status_2(tmp_path, text, capsys):
    line = refused(capsys, 2, "train", "--text", text, *TINY, "--out", text)
    assert "the output folder" in line
    assert "must be writable" in line
    assert Path(text).read_text() == TEXT


def test_a_gpu_that_is_not_there_is_status_2(tmp_path, text, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    arguments = ["train", "--text", text, "--device", "gpu", "--out", str(tmp_path / "run")]
    assert "device 'gpu' needs CuPy, which is not installed" in refused(capsys, 2, *arguments)


@pytest.mark.usefixtures("no_figure")
def test_a_run_in_the_way_is_refused_and_both_remedies_named(text, trained, capsys):
    line = refused(capsys, 2, "train", "--text", text, *TINY, "--out", trained)
    assert "--resume" in line
    assert "--overwrite" in line
    assert main(["train", "--text", text, *TINY, "--out", trained, "--overwrite", "--quiet"]) == 0


@pytest.mark.parametrize("flag", [["--hidden", "9"], ["--lr", "2"], ["--cell", "gru"], ["--sampling", "random"]])
def test_resume_refuses_conflicting_flags_by_name(trained, capsys, flag):
    line = refused(capsys, 2, "train", "--resume", trained, *flag)
    assert f"a resumed run keeps its options: {flag[0][2:]} is " in line


@pytest.mark.parametrize("command", [["train", "--resume"], ["sample"], ["evaluate"]])
def test_a_damaged_checkpoint_is_one_line_and_status_2(trained, capsys, command):
    path = Path(trained) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    assert "is damaged" in refused(capsys, 2, *command, trained)


# sample and evaluate -------------------------------------------------------------------------------------------------


def test_sample_writes_after_a_prefix(trained, capsys):
    model = LanguageModel.load(Path(trained) / "model.safetensors")
    assert main(["sample", trained, "--prefix", "it was", "--length", "30"]) == 0
    assert capsys.readouterr().out == model.generate("it was", 30) + "\n"
    arguments = ["sample", trained, "--prefix", "best", "--length", "30", "--temperature", "0.8", "--seed"]
    written = []
    for seed in ("5", "5", "6"):
        assert main([*arguments, seed]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1] == model.generate("best", 30, 0.8, 5) + "\n"
    assert written[0] != written[2]


def test_sample_takes_the_prefix_of_the_training_and_a_bare_model_file(trained, tmp_path, capsys):
    assert main(["sample", trained, "--length", "3"]) == 0
    assert capsys.readouterr().out.startswith("it was the")
    LanguageModel.load(Path(trained) / "model.safetensors").save(tmp_path / "bare")
    assert main(["sample", str(tmp_path / "bare"), "--prefix", "it", "--length", "3"]) == 0
    capsys.readouterr()
    assert "so it needs a --prefix, got none" in refused(capsys, 2, "sample", str(tmp_path / "bare"))


def test_evaluate_prints_nll_perplexity_and_tokens(trained, text, tmp_path, capsys):
    assert main(["evaluate", trained]) == 0
    learnt = capsys.readouterr().out
    assert main(["evaluate", trained, "--text", text]) == 0
    assert capsys.readouterr().out == learnt
    nll, ppl, tokens = (line.split() for line in learnt.splitlines())
    assert [nll[0], ppl[0], tokens[0]] == ["nll", "perplexity", "tokens"]
    assert float(ppl[1]) == pytest.approx(np.exp(float(nll[1])), rel=1e-5)
    assert int(tokens[1]) == len(TEXT) - 4 - 1
    model = LanguageModel.load(Path(trained) / "model.safetensors")
    ids = model.vocab.encode(TEXT.replace("\n", ""))
    assert float(nll[1]) == pytest.approx(model.evaluate(ids), abs=1e-5)
    LanguageModel.load(Path(trained) / "model.safetensors").save(tmp_path / "bare")
    assert main(["evaluate", str(tmp_path / "bare"), "--text", text]) == 0
    assert capsys.readouterr().out == learnt
    assert "so it needs --text or --corpus" in refused(capsys, 2, "evaluate", str(tmp_path / "bare"))


def test_evaluate_numbers_another_text_as_the_model_does_and_counts_what_it_lacks(trained, tmp_path, capsys):
    (tmp_path / "other").write_text("zebra zoo: the worst of times", encoding="utf-8")
    assert main(["evaluate", trained, "--text", str(tmp_path / "other"), "--max-tokens", "20"]) == 0
    model = LanguageModel.load(Path(trained) / "model.safetensors")
    ids = model.vocab.encode("zebra zoo the worst of times"[:20])
    printed = capsys.readouterr().out.splitlines()
    assert float(printed[0].split()[1]) == pytest.approx(model.evaluate(ids), abs=1e-5)
    assert printed[2] == "tokens 19"
    unknown = int((ids == 0).sum())
    assert unknown >= 2
    assert printed[3].startswith(f"unknown {unknown} (")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "RUN", "--prefix", "It"], "made of the text's own tokens"),
        (["sample", "RUN", "--prefix", ""], "a prefix must hold at least one token, got ''"),
        (["sample", "RUN", "--temperature", "-1"], "temperature must be 0, for the likeliest token, or positive"),
        (["sample", "RUN", "--length", "-1"], "--length and --seed must be 0 or more, got -1 and 0"),
        (["sample", "RUN", "--length", "long"], "argument --length: must be an integer, got 'long'"),
        (["sample", "/no/model"], "a model must be an existing file, found none at '/no/model'"),
        (["sample"], "the following arguments are required: DIR"),
        (["evaluate", "RUN", "--text", "/no/text"], "'/no/text', where there is no file"),
        (["evaluate", "RUN", "--max-tokens", "0"], "max_tokens must be a positive integer"),
        (["evaluate", "RUN", "--max-tokens", "1"], "at least 2 tokens"),
        (["evaluate", "RUN", "--clean", "soap"], "clean must be 'letters' or 'none', got 'soap'"),
        (["evaluate", "/no/model"], "found none at '/no/model'"),
        ([], "the following arguments are required: COMMAND"),
        (["learn"], "invalid choice: 'learn'"),
    ],
)
def test_what_sample_and_evaluate_refuse(trained, capsys, arguments, message):
    assert message in refused(capsys, 2, *(trained if word == "RUN" else word for word in arguments))


def test_a_model_without_a_vocabulary_cannot_write_text(tmp_path, capsys):
    LanguageModel(5, cell="rnn", hidden_size=3, rng=0).save(tmp_path / "m")
    assert "must hold a model with a vocabulary" in refused(capsys, 2, "sample", str(tmp_path / "m"), "--prefix", "a")


# the command itself --------------------------------------------------------------------------------------------------


def test_help_and_version(capsys):
    for arguments in (["--help"], ["train", "--help"], ["sample", "--help"], ["evaluate", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert "usage: npseq" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert capsys.readouterr().out == f"npseq {npseq.__version__}\n"


def test_an_unexpected_error_keeps_its_traceback(trained, monkeypatch):
    def broken(self):
        raise AttributeError("a bug")

    monkeypatch.setattr("npseq.training.Run.samples", broken)
    with pytest.raises(AttributeError, match="a bug"):
        main(["train", "--resume", trained, "--quiet"])


def test_the_module_runs_as_a_command_and_loads_nothing_heavy(tmp_path):
    code = (
        "import sys, npseq.cli; print([m for m in ('matplotlib', 'tqdm', 'safetensors', 'scipy') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
    run = subprocess.run([sys.executable, "-m", "npseq", "sample", "/no/model"], capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr == "npseq: error: a model must be an existing file, found none at '/no/model'; check the path\n"


# inspect -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table and the names of the figures; drawing them is tested where they are made."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", lambda self, path, **options: Path(path).write_bytes(b""))


LOOK = ["--steps", "5", "--batch-size", "2"]


@pytest.mark.usefixtures("no_drawing")
def test_inspect_looks_into_a_run_before_and_after_its_training(trained, capsys):
    assert main(["inspect", trained, *LOOK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Lyapunov" in lines[0]
    assert [line.split("  ")[0].strip() for line in lines[1:3]] == ["RNN before training", "RNN after training"]
    figures = {path.name for path in Path(trained, "inspect").iterdir()}
    assert figures == {
        "gradient_by_lag.png", "truncation_bias.png", "jacobians.png", "pairs_rnn_before_training.png",
        "pairs_rnn_after_training.png", "adjoints_over_training_rnn.png",
    }  # fmt: skip
    assert lines[-1] == f"figures in {Path(trained, 'inspect')}: {', '.join(sorted(figures))}"


@pytest.mark.usefixtures("no_drawing")
def test_inspect_draws_cells_over_each_other(tmp_path, text, capsys):
    arguments = ["--text", text, *LOOK, "--hidden", "4", "--seed", "3", "--max-lag", "4", "--out", str(tmp_path / "o")]
    assert main(["inspect", *arguments]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:4]] == ["RNN", "GRU", "LSTM"]
    assert {"gates_gru.png", "gates_lstm.png", "pairs_rnn.png"} <= {path.name for path in (tmp_path / "o").iterdir()}
    assert main(["inspect", "--cell", "lstm", *arguments]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:2]] == ["LSTM"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--cell", "lstm"], "a run has its own cell, corpus, hidden and seed, got cells beside it"),
        (["RUN", "--text", "x", "--seed", "1"], "got corpus, seed beside it"),
        (["/no/run"], "a model must be an existing file, found none at '/no/run'"),
        (["--cell", "transformer"], "argument --cell: invalid choice: 'transformer'"),
        (["--text", "/no/text"], "'/no/text', where there is no file"),
        (["RUN", "--steps", "0"], "steps and batch_size must be at least 1, got 0 and 4"),
        (["RUN", "--steps", "900"], "the text must hold 2 * steps + 1 = 1801 tokens"),
        (["--steps", "many"], "argument --steps: must be an integer, got 'many'"),
    ],
)
def test_what_inspect_refuses(trained, capsys, arguments, message):
    assert message in refused(capsys, 2, "inspect", *(trained if word == "RUN" else word for word in arguments))
    assert not Path(trained, "inspect").exists()


def test_inspect_needs_a_training_run(trained, tmp_path, capsys):
    LanguageModel.load(Path(trained) / "model.safetensors").save(tmp_path / "bare")
    assert "must hold a training run to look into" in refused(capsys, 2, "inspect", str(tmp_path / "bare"))
