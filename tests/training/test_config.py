import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from npseq.models import LanguageModel
from npseq.optim import Warmup
from npseq.training import TrainingConfig
from npseq.training.config import EARLIER, NEWER, make_optimizer


def test_a_text_is_learnt_whole_and_as_it_is_but_for_a_tenth():
    config = TrainingConfig()
    assert (config.cell, config.hidden_size, config.num_layers, config.epochs) == ("lstm", 256, 1, 0)
    assert (config.batch_size, config.steps, config.max_tokens, config.clean, config.valid) == (
        32,
        35,
        None,
        "none",
        0.1,
    )
    assert (config.optimizer, config.lr, config.clip, config.schedule) == ("adam", 0.005, 1.0, "cosine")
    assert (config.corpus, config.sampling, config.device, config.seed) == ("python-topics", "sequential", "cpu", 0)


def test_the_book_of_the_notes_has_their_defaults_and_each_can_be_changed():
    config = TrainingConfig(corpus="time-machine")
    assert (config.max_tokens, config.clean, config.valid, config.epochs) == (10_000, "letters", 0.0, 500)
    assert (config.optimizer, config.lr, config.schedule, config.temperature) == ("sgd", 1.0, "constant", 0.0)
    changed = TrainingConfig(corpus="time-machine", max_tokens=None, clean="none", valid=0.1, epochs=3)
    assert (changed.max_tokens, changed.clean, changed.valid, changed.epochs) == (None, "none", 0.1, 3)


@pytest.mark.parametrize(("valid", "held"), [(None, 0.0), ("none", 0.0), ("0.2", 0.2), (0, 0.0), ("a.txt", "a.txt")])
def test_what_is_held_out_is_a_share_or_a_file(valid, held):
    assert TrainingConfig(valid=valid).valid == held


def test_a_path_is_kept_as_an_absolute_one_and_never_names_a_corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = TrainingConfig(corpus=Path("time-machine"), valid=Path("0.1"))
    assert (config.corpus, config.valid) == (str(tmp_path / "time-machine"), str(tmp_path / "0.1"))
    assert config.clean == "none"  # as any text
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(("schedule", "last"), [("constant", 0.8), ("cosine", 0.04), ("exponential", 0.04)])
def test_a_schedule_falls_to_a_twentieth_at_the_end_of_the_run(schedule, last):
    made = make_optimizer(TrainingConfig(lr=0.8, schedule=schedule), updates=100)
    rates = [made.lr(step) if callable(made.lr) else made.lr for step in (1, 51, 101, 500)]
    assert rates[0] == pytest.approx(0.8)
    assert rates[2:] == pytest.approx([last, last])
    assert last <= rates[1] <= 0.8


def test_weight_decay_is_the_optimizers_unless_given():
    assert make_optimizer(TrainingConfig(optimizer="adamw")).weight_decay == 0.01
    assert make_optimizer(TrainingConfig(optimizer="adamw", weight_decay=0.5)).weight_decay == 0.5


def test_it_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().hidden_size = 3


@pytest.mark.parametrize(
    ("optimizer", "lr"), [("sgd", 1.0), ("rmsprop", 0.01), ("adam", 0.005), ("adamw", 0.005), ("adagrad", 0.01)]
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
    content = TrainingConfig(hidden_size=9, valid=0, schedule="constant", temperature=0).to_dict()
    for name in NEWER:
        del content[name]
    assert TrainingConfig.from_dict(content) == TrainingConfig(
        hidden_size=9, valid=0, schedule="constant", temperature=0
    )


def test_older_runs_have_other_names_of_the_models_sizes():
    config = TrainingConfig(hidden_size=9, num_layers=2, embedding_size=3)
    content = config.to_dict()
    for earlier, name in EARLIER.items():
        content[earlier] = content.pop(name)
    assert TrainingConfig.from_dict(content) == config


def test_a_warm_up_is_that_of_the_optimizer():
    assert make_optimizer(TrainingConfig(optimizer="adam", warmup=5)).lr == Warmup(0.005, 5)
    assert make_optimizer(TrainingConfig(optimizer="adam")).lr == 0.005


def test_a_stored_configuration_of_another_version_is_refused():
    content = TrainingConfig().to_dict()
    content["width"] = content.pop("hidden_size")
    with pytest.raises(ValueError, match=r"missing \['hidden_size'\], unknown \['width'\]"):
        TrainingConfig.from_dict(content)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "gpu"}, "cell must be one of 'rnn', 'gru', 'lstm', got 'gpu'"),
        ({"token": "line"}, "token must be one of 'char', 'word', 'jieba', got 'line'"),
        ({"clean": "all"}, "clean must be one of 'letters', 'none', got 'all'"),
        (
            {"sampling": "shuffled"},
            "sampling must be one of 'sequential', 'sequential-reset', 'random', got 'shuffled'",
        ),
        ({"optimizer": "lion"}, "optimizer must be one of 'sgd', 'rmsprop', 'adam', 'adamw', 'adagrad', got 'lion'"),
        ({"dtype": "float16"}, "dtype must be one of 'float32', 'float64', got 'float16'"),
        ({"device": "cuda"}, "device must be one of 'cpu', 'gpu', got 'cuda'"),
        ({"initializer": "zeros"}, "initializer must be one of 'uniform', 'normal', 'keras', got 'zeros'"),
        ({"nonlinearity": "gelu"}, "nonlinearity must be one of 'tanh', 'relu', got 'gelu'"),
        ({"reset": "never"}, "reset must be one of 'after', 'before', got 'never'"),
        ({"hidden_size": 0}, "hidden_size must be an integer of at least 1, got 0"),
        ({"num_layers": -1}, "num_layers must be an integer of at least 1, got -1"),
        ({"epochs": -1}, "epochs must be an integer of at least 0, got -1"),
        ({"valid": 1.0}, r"valid must be a share of at least 0 and below 1, or the path of a text file, got 1\.0"),
        ({"valid": "nan"}, "valid must be a share of at least 0 and below 1"),
        ({"valid": 0, "patience": 2}, "patience needs a held-out text, got patience 2 and valid 0; leave it out"),
        ({"schedule": "steps"}, "schedule must be one of 'constant', 'cosine', 'exponential', got 'steps'"),
        ({"temperature": -1.0}, r"temperature must lie in \[0, inf\), got -1"),
        ({"weight_decay": -1.0}, r"weight_decay must lie in \[0, inf\), got -1"),
        ({"epochs": 10**20}, "epochs must be an integer of at most 1000000000, got 1"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"steps": 0}, "steps must be an integer of at least 1, got 0"),
        ({"max_tokens": 0}, "max_tokens must be an integer of at least 1, got 0"),
        ({"embedding_size": 0}, "embedding_size must be an integer of at least 1, got 0"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"evaluate_every": -1}, "evaluate_every must be an integer of at least 0, got -1"),
        ({"proj_size": -1, "cell": "lstm"}, "proj_size must be an integer of at least 0, got -1"),
        ({"proj_size": 8, "hidden_size": 8, "cell": "lstm"}, "proj_size must be smaller than hidden_size = 8, got 8"),
        ({"lr": 0}, r"lr must be a positive number, got 0\.0"),
        ({"lr": float("inf")}, "lr must be a positive number, got inf"),
        ({"clip": -1}, "clip must be a positive number, got -1"),
        ({"clip": float("nan")}, "clip must be a positive number, got nan"),
        ({"dropout": 1.0, "num_layers": 2}, r"dropout must lie in \[0, 1\), got 1\.0"),
        ({"dropout": 0.5}, "dropout acts between layers and needs num_layers above 1, got dropout"),
        ({"corpus": ""}, "must not be empty texts"),
        ({"sample_prefix": ("a", "")}, "must not be empty texts"),
        (
            {"peepholes": True, "cell": "rnn"},
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
        (
            {"truncation": "h-detach:0.5", "cell": "rnn"},
            "truncation h-detach belongs to cell lstm, got 'h-detach:0.5' with cell rnn",
        ),
    ],
)
def test_values_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 2.0}, r"hidden_size must be an integer, got 2\.0"),
        ({"hidden_size": True}, "hidden_size must be an integer, got True"),
        ({"hidden_size": None}, "hidden_size must be an integer, got None"),
        ({"lr": "1"}, "lr must be a number, got '1'"),
        ({"cell": None}, "cell must be a string, got None"),
        ({"peepholes": 1}, "peepholes must be True or False, got 1"),
        ({"valid": True}, "valid must be a share of the text, or the path of a text file, got True"),
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


def test_compiled_belongs_to_a_cpu():
    with pytest.raises(ValueError, match="compiled belongs to device cpu, got 'gpu'"):
        TrainingConfig(compiled=True, device="gpu")


def test_the_docstring_lists_every_field_with_the_help_of_its_flag():
    listed = TrainingConfig.__doc__.partition("Args:\n")[2].partition("\n\nRaises:")[0].splitlines()
    assert [line.split(":")[0].strip() for line in listed] == [
        entry.name for entry in dataclasses.fields(TrainingConfig)
    ]
    assert "    cell: the recurrent layers (rnn, gru, lstm)." in listed


def test_the_model_takes_the_options_that_belong_to_it():
    config = TrainingConfig(
        cell="lstm", hidden_size=6, num_layers=2, embedding_size=3, dropout=0.25, proj_size=2, dtype="float64"
    )
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
    assert words[1].decode(words[0]) == "It was the best"


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adam", "adamw", "adagrad"])
def test_the_optimizer_is_the_one_named_with_its_learning_rate(name):
    optimizer = make_optimizer(TrainingConfig(optimizer=name, lr=0.25))
    assert type(optimizer).__name__.lower() == name
    assert optimizer.lr == 0.25
