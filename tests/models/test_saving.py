"""The content of a language model's file, and what is refused before memory is taken for it."""

import json

import numpy as np
import pytest

from npseq.activations import Activation
from npseq.data import Vocabulary
from npseq.models import LanguageModel
from npseq.models.saving import content_of, model_from

MODEL = LanguageModel(Vocabulary("abc"), "rnn", 4, rng=0)


def changed(**config):
    content = content_of(MODEL)
    options = json.dumps({**json.loads(content.metadata["config"]), **config})
    return content._replace(metadata={**content.metadata, "config": options})


def test_the_content_makes_the_model_again():
    again = model_from(LanguageModel, content_of(MODEL), "m")
    np.testing.assert_array_equal(again.params.flat, MODEL.params.flat)
    assert (again.config, again.vocab) == (MODEL.config, MODEL.vocab)


def test_later_draws_come_from_the_generator_that_is_given():
    rng = np.random.default_rng(0)
    model = model_from(LanguageModel, content_of(MODEL), "m", rng)
    assert model.recurrent.dropout.rng is rng


def test_tensors_of_a_checkpoint_are_no_parameters():
    content = content_of(MODEL)
    more = content._replace(tensors={**content.tensors, "optimizer/m": np.zeros(3)})
    np.testing.assert_array_equal(model_from(LanguageModel, more, "m").params.flat, MODEL.params.flat)
    fewer = content._replace(tensors={"optimizer/m": np.zeros(MODEL.params.flat.size)})
    with pytest.raises(ValueError, match=r"'m' is damaged \(its configuration has 56 parameters, it holds 0\)"):
        model_from(LanguageModel, fewer, "m")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (changed(hidden_size=10**9), "its configuration has .* parameters, it holds 56"),
        (changed(hidden_size=-1), "hidden_size must be an integer of at least 0, got -1"),
        (changed(dtype="float64"), "its parameters must be .*float64.* they are .*float32"),
        (changed(colour="red"), "unexpected keyword argument 'colour'"),
        (content_of(MODEL)._replace(metadata={}), "it lacks 'config'"),
        (changed()._replace(tensors={"a": np.zeros(56)}), r"its parameters must be .*they are .*'a'"),
    ],
)
def test_a_content_that_is_no_model_is_refused(content, message):
    with pytest.raises(ValueError, match=rf"'m' is damaged \(.*{message}"):
        model_from(LanguageModel, content, "m")


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "rnn", "nonlinearity": Activation("elu", alpha=0.5)},
        {"cell": "gru", "gate_activation": "hard_sigmoid", "activation": Activation("relu", clip=2.0)},
        {"cell": "lstm", "activation": "softsign", "output_activation": "linear", "peepholes": True},
    ],
    ids=str,
)
def test_a_model_keeps_its_activations(options, tmp_path):
    model = LanguageModel(5, hidden_size=4, num_layers=2, rng=0, **options)
    model.save(tmp_path / "model")
    again = LanguageModel.load(tmp_path / "model")
    assert again.recurrent.cell == model.recurrent.cell
    ids = np.arange(8).reshape(4, 2) % 5
    np.testing.assert_array_equal(again.logits(ids)[0], model.logits(ids)[0])


def test_a_file_of_the_usual_activations_does_not_name_them():
    """So that older versions read it, and their files are read."""
    assert "gate_activation" not in LanguageModel(5, "lstm", 4, activation="tanh").config
    assert LanguageModel(5, "lstm", 4, activation="relu").config["activation"] == "relu"
