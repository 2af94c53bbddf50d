"""The first line of a run says what is learnt, by what, and where."""

import pytest
from training.plain_runs import PLAIN

from npseq.training import Run, TrainingConfig
from npseq.training.opening import computed_on, opening


def test_what_the_vocabulary_lacks_of_another_text_is_counted(tmp_path, text_file):
    other = tmp_path / "other.txt"
    other.write_text("it was 1905\n")
    config = {
        **PLAIN,
        "corpus": str(text_file),
        "clean": "none",
        "hidden_size": 5,
        "epochs": 1,
        "batch_size": 2,
        "steps": 6,
    }
    line = opening(Run.begin(TrainingConfig(**{**config, "valid": str(other)}), tmp_path / "run"))
    assert f" characters, 12 of {other} held out (4 of them unknown); vocabulary " in line
    assert line.endswith(" 1 epoch; cpu, 1 thread")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {},
            "329 characters, letters only; vocabulary 22; RNN, 5 units, 272 parameters, float32; sgd, lr 1 constant, 2",
        ),
        ({"token": "word"}, "72 words, letters only; vocabulary 14; RNN, "),
        ({"cell": "gru", "num_layers": 2, "valid": 0.1, "clean": "none"}, "296 characters, 33 more held out; "),
    ],
)
def test_the_line_of_a_run(tmp_path, text_file, options, told):
    config = {**PLAIN, "corpus": str(text_file), "hidden_size": 5, "epochs": 2, "batch_size": 2, "steps": 6, **options}
    line = opening(Run.begin(TrainingConfig(**config), tmp_path / "run"))
    assert line.startswith(f"learning {text_file}: ")
    assert told in line
    assert line.endswith("2 epochs; cpu, 1 thread")


def test_the_device_and_the_threads():
    assert computed_on(TrainingConfig(threads=3)) == "cpu, 3 threads"
    assert computed_on(TrainingConfig(device="gpu")) == "gpu"
