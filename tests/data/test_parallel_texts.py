"""The two columns of pairs are found in every usual table; what is no pair is refused by its row."""

from types import SimpleNamespace

import numpy as np
import pytest

from npseq.data import load_pairs


def sides(pairs):
    return [
        (pairs.source_vocab.decode(pairs.source[: m - 1, k]), pairs.target_vocab.decode(pairs.target[: n - 1, k]))
        for k, (m, n) in enumerate(zip(pairs.source_lengths, pairs.target_lengths, strict=True))
    ]


def test_files_that_hold_no_pairs_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"if not 'dates', 'reversal', 'tatoeba', must be an existing file"):
        load_pairs(tmp_path / "none")
    bad = tmp_path / "bad"
    for text, wrong in (("c d", "target"), ("\tb", "source"), ("a\t \tc", "target")):
        bad.write_text(f"a\tb\n\n{text}\n")
        with pytest.raises(ValueError, match=rf"a row must have a {wrong}, line 3 of .*bad' has none; leave out all"):
            load_pairs(bad)
        assert load_pairs(bad, missing="drop").source.shape[1] == 1
    bad.write_bytes(b"a\tb\ncaf\xe9\tb\n")
    with pytest.raises(
        ValueError,
        match=r"a table of sentence pairs must be UTF-8, .*bad' is not: byte 0xe9 at offset 7 .*line 2; .*convert",
    ):
        load_pairs(bad)
    bad.write_text("\n")
    with pytest.raises(ValueError, match=r"a table of sentence pairs must hold at least one row, .*bad' has none"):
        load_pairs(bad)


def test_pairs_in_memory_are_those_of_a_file(tmp_path):
    given = [("A b", "x Y"), ("c", "z z")]
    (tmp_path / "p.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in given))
    for source in (given, [list(pair) for pair in given]):
        for token in ("word", "char"):
            one, two = load_pairs(source, token=token), load_pairs(tmp_path / "p.tsv", token=token)
            np.testing.assert_array_equal(one.source, two.source)
            assert one.target_vocab == two.target_vocab
    assert load_pairs(given, token="char").source_vocab.decode(load_pairs(given, token="char").source[:3, 0]) == "A b"
    with pytest.raises(ValueError, match=r"a row must have a target, row 1 of the list has none"):
        load_pairs([("a", " ")])


def test_two_files_are_pairs_of_their_lines(tmp_path):
    for name, lines in (("en", "Hi\n\nGo\n"), ("fr", "\ufeffSalut\r\n\r\nVa\r\n")):
        (tmp_path / name).write_bytes(lines.encode())
    given = (tmp_path / "en", str(tmp_path / "fr"))
    assert sides(load_pairs(given, missing="drop")) == [("Hi", "Salut"), ("Go", "Va")]
    assert sides(load_pairs(list(given), missing="drop")) == [("Hi", "Salut"), ("Go", "Va")]
    with pytest.raises(ValueError, match="a row must have a target, row 2 of the list has none"):
        load_pairs(given)
    with pytest.raises(ValueError, match="delimiter belongs to one table, got it beside two files; leave it out"):
        load_pairs(given, delimiter=";")
    (tmp_path / "en").write_text("Hi\nGo\n")
    with pytest.raises(
        ValueError, match=r"must have as many lines, '.*en' has 2, '.*fr' 3; line k of one must be that"
    ):
        load_pairs(given)
    with pytest.raises(ValueError, match=r"en' has one; name the delimiter, or .*, of two files load_pairs\(\('a.en'"):
        load_pairs(tmp_path / "en")
    with pytest.raises(FileNotFoundError, match="a file of sentences must be an existing file"):
        load_pairs((tmp_path / "en", tmp_path / "de"))


def test_names_above_sentences_are_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text("Term,Definition\nI am here,Ich bin da\nGo.,Geh.\nWe eat,Wir essen\n")
    with pytest.raises(ValueError, match=r"header must be given: .* \['Term', 'Definition'\], may be names above sent"):
        load_pairs(tmp_path / "a.csv")
    assert sides(load_pairs(tmp_path / "a.csv", header=True))[0] == ("I am here", "Ich bin da")
    assert sides(load_pairs(tmp_path / "a.csv", header=False))[0] == ("Term", "Definition")
    with pytest.raises(ValueError, match="header must be given"):
        load_pairs([("date", "iso"), ("May 3, 1999", "1999-05-03"), ("June 4, 2001", "2001-06-04")], token="char")
    given = [("Go.", "Geh."), ("I am here", "Ich bin da"), ("We eat", "Wir essen")]
    assert sides(load_pairs(given)) == given
    assert len(sides(load_pairs([("one", "eins"), ("two", "zwei"), ("the cat", "die Katze")]))) == 3


def test_an_index_without_a_name_is_no_source(tmp_path):
    frame = SimpleNamespace(columns=["Unnamed: 0", "a", "b"], itertuples=lambda index: iter([(0, "Hi", "Salut")]))
    assert sides(load_pairs(frame)) == [("Hi", "Salut")]
    (tmp_path / "a.tsv").write_text('"x"\t"y"\n"1"\t"Hi"\t"Salut"\n"2"\t"Go"\t"Va"\n')
    assert sides(load_pairs(tmp_path / "a.tsv")) == [("Hi", "Salut"), ("Go", "Va")]
    assert sides(load_pairs(tmp_path / "a.tsv", source="y", target="x")) == [("Salut", "Hi"), ("Va", "Go")]


def test_a_word_that_pandas_takes_for_nothing_is_named():
    frame = SimpleNamespace(columns=["a", "b"], itertuples=lambda index: iter([("null", "zéro"), (float("nan"), "x")]))
    with pytest.raises(
        ValueError, match=r"row 2 of the data frame has none; .*; pandas keeps words such as 'NA' by keep_"
    ):
        load_pairs(frame)


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("a.csv", 'english,french\n"Hi, Tom!",Salut !\nWho?,"Qui\n?"\n', {}),
        ("a.csv", 'English words/sentences,French words/sentences\n"Hi, Tom!",Salut !\nWho?,Qui ?\n', {}),
        ("a.csv", 'Unit,English,French,Note\nUnit 1,"Hi, Tom!",Salut !,x\nUnit 2,Who?,Qui ?,\n', {}),
        ("a.csv", "Englisch;Français\nHi, Tom!;Salut !\nWho?;Qui ?\n", {}),
        ("a.csv", "Thème;Français;Allemand\nA;Hi, Tom!;Salut !\nB;Who?;Qui ?\n", {}),
        ("a.csv", 'Word,Meaning,Note,,\n"Hi, Tom!",Salut !,,,\n,,,,\nWho?,Qui ?,x,,\n', {}),
        ("a.csv", "id;fr;en\n1;Salut !;Hi, Tom!\n2;Qui ?;Who?\n", {"source": "en", "target": "fr"}),
        ("a.txt", "10\tHi, Tom!\t7\tSalut !\n11\tWho?\t9\tQui ?\n", {"source": 1, "target": 3}),
        ("a.txt", "Hi, Tom!\tSalut !\tCC, BY\nWho?\tQui ?\n", {}),
        ("a.txt", "Hi, Tom! ||| Salut !\nWho? ||| Qui ?\n", {}),
        ("a.txt", "#separator:tab\n#html:false\n#tags column:3\nHi, Tom!\tSalut !\tl1\nWho?\tQui ?\t\n", {}),
        ("a.csv", "Hi, Tom!|Salut !\nWho?|Qui ?\n", {"delimiter": "|"}),
        ("a.txt", "Hi, Tom!  Salut !\nWho?  Qui ?\n", {"delimiter": "  "}),
    ],
)
def test_columns_of_every_usual_file_are_found(tmp_path, name, text, options):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert sides(load_pairs(tmp_path / name, **options)) == [("Hi, Tom!", "Salut !"), ("Who?", "Qui ?")]


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (
            [(1, "a", "b"), (2, "c", "d")],
            {},
            "source must be a column of texts, column 0 of the 3 of the list has",
        ),
        ([("0.5", "a", "b"), ("1,5", "c", "d")], {}, "column 0 of the 3 of the list has numbers"),
        (
            [("en", "a", "de", "b")] * 3,
            {},
            "source must be a column of texts, column 0 of the 4 .* 'en' alone",
        ),
        ([("k", "x", "a"), ("l", "x", "b"), ("m", "x", "c")], {}, "target must be a column of texts, column 1 of"),
        (
            [(("ted", "web")[k % 2], f"a {k}", f"b {k}") for k in range(20)],
            {},
            "source must be a column of texts, column 0 of the 3 .* has only 2 different texts, as 'ted'; name both",
        ),
        ([("a", "b")], {"source": 1}, "source and target must be two columns, got 1 and None; name both"),
        (
            [{"id": "x", "translation": {"en": "a", "de": "b"}}],
            {"source": "translation"},
            r"got 'translation' and None; \[row\['translation'\] for row in data\] has the columns \['en', 'de'\]",
        ),
        ([["a"], ["b"]], {}, r"must have two columns, the list has one; give a list of \(source, target\)"),
        (
            [{"translation": {"en": "a", "de": "b"}}],
            {},
            r"the list has one; \[row\['translation'\] for row in data\] has the columns \['en', 'de'\]",
        ),
        ([("a", "b")], {"missing": "mask"}, "missing must be one of 'refuse', 'drop', got 'mask'"),
    ],
)
def test_columns_that_hold_no_pairs_are_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        load_pairs(given, **options)
