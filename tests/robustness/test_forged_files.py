"""Damaged and forged checkpoints: one ValueError that names the file, one line from the command line, no memory taken.

`python -m benchmarks.faults` does the same a thousand times, at random.
"""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest

from npseq.cli import main
from npseq.data import Vocabulary
from npseq.files import read_content, write_content
from npseq.models import LanguageModel
from npseq.models.whole import content_of
from npseq.training import Interrupted, Run, TrainingConfig, load_checkpoint
from npseq.training.checkpoint import load_trained

MODEL = "model.safetensors"
OPTIONS = {
    "cell": "gru",
    "hidden_size": 4,
    "optimizer": "adam",
    "batch_size": 2,
    "steps": 4,
    "epochs": 2,
    "num_layers": 2,
    "valid": 0,
    "schedule": "constant",
    "clean": "letters",
}


@pytest.fixture
def trained(tmp_path, text_file, monkeypatch):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    run = Run.begin(TrainingConfig(corpus=str(text_file), max_tokens=60, dropout=0.25, **OPTIONS), tmp_path / "run")
    list(run.epochs())
    return tmp_path / "run" / MODEL


def forge(path, name=None, change=None, tensors=None):
    """Writes the file anew, with a SHA-256 that fits, one entry of its metadata or its tensors changed."""
    content = read_content(path, "npseq LanguageModel")
    metadata = dict(content.metadata)
    if name is not None:
        tree = json.loads(metadata[name])
        metadata[name] = json.dumps(change(tree))
    write_content(content._replace(metadata=metadata, tensors=(tensors or dict)(content.tensors)), path)


def refused(path, capsys, message):
    with pytest.raises(ValueError, match=rf"model\.safetensors' is damaged \(.*{message}.*\); restore it from a copy"):
        load_checkpoint(path)
    assert main(["train", "--resume", str(path.parent)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:14]) == ("", 1, "npseq: error: ")


def put(**entries):
    return lambda tree: {**tree, **entries}


def of_vocabulary(change):
    return lambda tree: {**tree, "vocab": {"vocabulary": change(tree["vocab"]["vocabulary"])}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(hidden_size=10**9), "its configuration has more parameters than the 482 that it holds"),
        (put(hidden_size=10**400), "its configuration has more"),
        (put(num_layers=10**9), "num_layers must be at most"),
        (put(num_layers=9_999), "its configuration has more"),
        (put(num_layers=0), "num_layers must be a positive integer"),
        (put(embedding_size=2**40), "its configuration has"),
        (put(hidden_size=4.5), "hidden_size must be a positive integer, got 4.5"),
        (put(hidden_size=True), "hidden_size must be a positive integer"),
        (put(hidden_size=-4), "hidden_size must be a positive integer"),
        (put(cell="transformer"), "cell must be one of"),
        (put(dtype="float64"), "its parameters must be .*float64"),
        (put(dtype="object"), "dtype must be a dtype, say numpy.float32"),
        (put(dropout="much"), "dropout must be a number"),
        (put(colour="red"), "unexpected keyword argument 'colour'"),
        (
            lambda tree: {k: v for k, v in tree.items() if k != "vocab"},
            "missing 1 required positional argument: 'vocab'",
        ),
        (lambda tree: [], "has no attribute 'items'"),
        (lambda tree: None, "has no attribute 'items'"),
        (put(bidirectional=True), "its configuration has"),
        (put(reset="before"), "its parameters must be"),
        (put(vocab=2**40), "its configuration has"),
    ],
)
def test_a_configuration_that_does_not_fit(trained, capsys, change, message):
    forge(trained, "made", change)
    refused(trained, capsys, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: None, "a stored vocabulary must hold"),
        (lambda tree: "abc", "a stored vocabulary must hold"),
        (lambda tree: put(tokens=tree["tokens"][:-1])(tree), "its parameters must be"),
        (lambda tree: put(tokens=[*tree["tokens"][:-1], tree["tokens"][-2]])(tree), "must differ from each other"),
        (lambda tree: put(tokens=tree["tokens"][1:])(tree), "begins with '<unk>'"),
        (lambda tree: put(tokens=[*tree["tokens"][:-1], 7])(tree), "a token must be a string, got 7"),
        (put(token_freqs=[["a", 1], ["b", 2]]), "must be positive and fall"),
        (put(token_freqs=[["a", float("nan")]]), "list of pairs"),
        (put(token="syllable"), "token must be one of 'word', 'char', 'jieba'"),
    ],
)
def test_a_vocabulary_that_does_not_fit(trained, capsys, change, message):
    forge(trained, "made", of_vocabulary(change))
    refused(trained, capsys, message)


def of_config(**entries):
    return lambda tree: put(config={**tree["config"], **entries})(tree)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_config(hidden_size=5), "its training has another model"),
        (of_config(optimizer="sgd"), "state must hold 'steps', 'lr'"),
        (of_config(epochs=1), "its metrics must be those of the first of 1 epochs"),
        (of_config(sample_prefix=7), "sample_prefix must be a tuple of strings, got 7"),
        (of_config(colour="red"), "unknown .'colour'."),
        (put(config=[]), "content must map names to arrays, got list"),
        (put(rng={}), "state must be for a|lacks"),
        (put(rng=None), "state must be|dict"),
        (put(optimizer={}), "state must hold"),
        (put(optimizer={"steps": -1, "lr": 0.1}), "steps must be an integer of at least 0, got -1"),
        (put(optimizer={"steps": 0, "lr": 0.1}), "once a step was taken, got .* after 0 steps"),
        (put(optimizer={"steps": 2, "lr": "fast"}), "lr must be a number"),
        (lambda tree: [tree], "list indices"),
    ],
)
def test_a_training_that_does_not_fit(trained, capsys, change, message):
    forge(trained, "training", change)
    refused(trained, capsys, message)


def without(name):
    return lambda tensors: {k: v for k, v in tensors.items() if k != name}


def with_(name, value):
    return lambda tensors: {**tensors, name: value(tensors[name]) if callable(value) else value}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (without("output.b"), "its configuration has"),
        (without("optimizer/mean/"), "state must hold|keeps"),
        (without("training/metrics"), "it lacks 'training/metrics'"),
        (with_("output.b", lambda b: b.astype(np.float64)), "its parameters must be"),
        (with_("output.b", lambda b: b[:, None]), "its parameters must be"),
        (with_("surplus", np.zeros(3, np.float32)), "its parameters must be"),
        (with_("optimizer/mean/", lambda m: m[:-1]), "must be floating and as the other kinds"),
        (with_("optimizer/mean/", lambda m: m.astype(np.float64)), "must be floating and as the other kinds"),
        (with_("optimizer/more/", np.zeros(3)), "state must hold"),
        (with_("training/metrics", np.zeros((2, 5))), "its metrics must be float64"),
        (with_("training/metrics", lambda m: m[::-1]), "its metrics must be those of the first"),
        (with_("training/metrics", lambda m: m.astype(np.float32)), "its metrics must be float64"),
    ],
)
def test_tensors_that_do_not_fit(trained, capsys, tensors, message):
    forge(trained, tensors=tensors)
    refused(trained, capsys, message)


@pytest.fixture
def stopped(tmp_path, text_file, monkeypatch):
    """The checkpoint of a run that was stopped in its second epoch, after 3 steps."""
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    options = {**OPTIONS, "cell": "lstm", "epochs": 3}
    run = Run.begin(TrainingConfig(corpus=str(text_file), max_tokens=60, proj_size=2, **options), tmp_path / "run")
    steps = []
    with pytest.raises(Interrupted):
        list(run.epochs(on_step=lambda _: steps.append(0), stop=lambda: len(run.metrics) == 1 and len(steps) >= 10))
    assert run.position.step == 3
    return tmp_path / "run" / MODEL


def of_position(**entries):
    return lambda tree: put(position={**tree["position"], **entries})(tree)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_position(step=0), "its position must be after a whole number of steps, got 0"),
        (of_position(step=-3), "whole number of steps, got -3"),
        (of_position(step=3.0), "whole number of steps, got 3.0"),
        (of_position(step=True), "whole number of steps, got True"),
        (of_position(step="3"), "whole number of steps, got '3'"),
        (of_position(total=float("nan")), "its position's total must be a finite number"),
        (of_position(total=float("inf")), "its position's total must be a finite number"),
        (of_position(total=10**400), "its position's total must be a finite number|integer string conversion"),
        (of_position(total=None), "its position's total must be a finite number"),
        (of_position(largest_norm=-1.0), "its position's largest_norm must be a finite number, not below 0"),
        (of_position(largest_norm=float("inf")), "its position's largest_norm must be"),
        (of_position(seconds=-1.0), "its position's seconds must be"),
        (of_position(seconds=float("nan")), "its position's seconds must be"),
        (of_position(drawn=None), "dict"),
        (of_position(drawn={}), "state must be for a|lacks"),
        (of_position(drawn={"bit_generator": "MT19937"}), "state must be for a"),
        (of_position(colour="red"), "its position must hold .'drawn'"),
        (lambda tree: put(position={"step": 3})(tree), "its position must hold .'drawn'"),
        (put(position=[]), "its position must hold"),
        (put(position=7), "its position must hold"),
        (put(position=None), "its position must hold"),
        (lambda tree: {k: v for k, v in tree.items() if k != "position"}, "its position must hold"),
        (of_config(epochs=1), "its position lies in an epoch after the last of 1"),
        (of_config(batch_size=3), "its position's state must be"),
    ],
)
def test_a_position_that_does_not_fit(stopped, capsys, change, message):
    forge(stopped, "training", change)
    refused(stopped, capsys, message)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (without("position/h"), "its position's state must be"),
        (without("position/c"), "its position's state must be"),
        (with_("position/h", lambda h: h[:, :1]), "its position's state must be"),
        (with_("position/h", lambda h: h.astype(np.float64)), "its position's state must be"),
        (with_("position/c", lambda c: c[..., :2]), "its position's state must be"),
        (with_("position/c", lambda c: c[0]), "its position's state must be"),
        (with_("position/x", np.zeros(3, np.float32)), "its position's state must be"),
        (with_("position/c", lambda c: c * np.float32(np.nan)), "its position's state must be finite"),
        (with_("training/metrics", lambda m: np.concatenate([m, m + 1, m + 2])), "in an epoch after the last of 3"),
    ],
)
def test_a_state_of_a_position_that_does_not_fit(stopped, capsys, tensors, message):
    forge(stopped, tensors=tensors)
    refused(stopped, capsys, message)


def test_a_state_without_a_position(trained, capsys):
    forge(trained, tensors=with_("position/h", np.zeros((2, 2, 4), np.float32)))
    refused(trained, capsys, "its position must hold")


@pytest.mark.parametrize("step", [7, 8, 10**6, 2**62, 2**64, 10**30])
def test_a_position_beyond_the_epoch(stopped, capsys, step):
    """How long an epoch is only the text can tell, so the file alone is loaded, and the run is refused."""
    forge(stopped, "training", of_position(step=step))
    assert load_checkpoint(stopped).position.step == step
    with pytest.raises(ValueError, match=rf"is damaged \(its position must lie within an epoch .* got step {step}\)"):
        Run.resume(stopped.parent)
    assert main(["train", "--resume", str(stopped.parent)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:14]) == ("", 1, "npseq: error: ")


@pytest.mark.parametrize("deep", ["[" * 100_000 + "]" * 100_000, "{", "nul", "1" + "0" * 5000])
@pytest.mark.parametrize("name", ["made", "fitted", "training"])
def test_metadata_that_is_no_json(trained, capsys, name, deep):
    content = read_content(trained, "npseq LanguageModel")
    write_content(content._replace(metadata={**content.metadata, name: deep}), trained)
    refused(trained, capsys, "")


def test_no_memory_is_taken_for_a_size_that_a_file_claims(tmp_path):
    LanguageModel(5, cell="rnn", hidden_size=4, rng=0).save(tmp_path / MODEL)
    forge(tmp_path / MODEL, "made", put(hidden_size=100_000))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"its configuration has more parameters than the 65 that it holds"):
        LanguageModel.load(tmp_path / MODEL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_forgery_that_is_right_is_a_checkpoint(trained):
    """The SHA-256 keeps off accidents, not authors: whoever can write the file can write another run."""
    forge(trained, "training", of_config(lr=0.5))
    assert load_checkpoint(trained).config.lr == 0.5
    assert load_trained(trained)[1].lr == 0.5


def test_a_model_within_a_checkpoint_that_does_not_fit_is_no_sample_either(trained, capsys):
    forge(trained, "training", of_config(num_layers=3))
    assert main(["sample", str(trained.parent), "--prefix", "it"]) == 2
    assert "its training has another model than the one it holds" in capsys.readouterr().err


def test_the_content_of_a_model_is_enough_to_make_it_again(tmp_path):
    model = LanguageModel(Vocabulary("abc"), cell="lstm", hidden_size=3, rng=0)
    write_content(content_of(model), tmp_path / MODEL)
    np.testing.assert_array_equal(LanguageModel.load(tmp_path / MODEL).params.flat, model.params.flat)
