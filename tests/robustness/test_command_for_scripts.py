"""The command line for scripts and people: JSON, quiet, no colours, help on one screen, completion, safe paths."""

import json
import re
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest

from npseq.cli import main
from npseq.models import LanguageModel

COMMANDS = ("train", "sample", "evaluate", "inspect", "gradcheck", "vectors", "completion")
TINY = ["--hidden-size", "4", "--epochs", "2", "--batch-size", "2", "--steps", "5", "--valid", "0"]
ESCAPE = "\x1b"


@pytest.fixture
def no_figure(monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)


@pytest.fixture
def trained(tmp_path, text_file, no_figure, capsys):
    assert main(["train", "--text", str(text_file), *TINY, "--out", str(tmp_path / "run"), "--quiet"]) == 0
    capsys.readouterr()
    return str(tmp_path / "run")


def one_object(capsys):
    """What stdout holds: one line of JSON, and nothing on stderr."""
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_train_prints_one_line_of_json(tmp_path, text_file, no_figure, capsys):
    assert main(["train", "--text", str(text_file), *TINY, "--out", str(tmp_path / "run"), "--json"]) == 0
    found = one_object(capsys)
    evaluated = {"evaluated", "evaluated_on", "best_epoch", "bits"}
    assert set(found) == {"epochs", "perplexity", "tokens_per_second", "device", "samples", "files", *evaluated}
    assert found["epochs"] == 2
    assert found["samples"][0].startswith("it was the")
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert found["perplexity"] == last["perplexity"]
    assert found["files"] == [str(tmp_path / "run" / name) for name in ("model.safetensors", "metrics.jsonl",
                                                                        "training.png")]  # fmt: skip


def test_sample_and_evaluate_print_the_same_as_json_and_in_words(trained, capsys):
    assert main(["sample", trained, "--length", "5", "--json"]) == 0
    found = one_object(capsys)
    assert main(["sample", trained, "--length", "5"]) == 0
    assert capsys.readouterr().out == found["text"] + "\n"
    assert found["text"].startswith(found["prefix"])
    assert main(["evaluate", trained, "--json"]) == 0
    found = one_object(capsys)
    assert main(["evaluate", trained]) == 0
    assert capsys.readouterr().out.splitlines()[2:3] == [f"nll {found['nll']:.6f} nats a token"]
    assert found["perplexity"] == pytest.approx(np.exp(found["nll"]))
    assert found["unknown"] == 0


def test_gradcheck_prints_one_line_of_json(capsys):
    assert main(["gradcheck", "--cell", "linear", "--method", "complex", "--quiet", "--json"]) == 0
    found = one_object(capsys)
    assert found["passed"] is True
    assert all(check["passed"] and check["max_error"] < 1e-3 for check in found["checks"])


def test_what_json_has_no_number_for_is_null(trained, text_file, capsys):
    model = LanguageModel.load(Path(trained) / "model.safetensors")
    model.params["output.W"][...] *= 1e6
    model.save(Path(trained) / "model.safetensors")
    assert main(["evaluate", trained, "--text", str(text_file), "--json"]) == 0
    found = one_object(capsys)
    assert found["perplexity"] is None
    assert found["nll"] > 1000


def test_an_error_is_a_line_on_stderr_with_json_too(capsys):
    assert main(["sample", "/no/model", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("npseq: error: ")
    assert err.count("\n") == 1


def test_no_colours_whatever_the_terminal_says(trained, capsys, monkeypatch):
    """There are none to switch off: NO_COLOR holds without being asked."""
    for name, value in (("NO_COLOR", "1"), ("FORCE_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("TERM", "xterm-256color")):
        monkeypatch.setenv(name, value)
    for arguments in (["sample", trained], ["evaluate", trained], ["train", "--resume", trained], ["sample", "/no"]):
        main(arguments)
        out, err = capsys.readouterr()
        assert ESCAPE not in out + err


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_screen(command, capsys):
    with pytest.raises(SystemExit):
        main([*command.split(), "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) < 80


def test_help_all_lists_every_flag_of_training(capsys):
    from npseq.training import TrainingConfig

    with pytest.raises(SystemExit) as caught:
        main(["train", "--help-all"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    flags = {f"--{name.replace('_', '-')}" for name in TrainingConfig.__dataclass_fields__}
    assert flags | {"--trace-nonfinite", "--json", "--quiet"} <= set(re.findall(r"--[a-z0-9-]+", shown))


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_command_and_flag(shell, capsys):
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(command in script for command in COMMANDS)
    assert "bptt-every" in script
    assert "trace-nonfinite" in script


def test_completion_in_bash_completes(capsys):
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    name = re.search(r"complete .*-F (\S+) npseq", script).group(1)
    ask = f'{script}\nCOMP_WORDS=(npseq train --hid); COMP_CWORD=2; {name}; echo "${{COMPREPLY[@]}}"'
    try:
        run = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no bash")
    assert run.stdout.split() == ["--hidden-size"]


def test_completion_without_shtab_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    assert "needs shtab, which is not installed; pip install 'npseq[completion]'" in capsys.readouterr().err


def test_trace_nonfinite_says_where_it_came_from(tmp_path, text_file, no_figure, capsys):
    arguments = [
        "train",
        "--text",
        str(text_file),
        *TINY,
        "--cell",
        "rnn",
        "--nonlinearity",
        "relu",
        "--lr",
        "1e20",
        "--clip",
        "none",
    ]
    assert main([*arguments, "--quiet", "--trace-nonfinite", "--out", str(tmp_path / "run")]) == 1
    line = capsys.readouterr().err
    assert re.search(r"; the first value that is not finite is (nan|-?inf) in .*; take a smaller lr", line)
    assert line.count("\n") == 1


# paths ---------------------------------------------------------------------------------------------------------------


def test_names_of_files_are_safe_on_windows(trained, capsys):
    """No colon, no quote, no reserved name, no dot or space at the end: a folder can be copied to any system."""
    assert main(["inspect", trained, "--steps", "5", "--batch-size", "2"]) == 0
    names = [path.relative_to(trained) for path in Path(trained).rglob("*")]
    assert len(names) > 3
    for name in names:
        for part in name.parts:
            assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*[A-Za-z0-9_-]", part)
            assert not PureWindowsPath(part).is_reserved() if sys.version_info < (3, 13) else True


def test_lines_of_the_log_end_alike_everywhere(trained):
    assert b"\r" not in (Path(trained) / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize("folder", ["a folder with spaces", "Füße und 中文", "-dash", "it's"])
def test_any_folder_will_do(tmp_path, text_file, no_figure, capsys, folder):
    out = str(tmp_path / folder)
    assert main(["train", "--text", str(text_file), *TINY, "--out", out, "--quiet"]) == 0
    assert main(["train", "--resume", out, "--epochs", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["epochs"] == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    "command", [["sample", "--length", "9"], ["sample", "--length", "50000"], ["evaluate", "--json"]]
)
def test_a_full_disk_behind_stdout_is_reported_in_one_line(trained, command):
    with open("/dev/full", "w") as full:
        arguments = [sys.executable, "-m", "npseq", command[0], trained, *command[1:]]
        run = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert run.returncode == 1
    assert re.fullmatch(r"npseq: error: the answer must find room where stdout goes: .*No space left.*\n", run.stderr)
