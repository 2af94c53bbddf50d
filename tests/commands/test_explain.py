"""`npseq explain` prints a worked example, or writes it."""

import json

import pytest
from commands.command_line import refused

from npseq.cli import main


def test_a_worked_example_is_printed(capsys):
    assert main(["explain", "lstm", "--units", "2", "--steps", "3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("LSTM, 2 units, 3 steps: ")
    assert "(L17)  da_f = dc_all c f (1 - f)" in out


@pytest.mark.parametrize("name", ["rnn", "gru", "lru", "layer_norm_lstm"])
def test_every_cell_has_one(capsys, name):
    assert main(["explain", name, "--format", "html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["html"].startswith("<!doctype html>")


def test_a_pdf_is_written_and_replaced_but_nothing_else_is(tmp_path, capsys):
    path = tmp_path / "a.pdf"
    for _ in range(2):
        assert main(["explain", "rnn", "--format", "pdf", "--out", str(path)]) == 0
        assert path.read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    (tmp_path / "b").write_text("mine")
    assert "npseq did not write it" in refused(capsys, 2, "explain", "rnn", "--out", str(tmp_path / "b"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "CELL must be rnn, gru, lstm or a cell of ns.gallery"),
        (["rnn", "--units", "9"], "units must be an integer"),
        (["rnn", "--format", "word"], "--format must be"),
        (["rnn", "--format", "pdf"], "--out must name the file of a pdf"),
        (["gru", "--reset", "never"], "reset must be"),
    ],
)
def test_what_cannot_be_is_refused(capsys, arguments, message):
    assert message in refused(capsys, 2, "explain", *arguments)
