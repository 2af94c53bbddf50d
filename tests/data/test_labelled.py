"""Labelled texts and tagged sentences are read from every usual form, and come back as they were."""

from types import SimpleNamespace

import numpy as np
import pytest
from data.labelled_texts import TEXTS, check, texts_of

from npseq.data import load_labelled, load_tagged


def test_texts_of_a_list_a_frame_and_files_are_the_same(tmp_path):
    check(load_labelled(TEXTS, min_freq=1))
    rows = [(k, label, text) for k, (text, label) in enumerate(TEXTS)]
    frame = SimpleNamespace(columns=["id", "label", "text"], itertuples=lambda index: iter(rows))
    check(load_labelled(frame, text="text", label="label", min_freq=1))
    check(load_labelled(frame, min_freq=1))
    (tmp_path / "a.csv").write_text("label,text\n" + "".join(f'{label},"{text}"\n' for text, label in TEXTS))
    check(load_labelled(tmp_path / "a.csv", text="text", label="label", min_freq=1))
    check(load_labelled(tmp_path / "a.csv", min_freq=1))
    (tmp_path / "a.tsv").write_text("".join(f"{label}\t{text}\n" for text, label in TEXTS))
    check(load_labelled(tmp_path / "a.tsv", min_freq=1))


def test_options_of_texts():
    data = load_labelled([("Aa b", 1), ("Aa", 0)], token="char", lower=False, min_freq=1, max_steps=2)
    assert texts_of(data) == ["A a", "A a"]
    assert data.labels == ("0", "1")
    assert load_labelled(TEXTS).ids.min() == 0  # rare words are unknown
    check(load_labelled([*TEXTS, ("", "+"), ("good", None)], min_freq=1, missing="drop"))


def test_a_split_has_every_text_once():
    data = load_labelled(TEXTS * 5, min_freq=1)
    first, second = data.split(0.25, rng=1)
    assert len(first.lengths) == 15
    assert sorted(texts_of(first) + texts_of(second)) == sorted(texts_of(data))
    assert data.majority() == 0.5


def test_what_one_has_without_a_model_is_the_label_or_each_tokens_tag():
    texts = load_labelled([("a", "+"), ("b", "+"), ("c", "-"), ("d", "-"), ("e", "-")], min_freq=1)
    assert texts.majority() == texts.majority(texts) == 0.6
    assert texts.of([0, 1]).majority(texts) == 0
    tags = load_tagged([[("run", "N"), ("run", "V"), ("run", "V"), ("dog", "N"), ("new", "N")]], min_freq=1)
    assert tags.majority() == 0.6
    assert tags.majority(tags) == 0.8
    start = tags._replace(lengths=np.array([3]))
    assert tags.majority(start) == 0.4  # dog and new, unseen, are V there


def test_texts_like_others_have_their_ids_and_labels():
    learnt = load_labelled(TEXTS, lower=False, min_freq=1)
    other = load_labelled([("FILM good worse", "-")], like=learnt)
    assert other.vocab is learnt.vocab
    assert texts_of(other) == ["film good <unk>"]
    assert (other.labels, other.targets.tolist()) == (("+", "-"), [1])
    model = SimpleNamespace(vocab=learnt.vocab, classes_=np.array(["+", "-"], dtype=object))
    again = load_labelled([("FILM good worse", "-")], like=model)
    assert (again.labels, texts_of(again)) == (other.labels, texts_of(other))
    with pytest.raises(TypeError, match="like must be data as these, a model of such, or None, got"):
        load_labelled(TEXTS, like=learnt.vocab)


def test_it_is_shown_by_shapes_and_by_how_often_each_label_is_there():
    shown = repr(load_labelled([*TEXTS, ("good", "+")], min_freq=1)).split("\n")
    assert shown[:2] == ["Labelled:", "  ids: (3, 5) int64"]
    assert shown[-2:] == ["  labels: + 3, - 2", "  first: 'good film' +"]
    assert repr(load_labelled(TEXTS).split(0.0)[1]).endswith("labels: + 0, - 0")
    many = load_labelled([("a", k) for k in range(20) for _ in range(3)])
    assert "16 3, 17 3, 18 3, 19 3, 8 more\n" in repr(many)


def test_most_texts_hold_a_token_that_is_known_and_it_is_shown_how_many_are_not():
    given = [("没有空格", "x"), ("的文字", "y"), ("a a", "x")]
    with pytest.raises(ValueError, match="of the vocabulary, 2 of 3 hold none, as '没有空格'; a smaller m"):
        load_labelled(given)
    assert "\n  unknown: 2 of 5 tokens\n" in repr(load_labelled([*given, ("a", "y")]))
    assert "unknown" not in repr(load_labelled(given, token="char", min_freq=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: load_labelled(TEXTS, max_steps=0), "max_steps must be a positive integer, got 0"),
        (lambda: load_labelled([("a", "x"), ("b", "x")]), r"must have at least two labels, the list has \('x',\)"),
        (
            lambda: load_labelled([("a", "x"), (" ", "y")]),
            "must have a text, row 2 of the list has none; leave out all such rows by missing='drop'",
        ),
        (
            lambda: load_labelled([("a", k / 7) for k in range(30)]),
            "must come again and again, the list has 30 of them in 30 rows, as '0.0'; name the column of labels, or",
        ),
        (
            lambda: load_labelled([("a", k % 25 / 25) for k in range(300)]),
            "the list has 25 of them in 300 rows, as '0.0'; name the column of labels, or make classes of its numbers",
        ),
        (lambda: load_labelled(TEXTS, text=1, label=1), "text and label must be two columns, got 1 and 1"),
        (lambda: load_labelled(TEXTS).split(0.0)[1].majority(), "there must be a label to be said, got none"),
        (
            lambda: load_labelled([["a"], ["b"]]),
            r"a list of \(text, label\), of lines as .label a text. \[line.split\(maxsplit=1\)\[::-1\] for",
        ),
        (lambda: load_labelled([["a"], ["b"]]), "must have two columns, the list has one; give a list of"),
        (lambda: load_labelled(TEXTS, text="text"), r"got 'text'; they are 'Good film', '\+'"),
        (
            lambda: load_labelled([("a", "?")], like=load_labelled(TEXTS)),
            r"one of '\+', '-', row 1 of the list has '\?'",
        ),
        (lambda: load_labelled(TEXTS).majority(load_labelled(TEXTS)), "learnt must have the same vocabulary and"),
    ],
)
def test_what_is_not_labelled_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
