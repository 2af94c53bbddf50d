"""The file of a language model: parameters, configuration and vocabulary."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from npseq.data import Vocabulary
from npseq.files import read_content
from npseq.models import LanguageModel
from npseq.models.saving import FORMAT, model_from

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
    model.save(tmp_path / "m.safetensors")
    again = LanguageModel.load(tmp_path / "m.safetensors")
    assert again.params.flat.dtype == model.params.flat.dtype
    assert again.params.flat.tobytes() == model.params.flat.tobytes()
    assert again.config == model.config
    assert again.vocab == model.vocab
    assert again.generate("hell", 10) == model.generate("hell", 10)


def test_a_model_without_a_vocabulary_keeps_its_size(tmp_path):
    model = LanguageModel(7, cell="rnn", hidden_size=4, rng=0)
    model.save(tmp_path / "m")
    again = LanguageModel.load(str(tmp_path / "m"))
    assert again.vocab is None
    assert again.vocab_size == 7
    np.testing.assert_array_equal(again.params.flat, model.params.flat)


def test_the_file_is_plain_safetensors_under_the_names_of_params(tmp_path):
    model = LanguageModel(Vocabulary("abc"), cell="gru", hidden_size=4, rng=0)
    model.save(tmp_path / "m.safetensors")
    tensors = load_file(tmp_path / "m.safetensors")
    assert tensors.keys() == set(model.params)
    np.testing.assert_array_equal(tensors["recurrent.W_hz"], model.params["recurrent.W_hz"])
    assert sum(tensor.size for tensor in tensors.values()) == model.params.flat.size
    with safe_open(tmp_path / "m.safetensors", framework="numpy") as file:
        metadata = file.metadata()
    assert json.loads(metadata["config"])["cell"] == "gru"
    assert json.loads(metadata["vocabulary"])["tokens"] == ["<unk>", "a", "b", "c"]
    assert metadata["version"] == "1"


def test_tensors_of_a_checkpoint_are_no_parameters(tmp_path):
    model = LanguageModel(5, cell="rnn", hidden_size=4, rng=0)
    model.save(tmp_path / "m")
    content = read_content(tmp_path / "m", FORMAT)
    more = content._replace(tensors={**content.tensors, "optimizer/m": np.zeros(3)})
    np.testing.assert_array_equal(model_from(LanguageModel, more, "m").params.flat, model.params.flat)
    fewer = content._replace(tensors={"optimizer/m": np.zeros(model.params.flat.size)})
    with pytest.raises(ValueError, match=r"'m' is damaged \(its configuration has 65 parameters, it holds 0\)"):
        model_from(LanguageModel, fewer, "m")
