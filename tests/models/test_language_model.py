"""A language model: its loss and steps, what it makes of a text, and its file."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

import npseq as ns
from npseq.data import Vocabulary
from npseq.layers.states import state_arrays
from npseq.models import LanguageModel
from npseq.models.language_model import OPTIONS

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


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def model_of(**options):
    return LanguageModel(5, hidden_size=6, rng=0, **{"cell": "gru", "dtype": np.float64} | options)


def batch(steps=7, size=3):
    return np.random.default_rng(1).integers(0, 5, (2, steps, size))


@pytest.mark.parametrize("options", KINDS)
def test_the_loss_is_the_mean_cross_entropy(options):
    model, (ids, targets) = model_of(**options | {"dtype": np.float64}), batch()
    model.recurrent.dropout.p = 0.0
    logits, state = model.logits(ids)
    expected = -np.take_along_axis(log_softmax(logits), targets[..., None], 2).mean()
    loss, grads, last = model.loss(ids, targets)
    assert loss == pytest.approx(expected, rel=1e-13)
    for found, wanted in zip(state_arrays(last), state_arrays(state), strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert list(grads) == list(model.params)


@pytest.mark.parametrize("options", [{}, {"embedding_size": 3}, {"cell": "lstm", "num_layers": 2}])
@pytest.mark.parametrize("window", [{}, {"context": 2}, {"truncation": ns.Truncated(3)}, {"context": 3, "state_at": 1}])
def test_steps_are_those_of_loss(options, window):
    model, other = model_of(**options), model_of(**options)
    first, second, state, last = ns.Adam(0.1), ns.Adam(0.1), None, None
    for steps in (7, 7, 4, 7):
        ids, targets = batch(steps)
        targets = targets[window.get("context", 0) :]
        loss, norm, state = model.step(ids, targets, state, first, clip=0.2, **window)
        expected, grads, last = other.loss(ids, targets, last, **window)
        assert (loss, norm) == (expected, ns.clip_grad_norm(grads, 0.2))
        second.step(other.params, grads)
        np.testing.assert_array_equal(model.params.flat, other.params.flat)


def test_the_state_returned_is_that_before_a_step():
    model, (ids, targets) = model_of(cell="lstm", num_layers=2), batch()
    _, _, state = model.loss(ids, targets, state_at=3)
    for found, expected in zip(state, model.logits(ids[:3])[1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_summed_over_processes_is_clipped():
    model, other, (ids, targets) = model_of(), model_of(), batch()

    def all_reduce(loss, grads):
        grads.flat[...] *= 2
        return loss + 1

    loss, norm, _ = model.step(ids, targets, None, ns.SGD(0.5), 0.1, all_reduce=all_reduce)
    expected, grads, _ = other.loss(ids, targets)
    grads.flat[...] *= 2
    assert (loss, norm) == (expected + 1, ns.clip_grad_norm(grads, 0.1))
    ns.SGD(0.5).step(other.params, grads)
    np.testing.assert_array_equal(model.params.flat, other.params.flat)


def test_it_is_a_model_with_a_label_for_every_step():
    model, (ids, targets) = model_of(embedding_size=3), batch()
    logits, tape = model.forward(ids)
    np.testing.assert_array_equal(logits, model.logits(ids)[0])
    dx, grads = model.backward(ns.softmax_cross_entropy(logits, targets)[1], tape)
    assert dx is None
    np.testing.assert_array_equal(grads.flat, model.loss(ids, targets)[1].flat)
    np.testing.assert_array_equal(model.predict(ids), logits.argmax(axis=2))


def test_evaluation_reads_on_from_chunk_to_chunk():
    model, ids = model_of(), batch(40)[0][:, 0]
    logits, _ = model.logits(ids[:-1, None])
    expected = -np.take_along_axis(log_softmax(logits[:, 0]), ids[1:, None], 1).mean()
    assert model.evaluate(ids) == pytest.approx(expected, rel=1e-12)
    assert model.evaluate(ids, steps=7) == pytest.approx(expected, rel=1e-12)


def test_the_probability_of_a_text_begins_with_a_zero_input():
    model, ids = model_of(), np.array([1, 4, 0])
    y, state, _ = model.recurrent.forward(np.zeros((1, 1, 5)))
    rows = [model.output.forward(y)[0][0, 0], *model.logits(ids[:-1, None], state)[0][:, 0]]
    expected = sum(log_softmax(row)[token] for row, token in zip(rows, ids, strict=True))
    assert model.log_prob(ids) == pytest.approx(expected, rel=1e-12)


def test_the_options_are_written_once_in_the_signature():
    model = model_of(cell="lstm", peepholes=True)
    assert tuple(model.config) == OPTIONS
    assert LanguageModel(5, **model.config, rng=0).config == model.config


def test_moving_to_where_it_is_begins_anew_with_the_same_parameters():
    model, (ids, targets) = model_of(), batch()
    model.step(ids, targets, None, ns.SGD(0.1))
    before = model.params.flat.copy()
    assert model.to("cpu") is model
    np.testing.assert_array_equal(model.params.flat, before)
    assert model._buffers is None
    assert np.shares_memory(model.recurrent.params.flat, model.params.flat)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: LanguageModel(5, "mamba"), ValueError, "cell must be one of 'rnn', 'gru', 'lstm', got 'mamba'"),
        (lambda: LanguageModel(0), ValueError, "vocab must be a positive integer, got 0"),
        (lambda: model_of(initializer="zero"), ValueError, "initializer must be one of 'uniform', 'normal'"),
        (lambda: model_of().step(*batch(), None, None), TypeError, "optimizer must be one of npseq.optim, or"),
        (lambda: model_of().step(*batch(), None, ns.SGD(1), -1), ValueError, "clip must not be negative, got -1"),
        (lambda: model_of().evaluate(np.array([1])), ValueError, r"ids must be one sequence .* got \(1,\)"),
        (lambda: model_of().generate([1], -1), ValueError, "length must be an integer of at least 0, got -1"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
