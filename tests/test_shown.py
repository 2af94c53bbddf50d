"""What a notebook shows: HTML that is well formed, has the words of the text, and no markup or colour of its own."""

from html.parser import HTMLParser
from typing import NamedTuple

import numpy as np
import pytest

import npseq as ns
from npseq.shown import as_html, columns, describe

LAYER = ns.LSTM(3, 4, dropout=0.5, num_layers=2, bidirectional=True, dtype=np.float64, rng=0)
PLAIN = ns.RNN(3, 4, dtype=np.float64, rng=0)
X = np.random.default_rng(0).normal(size=(5, 2, 3))
DY = np.ones((5, 2, 4))


class Read(HTMLParser):
    """The words of a page, its tables as rows of cells; fails where a tag is not closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.rows = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in ("div", "table", "tr", "td", "th")
        assert "color" not in str(attrs)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data.split()
        if self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def wrong_report():
    right = {"x": np.ones(3), "<b>&": np.ones(2)}
    return ns.gradcheck(lambda at: sum((value**2).sum() for value in at.values()), right, right)


def run(folder):
    config = ns.training.TrainingConfig(hidden_size=4, epochs=2, max_tokens=2000)
    return ns.training.train(config, folder / "<run>")


SHOWN = {
    "parameters": lambda _: PLAIN.params,
    "tape": lambda _: LAYER.forward(X, training=True)[2],
    "bidirectional tape": lambda _: ns.Bidirectional(PLAIN, PLAIN).forward(X)[2],
    "model's tape": lambda _: ns.models.Tagger(PLAIN, 2, rng=0).forward(X)[1],
    "ledger": lambda _: ns.inspect.ledger(PLAIN, DY, PLAIN.forward(X)[2]),
    "certificate": lambda _: ns.inspect.truncation_certificate(ns.inspect.ledger(PLAIN, DY, PLAIN.forward(X)[2])),
    "bias": lambda _: ns.inspect.truncation_bias(ns.inspect.ledger(PLAIN, DY, PLAIN.forward(X)[2])),
    "report": lambda _: ns.gradcheck_layer(PLAIN, X),
    "wrong report": lambda _: wrong_report(),
    "directions": lambda _: ns.gradcheck_layer(PLAIN, X, method="directional"),
    "diagnosis": lambda _: ns.diagnose(PLAIN, X, DY, PLAIN.backward(DY, PLAIN.forward(X)[2])[2]),
    "checkpointed": lambda _: ns.checkpointed(PLAIN, X, DY),
    "online": lambda _: ns.rtrl(PLAIN, X, DY),
    "run": run,
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_shows_the_words_of_the_text(name, tmp_path):
    thing = SHOWN[name](tmp_path)
    found = Read(thing._repr_html_())
    assert [word.rstrip(":") for word in found.words] == [word.rstrip(":") for word in str(thing).split()]


@pytest.mark.parametrize("layer", [PLAIN, ns.LanguageModel(5, "gru", 3, rng=0)], ids=["layer", "model"])
def test_a_layer_is_shown_with_a_table_of_its_parameters(layer):
    found = Read(layer._repr_html_())
    assert found.words == f"{layer!r} {layer.params!r}".split()
    assert found.rows == [[name, str(value.shape)] for name, value in layer.params.items()]


def test_describe_shows_tuples_of_arrays_side_by_side():
    class Fields(NamedTuple):
        arrays: tuple
        text: str
        lacking: None
        flags: tuple
        mark: bytes

    fields = Fields((np.zeros(1), [np.zeros(2, int)]), "text", None, (True, False, True), b"abc")
    assert describe(fields).splitlines() == [
        "Fields:",
        "  arrays: (1,) float64, (2,) int64",
        "  text: 'text'",
        "  flags: 2 of 3",
        "  mark: 3 bytes",
    ]


def test_names_are_escaped():
    text = wrong_report()._repr_html_()
    assert "&lt;b&gt;&amp;" in text
    assert "<b>" not in text


def test_columns_are_cut_where_all_lines_have_two_blanks():
    lines = columns([("name", "a b", "n"), ("w", "", "12"), ("long name", "c", "3")])
    assert Read(as_html("\n".join(["head", *lines]))).rows == [
        ["name", "a b", "n"],
        ["w", "12"],
        ["long name", "c", "3"],
    ]
    assert as_html("\n".join(lines)).count("</td>") == 6
    assert [len(row) for row in columns([("a", "b")] * 2, str.rjust)] == [4, 4]
