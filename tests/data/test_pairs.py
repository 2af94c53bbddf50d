import os
from math import log
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from npseq.data import Vocabulary, load_pairs
from npseq.data.pairs import build_array, first_of_each, tokenize_pairs
from npseq.data.parallel_texts import read_pairs
from npseq.data.sentences import preprocess

TEXT = "Go.\tVa !\tCC-BY\nGo.\tMarche.\tCC-BY\nHi, Tom!\tSalut,\u202fTom\u00a0!\tCC-BY\nWho?\tQui\u202f?\tCC-BY\n"


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_a_file_is_read_without_its_third_column(path):
    assert read_pairs(path).split("\n")[0] == "Go.\tVa !"
    source, target = tokenize_pairs(preprocess(read_pairs(path)))
    assert source == [["go", "."], ["go", "."], ["hi", ",", "tom", "!"], ["who", "?"]]
    assert target == [["va", "!"], ["marche", "."], ["salut", ",", "tom", "!"], ["qui", "?"]]


def test_d2l_keeps_one_line_more_than_it_is_asked_for():
    text = "\n".join(f"a{k}\tb{k}" for k in range(700))
    assert len(tokenize_pairs(text, 600)[0]) == 600
    assert len(tokenize_pairs(text, 600, keep_one_more=True)[0]) == 601
    assert len(tokenize_pairs(text)[0]) == 700


def test_lines_are_cut_and_padded():
    vocab = Vocabulary(["a"], reserved_tokens=["<pad>", "<bos>", "<eos>"])
    ids, lengths = build_array([["a"], ["a"] * 5, []], vocab, steps=4)
    np.testing.assert_array_equal(ids.T, [[4, 3, 1, 1], [4, 4, 4, 4], [3, 1, 1, 1]])
    np.testing.assert_array_equal(lengths, [2, 4, 1])
    assert ids.dtype == lengths.dtype == np.int64


def test_arrays_end_with_eos_and_come_time_first():
    vocab = Vocabulary(["a", "b"], reserved_tokens=["<pad>", "<bos>", "<eos>"])
    ids, lengths = build_array([["a", "b"], ["a"], ["b", "a", "x"]], vocab, steps=3)
    np.testing.assert_array_equal(ids.T, [[4, 5, 3], [4, 3, 1], [5, 4, 0]])
    np.testing.assert_array_equal(lengths, [3, 2, 3])
    assert build_array([["a", "b"], ["a"]], vocab)[0].shape == (3, 2)
    with pytest.raises(ValueError, match=r"the vocabulary must hold <pad>; make it with reserved_tokens="):
        build_array([["a"]], Vocabulary(["a"]))


def test_a_file_of_pairs_as_arrays(path):
    pairs = load_pairs(path, steps=4, clean="d2l")
    assert pairs.source_vocab.tokens[:4] == ("<unk>", "<pad>", "<bos>", "<eos>")
    assert pairs.source.shape == (4, 4)
    assert pairs.target_vocab.to_tokens(pairs.target[:, 1]) == ["marche", ".", "<eos>", "<pad>"]
    np.testing.assert_array_equal(pairs.source_lengths, [3, 3, 4, 3])
    assert pairs.source_vocab.to_tokens(pairs.source[:, 2]) == ["hi", ",", "tom", "!"]
    assert load_pairs(path, num_pairs=2, clean="d2l").source.shape == (3, 2)
    assert load_pairs(path, min_freq=2, clean="d2l").target_vocab.tokens[4:] == ("!",)


def test_a_file_of_one_s_own_is_read_whole_and_as_it_is(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("".join(f"Am I {k}?\tBin ich  {k}?\r\n" for k in range(1500)), encoding="utf-8-sig", newline="")
    pairs = load_pairs(path)
    assert pairs.source.shape == (4, 1500)
    assert pairs.source_vocab.to_tokens(pairs.source[:, 1499]) == ["Am", "I", "1499?", "<eos>"]
    assert pairs.target_vocab.to_tokens(pairs.target[:, 0]) == ["Bin", "ich", "0?", "<eos>"]
    assert load_pairs(path, 20).source.shape == (4, 20)
    lowered = load_pairs(path, 1, clean="d2l")
    assert lowered.source_vocab.to_tokens(lowered.source[:, 0]) == ["am", "i", "0", "?", "<eos>"]


def test_600_pairs_are_made():
    assert load_pairs("reversal").source.shape[1] == load_pairs().source.shape[1] == 600


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((7,), TypeError, "sentence pairs must be a path, a list of rows or a data frame, got 7; of columns, list"),
        (
            ("a.txt", "b.txt"),
            TypeError,
            r"num_pairs must be a positive integer, got 'b.txt'; of two files load_pairs\(\('a.en', 'a.fr'\)\)$",
        ),
        ((["a"], ["b"]), TypeError, r"got \['b'\]; list\(zip\(first, second\)\) makes pairs of two lists"),
        (("dates", 0), ValueError, "num_pairs must be a positive integer, got 0"),
        (("reversal", "x"), ValueError, "num_pairs must be a positive integer, got 'x'$"),
        (("dates", [5]), ValueError, r"num_pairs must be a positive integer, got \[5\]$"),
        (([("a", "b")], {1}), ValueError, r"num_pairs must be a positive integer, got \{1\}$"),
        (("dates", 1.5), ValueError, "num_pairs must be a positive integer, got 1.5"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        load_pairs(*arguments)


def test_options_that_cannot_be_are_refused(path):
    with pytest.raises(ValueError, match="clean must be one of 'd2l', 'none', got 'letters'"):
        load_pairs(path, clean="letters")
    with pytest.raises(TypeError, match="distinct_sources must be True or False, got 2"):
        load_pairs(path, distinct_sources=2)
    pairs = load_pairs(path)
    with pytest.raises(ValueError, match=r"count must be an integer in \[0, 5\), got 5"):
        pairs.split(5)
    with pytest.raises(ValueError, match="batch_size must be a positive integer, got 0"):
        next(pairs.batches(0))


def test_two_translations_of_one_sentence_cannot_both_be_learnt(path):
    assert load_pairs(path, clean="d2l").least_loss() == pytest.approx(2 * log(2))
    distinct = load_pairs(path, distinct_sources=True)
    assert distinct.source.shape[1] == 3
    assert distinct.least_loss() == 0
    assert first_of_each("a\tb\na\tc\nd\te") == "a\tb\nd\te"


def test_pairs_to_test_with_share_the_vocabularies():
    pairs = load_pairs("reversal", 10)
    first, rest = pairs.split(7)
    assert first.source.shape[1] == len(first.target_lengths) == 7
    np.testing.assert_array_equal(rest.target, pairs.target[:, 7:])
    np.testing.assert_array_equal(rest.source_lengths, pairs.source_lengths[7:])
    assert rest.source_vocab is first.source_vocab
    learnt, test = pairs.split(0.3)
    assert (learnt.source.shape[1], test.source.shape[1]) == (7, 3)
    columns = [column for part in (learnt, test) for column in part.target.T.tolist()]
    assert sorted(columns) == sorted(pairs.target.T.tolist()) != columns


def test_made_pairs_are_read_by_characters():
    pairs = load_pairs("dates", 50)
    assert pairs.source_vocab.token == pairs.target_vocab.token == "char"
    assert pairs.source_vocab.unk not in pairs.source_vocab.encode(sides(pairs)[0][0])
    with pytest.raises(ValueError, match="token must be 'char' for 'dates', got 'word'"):
        load_pairs("dates", token="word")
    with pytest.raises(ValueError, match="token must be 'word', 'char', or one of them for each side, got 7"):
        load_pairs([("a", "b")], token=7)


def test_a_pair_far_longer_than_all_others_is_refused_unless_it_is_cut():
    given = [("a", "b")] * 40000 + [("a " * 4000, "b")]
    with pytest.raises(ValueError, match=r"pairs must be .*, of 40001 the longest has 4001 .*, steps=2"):
        load_pairs(given)
    assert load_pairs(given, steps=3).source.shape == (3, 40001)


def test_each_side_has_a_token_of_its_own():
    pairs = load_pairs([("ab", "AE1 B"), ("cab", "K AE1 B")], token=("char", "word"))
    assert pairs.source_vocab.to_tokens(pairs.source[:3, 0]) == ["a", "b", "<eos>"]
    assert pairs.target_vocab.to_tokens(pairs.target[:3, 0]) == ["AE1", "B", "<eos>"]
    with pytest.raises(ValueError, match=r"or one of them for each side, got \('char', 'letter'\)"):
        load_pairs([("a", "b")], token=("char", "letter"))


def test_every_pair_is_in_one_batch():
    pairs = load_pairs("reversal", 10)
    batches = list(pairs.batches(4, rng=0))
    assert [batch[0].shape[1] for batch in batches] == [4, 4, 2]
    seen = {tuple(column) for source, *_ in batches for column in source.T}
    assert seen == {tuple(column) for column in pairs.source.T}
    for source, target, source_lengths, target_lengths in batches:
        for s, t, m, n in zip(source.T, target.T, source_lengths, target_lengths, strict=True):
            assert m == n
            words = pairs.source_vocab.to_tokens(s[: m - 1])
            assert pairs.target_vocab.to_tokens(t[: n - 1]) == words[::-1]


def test_tatoeba_is_found_where_npseq_data_says(path, monkeypatch):
    path.rename(path.with_name("fra_eng_5000.txt"))
    monkeypatch.setenv("NPSEQ_DATA", str(path.parent))
    assert load_pairs("tatoeba").source.shape[1] == 4
    monkeypatch.setenv("NPSEQ_DATA", str(path.parent / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"that NPSEQ_DATA names must hold fra_eng_5000.txt \(5,000"):
        load_pairs("tatoeba")


def test_the_first_600_pairs_of_tatoeba():
    folder = os.environ.get("NPSEQ_DATA")
    if not folder or not (Path(folder) / "fra_eng_5000.txt").is_file():
        pytest.skip("fra_eng_5000.txt: NPSEQ_DATA does not name its folder")
    pairs = load_pairs("tatoeba", 600, steps=10, min_freq=2)
    assert (len(pairs.source_vocab), len(pairs.target_vocab)) == (139, 183)
    assert pairs.source_vocab.to_tokens(pairs.source[:3, 0]) == ["go", ".", "<eos>"]
    assert pairs.target_lengths.sum() == 2310
    assert pairs.least_loss() / 10 / 2310 == pytest.approx(0.03299, abs=1e-5)


def test_words_are_those_that_predict_reads():
    pairs = load_pairs([("a\xa0b c\u3000d", "x  y\u2009!")])
    assert sides(pairs) == [("a b c d", "x y !")]
    assert [pairs.source_vocab.tokenize("a\xa0b c\u3000d")] == [list(pairs.source_vocab.tokens[4:])]


def test_pairs_like_cleaned_ones_are_cleaned(path):
    learnt = load_pairs(path, clean="d2l")
    for one, two in zip(learnt[:4], load_pairs(path, like=learnt)[:4], strict=True):
        np.testing.assert_array_equal(one, two)


def sides(pairs):
    return [
        (pairs.source_vocab.decode(pairs.source[: m - 1, k]), pairs.target_vocab.decode(pairs.target[: n - 1, k]))
        for k, (m, n) in enumerate(zip(pairs.source_lengths, pairs.target_lengths, strict=True))
    ]


def test_pairs_like_others_have_their_ids():
    learnt = load_pairs([("a b", "x"), ("c", "y z")])
    other = load_pairs([("C A q", "z")], like=learnt)
    assert other.source_vocab is learnt.source_vocab
    model = SimpleNamespace(source_vocab=learnt.source_vocab, target_vocab=learnt.target_vocab)
    assert sides(load_pairs([("C A q", "z")], like=model)) == [("c a <unk>", "z")]
    with pytest.raises(TypeError, match="like must be pairs, as load_pairs returns them, or a model of such, got str"):
        load_pairs([("a", "b")], like="model.safetensors")
    assert sides(other) == [("c a <unk>", "z")]
    assert sides(load_pairs([("ab\n", "c\nd\n")], token="char")) == [("ab", "c d")]
    assert sides(load_pairs([("ab", 7)], like=load_pairs([("ab", 7)], token="char"))) == [("ab", "7")]


def test_pairs_are_shown_by_their_shapes(path):
    shown = repr(load_pairs(path, steps=4, clean="d2l")).split("\n")
    assert shown[1] == "  source: (4, 4) int64"
    assert shown[-1] == "  first: 'go .' 'va !'"
    assert "first" not in repr(load_pairs(path).split(4)[1])
