"""`npseq inspect` prints tables and names the figures that it has drawn."""

import json
from pathlib import Path

import pytest
from commands.command_line import refused

from npseq.cli import main
from npseq.models import LanguageModel

LOOK = ["--steps", "5", "--batch-size", "2"]


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table and the names of the figures; drawing them is tested where they are made."""
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", lambda self, file, **options: file.write(b"Software\0npseq"))


@pytest.mark.usefixtures("no_drawing")
def test_inspect_looks_into_a_run_before_and_after_its_training(trained, capsys):
    assert main(["inspect", trained, *LOOK]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Lyapunov" in lines[0]
    assert [line.split("  ")[0].strip() for line in lines[1:3]] == ["LSTM before training", "LSTM after training"]
    figures = {path.name for path in Path(trained, "inspect").iterdir()}
    assert figures == {
        "gradient_by_lag.png", "truncation_bias.png", "jacobians.png", "pairs_lstm_before_training.png",
        "pairs_lstm_after_training.png", "adjoints_over_training_lstm.png", "gates_lstm_after_training.png",
        "gates_lstm_before_training.png",
    }  # fmt: skip
    assert lines[-1] == f"figures in {Path(trained, 'inspect')}: {', '.join(sorted(figures))}"


@pytest.mark.usefixtures("no_drawing")
def test_inspect_draws_cells_over_each_other(tmp_path, text, capsys):
    arguments = [
        "--text",
        text,
        *LOOK,
        "--hidden-size",
        "4",
        "--seed",
        "3",
        "--max-lag",
        "4",
        "--out",
        str(tmp_path / "o"),
    ]
    assert main(["inspect", *arguments]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:4]] == ["RNN", "GRU", "LSTM"]
    assert {"gates_gru.png", "gates_lstm.png", "pairs_rnn.png"} <= {path.name for path in (tmp_path / "o").iterdir()}
    assert main(["inspect", "--cell", "lstm", *arguments]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:2]] == ["LSTM"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--cell", "lstm"], "a run has its own cell, --hidden-size and seed, got cells beside it"),
        (["RUN", "--text", __file__, "--seed", "1"], "got seed beside it"),
        (["RUN", "--text", __file__], "must be the one that the run in"),
        (["--text", "a", "--text", "b"], "one --text is read, got 2; join them"),
        (["/no/run"], "a model must be an existing file, found none at '/no/run'"),
        (["--cell", "transformer"], "argument --cell: invalid choice: 'transformer'"),
        (["--text", "/no/text"], "--text must be an existing file, found none at '/no/text'"),
        (["RUN", "--steps", "0"], "steps and --batch-size must be at least 1, and --batch-size at most"),
        (["RUN", "--steps", "900"], "the text must hold 2 * steps + 1 = 1801 tokens"),
        (["--steps", "many"], "argument --steps: must be an integer, got 'many'"),
    ],
)
def test_what_inspect_refuses(trained, capsys, arguments, message):
    assert message in refused(capsys, 2, "inspect", *(trained if word == "RUN" else word for word in arguments))
    assert not Path(trained, "inspect").exists()


def test_a_link_in_the_folder_of_a_run_is_not_followed(trained, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    Path(trained, "inspect").symlink_to(tmp_path / "elsewhere")
    assert "inspect' must be a folder, it is a symbolic link; name where" in refused(
        capsys, 2, "inspect", trained, *LOOK
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_inspect_needs_a_training_run(trained, tmp_path, capsys):
    LanguageModel.load(Path(trained) / "model.safetensors").save(tmp_path / "bare")
    assert "must hold a training run to look into" in refused(capsys, 2, "inspect", str(tmp_path / "bare"))


def test_a_page_of_a_run_is_written_in_place_of_figures(trained, capsys):
    assert main(["inspect", trained, "--html", *LOOK]) == 0
    path = Path(trained, "inspect", "inspect.html")
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert "A gradient of LSTM, after 2 epochs" in path.read_text("utf-8")
    assert "takes --steps and --batch-size" in refused(capsys, 2, "inspect", trained, "--html", "--epochs", "1")
    assert "--html must have a run to explain" in refused(capsys, 2, "inspect", "--html")


@pytest.mark.usefixtures("no_drawing")
def test_scripts_get_numbers(trained, capsys):
    assert main(["inspect", trained, *LOOK, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    after = found["cases"]["LSTM after training"]
    assert after["gradient_norm"] > 0
    assert len(after["norm_by_lag"]) == len(after["relative_bias_by_length"]) == 5
    assert after["relative_bias_by_length"][-1] < 1e-6
