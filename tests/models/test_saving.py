from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from npseq.data import Vocabulary
from npseq.models import LanguageModel
from npseq.models.saving import load_model, save_model

KINDS = [
    {"cell": "rnn", "nonlinearity": "relu"},
    {"cell": "gru", "num_layers": 2, "reset": "after", "bidirectional": True},
    {"cell": "gru", "reset": "before", "dtype": np.float64},
    {"cell": "lstm", "peepholes": True, "embedding_size": 3, "initializer": "normal"},
    {"cell": "lstm", "proj_size": 2, "num_layers": 2, "dropout": 0.5},
]


@pytest.mark.parametrize("options", KINDS)
def test_a_loaded_model_is_the_saved_one_bit_for_bit(tmp_path, options):
    model = LanguageModel(Vocabulary("hello world"), hidden_size=5, rng=1, **options)
    save_model(model, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert again.params.flat.dtype == model.params.flat.dtype
    assert again.params.flat.tobytes() == model.params.flat.tobytes()
    assert again.config == model.config
    assert again.vocab == model.vocab
    assert again.generate("hell", 10) == model.generate("hell", 10)


def test_the_methods_of_the_model_write_and_read_the_same(tmp_path):
    model = LanguageModel(7, cell="rnn", hidden_size=4, rng=0)
    model.save(tmp_path / "m")
    again = LanguageModel.load(str(tmp_path / "m"))
    assert again.vocab is None
    assert again.vocab_size == 7
    np.testing.assert_array_equal(again.params.flat, model.params.flat)


def test_the_file_is_plain_safetensors_under_the_notes_names(tmp_path):
    model = LanguageModel(Vocabulary("abc"), cell="gru", hidden_size=4, rng=0)
    save_model(model, tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    assert tensors.keys() == set(model.params)
    np.testing.assert_array_equal(tensors["recurrent.W_hz"], model.params["recurrent.W_hz"])
    assert sum(tensor.size for tensor in tensors.values()) == model.params.flat.size
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        metadata = file.metadata()
    assert json.loads(metadata["config"])["cell"] == "gru"
    assert json.loads(metadata["vocabulary"])["tokens"] == ["<unk>", "a", "b", "c"]
    assert metadata["version"] == "1"


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(LanguageModel(Vocabulary("abc"), cell="rnn", hidden_size=4, rng=0), path)
    return path


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, 0.5, 0.99, -1])
def test_a_truncated_file_is_refused(saved, kept):
    raw = saved.read_bytes()
    saved.write_bytes(raw[: int(kept * len(raw)) if isinstance(kept, float) else kept])
    with pytest.raises(ValueError, match=r"m.safetensors' is damaged \(.*\); restore it from a copy, or train again"):
        load_model(saved)


def test_every_kind_of_changed_byte_is_refused(saved):
    raw = saved.read_bytes()
    header = 8 + int.from_bytes(raw[:8], "little")
    names = [b'"W_', b"tanh", b"abc"]
    places = [header, header + 33, len(raw) - 1, *(raw.find(name) + 1 for name in names if name in raw)]
    for place in places:
        saved.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(ValueError, match="damaged"):
            load_model(saved)


def test_a_changed_configuration_is_refused(saved):
    raw = saved.read_bytes()
    assert raw.count(b"uniform") == 1
    saved.write_bytes(raw.replace(b"uniform", b"unicorn"))
    with pytest.raises(ValueError, match="its content does not match its SHA-256"):
        load_model(saved)


def test_other_files_are_refused(tmp_path, saved):
    with pytest.raises(FileNotFoundError, match=r"must be an existing file, found none at .*nothing'; check the path"):
        load_model(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="found none"):
        load_model(tmp_path)
    (tmp_path / "text").write_text("It was the best of times, it was the worst of times.")
    with pytest.raises(ValueError, match="text' is damaged"):
        load_model(tmp_path / "text")
    save_file({"a": np.zeros(3)}, tmp_path / "foreign")
    with pytest.raises(ValueError, match="must be a model that npseq saved, its format is None"):
        load_model(tmp_path / "foreign")
    with safe_open(saved, framework="numpy") as file:
        metadata = file.metadata()
    save_file(load_file(saved), tmp_path / "later", {**metadata, "version": "2"})
    with pytest.raises(ValueError, match="must have version 1 of the format, it has '2'; load it with the npseq that"):
        load_model(tmp_path / "later")


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file_whole(saved, monkeypatch, name, error):
    old = saved.read_bytes()

    def fail(*arguments):
        raise error

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(type(error)):
        save_model(LanguageModel(Vocabulary("xyz"), cell="rnn", hidden_size=4, rng=1), saved)
    monkeypatch.undo()
    assert saved.read_bytes() == old
    assert os.listdir(saved.parent) == [saved.name]
    load_model(saved)


def test_what_a_crash_leaves_beside_the_file_does_not_matter(saved):
    partial = saved.with_name(f".{saved.name}.partial")
    partial.write_bytes(b"half a fi")
    load_model(saved)
    save_model(LanguageModel(Vocabulary("xyz"), cell="rnn", hidden_size=4, rng=1), saved)
    assert load_model(saved).vocab == Vocabulary("xyz")
    assert not partial.exists()


def test_saving_where_there_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        save_model(LanguageModel(3, cell="rnn", hidden_size=2, rng=0), tmp_path / "no" / "m")
