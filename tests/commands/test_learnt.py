"""The result of a run names the text that it was measured on."""

import io
import json
from pathlib import Path

import pytest
from commands.command_line import TINY

from npseq.cli import main
from npseq.commands.learnt import text_again
from npseq.models import LanguageModel
from npseq.training import TrainingConfig

pytestmark = pytest.mark.usefixtures("no_figure")


def test_scripts_get_the_best_epoch_and_its_text(tmp_path, text, capsys):
    assert main(["train", "--text", text, *TINY, "--out", str(tmp_path / "run"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert found["evaluated"] == rows[found["best_epoch"] - 1]["held_out_perplexity"]
    assert found["evaluated_on"] == "the held-out last 0.1 of text.txt"
    assert [Path(path).name for path in found["files"]][-1] == "best.safetensors"


def test_the_samples_are_of_the_best_epoch(tmp_path, text, capsys):
    out = str(tmp_path / "run")
    given = ["--valid", str(Path(text).with_name("other.txt")), "--lr", "1", "--epochs", "4", "--temperature", "1"]
    Path(text).with_name("other.txt").write_text("it wax the bext of timex")
    assert main(["train", "--text", text, *TINY, *given, "--out", out, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best_epoch"] < 4
    wanted = LanguageModel.load(Path(out, "best.safetensors")).generate(Path(text).read_text()[:10], 50, 1.0, 0)
    assert found["samples"] == [wanted]


def test_what_was_learnt_is_named_where_nothing_was_held_out(tmp_path, text, capsys):
    assert main(["train", "--text", text, *TINY, "--out", str(tmp_path / "run"), "--valid", "0", "--quiet"]) == 0
    assert "bits a character, on text.txt, the text it learnt (epoch 2)\n" in capsys.readouterr().out
    assert not (tmp_path / "run" / "best.safetensors").exists()


def test_a_text_of_the_standard_input_is_given_again(tmp_path, text, capsys, monkeypatch):
    content = Path(text).read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
    out = str(tmp_path / "run")
    assert main(["train", "--text", "-", *TINY, "--out", out, "--quiet"]) == 0
    assert main(["train", "--resume", out, "--text", text, "--epochs", "3", "--quiet"]) == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
    again = str(tmp_path / "again")
    assert main(["train", "--text", "-", *TINY, "--out", again, "--quiet"]) == 0
    for command in (["train", "--resume", again, "--epochs", "3"], ["evaluate", again], ["inspect", again]):
        capsys.readouterr()
        assert main(command) == 2
        assert "came from the standard input and is not kept; give it again, --text FILE" in capsys.readouterr().err
    assert main(["inspect", again, "--text", text, "--steps", "4", "--epochs", "1"]) == 0
    assert text_again(TrainingConfig(corpus="-")) == " --text FILE, with the same text"
    assert text_again(TrainingConfig()) == ""
