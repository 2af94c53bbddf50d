"""`train` begins a run and trains it to its end; Ctrl-C is Interrupted."""

import signal

import pytest
from training.plain_runs import PLAIN

from npseq.models import LanguageModel
from npseq.training import Interrupted, Run, TrainingConfig, train

pytestmark = pytest.mark.usefixtures("no_figure")


def test_a_run_is_trained_to_its_end(tmp_path, text_file):  # given as a pathlib.Path
    config = TrainingConfig(**PLAIN, corpus=text_file, hidden_size=4, epochs=3, batch_size=2, steps=6)
    run = train(config, tmp_path / "run")
    assert run.progress == "3 of 3 epochs"
    assert run.finished


def test_ctrl_c_is_saved_and_raised(tmp_path, text_file, monkeypatch):
    step, calls = LanguageModel.step, []

    def interrupted(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return step(self, *arguments, **options)

    monkeypatch.setattr(LanguageModel, "step", interrupted)
    config = TrainingConfig(**PLAIN, corpus=str(text_file), hidden_size=4, epochs=3, batch_size=2, steps=6)
    with pytest.raises(Interrupted):
        train(config, tmp_path / "run")
    assert Run.resume(tmp_path / "run").progress == "0 of 3 epochs and 3 steps of the next"
