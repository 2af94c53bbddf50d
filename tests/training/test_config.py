import dataclasses
import json

import numpy as np
import pytest

from npseq.models import LanguageModel
from npseq.optim import Warmup
from npseq.training import TrainingConfig
from npseq.training.config import make_optimizer


def test_the_defaults_are_d2ls():
    config = TrainingConfig()
    assert (config.cell, config.hidden, config.layers, config.epochs) == ("rnn", 256, 1, 500)
    assert (config.batch_size, config.steps, config.max_tokens) == (32, 35, 10_000)
    assert (config.optimizer, config.lr, config.clip) == ("sgd", 1.0, 1.0)
    assert (config.corpus, config.sampling, config.device, config.seed) == ("python-topics", "sequential", "cpu", 0)


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().hidden = 3


@pytest.mark.parametrize(
    ("optimizer", "lr"), [("sgd", 1.0), ("rmsprop", 0.01), ("adam", 0.001), ("adamw", 0.001), ("adagrad", 0.01)]
)
def test_the_learning_rate_is_the_optimizers_unless_given(optimizer, lr):
    assert TrainingConfig(optimizer=optimizer).lr == lr
    assert TrainingConfig(optimizer=optimizer, lr=0.5).lr == 0.5


def test_an_update_comes_with_every_window_and_reaches_over_it_unless_given():
    for options, every, reach in (
        ({}, 35, 35),
        ({"bptt_every": 7}, 7, 7),
        ({"bptt_steps": 70}, 35, 70),
        ({"bptt_every": 5, "bptt_steps": 12}, 5, 12),
    ):
        epoch = TrainingConfig(**options).one_epoch()
        assert (epoch.every, epoch.reach) == (every, reach)


def test_json_carries_it_there_and_back():
    config = TrainingConfig(cell="lstm", peepholes=True, clip=None, max_tokens=None, sample_prefix=("a", "b"), lr=2)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_older_runs_have_the_defaults_of_what_they_lack():
    content = TrainingConfig(hidden=9).to_dict()
    for name in ("tf32", "min_freq", "max_size", "end_of_line", "warmup", "sample_every"):
        del content[name]
    assert TrainingConfig.from_dict(content) == TrainingConfig(hidden=9)


def test_a_warm_up_is_that_of_the_optimizer():
    assert make_optimizer(TrainingConfig(optimizer="adam", warmup=5)).lr == Warmup(0.001, 5)
    assert make_optimizer(TrainingConfig(optimizer="adam")).lr == 0.001


def test_a_stored_configuration_of_another_version_is_refused():
    content = TrainingConfig().to_dict()
    content["width"] = content.pop("hidden")
    with pytest.raises(ValueError, match=r"missing \['hidden'\], unknown \['width'\]"):
        TrainingConfig.from_dict(content)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "gpu"}, "cell must be one of rnn, gru, lstm, got 'gpu'"),
        ({"token": "line"}, "token must be one of char, word, jieba, got 'line'"),
        ({"clean": "all"}, "clean must be one of letters, none, got 'all'"),
        ({"sampling": "shuffled"}, "sampling must be one of sequential, sequential-reset, random, got 'shuffled'"),
        ({"optimizer": "lion"}, "optimizer must be one of sgd, rmsprop, adam, adamw, adagrad, got 'lion'"),
        ({"dtype": "float16"}, "dtype must be one of float32, float64, got 'float16'"),
        ({"device": "cuda"}, "device must be one of cpu, gpu, got 'cuda'"),
        ({"initializer": "zeros"}, "initializer must be one of uniform, normal, keras, got 'zeros'"),
        ({"nonlinearity": "gelu"}, "nonlinearity must be one of tanh, relu, got 'gelu'"),
        ({"reset": "never"}, "reset must be one of after, before, got 'never'"),
        ({"hidden": 0}, "hidden must be an integer of at least 1, got 0"),
        ({"layers": -1}, "layers must be an integer of at least 1, got -1"),
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"epochs": 10**20}, "epochs must be an integer of at most 1000000000, got 1"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"steps": 0}, "steps must be an integer of at least 1, got 0"),
        ({"max_tokens": 0}, "max_tokens must be an integer of at least 1, got 0"),
        ({"embedding": 0}, "embedding must be an integer of at least 1, got 0"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"evaluate_every": -1}, "evaluate_every must be an integer of at least 0, got -1"),
        ({"proj_size": -1, "cell": "lstm"}, "proj_size must be an integer of at least 0, got -1"),
        ({"proj_size": 8, "hidden": 8, "cell": "lstm"}, "proj_size must be smaller than hidden = 8, got 8"),
        ({"lr": 0}, r"lr must be a positive number, got 0\.0"),
        ({"lr": float("inf")}, "lr must be a positive number, got inf"),
        ({"clip": -1}, "clip must be a positive number, got -1"),
        ({"clip": float("nan")}, "clip must be a positive number, got nan"),
        ({"dropout": 1.0, "layers": 2}, r"dropout must lie in \[0, 1\), got 1\.0"),
        ({"dropout": 0.5}, "dropout acts between layers and needs layers of at least 2"),
        ({"corpus": ""}, "must not be empty texts"),
        ({"sample_prefix": ("a", "")}, "must not be empty texts"),
        (
            {"peepholes": True},
            "peepholes belongs to cell lstm, got peepholes True with cell rnn; leave it out or change",
        ),
        ({"proj_size": 3, "cell": "gru"}, "proj_size belongs to cell lstm, got proj_size 3 with cell gru"),
        ({"reset": "before"}, "reset belongs to cell gru"),
        ({"nonlinearity": "relu", "cell": "lstm"}, "nonlinearity belongs to cell rnn"),
        ({"bptt_every": 0}, "bptt_every must be an integer of at least 1, got 0"),
        ({"bptt_steps": 0}, "bptt_steps must be an integer of at least 1, got 0"),
        ({"bptt_every": 10}, "bptt_every must divide steps, .* got bptt_every 10 and steps 35"),
        ({"bptt_steps": 34}, "bptt_steps must be at least bptt_every"),
        ({"bptt_steps": 36, "bidirectional": True}, "bptt_steps beyond bptt_every needs a model of one direction"),
        ({"truncation": "h-detach:0.5"}, "truncation h-detach belongs to cell lstm, got 'h-detach:0.5' with cell rnn"),
    ],
)
def test_values_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 2.0}, r"hidden must be an integer, got 2\.0"),
        ({"hidden": True}, "hidden must be an integer, got True"),
        ({"hidden": None}, "hidden must be an integer, got None"),
        ({"lr": "1"}, "lr must be a number, got '1'"),
        ({"cell": None}, "cell must be a string, got None"),
        ({"peepholes": 1}, "peepholes must be True or False, got 1"),
        ({"sample_prefix": "time"}, "sample_prefix must be a tuple of strings, got 'time'"),
        ({"sample_prefix": (1,)}, r"sample_prefix must be a tuple of strings, got \(1,\)"),
    ],
)
def test_values_of_another_kind_are_refused(options, message):
    with pytest.raises(TypeError, match=message):
        TrainingConfig(**options)


@pytest.mark.parametrize("options", [{"device": "cpu"}, {"device": "gpu", "dtype": "float64"}])
def test_tf32_belongs_to_float32_on_a_device(options):
    with pytest.raises(ValueError, match="tf32 belongs to device gpu and dtype float32"):
        TrainingConfig(tf32=True, **options)


def test_the_docstring_lists_every_field_with_the_help_of_its_flag():
    listed = TrainingConfig.__doc__.partition("Args:\n")[2].partition("\n\nRaises:")[0].splitlines()
    assert [line.split(":")[0].strip() for line in listed] == [
        entry.name for entry in dataclasses.fields(TrainingConfig)
    ]
    assert "    cell: the recurrent layers (rnn, gru, lstm)." in listed


def test_the_model_takes_the_options_that_belong_to_it():
    config = TrainingConfig(cell="lstm", hidden=6, layers=2, embedding=3, dropout=0.25, proj_size=2, dtype="float64")
    model = LanguageModel(5, **config.model_options(), rng=0)
    assert model.config == config.model_options()
    assert (model.recurrent.hidden_size, model.recurrent.num_layers, model.recurrent.state_size) == (6, 2, 2)
    assert model.embedding.params["W"].shape == (5, 3)
    assert model.params.flat.dtype == np.float64


def test_the_text_is_loaded_as_the_configuration_says(tmp_path):
    (tmp_path / "text").write_text("It was the best")
    ids, vocabulary = TrainingConfig(corpus=str(tmp_path / "text"), max_tokens=6, clean="none").load_corpus()
    assert vocabulary.decode(ids) == "It was"
    words = TrainingConfig(corpus=str(tmp_path / "text"), token="word").load_corpus()
    assert words[1].decode(words[0]) == "it was the best"


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw", "adagrad"])
def test_the_optimizer_is_the_one_named_with_its_learning_rate(name):
    optimizer = make_optimizer(TrainingConfig(optimizer=name, lr=0.25))
    assert type(optimizer).__name__.lower() == name
    assert optimizer.lr == 0.25
