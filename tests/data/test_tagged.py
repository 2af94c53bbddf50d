"""Tagged sentences are read from every usual form, and come back as they were."""

import numpy as np
import pytest

from npseq.data import load_tagged

CONLL = "-DOCSTART- -X- O\n\n# text\nThe DT B-NP\ncats NNS I-NP\n\n\nsleep VBP O\n"
GIVEN = [[("The", "D"), ("cats", "N"), (",", "P")], [("#sleep", "V"), ("#", "P")]]


def texts_of(data):
    return [" ".join(data.vocab.to_tokens(data.ids[:end, k])) for k, end in enumerate(data.lengths)]


@pytest.mark.parametrize("sign", [" ", "\t"])
def test_tags_of_a_file(tmp_path, sign):
    (tmp_path / "a").write_text(CONLL.replace(" ", sign))
    data = load_tagged(tmp_path / "a", min_freq=1)
    assert texts_of(data) == ["The cats", "sleep"]
    assert data.labels == ("B-NP", "I-NP", "O")
    assert data.targets.T.tolist() == [[0, 1], [2, 0]]
    assert load_tagged(tmp_path / "a", tag=1, lower=True, min_freq=1).labels == ("DT", "NNS", "VBP")
    assert data.majority() == pytest.approx(1 / 3)
    assert repr(data).endswith("  labels: B-NP 1, I-NP 1, O 1\n  first: The/B-NP cats/I-NP")
    assert data.of(np.array([1])).lengths.tolist() == [1]


@pytest.mark.parametrize(
    ("name", "begin", "row", "between", "options"),
    [
        ("a.tsv", "word\ttag\n", "{}\t{}\n", "\n", {}),
        ("a.tsv", "Wort\tKlasse\n", "{}\t{}\n", "\n", {"header": True}),
        ("a.csv", "#,Word,Tag\n", '{k},"{}",{}\n', "", {"token": 1, "tag": 2, "sentence": 0, "header": True}),
        ("a.tsv", "Token\tner_tag\n\n", "{}\t{}\n", "\n", {}),
        ("a.tsv", "text\tkind\n", "{}\t{}\n", "\n", {"token": "text", "tag": "kind"}),
        ("a.txt", "", '"{}",{}\n', "\n", {"delimiter": ","}),
        ("a.csv", "", '"{}";{}\n', "\n", {}),
        ("a.csv", "#,Word,Tag\n", '{k},"{}",{}\n', "", {"token": "Word", "tag": "Tag", "sentence": "#"}),
        ("a.csv", "n,w,t\n", '{first},"{}",{}\n', "", {"token": "w", "tag": "t", "sentence": "n"}),
    ],
)
def test_tables_of_a_token_a_line_are_sentences(tmp_path, name, begin, row, between, options):
    sentences = [
        "".join(row.format(*pair, k=k, first="" if at else f"No. {k}") for at, pair in enumerate(sentence))
        for k, sentence in enumerate(GIVEN)
    ]
    (tmp_path / name).write_text(begin + between.join(sentences), encoding="utf-8-sig")
    given = load_tagged(tmp_path / name, min_freq=1, **options)
    for one, wanted in zip(given, load_tagged(GIVEN, min_freq=1), strict=True):
        assert np.array_equal(one, wanted)


def test_sentences_like_others_have_their_ids_and_tags():
    learnt = load_tagged(GIVEN, min_freq=1)
    other = load_tagged([[("CATS", "N"), ("run", "V")]], like=learnt)
    assert texts_of(other) == ["cats <unk>"]
    assert (other.labels, other.targets.tolist()) == (learnt.labels, [[1], [3]])
    with pytest.raises(
        ValueError, match="a label must be one of 'D', 'N', 'P', 'V', the sentence in place 1 has 'X'; predict takes"
    ):
        load_tagged([[("a", "N")], [("a", "X")]], like=learnt)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: load_tagged([]), "tagged sentences must be at least one, got none"),
        (lambda path: load_tagged([["a"]]), r"must be a list of \(token, tag\), got \['a'\] in place 0"),
        (
            lambda path: load_tagged(zip([["a", "b", "c"]], [["X", "Y", "X"]], strict=True)),
            r"lists of tokens and one of tags, \[list\(zip\(\*pair\)\) for pair in zip\(tokens, tags\)\] makes them",
        ),
        (
            lambda path: load_tagged([[{"text": "a", "tag": "X"}]]),
            r"of dicts, \[\(token\['text'\], token\['tag'\]\) for token in sentence\] makes one",
        ),
        (lambda path: load_tagged([("a b", "X Y")]), "in place 0; of a sentence a row, "),
        (lambda path: load_tagged(path, form="slash"), "must be word/tag, line 1 of .* has 'a'"),
        (lambda path: load_tagged(path, form="tsv"), "form must be one of 'conll', 'slash'"),
        (
            lambda path: load_tagged(path),
            r"line 2 of .* has the columns \['b'\], line 1 \['a', 'X'\]; mend that line, or name the",
        ),
        (
            lambda path: load_tagged([[("a", "_")]]),
            "must have at least two tags, got '_' alone; name the columns",
        ),
        (
            lambda path: load_tagged(path, form="slash", delimiter="_"),
            "a token must be word_tag, line 1 of .* has 'a'; name another sign between them as delimiter",
        ),
        (lambda path: load_tagged(path, tag=0), "token and tag must be two columns, got 0 and 0 of .'a', 'X'"),
        (
            lambda path: load_tagged([[("a", "X"), ("b", None)]]),
            "must hold something and have a tag, the sentence in place 0 has 'b' and ''; pandas keeps",
        ),
        (
            lambda path: load_tagged([{"tokens": ["", "b"], "tags": ["X", "Y"]}]),
            "must hold something and have a tag, row 1 of the list has '' and 'X'",
        ),
        (
            lambda path: load_tagged([{"tokens": "a b", "tags": "X Y"}]),
            r"of a sentence a row, .* makes lists; ast.literal_eval reads those that are printed",
        ),
        (
            lambda path: load_tagged([[("a", "X"), ("b", "Y")], [("c", "X")]]),
            "a sentence must hold tokens of the vocabulary, 2 of 2 hold none, as 'a b'; a smaller min_freq keeps",
        ),
        (lambda path: load_tagged(path, token="word"), "token must name a column of .*, got 'word'; they are 'a', 'X'"),
    ],
)
def test_what_is_not_tagged_is_refused(tmp_path, call, message):
    (tmp_path / "a").write_text("a X\nb\n")
    with pytest.raises(ValueError, match=message):
        call(tmp_path / "a")


def test_what_is_no_list_is_refused_and_dicts_are_rows():
    with pytest.raises(TypeError, match="must be a path, a list of sentences or a data frame, got None"):
        load_tagged(None)
    rows = [
        {"id": k, "tokens": [word for word, _ in one], "tags": [tag for _, tag in one], "lang": "en"}
        for k, one in enumerate(GIVEN)
    ]
    assert repr(load_tagged(iter(rows), min_freq=1)) == repr(load_tagged(GIVEN, min_freq=1))
