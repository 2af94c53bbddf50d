"""Every model is one thing: made, fitted, stepped, asked, measured, saved and loaded in the same way."""

import inspect
from typing import Any, NamedTuple

import numpy as np
import pytest

import npseq as ns
from npseq.data import load_labelled, load_pairs, load_tagged
from npseq.models import (
    Classifier,
    Forecaster,
    LanguageModel,
    LatentForecaster,
    Seq2Seq,
    SequenceGenerator,
    SeriesForecaster,
    Tagger,
)
from npseq.models.cells import CELL
from npseq.models.fitting import Fitting
from npseq.models.model import Model
from npseq.training import TrainingConfig

RNG = np.random.default_rng(0)
TEXTS = load_labelled([("good film", "+"), ("bad film", "-"), ("so good", "+")] * 6, min_freq=1)
SENTENCES = load_tagged([[("the", "D"), ("cat", "N")], [("cats", "N")]] * 9, min_freq=1)
PAIRS = load_pairs("reversal", 20)
VOCAB = ns.data.Vocabulary("the cat sat")
WAVE = np.sin(np.arange(150) / 3).astype(np.float32)
V = np.eye(4, dtype=np.float32)[np.arange(20) % 4]
SCALES = (np.arange(6)[:, None] * (1 + np.arange(20) % 4)) % 5


class Kind(NamedTuple):
    """A model: by a cell and options, the inputs of its layer, its data, a batch of `loss`, and what it is asked."""

    make: Any
    inputs: int | None
    data: Any
    batch: tuple[Any, ...]
    asked: Any


KINDS = {
    "Classifier": Kind(
        lambda cell, **of: Classifier(
            cell, TEXTS.labels, vocab=TEXTS.vocab, **({} if "embedding" in of else {"embedding_size": 3}), **of
        ),
        3, TEXTS, (TEXTS.ids, TEXTS.targets, TEXTS.lengths), ["good", "bad film"],
    ),
    "Tagger": Kind(
        lambda cell, **of: Tagger(
            cell, SENTENCES.labels, vocab=SENTENCES.vocab, **({} if "embedding" in of else {"embedding_size": 3}), **of
        ),
        3, SENTENCES, (SENTENCES.ids, SENTENCES.targets, SENTENCES.lengths), ["the cats"],
    ),
    "LanguageModel": Kind(
        lambda cell, **of: LanguageModel(VOCAB, cell, **of),
        len(VOCAB), "the cat sat" * 60, (np.ones((5, 2), int), np.ones((5, 2), int)), np.ones((5, 2), int),
    ),
    "Seq2Seq": Kind(
        lambda cell, **of: Seq2Seq(PAIRS.source_vocab, PAIRS.target_vocab, cell, 3, **of),
        3, PAIRS, next(PAIRS.batches(5, 0)), ["a b", "c"],
    ),
    "SequenceGenerator": Kind(
        lambda cell, **of: SequenceGenerator(4, ns.Embedding(5, 3, rng=0), cell, **of),
        3, (V, SCALES[:-1], SCALES[1:]), (V, SCALES[:-1], SCALES[1:]), V[:3],
    ),
    "LatentForecaster": Kind(
        lambda cell, **of: LatentForecaster(1, cell, **of), 1, WAVE, (WAVE[:, None, None],), WAVE[:, None, None]
    ),
    "SeriesForecaster": Kind(
        lambda cell, **of: SeriesForecaster(cell, **of),
        2, 300 + WAVE, (WAVE[:, None], np.ones((150, 1), np.float32)), 300 + WAVE,
    ),
    "Forecaster": Kind(
        lambda cell, **of: Forecaster(4, **of),
        None, ns.data.lagged_windows(WAVE, 4), ns.data.lagged_windows(WAVE, 4), ns.data.lagged_windows(WAVE, 4)[0],
    ),
}  # fmt: skip
OTHERS = {name: kind.data for name, kind in KINDS.items()} | {  # of which fit finds something else
    "SeriesForecaster": 7 + np.sin(np.arange(90) / 3) + np.arange(90) / 5,
    "Seq2Seq": (np.ones((9, 4), int), np.full((9, 4), 3)),
    "SequenceGenerator": (V, np.ones((9, 20), int), np.ones((9, 20), int)),
}
ALL, RECURRENT = list(KINDS), [name for name, kind in KINDS.items() if kind.inputs]
SMALL = {"hidden_size": 4, "rng": 0}


def made(name: str, cell: Any = "gru", **options: Any) -> Any:
    return KINDS[name].make(cell, **(SMALL | options))


def fitted(name: str, **options: Any) -> Any:
    plan = {"epochs": 3, "batch_size": 4, "valid": 0.25, "optimizer": ns.Adam(0.01), "rng": 7} | options
    return made(name).fit(KINDS[name].data, **plan)


def shown(model: Any) -> dict[str, str]:
    """All that a model shows, but for layers and parameters."""
    hidden = {*model.layers, "layers", "params"}
    return {name: repr(value) for name, value in vars(model).items() if name[0] != "_" and name not in hidden}


def flat(found: Any) -> list[Any]:
    """Predictions of any form as a list of numbers and texts."""
    if isinstance(found, list | tuple):
        return [entry for part in found for entry in flat(part)]
    return np.asarray(found).ravel().tolist()


def test_these_are_all_models():
    models = {thing for thing in vars(ns.models).values() if inspect.isclass(thing) and issubclass(thing, Model)}
    parts = {ns.models.Encoder, ns.models.Decoder, ns.models.EncoderDecoder}  # without a loss of their own
    assert {model.__name__ for model in models - parts} == set(KINDS)
    assert all(issubclass(model, Fitting) for model in models - parts)


def test_one_cell_is_the_default_of_all():
    of_cell = [inspect.signature(getattr(ns.models, name)).parameters["cell"] for name in RECURRENT]
    assert {one.default for one in of_cell} == {CELL} == {TrainingConfig().cell}
    assert SequenceGenerator(4, ns.Embedding(5, 3), hidden_size=4).recurrent.__class__ is ns.LSTM
    assert Classifier(num_labels=2, input_size=3).recurrent.__class__ is ns.LSTM
    assert Tagger(num_labels=TEXTS.labels, vocab=TEXTS.vocab).recurrent.__class__ is ns.LSTM


@pytest.mark.parametrize("name", RECURRENT)
def test_a_cell_by_name_a_cell_and_a_layer_make_one_model(name):
    kind, inputs = KINDS[name], KINDS[name].inputs
    named, celled = made(name, "gru"), made(name, ns.layers.gru.GRUCell())
    embedding = {"embedding": named.embedding} if name in ("Classifier", "Tagger") else {}
    layers = {"num_layers": 2} if name == "Seq2Seq" else {}
    layered = kind.make(ns.GRU(inputs, 4, **layers, rng=0), **embedding, rng=0)
    for other in (celled, layered):
        other.params.flat[...] = named.params.flat
        assert list(other.params) == list(named.params)
        np.testing.assert_array_equal(other.loss(*kind.batch)[0], named.loss(*kind.batch)[0])
    with pytest.raises(ValueError, match="hidden_size belongs to the layer that is given, got 5; leave it out"):
        kind.make(ns.GRU(inputs, 4, rng=0), **embedding, hidden_size=5)
    with pytest.raises(ValueError, match="cell must be one of 'rnn', 'gru', 'lstm', got 'mlp'"):
        kind.make("mlp")


@pytest.mark.parametrize("name", ALL)
def test_fit_returns_the_model_calls_back_and_remembers(name):
    rows = []
    model = fitted(name, callbacks=lambda model, row: rows.append((row, model.params.flat.copy())))
    assert isinstance(model, getattr(ns.models, name))
    assert [row for row, _ in rows] == model.history_
    assert [list(row) for row in model.history_] == [["epoch", "loss", "grad_norm", "held_out_loss"]] * 3
    np.testing.assert_array_equal(model.params.flat, rows[model.best_epoch_ - 1][1])
    assert len(fitted(name, epochs=5, callbacks=[lambda model, row: row["epoch"] == 2]).history_) == 2
    assert len(fitted(name, epochs=9, optimizer=ns.SGD(0.0), patience=2).history_) == 3


@pytest.mark.parametrize("name", ALL)
def test_a_fit_is_made_again_by_its_seed_and_shown_if_asked_for(name, capsys):
    one, two = fitted(name), fitted(name, progress=True)
    np.testing.assert_array_equal(one.params.flat, two.params.flat)
    assert "epoch 0/3" in capsys.readouterr().err


@pytest.mark.parametrize("name", ALL)
def test_a_step_returns_loss_norm_and_state(name):
    model, kind = made(name), KINDS[name]
    before = model.params.flat.copy()
    loss, norm, state = model.step(*kind.batch, optimizer=ns.SGD(0.1), clip=1)
    assert np.ndim(loss) == np.ndim(norm) == 0 < norm
    assert (state is None) == (name != "LanguageModel")
    assert (model.params.flat != before).any()


@pytest.mark.parametrize("name", ALL)
def test_a_model_is_saved_whole(name, tmp_path):
    model, kind = fitted(name), KINDS[name]
    model.save(tmp_path / "m.safetensors")
    again = type(model).load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.params.flat, model.params.flat)
    assert repr(again) == repr(model)
    assert {one: getattr(again, one) for one in model.fitted} == {one: getattr(model, one) for one in model.fitted}
    assert again.evaluate(kind.data) == model.evaluate(kind.data)
    predicted = flat(model.predict(kind.asked))
    assert len(predicted) >= len(kind.asked)
    np.testing.assert_array_equal(flat(again.predict(kind.asked)), predicted)
    plan = {"epochs": 1, "batch_size": 4}
    np.testing.assert_array_equal(again.fit(kind.data, **plan).params.flat, model.fit(kind.data, **plan).params.flat)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be a positive integer, got 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be a positive integer, got 0"),
        ({"valid": 1.0}, ValueError, r"valid must lie in \[0, 1\), got 1"),
        ({"optimizer": "adam"}, TypeError, "optimizer must be one of npseq.optim"),
        ({"clip": -1}, ValueError, "clip must not be negative, got -1"),
        ({"patience": 0}, ValueError, "patience must be a positive integer, got 0"),
        ({"callbacks": [3]}, TypeError, "callbacks must be a function, got 3"),
        ({"targets": 7}, (TypeError, ValueError), "must"),
        ({"data": None}, (TypeError, ValueError), "must"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_learnt(name, options, error, message):
    model = made(name)
    before = model.params.flat.copy()
    with pytest.raises(error, match=message):
        model.fit(**({"data": KINDS[name].data} | options))
    np.testing.assert_array_equal(model.params.flat, before)
    assert not hasattr(model, "history_")


@pytest.mark.parametrize("name", [name for name in ALL if name != "LanguageModel"])  # which takes rows
def test_the_mean_loss_is_that_of_any_batches(name):
    model = fitted(name)
    losses = [model.evaluate(KINDS[name].data, batch_size=size) for size in (1, 3, 256)]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_a_share_is_any_number_and_none_is_nothing(name):
    data = KINDS[name].data
    assert "held_out_loss" not in made(name).fit(data, epochs=1, batch_size=4, valid=None).history_[0]
    assert "held_out_loss" in made(name).fit(data, epochs=1, batch_size=4, valid=np.float32(0.25)).history_[0]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "bad", [{"epochs": 0}, {"valid": 1.0}, {"optimizer": "adam"}, {"patience": 0}, {"callbacks": [3]}, {"data": None}]
)
def test_a_fit_that_is_refused_leaves_a_fitted_model_as_it_was(name, bad):
    model = fitted(name)
    before, params = shown(model), model.params.flat.copy()
    data = OTHERS[name]
    with pytest.raises((TypeError, ValueError)):
        model.fit(**({"data": data} | bad))
    assert shown(model) == before
    np.testing.assert_array_equal(model.params.flat, params)
    model.evaluate(data)
    assert shown(model) == before


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_said_by_parameters_that_are_no_numbers(name):
    model = fitted(name)
    model.params.flat[0] = np.nan
    for call in (lambda: model.predict(KINDS[name].asked), lambda: model.evaluate(KINDS[name].data)):
        with pytest.raises(ValueError, match="the model's parameters must be finite"):
            call()


@pytest.mark.parametrize("name", ALL)
def test_a_model_is_shown_by_its_layers(name):
    model = made(name)
    assert repr(model).startswith(f"{name}(")
    assert all(str(model.params[one].shape) in model._repr_html_() for one in model.params)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("ask", ["fit", "evaluate", "score", "predict"])
def test_nothing_at_all_is_refused(name, ask):
    if hasattr(model := fitted(name), ask):
        for nothing in ([], ()):
            with pytest.raises((TypeError, ValueError), match=r"must|expected"):
                getattr(model, ask)(nothing)


@pytest.mark.parametrize("name", ["Classifier", "Tagger", "Seq2Seq"])
@pytest.mark.parametrize("ask", ["fit", "evaluate", "score"])
def test_a_part_without_examples_is_refused(name, ask):
    nothing = KINDS[name].data.split(0.0)[1]
    assert len(made(name).predict(nothing)) == 0
    with pytest.raises(ValueError, match="data must hold at least one example, got none"):
        getattr(made(name), ask)(nothing)


@pytest.mark.parametrize("name", ["SequenceGenerator", "LatentForecaster", "SeriesForecaster", "Forecaster"])
def test_what_is_predicted_of_float64_is_read_as_fit_reads_it(name):
    model, asked = fitted(name), KINDS[name].asked
    np.testing.assert_array_equal(model.predict(asked.astype(float)), model.predict(asked))


@pytest.mark.parametrize("name", ["SequenceGenerator", "LatentForecaster", "SeriesForecaster", "Forecaster"])
def test_integers_and_lists_are_numbers_where_no_ids_may_be_meant(name):
    data = KINDS[name].data if isinstance(KINDS[name].data, tuple) else (KINDS[name].data,)
    whole, plan = [_integers(part) for part in data], {"epochs": 1, "batch_size": 4, "rng": 7}
    moved = 1 if name == "SequenceGenerator" else len(whole)  # the others are ids
    floats = [part.astype(float) for part in whole[:moved]] + whole[moved:]
    of_integers, of_floats = (made(name).fit(tuple(x) if len(x) > 1 else x[0], **plan) for x in (whole, floats))
    np.testing.assert_array_equal(of_integers.params.flat, of_floats.params.flat)
    asked = _integers(KINDS[name].asked)
    for given in (asked, asked.tolist()):
        np.testing.assert_array_equal(of_integers.predict(given), of_floats.predict(asked.astype(float)))


def _integers(part: np.ndarray) -> np.ndarray:
    return part if part.dtype.kind == "i" else np.rint(3 * part).astype(int)


@pytest.mark.parametrize("name", ["SeriesForecaster", "SequenceGenerator"])
def test_what_fit_must_have_found_is_asked_for(name):
    with pytest.raises(ValueError, match=r"must have .*(call fit|in fit)"):
        made(name).predict(KINDS[name].asked)


@pytest.mark.parametrize(
    ("name", "other", "message"),
    [
        ("Classifier", TEXTS._replace(labels=("-", "+")), "the labels of data must be the model's, .* with like=first"),
        (
            "Classifier",
            load_labelled([("odd", "+"), ("even", "-")], min_freq=1),
            "by the model's vocabulary, of 5",
        ),
        ("Tagger", SENTENCES._replace(labels=("N", "D")), "the labels of data must be the model's"),
        (
            "Seq2Seq",
            load_pairs([("a", "b")]),
            "by the model's vocabulary, of 12 tokens, got another one of 5",
        ),
    ],
)
def test_data_that_number_tokens_or_labels_otherwise_are_refused(name, other, message):
    model = made(name)
    for ask in (model.fit, model.score, model.evaluate):
        with pytest.raises(ValueError, match=message):
            ask(other)
