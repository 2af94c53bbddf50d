"""Taggers, classifiers, encoders and decoders, generators and searches give the host's numbers on a device."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from fake_cupy.device import assert_near

import npseq as ns
from npseq import models
from npseq.backend import to_host
from npseq.data import Vocabulary, load_labelled, load_pairs, load_tagged
from npseq.models.decoding.greedy import next_log_probs, reader
from npseq.parameters import Parameters

T, S, B, V = 5, 4, 3, 7
LENGTHS = np.array([2, 5, 0])
SOURCE_LENGTHS = np.array([4, 1, 3])
RECURRENT = {
    "rnn": lambda: ns.RNN(4, 5, dtype=np.float64, rng=0),
    "gru before, both ways": lambda: ns.GRU(4, 3, 2, reset="before", bidirectional=True, dtype=np.float64, rng=0),
    "lstm": lambda: ns.LSTM(4, 5, 2, peepholes=True, proj_size=3, dropout=0.3, dtype=np.float64, rng=0),
    "two kinds": lambda: ns.Bidirectional(
        ns.GRU(4, 3, dtype=np.float64, rng=0), ns.LSTM(4, 2, dtype=np.float64, rng=1)
    ),
}
SEQ2SEQ = {
    "gru": {},
    "lstm, bridged": {"cell": "lstm", "bidirectional": True, "bridge": True, "decoder_layers": 1},
    "rnn, xavier": {"cell": "rnn", "initializer": "xavier", "dropout": 0.3},
}


def two(make):
    """The same model, on the device and on the host."""
    return make().to("gpu"), make()


def ids(*shape, seed=0, lowest=0):
    return np.random.default_rng(seed).integers(lowest, V, shape)


def embedding():
    return ns.Embedding(V, 4, padding_idx=1, dtype=np.float64, rng=2)


def check(device, found, expected):
    """Asserts equality of a loss and its gradients, or any structure of arrays."""
    device.assert_same(*([p.flat if isinstance(p, Parameters) else p for p in parts] for parts in (found, expected)))


def check_steps(device, there, here, batch, **options):
    """Makes three training steps, none of which waits for the device; lengths are on the host."""
    found, expected = ns.Adam(0.01), ns.Adam(0.01)
    ours = device.put(batch)
    for _ in range(3):
        with device.no_sync():
            loss, norm, _ = there.step(*ours, optimizer=found, clip=0.5, **options)
        host_loss, host_norm, _ = here.step(*batch, optimizer=expected, clip=0.5, **options)
        device.assert_same((loss, norm), (host_loss, np.asarray(host_norm)))
    device.assert_same(there.params.flat, here.params.flat)


@pytest.mark.parametrize("loss", ["softmax", "binary"])
@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("kind", [models.Tagger, models.Classifier])
def test_taggers_and_classifiers_learn_as_on_the_host(device, kind, name, loss):
    there, here = two(lambda: kind(RECURRENT[name](), 3, loss=loss, embedding=embedding(), rng=3))
    shape = (T, B) if kind is models.Tagger else (B,)
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, (*shape, 3)).astype(float) if loss == "binary" else rng.integers(0, 3, shape)
    x, weights = ids(T, B), rng.random(shape)
    ours = device.put((x, targets, weights))
    with device.no_sync():
        found = there.loss(ours[0], ours[1], LENGTHS, weights=ours[2], reduction="sum")
    check(device, found, here.loss(x, targets, LENGTHS, weights=weights, reduction="sum"))
    device.assert_same(there.predict(ours[0], device.put(LENGTHS)), here.predict(x, LENGTHS))
    device.assert_same(there.predict_proba(ours[0], LENGTHS), here.predict_proba(x, LENGTHS))
    (logits, tape), (host_logits, host_tape) = there.forward(ours[0]), here.forward(x)
    device.assert_same(logits, host_logits)
    check(device, there.backward(logits, tape), here.backward(host_logits, host_tape))
    check_steps(device, there, here, (x, targets), lengths=LENGTHS)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (models.Classifier, load_labelled([("a good film", "+"), ("bad", "-")] * 4, min_freq=1)),
        (models.Tagger, load_tagged([[("the", "D"), ("cat", "N")], [("cats", "N")]] * 4, min_freq=1)),
    ],
)
def test_texts_are_learnt_and_read_as_on_the_host(device, kind, data):
    there, here = two(lambda: kind("gru", data.labels, vocab=data.vocab, hidden_size=4, dtype=np.float64, rng=0))
    for model in (there, here):
        model.fit(data, epochs=2, batch_size=3, valid=0.25)
    assert_near(there.params.flat.get(), here.params.flat, "params")
    texts = ["a good cat", "bad"]
    assert list(there.predict(texts)) == list(here.predict(texts))
    device.assert_same(there.predict_proba(texts), here.predict_proba(texts))
    assert there.score(data) == here.score(data)
    assert there.evaluate(data) == pytest.approx(here.evaluate(data), rel=1e-11)


def test_pairs_of_texts_are_learnt_and_translated_as_on_the_host(device):
    pairs = load_pairs([("a b", "c d"), ("b", "d"), ("b a b", "d c d")] * 3, min_freq=1)
    there, here = two(
        lambda: models.Seq2Seq(pairs.source_vocab, pairs.target_vocab, hidden_size=4, dtype=np.float64, rng=0)
    )
    for model in (there, here):
        model.fit(pairs, epochs=2, batch_size=4, valid=0.25)
    assert_near(there.params.flat.get(), here.params.flat, "params")
    assert there.predict(["a b", "b"]) == here.predict(["a b", "b"])
    assert there.score(pairs) == here.score(pairs)


def test_a_tagger_of_features_learns_as_on_the_host(device):
    there, here = two(lambda: models.Tagger(RECURRENT["two kinds"](), 3, rng=3))
    x, dlogits = np.random.default_rng(0).normal(size=(T, B, 4)), np.random.default_rng(1).normal(size=(T, B, 3))
    (found, tape), (expected, host_tape) = there.forward(device.put(x)), here.forward(x)
    device.assert_same(found, expected)
    check(device, there.backward(device.put(dlogits), tape), here.backward(dlogits, host_tape))


@pytest.mark.parametrize("reduction", ["valid", "sequence"])
def test_the_masked_loss_is_the_hosts(device, reduction):
    logits, targets = np.random.default_rng(0).normal(size=(T, B, V)), ids(T, B)
    ours = device.put((logits, targets))
    with device.no_sync():
        found = models.masked_softmax_cross_entropy(*ours, LENGTHS, reduction=reduction)
    expected = models.masked_softmax_cross_entropy(logits, targets, LENGTHS, reduction=reduction)
    device.assert_same(found, expected)
    device.assert_same(models.masked_softmax_cross_entropy(*ours, device.put(LENGTHS), reduction=reduction), expected)


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_a_sequence_generator_learns_as_on_the_host(device, name):
    there, here = two(lambda: models.SequenceGenerator(6, embedding(), RECURRENT[name](), rng=3))
    v, tokens, targets = np.random.default_rng(0).normal(size=(B, 6)), ids(T, B), ids(T, B, seed=1)
    ours = device.put((v, tokens, targets))
    check(device, there.loss(*ours, device.put(LENGTHS)), here.loss(v, tokens, targets, LENGTHS))
    (logits, tape), (host_logits, host_tape) = there.forward(*ours[:2]), here.forward(v, tokens)
    check(device, there.backward(logits, tape), here.backward(host_logits, host_tape))
    check_steps(device, there, here, (v, tokens, targets), lengths=LENGTHS)
    for temperature in (0, 0.8):
        found, expected = (
            model.generate(given, 1, 6, stop=2, temperature=temperature, rng=5)
            for model, given in ((there, ours[0]), (here, v))
        )
        assert [row.tolist() for row in found] == [row.tolist() for row in expected]
    tokens[0] = 1
    there.fit(device.put((v, tokens, targets)), epochs=2, batch_size=2)
    here.fit((v, tokens, targets), epochs=2, batch_size=2)
    device.assert_same(there.params.flat, here.params.flat)
    assert [row.tolist() for row in there.predict(ours[0])] == [row.tolist() for row in here.predict(v)]


def encoder_decoder():
    """A bidirectional LSTM, a bridge, and two layers of GRU."""
    reader, writer = (
        ns.LSTM(4, 3, bidirectional=True, dtype=np.float64, rng=0),
        ns.GRU(10, 5, 2, dtype=np.float64, rng=1),
    )
    encoder = models.Encoder(embedding(), reader)
    decoder = models.Decoder(embedding(), writer, ns.Linear(5, V, dtype=np.float64, rng=3))
    return models.EncoderDecoder(encoder, decoder, ns.Linear(6, 10, dtype=np.float64, rng=4))


def test_an_encoder_decoder_has_the_hosts_gradients(device):
    there, here = two(encoder_decoder)
    source, inputs, dlogits = ids(S, B), ids(T, B, seed=1), np.random.default_rng(2).normal(size=(T, B, V))
    ours = device.put((source, inputs, dlogits))
    with device.no_sync():
        found, tape = there.forward(ours[0], ours[1], SOURCE_LENGTHS)
        grads = there.backward(ours[2], tape)
    expected, host_tape = here.forward(source, inputs, SOURCE_LENGTHS)
    check(device, (found, grads), (expected, here.backward(dlogits, host_tape)))


@pytest.mark.parametrize("q", ["mean", "max"])
def test_the_context_of_every_q_is_the_hosts(device, q):
    there, here = two(lambda: models.Encoder(embedding(), ns.GRU(4, 3, dtype=np.float64, rng=0), q))
    source, dcontext = ids(S, B), np.random.default_rng(0).normal(size=(B, 3))
    with device.no_sync():
        found, tape = there.forward(device.put(source), SOURCE_LENGTHS)
    expected, host_tape = here.forward(source, SOURCE_LENGTHS)
    device.assert_same(found, expected)
    check(device, [there.backward(device.put(dcontext), None, tape)], [here.backward(dcontext, None, host_tape)])


def test_encoder_and_decoder_alone_give_the_hosts_numbers(device):
    there, here = two(encoder_decoder)
    source, rng = ids(S, B), np.random.default_rng(0)
    (found, tape), (expected, host_tape) = there.encoder.forward(device.put(source)), here.encoder.forward(source)
    device.assert_same(found, expected)
    dcontext = rng.normal(size=expected.context.shape)
    check(device, [there.encoder.backward(device.put(dcontext), found.state, tape)],
          [here.encoder.backward(dcontext, expected.state, host_tape)])  # fmt: skip
    device.assert_same(there.init_state(found), here.init_state(expected))
    state, host_state = (model.init_state(encoded)[0] for model, encoded in ((there, found), (here, expected)))
    *ours, tape = there.decoder.forward(device.put(source), found.context, state)
    *theirs, host_tape = here.decoder.forward(source, expected.context, host_state)
    device.assert_same(ours, theirs)
    check(device, there.decoder.backward(ours[0], tape), here.decoder.backward(theirs[0], host_tape))


def seq2seq(name):
    return two(
        lambda: models.Seq2Seq(V, V + 1, embedding_size=4, hidden_size=5, dtype=np.float64, rng=0, **SEQ2SEQ[name])
    )


@pytest.mark.parametrize("teacher_forcing", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("name", SEQ2SEQ)
def test_seq2seq_learns_as_on_the_host(device, name, teacher_forcing):
    there, here = seq2seq(name)
    batch = ids(S, B), ids(T, B, seed=1)
    options = {"teacher_forcing": teacher_forcing, "target_lengths": LENGTHS, "source_lengths": SOURCE_LENGTHS}
    check(device, there.loss(*device.put(batch), rng=6, **options), here.loss(*batch, rng=6, **options))
    check_steps(device, there, here, batch, rng=6, teacher_forcing=teacher_forcing)


@pytest.mark.parametrize("name", SEQ2SEQ)
def test_seq2seq_writes_as_on_the_host(device, name):
    there, here = seq2seq(name)
    source, target = ids(S, B), ids(T, B, seed=1)
    there.params.flat *= 4  # so that the likeliest token is not the same one every time
    here.params.flat *= 4
    found, expected = there.greedy(device.put(source), SOURCE_LENGTHS), here.greedy(source, SOURCE_LENGTHS)
    assert [row.tolist() for row in found] == [row.tolist() for row in expected]
    ours = device.put((source, target, SOURCE_LENGTHS, LENGTHS))
    assert there.exact_matches(*ours).tolist() == here.exact_matches(source, target, SOURCE_LENGTHS, LENGTHS).tolist()
    for size in (1, 3):
        found, expected = (model.beam_search(s[:, 0], size) for model, s in ((there, ours[0]), (here, source)))
        assert found.kept == expected.kept
        for ours_, theirs in zip(found.ranked, expected.ranked, strict=True):
            assert ours_.tokens == theirs.tokens
            assert ours_.log_prob == pytest.approx(theirs.log_prob, rel=1e-11)


def test_a_sentence_is_translated_as_on_the_host(device):
    words = Vocabulary(["a", "b", "c", "a"], reserved_tokens=("<pad>", "<bos>", "<eos>"))
    there, here = two(lambda: models.Seq2Seq(words, words, "lstm", 4, 5, dtype=np.float64, rng=0))
    for size in (1, 2):
        assert there.translate(["a", "c"], size) == here.translate(["a", "c"], size)


def test_beam_search_finds_the_same_on_a_device(device):
    """The scores of a step are copied to the host, where the beam is; its states stay on the device."""
    there, here = two(encoder_decoder)
    encoded, _ = there.encoder.forward(device.put(ids(S, 1)))
    expected, _ = here.encoder.forward(ids(S, 1))
    beams = []
    for model, one in ((there, encoded), (here, expected)):
        step = next_log_probs(reader(model.decoder, one.context))
        beams.append(models.beam_search(step, model.init_state(one)[0], 2, 3, 5, beam_size=3, alpha=0.5))
    assert beams[0].kept == beams[1].kept
    device.assert_same([one.state for one in beams[0].ranked], [one.state for one in beams[1].ranked])
    assert [b.best.score(0.5) for b in beams] == pytest.approx([beams[1].best.score(0.5)] * 2, rel=1e-11)


def test_a_latent_forecaster_forecasts_as_on_the_host(device):
    there, here = two(lambda: models.LatentForecaster(2, "lstm", 4, 2, dtype=np.float64, rng=0))
    x = np.random.default_rng(0).normal(size=(6, B, 2))
    (y, state, tape), (expected, host, host_tape) = there.forward(device.put(x)), here.forward(x)
    device.assert_same((y, there.predict(device.put(x)), state), (expected, here.predict(x), host))
    (dx, grads), (host_dx, host_grads) = there.backward(y, tape), here.backward(expected, host_tape)
    device.assert_same((dx, grads.flat), (host_dx, host_grads.flat))
    device.assert_same(there.forecast(device.put(x), 4), here.forecast(x, 4))
    check_steps(device, there, here, (x,), warm_up=2)


def test_a_model_is_copied_converted_and_moved_back(device):
    there, here = two(encoder_decoder)
    wide = there.astype(np.complex128)
    logits, tape = wide.forward(device.put(ids(S, B)), device.put(ids(T, B)))
    expected, host_tape = here.astype(np.complex128).forward(ids(S, B), ids(T, B))
    check(device, (logits, wide.backward(logits, tape)),
          (expected, here.astype(np.complex128).backward(expected, host_tape)))  # fmt: skip
    assert_near(copy.deepcopy(there).to("cpu").params.flat, here.params.flat)


def test_parameters_saved_on_the_device_are_loaded_anywhere(device, tmp_path):
    there, here = two(lambda: models.Tagger(RECURRENT["lstm"](), V, embedding=embedding(), rng=3))
    path = tmp_path / "tagger.safetensors"
    there.save_params(path)
    others = two(lambda: models.Tagger(RECURRENT["lstm"](), V, embedding=embedding(), rng=4))
    for other in others:
        other.params.flat[...] = 0
        other.load_params(path)
        np.testing.assert_array_equal(to_host(other.params.flat), here.params.flat)
