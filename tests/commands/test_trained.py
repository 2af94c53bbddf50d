"""A command finds a model in a run's folder or in a file, and refuses one that it cannot use."""

from pathlib import Path

import pytest
from commands.command_line import refused

from npseq.commands.trained import load, model_file
from npseq.models import LanguageModel


def test_a_folder_means_the_model_in_it(trained):
    path = Path(trained, "model.safetensors")
    assert model_file(trained) == model_file(str(path)) == path
    (one, config, _), (other, same, _) = load(trained), load(str(path))
    assert one.params.flat.tobytes() == other.params.flat.tobytes()
    assert config == same
    assert config.hidden_size == 8


def test_a_model_saved_alone_has_no_configuration(trained, tmp_path):
    LanguageModel.load(model_file(trained)).save(tmp_path / "bare")
    assert load(str(tmp_path / "bare")).config is None


@pytest.mark.parametrize("command", [["train", "--resume"], ["sample"], ["evaluate"]])
def test_a_damaged_checkpoint_is_one_line_and_status_2(trained, capsys, command):
    for path in Path(trained).glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-9])
    assert "is damaged" in refused(capsys, 2, *command, trained)


def test_a_model_without_a_vocabulary_cannot_write_text(tmp_path, capsys):
    LanguageModel(5, cell="rnn", hidden_size=3, rng=0).save(tmp_path / "m")
    assert "must hold a model with a vocabulary" in refused(capsys, 2, "sample", str(tmp_path / "m"), "--prefix", "a")
