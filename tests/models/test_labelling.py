"""A classifier and a tagger are made by name, read texts, and answer with the names of labels."""

import types

import numpy as np
import pytest

import npseq as ns
from npseq.data import load_labelled, load_tagged
from npseq.models import Classifier, Tagger

TEXTS = load_labelled([("good film", "+"), ("bad film", "-"), ("so good", "+"), ("so bad", "-")] * 6, min_freq=1)
TAGS = load_tagged([[("the", "D"), ("cat", "N"), ("sleeps", "V")], [("cats", "N"), ("sleep", "V")]] * 8, min_freq=1)


def test_texts_in_and_names_out():
    model = Classifier("gru", TEXTS.labels, vocab=TEXTS.vocab, rng=0).fit(TEXTS)
    assert model.predict(["a good thing", "So BAD"]).tolist() == ["+", "-"]
    assert model.score(TEXTS) == 1.0
    assert model.score(["good", "bad", "bad"], ["+", "-", "+"]) == pytest.approx(2 / 3)
    shares = model.predict_proba(["good", "bad"])
    np.testing.assert_allclose(shares.sum(axis=-1), 1, rtol=1e-6)
    assert shares.argmax(axis=-1).tolist() == [0, 1]
    assert model.classes_.tolist() == ["+", "-"]


def test_sentences_in_and_a_tag_for_each_token():
    model = Tagger("lstm", TAGS.labels, vocab=TAGS.vocab, bidirectional=True, rng=0).fit(TAGS, epochs=20)
    assert model.predict([["the", "cat"], ["Sleep"]]) == [["D", "N"], ["V"]]
    assert model.predict(["the cat sleeps"]) == [["D", "N", "V"]]
    assert model.score(TAGS) == 1.0
    assert model.score([["the", "cat"]], [["D", "V"]]) == 0.5
    assert model.predict_proba(["the cat"]).shape == (2, 1, 3)


def test_predictions_of_data_are_those_of_its_texts():
    model = Classifier(num_labels=TEXTS.labels, vocab=TEXTS.vocab, rng=0)
    texts = [" ".join(TEXTS.vocab.to_tokens(row)) for row in TEXTS.ids.T]
    assert model.predict(TEXTS).tolist() == model.predict(np.array(texts)).tolist()
    np.testing.assert_array_equal(model.predict_proba(TEXTS), model.predict_proba(tuple(texts)))
    tagger = Tagger(num_labels=TAGS.labels, vocab=TAGS.vocab, rng=0)
    assert tagger.predict(TAGS)[1] == tagger.predict(["cats sleep"])[0]
    assert tagger.predict([[], ["cats"]])[0] == tagger.predict([[]])[0] == []


def test_labels_that_are_numbers_are_known_by_their_names():
    data = load_labelled([("good film", 1), ("bad film", 0)] * 6, min_freq=1)
    model = Classifier("gru", data.labels, vocab=data.vocab, rng=0).fit(data, epochs=20)
    assert model.score(["good", "bad"], [1, 0]) == model.score(["good", "bad"], np.array(["1", "0"])) == 1
    assert Classifier("gru", 2, vocab=data.vocab, rng=0).fit(["good", "bad"], [1, 0], valid=0).predict(["a"])[0] in (
        0,
        1,
    )


def test_probabilities_of_labels_that_hold_or_not():
    model = Classifier("rnn", 3, loss="binary", input_size=2, rng=0)
    x = np.random.default_rng(0).normal(size=(5, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(model.predict_proba(x), 1 / (1 + np.exp(-model.forward(x)[0])), rtol=1e-5)
    np.testing.assert_array_equal(model.predict_proba(x) > 0.5, model.predict(x))


def test_texts_have_labels_that_hold_or_not():
    texts, holds = ["good fast", "bad slow", "good slow"] * 8, np.array([[1, 0], [0, 1], [1, 1]] * 8)
    vocab = ns.data.Vocabulary([text.split() for text in texts])
    model = Classifier("gru", ["nice", "late"], loss="binary", vocab=vocab, rng=0).fit(texts, holds, epochs=30)
    np.testing.assert_array_equal(model.predict(texts[:3]), holds[:3])
    assert model.score(texts, holds.tolist()) == 1.0


def test_features_of_float64_are_read_as_the_model_does():
    x = np.random.default_rng(0).normal(size=(5, 30, 2))
    y = (x.sum(axis=(0, 2)) > 0).astype(int)
    model = Classifier("gru", 2, input_size=2, rng=0).fit(x, y, epochs=30, valid=0)
    assert model.score(x, y) > 0.9
    assert model.score((x, y, np.full(30, 5))) == model.score(x, y)
    for ask in (model.predict, model.predict_proba):
        np.testing.assert_array_equal(ask(x), ask(x.astype(np.float32)))
        np.testing.assert_array_equal(ask(x.tolist()), ask(x))


def test_what_is_held_out_has_the_form_of_what_is_learnt():
    x, y = np.ones((3, 4, 2)), np.array(["a", "b", "b", "b"])
    given = (x, y), (x, [0, 1, 1, 1]), (x, y, np.full(4, 3)), (x, y, np.full(4, 2))
    models = [Classifier("rnn", ["a", "b"], input_size=2, rng=0).fit(one, epochs=1, valid=one) for one in given]
    losses = [model.history_[0]["held_out_loss"] for model in models]
    assert losses[0] == losses[1] == losses[2] != losses[3]
    assert models[3].evaluate(given[3]) == losses[3]
    assert models[0].score(given[0]) == models[0].score(x, y) == models[0].score(x, [0, 1, 1, 1])


def test_features_that_are_read_are_finite():
    x, lengths = np.zeros((3, 2, 4)), np.array([3, 1])
    x[2, 1] = np.nan
    one = Classifier("rnn", 2, input_size=4, rng=0).fit((x, [0, 1], lengths), epochs=1)
    with pytest.raises(ValueError, match=r"data must be finite, got nan at \[2, 1, 0\]; fill in what is missing"):
        one.fit((x, [0, 1]), epochs=1)
    one.params["output.b"][0] = np.nan
    with pytest.raises(ValueError, match=r"the model's parameters must be finite, 'output.b' holds nan"):
        one.score((x, [0, 1], lengths))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Classifier(ns.GRU(4, 3, rng=0), 2, embedding=ns.Embedding(9, 4, rng=0)),
        lambda: Classifier("gru", 2, input_size=9),
        lambda: Tagger(ns.LSTM(9, 3, rng=0), ["a", "b"]),
    ],
)
def test_a_layer_or_a_name(make):
    assert make().predict(np.ones((3, 2), int)).shape[-1] == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Classifier("gru", 2), ValueError, "a cell by name needs to know what it reads: vocab, for texts, or"),
        (
            lambda: Tagger(4, 2),
            TypeError,
            "cell must be 'rnn', 'gru', 'lstm', an ns.Cell or a recurrent layer, got int",
        ),
        (lambda: Tagger("gpu", 2, input_size=3), ValueError, "cell must be one of 'rnn', 'gru', 'lstm', got 'gpu'"),
        (lambda: Classifier(ns.RNN(3, 4), 2, hidden_size=9), ValueError, "hidden_size belongs to the layer"),
        (lambda: Classifier(ns.RNN(3, 4), 2, input_size=3), ValueError, "belong to a cell by name; leave them out"),
        (lambda: Classifier(ns.RNN(3, 4), 2, embedding_size=3), ValueError, "belong to a cell by name; leave them out"),
        (
            lambda: Classifier("rnn", 2, embedding=3),
            TypeError,
            "an Embedding, whose size embedding_size is",
        ),
        (lambda: Classifier("rnn", 2, input_size=3, embedding_size=3), ValueError, "must be left out without a vocab"),
        (lambda: Classifier(["a", "b"], input_size=3), TypeError, r"come before the labels.*num_labels=\['a', 'b'\]"),
        (lambda: Classifier("gru", TEXTS), TypeError, "must be given num_labels=data.labels and vocab=data.vocab, got"),
        (lambda: model().predict([None]), TypeError, "texts must be strings, or lists of tokens, got None in place 0"),
        (
            lambda: Classifier(num_labels=2, vocab=TEXTS.vocab, input_size=3),
            ValueError,
            "must be left out with a vocab",
        ),
        (
            lambda: Classifier(ns.RNN(3, 4), TEXTS.labels, vocab=TEXTS.vocab),
            ValueError,
            "must read the 5 tokens of vocab, got a layer that reads 3",
        ),
        (
            lambda: Classifier(num_labels=2, vocab=TEXTS.vocab, embedding=ns.Embedding(9, 4)),
            ValueError,
            "must read the 5 tokens of vocab, got a layer that reads 9",
        ),
        (
            lambda: Classifier("rnn", TAGS.labels, vocab=TAGS.vocab).fit(TAGS),
            ValueError,
            "a label for each text, got one for each token; take a Tagger",
        ),
        (
            lambda: Classifier("rnn", 2, input_size=3).fit(np.ones((4, 2, 3), int), [0, 1]),
            ValueError,
            r"token ids must have shape \(T, B\), got \(4, 2, 3\); features are floating: x.astype\('float32'\)",
        ),
        (
            lambda: Classifier("rnn", 2, input_size=3).fit(np.ones((4, 2, 3)), [0, 1, 0, 1]),
            ValueError,
            r"a class for each position, got \(4,\); x has time first: x.swapaxes\(0, 1\)",
        ),
        (lambda: model().fit(types.SimpleNamespace(columns=[])), TypeError, "data must be loaded, by load_labelled or"),
        (lambda: Classifier(input_size=3), TypeError, "num_labels must be how many labels there are, or their names"),
        (lambda: model().fit([("good", "+")]), TypeError, "targets must be given: a label for each text"),
        (lambda: model().fit("a.csv"), TypeError, "data must be loaded, by load_labelled or load_tagged, got 'a.csv'"),
        (lambda: Classifier("rnn", ["a", "a"], input_size=3), TypeError, "or their names, each once"),
        (lambda: Classifier("rnn", 2, vocab="abc"), TypeError, "vocab must be a Vocabulary or None, got 'abc'"),
        (lambda: Classifier("rnn", 2, input_size=3).predict(["a"]), TypeError, "texts need a model with a vocab"),
        (
            lambda: model().predict("good"),
            TypeError,
            r"texts must be a list of strings, got one string; pass \[texts\]",
        ),
        (
            lambda: model().fit(["good"], ["?"]),
            ValueError,
            r"a target must be one of the labels \['\+', '-'\], got '\?'",
        ),
        (lambda: model().fit(["good"]), TypeError, "must be one of|targets must be given|got"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, message):
    with pytest.raises((error, ValueError), match=message):
        call()


def model():
    return Classifier("rnn", TEXTS.labels, vocab=TEXTS.vocab, rng=0)


@pytest.mark.parametrize("kind", [Classifier, Tagger])
def test_lengths_beside_features_may_be_a_mask(kind):
    rng = np.random.default_rng(0)
    x, ends = rng.normal(size=(5, 8, 2)), np.array([5, 4, 3, 5, 2, 1, 5, 4])
    targets = rng.integers(0, 2, (5, 8) if kind is Tagger else 8)
    mask = np.arange(5)[:, None] < ends
    losses, shares = [], []
    for lengths in (ends, mask):
        model = kind("gru", 2, input_size=2, hidden_size=3, rng=0)
        model.fit((x, targets, lengths), epochs=2, batch_size=3, valid=0.25)
        losses.append([row["held_out_loss"] for row in model.history_])
        shares.append(model.score((x, targets, lengths)))
    assert losses[0] == losses[1]
    assert shares[0] == shares[1]
    gaps = mask & (np.arange(5)[:, None] != 1)
    right = model.predict(x.astype(np.float32), gaps) == targets
    counted = right[gaps] if kind is Tagger else right
    assert model.score((x, targets, gaps)) == pytest.approx(counted.mean())


@pytest.mark.parametrize(("parts", "targets"), [(1, True), (3, True), (4, False), (1, False)])
def test_a_tuple_holds_features_targets_and_lengths(parts, targets):
    model = Classifier("rnn", 2, input_size=2, rng=0)
    given = (np.zeros((3, 4, 2)), np.array([0, 1, 0, 1]), np.array([3, 2, 1, 3]), np.array([3, 2, 1, 3]))[:parts]
    with pytest.raises(TypeError, match=rf"data must be \(x, targets, lengths\), or .*, got {parts}$"):
        model.fit(given, np.array([0, 1, 0, 1]) if targets else None)
