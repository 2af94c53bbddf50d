"""A model comes back whole: parameters, vocabularies, labels, what fit has found; a forged file is refused."""

import json

import numpy as np
import pytest

import npseq as ns
from npseq.data import load_labelled, load_pairs
from npseq.files import Content, read_content, write_content
from npseq.models import Classifier, Seq2Seq, SeriesForecaster, Tagger
from npseq.models.whole import FORMAT

DATA = load_labelled([("good film", "+"), ("bad film", "-")] * 6, min_freq=1)
PAIRS = load_pairs("reversal", 20)
SERIES = np.sin(np.arange(120) / 3)
MODELS = {
    "by name": lambda: Classifier("lstm", DATA.labels, vocab=DATA.vocab, num_layers=2, dropout=0.25, rng=0),
    "of layers": lambda: Tagger(ns.Bidirectional(ns.RNN(2, 3, rng=0, nonlinearity="relu"), ns.GRU(2, 4, rng=0)), 3),
    "projected": lambda: Classifier(ns.LSTM(2, 4, proj_size=3, peepholes=True, bias=False, rng=0), 2, loss="binary"),
    "pairs": lambda: Seq2Seq(PAIRS.source_vocab, PAIRS.target_vocab, hidden_size=5, bridge=True, bidirectional=True),
    "series": lambda: SeriesForecaster("gru", 4, season=4, horizon=3, rng=0).fit(SERIES, epochs=1),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back(tmp_path, name):
    model = MODELS[name]()
    model.save(tmp_path / "m")
    again = type(model).load(tmp_path / "m")
    assert again.params.flat.tobytes() == model.params.flat.tobytes()
    assert repr(again) == repr(model)
    for found in ("vocab", "source_vocab", "target_vocab", "errors_", "values_", "scale_", "longest_"):
        assert getattr(again, found, None) == getattr(model, found, None)


def test_what_it_says_comes_back(tmp_path):
    model = MODELS["by name"]().fit(DATA)
    model.save(tmp_path / "m")
    assert Classifier.load(tmp_path / "m").predict(["good", "bad"]).tolist() == ["+", "-"]
    model = MODELS["series"]()
    model.save(tmp_path / "s")
    again = SeriesForecaster.load(tmp_path / "s").forecast(4)
    for one, other in zip(again, model.forecast(4), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_model_and_a_cell_of_ones_own_are_named(tmp_path):
    MODELS["by name"]().save(tmp_path / "m")
    with pytest.raises(ValueError, match="must hold a Tagger, it holds a 'Classifier'; load it by that class"):
        Tagger.load(tmp_path / "m")
    own = Classifier(ns.Recurrent(ns.gallery.MGUCell(), 2, 3, rng=0), 2)
    with pytest.raises(ValueError, match=r"a file can hold an RNN, a GRU or an LSTM, not .*; take save_params"):
        own.save(tmp_path / "own")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda made: {**made, "recurrent": {**made["recurrent"], "hidden_size": 10**9}},
            "it says of a size of 1000000000",
        ),
        (lambda made: {**made, "recurrent": {**made["recurrent"], "hidden_size": 900}}, "has more parameters than the"),
        (lambda made: {**made, "loss": "huber"}, "loss must be one of"),
        (lambda made: {**made, "num_labels": 1}, "its parameters must be"),
        (lambda made: {**made, "odd": 1}, "odd"),
    ],
)
def test_a_forged_file_is_refused_before_it_takes_memory(tmp_path, change, message):
    MODELS["by name"]().save(tmp_path / "m")
    content = read_content(tmp_path / "m", FORMAT)
    made = json.dumps(change(json.loads(content.metadata["made"])))
    write_content(Content(content.tensors, {**content.metadata, "made": made}), tmp_path / "m")
    with pytest.raises(ValueError, match=f"is damaged .*{message}"):
        Classifier.load(tmp_path / "m")
