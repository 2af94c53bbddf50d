"""`npseq evaluate` prints the loss of a text as the model's `evaluate` computes it."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands.command_line import TEXT, refused

from npseq.cli import main
from npseq.models import LanguageModel


def test_evaluate_prints_nll_perplexity_and_tokens(trained, text, tmp_path, capsys):
    assert main(["evaluate", trained, "--text", text]) == 0
    learnt = capsys.readouterr().out
    name, ppl, nll, tokens = (line.split() for line in learnt.splitlines())
    assert [name[0], nll[0], ppl[0], tokens[0]] == [text, "nll", "perplexity", "tokens"]
    assert float(ppl[1][:-1]) == pytest.approx(np.exp(float(nll[1])), rel=1e-5)
    assert float(ppl[2]) == pytest.approx(float(nll[1]) / np.log(2), abs=1e-3)
    assert int(tokens[1]) == len(TEXT) - 1
    model = LanguageModel.load(Path(trained) / "best.safetensors")
    assert float(nll[1]) == pytest.approx(model.evaluate(model.vocab.encode(TEXT)), abs=1e-5)
    LanguageModel.load(Path(trained) / "best.safetensors").save(tmp_path / "bare")
    assert main(["evaluate", str(tmp_path / "bare"), "--text", text]) == 0
    assert capsys.readouterr().out == learnt.replace("a character", "a token")
    assert "so it needs --text or --corpus" in refused(capsys, 2, "evaluate", str(tmp_path / "bare"))


def test_what_is_held_out_is_measured_and_named_as_in_training(trained, capsys):
    assert main(["evaluate", trained]) == 0
    name, ppl, _, tokens = capsys.readouterr().out.splitlines()
    assert name == "the held-out last 0.1 of text.txt"
    rows = [json.loads(line) for line in (Path(trained) / "metrics.jsonl").read_text().splitlines()]
    best = min(row["held_out_perplexity"] for row in rows)
    assert float(ppl.split()[1][:-1]) == pytest.approx(best, rel=1e-5)
    assert tokens == f"tokens {round(0.1 * len(TEXT)) - 1}"


def test_evaluate_numbers_another_text_as_the_model_does_and_counts_what_it_lacks(trained, tmp_path, capsys):
    (tmp_path / "other").write_text("zebra zoo: the worst of times", encoding="utf-8")
    assert main(["evaluate", trained, "--text", str(tmp_path / "other"), "--max-tokens", "20"]) == 0
    model = LanguageModel.load(Path(trained) / "best.safetensors")
    ids = model.vocab.encode("zebra zoo: the worst of times"[:20])
    printed = capsys.readouterr().out.splitlines()
    assert float(printed[2].split()[1]) == pytest.approx(model.evaluate(ids), abs=1e-5)
    assert printed[3] == "tokens 19"
    unknown = int((ids == 0).sum())
    assert unknown >= 2
    assert printed[4].startswith(f"unknown {unknown} (")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--text", "/no/text"], "--text must be an existing file, found none at '/no/text'; check the path"),
        (["RUN", "--text", "a", "--text", "b"], "one --text is read, got 2; join them: cat a b > all.txt, then --text"),
        (["RUN", __file__], f"; a text is named by --text {__file__}; see npseq evaluate"),
        (["RUN", "--max-tokens", "0"], "--max-tokens must be a positive integer"),
        (["RUN", "--max-tokens", "1"], "at least 2 tokens"),
        (["RUN", "--clean", "soap"], "clean must be 'letters' or 'none', got 'soap'"),
        (["/no/model"], "found none at '/no/model'"),
    ],
)
def test_bad_input_of_evaluate_is_one_line_and_status_2(trained, capsys, arguments, message):
    assert message in refused(capsys, 2, "evaluate", *(trained if word == "RUN" else word for word in arguments))
