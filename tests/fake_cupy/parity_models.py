"""A language model trains, writes and is saved on a device as on the host, and a training step never waits for it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_cupy.device import assert_near

import npseq as ns
from npseq import data
from npseq.training import Epoch, Interrupted, Run, TrainingConfig, train, train_epoch

TEXT = "the time machine by h g wells " * 8
OPTIONS = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru", "num_layers": 2},
    "gru before": {"cell": "gru", "reset": "before", "initializer": "normal"},
    "lstm": {"cell": "lstm", "num_layers": 2, "embedding_size": 5},
    "lstm both": {"cell": "lstm", "peepholes": True, "proj_size": 3},
}
every_model = pytest.mark.parametrize("name", OPTIONS)
T, B, V = 6, 4, 9


def two(vocab, name="lstm", dtype=np.float64, **options):
    """The same model, on the device and on the host."""
    there, here = (ns.LanguageModel(vocab, hidden_size=8, dtype=dtype, rng=0, **OPTIONS[name] | options) for _ in "12")
    return there.to("gpu"), here


def batch(vocab=V, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, vocab, (T, B)), rng.integers(0, vocab, (T, B))


@every_model
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("vocab", [V, 140])
def test_training_steps_are_the_hosts(device, name, dtype, vocab):
    there, here = two(vocab, name, dtype)
    found, expected, ours, theirs = ns.SGD(0.5), ns.SGD(0.5), None, None
    for seed in range(3):
        ids, targets = batch(vocab, seed)
        loss, norm, ours = there.step(device.put(ids), device.put(targets), ours, found, clip=0.1)
        host_loss, host_norm, theirs = here.step(ids, targets, theirs, expected, clip=0.1)
        device.assert_same((loss, norm, ours), (host_loss, np.asarray(host_norm, dtype), theirs))
    device.assert_same(there.params.flat, here.params.flat)


@every_model
def test_whole_sentences_are_learnt_as_on_the_host(device, name):
    there, here = two(V, name)
    ids, lengths, weights = batch()[0], np.array([T, 3, 0, 1]), np.random.default_rng(1).random((T, B))
    found, expected = ns.Adam(0.1), ns.Adam(0.1)
    ours = device.put((ids, weights))
    for given in (None, ids):
        with device.no_sync():
            there_ids = None if given is None else ours[0]
            result = there.step(there_ids, ours[0], None, found, lengths=lengths, weights=ours[1])
        host = here.step(given, ids, None, expected, lengths=lengths, weights=weights)
        device.assert_same(result, (host[0], np.asarray(host[1]), host[2]))
    device.assert_same(there.params.flat, here.params.flat)
    np.testing.assert_allclose(there.log_probs(ours[0], lengths), here.log_probs(ids, lengths), rtol=1e-11)


@every_model
@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("vocab", [V, 140])
def test_a_training_step_never_copies_to_the_host(device, name, clip, vocab):
    there, _ = two(vocab, name)
    ids, targets = device.put(batch(vocab))
    optimizer, state = ns.Adam(0.01), None
    with device.no_sync():
        for _ in range(2):
            loss, norm, state = there.step(ids, targets, state, optimizer, clip)
    assert math.isfinite(float(loss))
    assert math.isfinite(float(norm))


@every_model
def test_loss_and_gradients_are_the_hosts(device, name):
    there, here = two(V, name)
    ids, targets = batch()
    loss, grads, state = there.loss(device.put(ids), device.put(targets))
    expected, host_grads, host_state = here.loss(ids, targets)
    device.assert_same((loss, grads.flat, state), (expected, host_grads.flat, host_state))


@every_model
def test_generated_text_and_scores_are_the_hosts(device, name):
    vocabulary = data.Vocabulary(TEXT)
    there, here = two(vocabulary, name)
    ids = np.asarray(vocabulary.encode(TEXT))
    for temperature in (0, 0.7):
        found, expected = (model.generate("time ", 20, temperature, rng=3) for model in (there, here))
        assert found == expected
    np.testing.assert_array_equal(there.generate(device.put(ids[:4]), 5), here.generate(ids[:4], 5))
    found, expected = (model.beam_search("ti", 3, max_steps=5).best for model in (there, here))
    assert found.tokens == expected.tokens
    assert there.evaluate(device.put(ids), steps=50) == pytest.approx(here.evaluate(ids, steps=50), rel=1e-12)
    assert there.log_prob("the time") == pytest.approx(here.log_prob("the time"), rel=1e-12)


@every_model
def test_a_model_saved_on_the_device_is_loaded_on_the_host(device, name, tmp_path):
    there, here = two(data.Vocabulary(TEXT), name)
    there.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(ns.LanguageModel.load(tmp_path / "model.safetensors").params.flat, here.params.flat)


def test_a_bidirectional_model_with_dropout_has_the_hosts_loss(device):
    there, here = two(V, bidirectional=True, dropout=0.3)
    ids, targets = batch()
    loss, grads, _ = there.loss(device.put(ids), device.put(targets))
    expected, host_grads, _ = here.loss(ids, targets)
    device.assert_same((loss, grads.flat), (expected, host_grads.flat))


@pytest.mark.parametrize("sampling", ["sequential", "sequential-reset", "random"])
def test_an_epoch_is_the_hosts(device, sampling):
    vocabulary = data.Vocabulary(TEXT)
    there, here = two(vocabulary)
    ids = np.asarray(vocabulary.encode(TEXT))
    epoch = Epoch(batch_size=2, steps=5, sampling=sampling, clip=1.0)
    found = train_epoch(there, device.put(ids), ns.SGD(0.5), epoch, rng=1)
    expected = train_epoch(here, ids, ns.SGD(0.5), epoch, rng=1)
    assert found[:4] == pytest.approx(expected[:4], rel=1e-11)
    assert_near(there.params.flat.get(), here.params.flat)


def test_a_resumed_run_continues_as_on_the_host(device, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "npseq.plot.training_curve", lambda metrics, path: None
    )  # no array of the device reaches the figure
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    options = {
        "corpus": str(text),
        "hidden_size": 6,
        "batch_size": 2,
        "steps": 5,
        "optimizer": "adam",
        "dtype": "float64",
    }
    runs = {}
    for place in ("gpu", "cpu"):
        train(TrainingConfig(**options, device=place, epochs=1), tmp_path / place)
        runs[place] = Run.resume(tmp_path / place, {"epochs": 2})
        assert len(list(runs[place].epochs())) == 2 - 1
    assert_near(runs["gpu"].model.params.flat.get(), runs["cpu"].model.params.flat)
    assert runs["gpu"].samples() == runs["cpu"].samples()
    assert runs["gpu"].evaluate() == pytest.approx(runs["cpu"].evaluate(), rel=1e-11)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_run_stopped_inside_an_epoch_continues_as_on_the_host(device, tmp_path, monkeypatch, cell):
    monkeypatch.setattr("npseq.plot.training_curve", lambda metrics, path: None)
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    options = {"corpus": str(text), "cell": cell, "hidden_size": 6, "batch_size": 2, "steps": 5, "dtype": "float64"}
    config, steps = TrainingConfig(**options, device="gpu", epochs=2), []
    straight = train(config, tmp_path / "straight")
    run = Run.begin(config, tmp_path / "cut")
    with pytest.raises(Interrupted):
        list(run.epochs(on_step=lambda _: steps.append(0), stop=lambda: len(steps) == 3))
    run = Run.resume(tmp_path / "cut")
    assert run.position.step == 3
    list(run.epochs())
    assert_near(run.model.params.flat.get(), straight.model.params.flat.get())
    for one, other in zip(run.metrics, straight.metrics, strict=True):
        assert one[:4] == pytest.approx(other[:4], rel=1e-11)


def test_models_refuse_mixed_arrays(device):
    there, here = two(V)
    ids, targets = batch()
    with pytest.raises(TypeError, match=r"layer\.to\("):
        there.step(ids, targets, None, ns.SGD(0.1))
    with pytest.raises(TypeError, match=r"layer\.to\("):
        here.step(device.put(ids), device.put(targets), None, ns.SGD(0.1))
    with pytest.raises(TypeError, match=r"cupy\.asarray"):
        there.loss(device.put(ids), targets)


def test_batches_are_the_hosts(device):
    ids = np.arange(60) % 7
    for windows in (data.random_windows, data.sequential_windows):
        device.assert_same(list(windows(device.put(ids), 3, 4, 0)), list(windows(ids, 3, 4, 0)))
    sentences = data.sentence_batches(device.put(ids), 6, 3, 0)
    device.assert_same(list(sentences), list(data.sentence_batches(ids, 6, 3, 0)))
    padded = data.pad_sequences([ids[:3], ids[:5]], value=9)
    device.assert_same(data.pad_sequences(device.put([ids[:3], ids[:5]]), value=9), padded)
    device.assert_same(data.one_hot(device.put(ids), 7), data.one_hot(ids, 7))
    x, lengths = np.random.default_rng(0).normal(size=(2, 5, 3)), np.array([2, 4])
    device.assert_same(data.sequence_mask(device.put(x), device.put(lengths)), data.sequence_mask(x, lengths))
