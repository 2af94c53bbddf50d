"""Labelled texts and tagged sentences are read from every usual form, and come back as they were."""

from types import SimpleNamespace

import numpy as np
import pytest

from npseq.data import load_labelled, load_tagged

TEXTS = [("Good film", "+"), ("bad, bad film", "-"), ("good", "+"), ("so bad", "-")]
CONLL = "-DOCSTART- -X- O\n\n# text\nThe DT B-NP\ncats NNS I-NP\n\n\nsleep VBP O\n"


def texts_of(data):
    return [" ".join(data.vocab.to_tokens(data.ids[:end, k])) for k, end in enumerate(data.lengths)]


def check(data):
    assert texts_of(data) == [text.lower() for text, _ in TEXTS]
    assert [data.labels[k] for k in data.targets] == [label for _, label in TEXTS]


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


@pytest.mark.parametrize("sign", [" ", "\t"])
def test_tags_of_a_file(tmp_path, sign):
    (tmp_path / "a").write_text(CONLL.replace(" ", sign))
    data = load_tagged(tmp_path / "a", min_freq=1)
    assert texts_of(data) == ["The cats", "sleep"]
    assert data.labels == ("B-NP", "I-NP", "O")
    assert data.targets.T.tolist() == [[0, 1], [2, 0]]
    assert load_tagged(tmp_path / "a", tag=1, lower=True).labels == ("DT", "NNS", "VBP")
    assert data.majority() == pytest.approx(1 / 3)
    assert data.of(np.array([1])).lengths.tolist() == [1]


def test_tags_of_conll_u_are_those_of_words(tmp_path):
    words = ("1-2 vámonos _", "1 vamos VERB", "2 nos PRON", "3 a~la NOUN", "3.1 mar _")
    rows = ["\t".join([at, word, word, tag, *"______"]) for at, word, tag in map(str.split, words)]
    (tmp_path / "a").write_text("# text = vámonos\n" + "\n".join(rows).replace("~", " ") + "\n", encoding="utf-8")
    data = load_tagged(tmp_path / "a", token=1, tag=3, min_freq=1)
    assert data.vocab.to_tokens(data.ids[:, 0]) == ["vamos", "nos", "a la"]
    assert [data.labels[k] for k in data.targets[:, 0]] == ["VERB", "PRON", "NOUN"]


def test_words_with_their_tags_behind_a_slash(tmp_path):
    (tmp_path / "a").write_text("The/DT 1/2/CD\n\n//SYM\n")
    data = load_tagged(tmp_path / "a", form="slash", min_freq=1)
    assert texts_of(data) == ["The 1/2", "/"]
    assert data.labels == ("CD", "DT", "SYM")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: load_labelled([("a", "x"), ("b", "x")]), r"must have at least two labels, the list has \('x',\)"),
        (
            lambda path: load_labelled([("a", "x"), (" ", "y")]),
            "must have a text, row 2 of the list has none; leave out all such rows by missing='drop'",
        ),
        (
            lambda path: load_labelled([("a", k / 7) for k in range(30)]),
            "must come again and again, the list has 30 of them in 30 rows, as '0.0'; name the column of labels, or",
        ),
        (lambda path: load_labelled([["a"], ["b"]]), "must have two columns, the list has one; name the delimiter"),
        (lambda path: load_labelled(TEXTS, text="text"), "got 'text'; there is no header"),
        (lambda path: load_labelled(TEXTS).majority(load_labelled(TEXTS)), "learnt must have the same vocabulary and"),
        (lambda path: load_tagged([]), "tagged sentences must be at least one, got none"),
        (lambda path: load_tagged([["a"]]), r"must be a list of \(token, tag\), got \['a'\] in place 0"),
        (lambda path: load_tagged(path, form="slash"), "must be word/tag, line 1 of .* has 'a'"),
        (lambda path: load_tagged(path, form="tsv"), "form must be one of 'conll', 'slash'"),
        (lambda path: load_tagged(path), r"line 2 of '.*' has the columns \['b'\]; name their places, token and tag"),
    ],
)
def test_what_is_not_labelled_is_refused(tmp_path, call, message):
    (tmp_path / "a").write_text("a X\nb\n")
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "a")
