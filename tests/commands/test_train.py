"""`npseq train` writes the files of a run, continues one, and refuses bad input in one line."""

import json
import os
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from commands.command_line import TEXT, TINY, refused
from training.distributed.thread_ranks import on_ranks

from npseq.cli import main
from npseq.models import LanguageModel
from npseq.training import load_checkpoint
from npseq.training.distributed import mpi as launcher


def test_train_writes_the_files_and_prints_the_result(tmp_path, text, capsys):
    out = tmp_path / "run"
    assert main(["train", "--text", text, *TINY, "--out", str(out), "--sample-prefix", "it was"]) == 0
    printed = capsys.readouterr().out.splitlines()
    files = ["best.safetensors", "metrics.jsonl", "model.safetensors", "training.png"]
    assert sorted(path.name for path in out.iterdir()) == files
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    learnt, held = len(TEXT) - round(0.1 * len(TEXT)), round(0.1 * len(TEXT))
    assert printed[0].startswith(f"learning {text}: {learnt} characters, {held} more held out; vocabulary 17; LSTM, 8 ")
    assert printed[0].endswith("; cpu, 1 thread")
    for k, line in enumerate(printed[1:3]):
        told = f"perplexity {rows[k]['perplexity']:.3f}, held out {rows[k]['held_out_perplexity']:.3f}, "
        assert line.startswith(f"epoch {k + 1}  {told}")
    assert printed[3] == f"perplexity {rows[1]['perplexity']:.3f} while training (epoch 2)"
    best = min(rows, key=lambda row: row["held_out_perplexity"])
    held = best["held_out_perplexity"]
    assert printed[4] == (
        f"perplexity {held:.3f}, {np.log2(held):.3f} bits a character, on the held-out last 0.1 of text.txt "
        f"(epoch {best['epoch']}, the best epoch, kept as best.safetensors)"
    )
    assert printed[5].endswith(" tokens/s on cpu")
    assert printed[6].startswith("sample: it was")
    assert printed[-1].startswith("files: ")
    assert (out / "training.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_figure")
def test_the_sizes_of_the_model_have_their_earlier_flags_too(tmp_path, text):
    flags = ["--hidden", "3", "--layers", "2", "--embedding", "4", "--epochs", "1", "--batch-size", "4", "--steps", "6"]
    assert main(["train", "--text", text, *flags, "--quiet", "--out", str(tmp_path / "run")]) == 0
    config = load_checkpoint(tmp_path / "run" / "model.safetensors").config
    assert (config.hidden_size, config.num_layers, config.embedding_size) == (3, 2, 4)


@pytest.mark.usefixtures("no_figure")
def test_a_held_out_file_is_kept_by_its_absolute_path(tmp_path, text, monkeypatch, capsys):
    (tmp_path / "held.txt").write_text("it was the best of times")
    monkeypatch.chdir(tmp_path)
    arguments = ["train", "--text", text, *TINY, "--quiet", "--valid"]
    for k, name in enumerate(["held.txt", "./held.txt"]):
        assert main([*arguments, name, "--out", f"run{k}"]) == 0
        assert load_checkpoint(f"run{k}/model.safetensors").config.valid == str((tmp_path / "held.txt").resolve())
    capsys.readouterr()
    assert "found none at 'no.txt'" in refused(capsys, 2, *arguments, "./no.txt", "--out", "run")


def test_tf32_belongs_to_a_gpu(capsys, tmp_path, text):
    told = refused(capsys, 2, "train", "--text", text, "--tf32", "--out", str(tmp_path / "run"))
    assert "tf32 belongs to device gpu and dtype float32, got 'cpu' and 'float32'" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_figure")
def test_every_flag_reaches_the_configuration(tmp_path, text):
    flags = """
        --token word --clean letters --max-tokens 200 --valid 0.2 --patience 3 --cell lstm --hidden-size 6
        --num-layers 2 --embedding-size 4
        --tied --bidirectional --dropout 0.25 --initializer normal --peepholes --proj-size 2 --dtype float64
        --optimizer adam --lr 0.5 --clip none --epochs 1 --batch-size 2 --steps 4 --sampling random --evaluate-every 1
        --device cpu --seed 11 --min-freq 1 --max-size 60 --end-of-line <eos> --warmup 3 --sample-every 1
        --schedule exponential --weight-decay 0.1 --temperature 0.25
        --sample-prefix it --sample-prefix was --bptt-every 2 --bptt-steps 2 --truncation random:0.9 --threads 1
    """
    assert main(["train", "--text", text, *shlex.split(flags), "--out", str(tmp_path / "run")]) == 0
    config = load_checkpoint(tmp_path / "run" / "model.safetensors").config.to_dict()
    assert config == {
        "corpus": text,
        "token": "word",
        "clean": "letters",
        "max_tokens": 200,
        "valid": 0.2,
        "patience": 3,
        "schedule": "exponential",
        "weight_decay": 0.1,
        "temperature": 0.25,
        "min_freq": 1,
        "max_size": 60,
        "end_of_line": "<eos>",
        "warmup": 3,
        "sample_every": 1,
        "cell": "lstm",
        "hidden_size": 6,
        "num_layers": 2,
        "embedding_size": 4,
        "tied": True,
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
        "compiled": False,  # with Numba alone
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
    assert "sample: The " in printed
    assert "epoch 1 " not in printed
    assert (tmp_path / "npseq-run" / "model.safetensors").is_file()


@pytest.mark.usefixtures("no_figure")
def test_resume_goes_on_to_the_same_bits(tmp_path, text, trained, capsys):
    assert main(["train", "--text", text, *TINY, "--epochs", "5", "--out", str(tmp_path / "straight")]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", trained, "--epochs", "5", "--quiet", "--hidden-size", "8"]) == 0
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
    arguments = [
        "train",
        "--text",
        text,
        *TINY,
        "--cell",
        "rnn",
        "--nonlinearity",
        "relu",
        "--lr",
        "1e20",
        "--clip",
        "none",
        "--quiet",
    ]
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
        if len(calls) > 9:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails_later)
    line = refused(capsys, 1, "train", "--text", text, *TINY, "--quiet", "--out", str(tmp_path / "run"))
    assert "No space left on device; make room on its disk; the checkpoint of epoch 1 stays in" in line


# what train refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden-size", "many"], "argument --hidden-size: must be an integer, got 'many'"),
        (["--clip", "some"], "argument --clip: must be a number or none, got 'some'"),
        (["--hidden-size", "0"], "--hidden-size must be an integer of at least 1, got 0"),
        (["--cell", "transformer"], "cell must be one of 'rnn', 'gru', 'lstm', got 'transformer'"),
        (["--cell", "rnn", "--peepholes"], "peepholes belongs to cell lstm"),
        (["--corpus", "shakespeare"], "argument --corpus: invalid choice: 'shakespeare'"),
        (["--corpus", "time-machine", "--text", "x"], "argument --text: not allowed with argument --corpus"),
        (["--bptt-every", "4"], "--bptt-every must divide steps"),
        (["--bptt-every", "few"], "argument --bptt-every: must be an integer or none, got 'few'"),
        (["--bptt-steps", "3"], "--bptt-steps must be at least --bptt-every"),
        (["--truncation", "half"], "truncation must be full, truncated:STEPS, random:KEEP"),
        (["--hid", "3"], "unrecognized arguments: --hid 3"),
        (["--width", "3"], "unrecognized arguments: --width 3"),
        (["extra"], "unrecognized arguments: extra"),
        (["--hidden-size"], "argument --hidden-size: expected one argument"),
        (["--text", "/no/such/file"], "--text must be an existing file, found none at '/no/such/file'"),
        (["--text", "."], "--text must be a file, '.' is a folder; name a file in it, or join its files into one"),
        (["--valid", "20%"], "--valid, if no share such as 0.1, must be an existing file, found none at '20%'"),
        (["--text", __file__, "--valid", __file__], "must be another text than the one that is learnt"),
        (["--text", "a", "--text", "b c"], "one --text is read, got 2; join them: cat a 'b c' > all.txt, then"),
        (["--text", __file__, __file__], f"one --text is read, got 2; join them: cat {__file__} {__file__} > all.txt"),
        ([__file__] * 6, f"{__file__} and 2 more; one --text is read, got 6; join them: cat FILES > all.txt"),
        ([__file__], f"unrecognized arguments: {__file__}; a text is named by --text {__file__}; see npseq train"),
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
        (b" \n" * 100, "must hold something"),
        (b"too short", "the text must hold at least --batch-size * steps + 1 = 32 * 35 + 1 = 1121 tokens, got 9"),
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


@pytest.mark.parametrize(
    ("flag", "named"),
    [
        (["--hidden-size", "9"], "--hidden-size"),
        (["--hidden", "9"], "--hidden-size"),
        (["--clip", "2"], "clip"),
        (["--cell", "gru"], "cell"),
        (["--sampling", "random"], "sampling"),
    ],
)
def test_resume_refuses_conflicting_flags_by_name(trained, capsys, flag, named):
    line = refused(capsys, 2, "train", "--resume", trained, *flag)
    assert f"a resumed run keeps its options: {named} is " in line


def test_a_trace_needs_one_process(tmp_path, text, monkeypatch, capsys):
    """It looks at one rank's sequences, and after every update, so that this rank would leave the others waiting."""

    def work(rank):
        monkeypatch.setattr(launcher, "join_launched", lambda mpi: rank)
        return main(["train", "--text", text, "--out", str(tmp_path / "out"), "--trace-nonfinite"])

    assert on_ranks(1, work) == [2]
    assert "--trace-nonfinite needs one process, where all sequences" in capsys.readouterr().err


@pytest.mark.usefixtures("no_figure")
def test_a_run_that_is_finished_says_how_to_go_on(trained, capsys):
    assert main(["train", "--resume", trained]) == 0
    told = "the run has its 2 epochs already; a larger --epochs, or --patience, goes on\n"
    assert capsys.readouterr().out.startswith(told)
