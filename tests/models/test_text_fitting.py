"""A language model is fitted to a text in one call."""

from pathlib import Path

import numpy as np
import pytest

import npseq as ns
from npseq.data import Vocabulary, sequential_windows

TEXT = "it was the best of times\n" * 20
VOCABULARY = Vocabulary(list(TEXT))


def model():
    return ns.LanguageModel(VOCABULARY, "gru", 12, rng=0)


def test_it_is_the_loop_by_hand():
    one, two = model(), model()
    one.fit(TEXT, epochs=2, steps=10, batch_size=4, valid=0, optimizer=ns.Adam(0.01), rng=3)
    ids, rng, optimizer = VOCABULARY.encode(TEXT), np.random.default_rng(3), ns.Adam(0.01)
    for _ in range(2):
        state = None
        for x, y in sequential_windows(ids, 4, 10, rng):
            _, _, state = two.step(x, y, state, optimizer, 1.0)
    assert one.params.flat.tobytes() == two.params.flat.tobytes()


def test_a_text_is_learnt_and_its_end_held_out():
    fitted = model().fit(TEXT, epochs=30, steps=10, batch_size=4)
    held = TEXT[-round(0.1 * len(TEXT)) :]
    assert fitted.evaluate(held) == pytest.approx(min(row["held_out_loss"] for row in fitted.history_))
    assert fitted.score(held) == pytest.approx(-fitted.evaluate(held) / np.log(2))
    assert fitted.generate("it was", 18) == TEXT[:24]
    other = model().fit(TEXT, epochs=1, steps=10, batch_size=4, valid="it was")
    assert len(other.history_) == 1


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match=r"the text must hold at least batch_size \* steps \+ 1"):
        model().fit("it was")
    with pytest.raises(TypeError, match="targets must be None: a language model learns the text itself"):
        model().fit(TEXT, TEXT)
    with pytest.raises(ValueError, match=r"a text must be a string or ids \(N,\) of at least 2 tokens"):
        model().fit(np.ones((3, 3), int))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (Path("book.txt"), r"got pathlib\.PosixPath; pass pathlib\.Path\(NAME\)\.read_text\(encoding='utf-8'\)$"),
        (TEXT.encode(), r"got bytes; pass NAME\.decode\(\)$"),
        ([TEXT, TEXT], r"got list; pass ''\.join\(NAME\)$"),
    ],
)
def test_what_may_be_meant_as_a_text_is_refused_with_the_remedy(given, told):
    wanted = "^NAME must be a text, one str, or an array of ids, "
    with pytest.raises(TypeError, match=(wanted + told).replace("NAME", "data")):
        model().fit(given)
    with pytest.raises(TypeError, match=(wanted + told).replace("NAME", "valid")):
        model().fit(TEXT, valid=given)
    with pytest.raises(TypeError, match=(wanted + told).replace("NAME", "ids")):
        model().evaluate(given)


def test_patience_needs_what_is_held_out():
    with pytest.raises(ValueError, match="patience needs held-out data, got patience 1 and valid 0; leave it out"):
        model().fit(TEXT, valid=0, patience=1, batch_size=4, steps=10)
