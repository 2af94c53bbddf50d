"""`npseq sample` continues a prefix as the model's `generate` does."""

from pathlib import Path

import pytest
from commands.command_line import refused

from npseq.cli import main
from npseq.models import LanguageModel


def test_sample_writes_after_a_prefix(trained, capsys):
    model = LanguageModel.load(Path(trained) / "best.safetensors")
    assert main(["sample", trained, "--prefix", "it was", "--length", "30", "--temperature", "0"]) == 0
    assert capsys.readouterr().out == model.generate("it was", 30) + "\n"
    arguments = ["sample", trained, "--prefix", "best", "--length", "30", "--temperature", "0.8", "--seed"]
    written = []
    for seed in ("5", "5", "6"):
        assert main([*arguments, seed]) == 0
        written.append(capsys.readouterr().out)
    assert written[0] == written[1] == model.generate("best", 30, 0.8, 5) + "\n"
    assert written[0] != written[2]
    assert main([*arguments, "5", "--top-k", "1"]) == 0
    assert capsys.readouterr().out == model.generate("best", 30) + "\n"
    refusal = refused(capsys, 2, *arguments[:6], "--temperature", "0", "--top-k", "2")
    assert "temperature must be positive with --top-k or --top-p" in refusal
    assert main(["sample", trained, "--prefix", "best", "--length", "30"]) == 0  # as in training
    assert capsys.readouterr().out == model.generate("best", 30, 0.5, 0) + "\n"


def test_line_ends_capitals_and_emoji_come_back(tmp_path, capsys, no_figure):
    text = "ROMEO: \U0001f469\u200d\U0001f469 What light?\n\nJULIET:\n\tThe East.\n" * 60
    (tmp_path / "play.txt").write_text(text, encoding="utf-8")
    flags = ["--hidden-size", "24", "--epochs", "60", "--batch-size", "4", "--steps", "20", "--lr", "0.02"]
    assert main(["train", "--text", str(tmp_path / "play.txt"), *flags, "--out", str(tmp_path / "r"), "--quiet"]) == 0
    capsys.readouterr()
    assert main(["sample", str(tmp_path / "r"), "--prefix", "ROMEO", "--length", "90", "--temperature", "0"]) == 0
    assert capsys.readouterr().out.startswith(text[:80])


def test_sample_takes_the_prefix_of_the_training_and_a_bare_model_file(trained, tmp_path, capsys):
    assert main(["sample", trained, "--length", "3"]) == 0
    assert capsys.readouterr().out.startswith("it was the")
    LanguageModel.load(Path(trained) / "model.safetensors").save(tmp_path / "bare")
    assert main(["sample", str(tmp_path / "bare"), "--prefix", "it", "--length", "3"]) == 0
    capsys.readouterr()
    assert "so it needs a --prefix, got none" in refused(capsys, 2, "sample", str(tmp_path / "bare"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--prefix", "It1"], "made of the text's own tokens"),
        (["RUN", "--prefix", ""], "a prefix must hold at least one token, got ''"),
        (["RUN", "--temperature", "-1"], "temperature must be 0, for the likeliest token, or positive"),
        (["RUN", "--length", "-1"], "length must be an integer of at least 0, got -1"),
        (["RUN", "--length", "1" + 20 * "0"], "length must be at most 100000000, got 1000000"),
        (["RUN", "--seed", "-1"], "seed must be an integer of at least 0, got -1"),
        (["RUN", "--length", "long"], "argument --length: must be an integer, got 'long'"),
        (["/no/model"], "a model must be an existing file, found none at '/no/model'"),
        ([], "the following arguments are required: DIR"),
    ],
)
def test_bad_input_of_sample_is_one_line_and_status_2(trained, capsys, arguments, message):
    assert message in refused(capsys, 2, "sample", *(trained if word == "RUN" else word for word in arguments))


@pytest.mark.parametrize("command", [["sample"], ["evaluate"]])
@pytest.mark.parametrize("content", ["It was the best of times.\n" * 9, "", "{}"])
def test_a_text_in_the_place_of_a_model_is_no_model(tmp_path, capsys, command, content):
    (tmp_path / "small.txt").write_text(content)
    line = refused(capsys, 2, *command, str(tmp_path / "small.txt"))
    assert "small.txt' is no model of npseq, it does not begin as a safetensors file does; name the folder of a" in line
