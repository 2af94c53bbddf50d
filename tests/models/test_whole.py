"""A model comes back whole: parameters, vocabularies, labels, what fit has found; a forged file is refused."""

import json
import tracemalloc

import numpy as np
import pytest

import npseq as ns
from npseq.activations import Activation
from npseq.data import Vocabulary, load_labelled, load_pairs
from npseq.files import Content, read_content, write_content
from npseq.models import Classifier, LanguageModel, Seq2Seq, SeriesForecaster, Tagger
from npseq.models.whole import CELLS, content_of, read_model

DATA = load_labelled([("good film", "+"), ("bad film", "-")] * 6, min_freq=1)
PAIRS = load_pairs("reversal", 20)
SERIES = np.sin(np.arange(120) / 3)
TEXT = LanguageModel(Vocabulary("abc"), "rnn", 4, rng=0)
ELU = Activation("elu", alpha=0.5)
MODELS = {
    "by name": lambda: Classifier("lstm", DATA.labels, vocab=DATA.vocab, num_layers=2, dropout=0.25, rng=0),
    "of layers": lambda: Tagger(ns.Bidirectional(ns.RNN(2, 3, rng=0, nonlinearity=ELU), ns.GRU(2, 4, rng=0)), 3),
    "projected": lambda: Classifier(ns.LSTM(2, 4, proj_size=3, peepholes=True, bias=False, rng=0), 2, loss="binary"),
    "activated": lambda: Classifier(ns.GRU(2, 4, activation="relu", gate_activation="hard_sigmoid", rng=0), 2, rng=0),
    "padded": lambda: Tagger(ns.RNN(2, 4, rng=0), 2, embedding=ns.Embedding(5, 2, padding_idx=1, rng=0), rng=0),
    "pairs": lambda: Seq2Seq(PAIRS.source_vocab, PAIRS.target_vocab, hidden_size=5, bridge=True, bidirectional=True),
    "series": lambda: SeriesForecaster("gru", 4, season=4, horizon=99, rng=0).fit(SERIES, epochs=1, valid=0.3),
    "text": lambda: TEXT,
    "text, activated": lambda: LanguageModel(5, "lstm", 4, activation="softsign", output_activation=ELU, rng=0),
    "text of a layer": lambda: LanguageModel(5, ns.LSTM(3, 3, 2, rng=0), embedding_size=3, tied=True, rng=0),
    **{f"of {cell}": lambda cell=cell: Tagger(ns.Recurrent(CELLS[cell](), 2, 3, rng=0), 3, rng=0) for cell in CELLS},
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back(tmp_path, name):
    model = MODELS[name]()
    model.save(tmp_path / "m")
    again = type(model).load(tmp_path / "m")
    assert again.params.flat.tobytes() == model.params.flat.tobytes()
    assert repr(again) == repr(model)
    for found in ("vocab", "source_vocab", "target_vocab", "config", *model.fitted):
        assert getattr(again, found, None) == getattr(model, found, None)
    again.save(tmp_path / "again")
    assert content_of(again).metadata == content_of(model).metadata


def test_what_it_says_comes_back(tmp_path):
    model = MODELS["by name"]().fit(DATA)
    model.save(tmp_path / "m")
    assert Classifier.load(tmp_path / "m").predict(["good", "bad"]).tolist() == ["+", "-"]
    model = SeriesForecaster("gru", 4, season=4, horizon=3, rng=0).fit(SERIES, epochs=1, valid=0.3)
    model.save(tmp_path / "s")
    again = SeriesForecaster.load(tmp_path / "s")
    np.testing.assert_array_equal(again.forecast(4), model.forecast(4))
    assert again.compare() == model.compare()


def test_later_draws_come_from_the_generator_that_is_given(tmp_path):
    TEXT.save(tmp_path / "m")
    rng = np.random.default_rng(0)
    assert read_model(LanguageModel, tmp_path / "m", rng)[0].recurrent.dropout.rng is rng


def test_tensors_of_a_checkpoint_are_no_parameters(tmp_path):
    content = content_of(TEXT)
    write_content(content._replace(tensors={**content.tensors, "optimizer/m": np.zeros(3)}), tmp_path / "m")
    np.testing.assert_array_equal(LanguageModel.load(tmp_path / "m").params.flat, TEXT.params.flat)


def test_another_model_and_a_cell_of_ones_own_are_named(tmp_path):
    MODELS["by name"]().save(tmp_path / "m")
    with pytest.raises(ValueError, match=r"is 'npseq Classifier'; in Python, ns.models.Classifier.load takes"):
        Tagger.load(tmp_path / "m")

    class Own(ns.gallery.MGUCell):
        pass

    own = Classifier(ns.Recurrent(Own(), 2, 3, rng=0), 2)
    with pytest.raises(ValueError, match=r"a file can hold npseq's own cells and layers, not .*; take save_params"):
        own.save(tmp_path / "own")


def written(model, path, change):
    content = content_of(model)
    made = change(json.loads(content.metadata["made"]))
    write_content(Content(content.tensors, {**content.metadata, "made": json.dumps(made)}), path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda made: {**made, "cell": {**made["cell"], "hidden_size": 10**9}},
            "state_size must be hidden_size",
        ),
        (
            lambda made: {**made, "cell": {**made["cell"], "hidden_size": 10**9, "state_size": 10**9}},
            "its configuration has more parameters than the",
        ),
        (lambda made: {**made, "cell": {**made["cell"], "layer": "Mamba"}}, "it lacks 'Mamba'"),
        (lambda made: {**made, "embedding": {"embedding": [10**9, 32, None], "dtype": "float32"}}, "configuration has"),
        (lambda made: {**made, "num_labels": 2**40}, "its configuration has"),
        (lambda made: {**made, "loss": "huber"}, "loss must be one of"),
        (lambda made: {**made, "num_labels": 1}, "its parameters must be"),
        (lambda made: {**made, "odd": 1}, "odd"),
        (lambda made: [made], "'list' object has no attribute"),
    ],
)
def test_a_forged_file_is_refused_before_it_takes_memory(tmp_path, change, message):
    written(MODELS["by name"](), tmp_path / "m", change)
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"is damaged .*{message}"):
        Classifier.load(tmp_path / "m")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_what_fit_does_not_find_is_refused(tmp_path):
    MODELS["by name"]().save(tmp_path / "m")
    content = read_content(tmp_path / "m", "npseq Classifier")
    write_content(content._replace(metadata={**content.metadata, "fitted": '{"fit": 1}'}), tmp_path / "m")
    with pytest.raises(ValueError, match="it says of 'fit', which a Classifier does not keep"):
        Classifier.load(tmp_path / "m")
