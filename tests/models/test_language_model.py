"""A language model: its loss and steps, what it makes of a text, and its file."""

import json

import numpy as np
import pytest
from models.gradients import check_loss
from safetensors import safe_open
from safetensors.numpy import load_file

import npseq as ns
from npseq.data import Vocabulary
from npseq.layers.states import state_arrays
from npseq.models import LanguageModel
from npseq.models.language_model import NEWER, OPTIONS

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
    made = json.loads(metadata["made"])
    assert made["cell"] == "gru"
    assert made["vocab"]["vocabulary"]["tokens"] == ["<unk>", "a", "b", "c"]
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


SENTENCES = np.array([[1, 4, 2], [3, 0, 9], [2, 2, -1], [0, 7, 9]])  # past the lengths stands anything
LENGTHS = np.array([4, 3, 1])
WEIGHTS = np.array([[1.0, 0.5, 2], [0, 1, np.inf], [3, 1, np.nan], [1, 9, 9]])


@pytest.mark.parametrize("options", [KINDS[0], *KINDS[2:4]])
def test_the_loss_of_sentences_is_what_log_probs_says(options):
    model = model_of(**options | {"dtype": np.float64})
    loss, grads, _ = model.loss(None, SENTENCES, lengths=LENGTHS)
    assert loss == pytest.approx(-model.log_probs(SENTENCES, LENGTHS).sum() / LENGTHS.sum(), rel=1e-13)
    whole = np.zeros_like(grads.flat)
    for column, length in zip(SENTENCES.T, LENGTHS, strict=True):
        whole += model.loss(None, column[:length, None])[1].flat * length / LENGTHS.sum()
    np.testing.assert_allclose(grads.flat, whole, rtol=0, atol=1e-15)


@pytest.mark.parametrize("options", [*KINDS[:4], {"cell": "lstm", "num_layers": 2, "proj_size": 2}])
@pytest.mark.parametrize("given", [{}, {"weights": WEIGHTS}])
def test_gradients_of_whole_sentences_are_those_of_a_complex_step(options, given):
    model = LanguageModel(5, hidden_size=3, rng=0, **options | {"dtype": np.float64})
    check_loss(model, None, SENTENCES, lengths=LENGTHS, **given)


@pytest.mark.parametrize("embedding_size", [None, 3])
def test_gradients_of_weights_lengths_and_a_context_are_those_of_a_complex_step(embedding_size):
    model = model_of(embedding_size=embedding_size)
    check_loss(model, SENTENCES, SENTENCES[1:], lengths=LENGTHS, weights=WEIGHTS[1:], context=1)


def test_a_weight_of_zero_or_a_length_leaves_out_what_a_shorter_batch_has_not():
    model, (ids, targets) = model_of(), batch()
    weights = np.ones(targets.shape)
    weights[4:] = 0
    by_weight = model.loss(ids, targets, weights=weights)
    by_length = model.loss(ids, targets, lengths=[4, 4, 4])
    short = model.loss(ids[:4], targets[:4])
    assert by_weight[0] == pytest.approx(short[0], rel=1e-14)
    for _, grads, _ in (by_weight, by_length):
        np.testing.assert_allclose(grads.flat, short[1].flat, rtol=0, atol=1e-16)
    np.testing.assert_array_equal(by_length[2], short[2])


@pytest.mark.parametrize("options", [{}, {"embedding_size": 3}, {"cell": "lstm", "bidirectional": True}])
def test_steps_of_sentences_are_those_of_loss(options):
    model, other = model_of(**options), model_of(**options)
    first, second = ns.Adam(0.1), ns.Adam(0.1)
    for lengths in ([4, 3, 1], [4, 2, 0], [1, 3, 1]):
        loss, norm, _ = model.step(None, SENTENCES, None, first, 0.2, lengths=lengths)
        expected, grads, _ = other.loss(None, SENTENCES, lengths=lengths)
        assert (loss, norm) == (expected, ns.clip_grad_norm(grads, 0.2))
        second.step(other.params, grads)
        np.testing.assert_array_equal(model.params.flat, other.params.flat)


def test_a_model_of_sentences_writes_whole_ones_from_nothing_and_stops():
    lines = ["ab.", "cdd.", "abcd."]
    vocab = Vocabulary([[*line[:-1], "<eos>"] for line in lines], reserved_tokens=["<eos>"], token="char")
    ids, lengths = ns.data.pad_sequences([vocab.encode(line.replace(".", "<eos>")) for line in lines])
    model, optimizer = LanguageModel(vocab, "gru", 16, rng=0), ns.Adam(0.03)
    for _ in range(150):
        model.step(None, ids, None, optimizer, clip=1, lengths=lengths)
    written = {model.generate("", 20, 1, rng=k, stop="<eos>") for k in range(20)}
    assert written == {line[:-1] for line in lines}
    np.testing.assert_allclose(np.exp(model.log_probs(ids, lengths)), 1 / 3, atol=0.05)
    found = model.beam_search("", 3, max_steps=6, alpha=0, stop="<eos>").ranked[:3]
    assert {vocab.decode(one.tokens) for one in found} == {line.replace(".", "<eos>") for line in lines}


@pytest.mark.parametrize("kind", ["gru", "stack", "both"])
def test_a_layer_of_ones_own_takes_the_place_of_the_cell(kind, tmp_path):
    wide = {"dtype": np.float64, "rng": 2}
    layer = {
        "gru": ns.GRU(3, 6, **wide),
        "stack": ns.LSTM(3, 4, 2, dropout=0.5, **wide),
        "both": ns.Bidirectional(ns.GRU(3, 4, **wide), ns.LSTM(3, 2, **wide)),
    }[kind]
    model, (ids, targets) = LanguageModel(5, layer, embedding_size=3, initializer="normal", rng=0), batch()
    kept = layer.params.flat.copy()
    losses = [float(model.step(ids, targets, None, ns.Adam(0.05))[0]) for _ in range(3)]
    assert losses[2] < losses[0]
    np.testing.assert_array_equal(layer.params.flat, kept)
    weights = [value for name, value in model.params.items() if name.rpartition(".")[2].startswith("W_h")]
    assert all(value.any() for value in weights)
    model.save(tmp_path / "m")
    again = LanguageModel.load(tmp_path / "m")
    assert again.evaluate(ids[:, 0]) == model.evaluate(ids[:, 0])
    if kind == "both":
        with pytest.raises(TypeError, match="the model's layer must be one cell's, to write token by token"):
            model.generate([1], 3)
    else:
        assert len(again.generate([1], 3)) == 4


def test_a_model_over_a_gru_is_the_model_with_that_cell():
    model, (ids, targets) = model_of(), batch()
    other = LanguageModel(5, model.recurrent)
    other.params.flat = model.params.flat
    np.testing.assert_array_equal(other.loss(ids, targets)[1].flat, model.loss(ids, targets)[1].flat)


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


def test_the_options_are_written_once_in_the_signature():
    model = model_of(cell="lstm", peepholes=True)
    assert {*model.config} == {*OPTIONS} - {*NEWER}
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
        (
            lambda: LanguageModel(5, None),
            TypeError,
            "cell must be 'rnn', 'gru', 'lstm', an ns.Cell or a recurrent layer, got NoneTy",
        ),
        (
            lambda: LanguageModel(5, ns.GRU(4, 3)),
            ValueError,
            "cell must read the model's 5 inputs, got a layer that reads",
        ),
        (
            lambda: LanguageModel(5, ns.GRU(5, 3), 3),
            ValueError,
            "hidden_size belongs to the layer that is given, got 3",
        ),
        (lambda: model_of().loss(None, SENTENCES), ValueError, r"targets must be in \[0, 5\), got 9 at \(1, 2\)"),
        (lambda: model_of().loss(None, SENTENCES[0]), ValueError, r"without ids, targets must be whole sentences"),
        (lambda: model_of().loss(None, SENTENCES, context=1), ValueError, r"and context 0, got \(4, 3\) and 1"),
        (lambda: model_of().loss(*batch(), lengths=[8, 1, 1]), ValueError, r"lengths must be in \[0, 8\), got 8"),
        (
            lambda: model_of().loss(*batch(), weights=WEIGHTS),
            ValueError,
            r"one entry a position, \(7, 3\), got \(4, 3\)",
        ),
        (lambda: model_of().loss(*batch(), weights=-np.ones((7, 3))), ValueError, "weights must not be negative"),
        (lambda: LanguageModel(0), ValueError, "vocab must be a positive integer, got 0"),
        (lambda: model_of(initializer="zero"), ValueError, "initializer must be one of 'uniform', 'normal', 'keras'"),
        (lambda: model_of().step(*batch(), None, None), TypeError, "optimizer must be one of npseq.optim, or"),
        (lambda: model_of().step(*batch(), None, ns.SGD(1), -1), ValueError, "clip must not be negative, got -1"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
