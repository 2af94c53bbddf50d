"""The command line has help and a version, keeps the traceback of a bug, and loads nothing heavy before it must."""

import subprocess
import sys

import pytest
from commands.command_line import refused

import npseq
from npseq.cli import main


def test_help_and_version(capsys):
    for arguments in (["--help"], ["train", "--help"], ["sample", "--help"], ["evaluate", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert "usage: npseq" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert capsys.readouterr().out == f"npseq {npseq.__version__}\n"


def test_an_unexpected_error_keeps_its_traceback(monkeypatch):
    def broken(model):
        raise AttributeError("a bug")

    monkeypatch.setattr("npseq.commands.sample.load", broken)
    with pytest.raises(AttributeError, match="a bug"):
        main(["sample", "run"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a command is required, one of train, sample, "),
        (["teach"], "invalid choice: 'teach'"),
        (["completion", "fish"], "invalid choice: 'fish'"),
    ],
)
def test_an_unknown_command_is_one_line_and_status_2(capsys, arguments, message):
    assert message in refused(capsys, 2, *arguments)


def test_an_interrupt_outside_of_training_is_one_line_and_status_130(monkeypatch, capsys):
    def interrupted(model):
        raise KeyboardInterrupt

    monkeypatch.setattr("npseq.commands.sample.load", interrupted)
    assert main(["sample", "run"]) == 130
    assert capsys.readouterr().err == "npseq: interrupted\n"


def test_the_command_line_loads_nothing_heavy():
    code = (
        "import sys, npseq.cli; print([m for m in ('matplotlib', 'tqdm', 'safetensors', 'scipy') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["sample", "run", "--lenght", "20"],
            "arguments: --lenght 20; did you mean --length?; see npseq sample --help",
        ),
        (["sampl", "run"], "did you mean sample?; see npseq --help"),
        (["sample", "run", "--temp", "1"], "arguments: --temp 1; did you mean --temperature?; see npseq sample"),
        (["sample", "run", "The", "end"], "arguments: The end; a prefix is given by --prefix 'The end'; see npseq"),
        (["train", "--wholly-else"], "unrecognized arguments: --wholly-else; see npseq train --help"),
    ],
)
def test_a_word_that_is_nearly_right_is_told(capsys, arguments, message):
    assert message in refused(capsys, 2, *arguments)
