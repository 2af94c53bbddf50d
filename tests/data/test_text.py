import json

import numpy as np
import pytest

from npseq.data import Vocabulary


def test_ids_go_by_frequency_and_ties_by_first_appearance():
    vocabulary = Vocabulary([["b", "c", "a"], ["c", "b", "d"], ["d", "d"]])
    assert vocabulary.tokens == ("<unk>", "d", "b", "c", "a")
    assert vocabulary.token_freqs == [("d", 3), ("b", 2), ("c", 2), ("a", 1)]
    assert len(vocabulary) == 5
    assert vocabulary.unk == 0


def test_flat_and_nested_tokens_give_the_same_vocabulary():
    assert Vocabulary([["a", "b"], ["a"]]) == Vocabulary(["a", "b", "a"]) == Vocabulary("aba")
    assert Vocabulary("aba") != Vocabulary("ab")
    assert Vocabulary("aba") != "aba"


def test_min_freq_and_reserved_tokens():
    vocabulary = Vocabulary("aabbbc", min_freq=2, reserved_tokens=["<pad>", "<bos>", "<eos>"])
    assert list(vocabulary) == ["<unk>", "<pad>", "<bos>", "<eos>", "b", "a"]
    assert vocabulary["c"] == 0
    assert ("c", 1) in vocabulary.token_freqs
    assert "a" in vocabulary
    assert "c" not in vocabulary
    assert 0 not in vocabulary


def test_reserved_and_unknown_tokens_that_appear_in_the_text_keep_their_ids():
    vocabulary = Vocabulary(["<eos>", "a", "<unk>", "<eos>", "<eos>"], reserved_tokens=["<eos>"])
    assert vocabulary.tokens == ("<unk>", "<eos>", "a")
    assert vocabulary.token == "char"


def test_an_empty_vocabulary_knows_the_unknown_only():
    assert Vocabulary().tokens == ("<unk>",)


def test_lookup_of_a_token_a_list_and_nested_lists():
    vocabulary = Vocabulary("aab")
    assert vocabulary["a"] == 1
    assert vocabulary["z"] == 0
    assert vocabulary[["b", "z", "a"]] == [2, 0, 1]
    assert vocabulary[[["b"], ("a", "a")]] == [[2], [1, 1]]


def test_to_tokens_of_an_id_a_list_and_an_array():
    vocabulary = Vocabulary("aab")
    assert vocabulary.to_tokens(2) == "b"
    assert vocabulary.to_tokens(np.int32(1)) == "a"
    assert vocabulary.to_tokens([1, np.int64(0)]) == ["a", "<unk>"]
    assert vocabulary.to_tokens(np.array([[1, 2], [2, 0]])) == [["a", "b"], ["b", "<unk>"]]


def test_characters_and_words_are_encoded_and_decoded():
    characters = Vocabulary(list("time time"))
    ids = characters.encode("mite!")
    assert ids.dtype == np.int64
    assert ids.tolist() == [characters["m"], characters["i"], characters["t"], characters["e"], 0]
    assert characters.decode(characters.encode("it met")) == "it met"
    words = Vocabulary(["the", "time", "the"])
    assert words.encode("time  and the").tolist() == [2, 0, 1]
    assert words.decode(np.array([1, 2])) == "the time"
    assert words.encode("").shape == (0,)
    assert words.decode([]) == ""


def test_an_array_without_axes_is_no_token():
    with pytest.raises(TypeError, match=r"a token must be a string, got array\(3\)"):
        Vocabulary(["a", np.array(3)])


def test_a_reserved_token_among_characters_is_one_token():
    vocabulary = Vocabulary("aab\n", reserved_tokens=("<eos>", "<e", "."))
    assert vocabulary.tokens == ("<unk>", "<eos>", "<e", ".", "a", "b", "\n")
    assert vocabulary.encode("a<eos>").tolist() == [4, 1]
    assert vocabulary.encode("<e<eos>\n<unk>b.<eos").tolist() == [2, 1, 6, 0, 5, 3, 2, 0, 0]
    ids = [4, 1, 0, 2, 6, 3]
    assert vocabulary.encode(vocabulary.decode(ids)).tolist() == ids
    assert Vocabulary(["a", "b"], reserved_tokens=("<eos>",), token="word").encode("a <eos> b").tolist() == [2, 1, 3]


def test_the_kind_of_token_can_be_said():
    assert Vocabulary(["a", "i"]).token == "char"
    words = Vocabulary(["a", "i"], token="word")
    assert words.decode(words.encode("i a")) == "i a"
    assert repr(words) == "Vocabulary(3 tokens, token='word')"


@pytest.mark.parametrize("bad", [-1, 3, [0, 3], np.array([[1], [-2]])])
def test_ids_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=r"must lie in 0 to 2, got (-1|3|-2); these ids come from another vocabulary"):
        Vocabulary("aab").to_tokens(bad)
    with pytest.raises(ValueError, match="must lie in 0 to 2"):
        Vocabulary("aab").decode([bad] if isinstance(bad, int) else bad)


@pytest.mark.parametrize("bad", [1.0, True, "a", np.array([0.5])])
def test_ids_that_are_no_integers_are_refused(bad):
    with pytest.raises(TypeError, match="an id must be an integer, got"):
        Vocabulary("aab").to_tokens(bad)


def test_one_string_is_no_list_of_words():
    assert Vocabulary("aab", token="char").tokens == ("<unk>", "a", "b")
    with pytest.raises(TypeError, match=r"tokens must be a list of words, got one string of characters; pass tokens\."):
        Vocabulary("it was", token="word")


def test_wrong_kinds_are_refused():
    with pytest.raises(TypeError, match="a token must be a string, got 1; to_tokens turns ids into tokens"):
        Vocabulary("aab")[1]
    with pytest.raises(TypeError, match="a token must be a string, got 3; pass a list of tokens"):
        Vocabulary(["a", 3])
    with pytest.raises(TypeError, match=r"a token must be a string, got \['a'\]"):
        Vocabulary([[["a"]]])
    with pytest.raises(TypeError, match="a token must be a string, got 7"):
        Vocabulary("a", reserved_tokens=[7])
    with pytest.raises(TypeError, match=r"reserved_tokens must be a list of strings.*pass \[reserved_tokens\]"):
        Vocabulary("a", reserved_tokens="<pad>")
    with pytest.raises(ValueError, match=r"leave out <unk>, got \['<pad>'\] twice"):
        Vocabulary("a", reserved_tokens=["<pad>", "<pad>"])
    with pytest.raises(ValueError, match=r"leave out <unk>, got \['<unk>'\] twice"):
        Vocabulary("a", reserved_tokens=["<unk>"])
    with pytest.raises(ValueError, match="token must be one of 'word', 'char', 'jieba', got 'byte'"):
        Vocabulary("a", token="byte")
    with pytest.raises(TypeError, match=r"text must be a string, got list; vocabulary\[tokens\] takes lists"):
        Vocabulary("a").encode(["a"])
    for bad in (1, [[1], [1]]):
        with pytest.raises(ValueError, match=r"must be one sequence of shape \(N,\).*decode row by row"):
            Vocabulary("a").decode(bad)


def test_a_vocabulary_survives_json():
    vocabulary = Vocabulary(["le", "thé", "le", "茶"], min_freq=2, reserved_tokens=["<pad>"])
    restored = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert restored == vocabulary
    assert restored.token_freqs == [("le", 2), ("thé", 1), ("茶", 1)]
    assert restored.encode("thé le").tolist() == [0, 2]


def test_what_to_dict_returns_is_a_copy():
    vocabulary = Vocabulary("ab")
    vocabulary.to_dict()["tokens"].append("z")
    vocabulary.to_dict()["token_freqs"][0][1] = 9
    assert vocabulary == Vocabulary("ab")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"extra": 1}, ValueError, r"must hold exactly \['token', 'token_freqs', 'tokens'\], got \['extra', "),
        ({"tokens": "<unk>"}, ValueError, "must be a list that begins with '<unk>'"),
        ({"tokens": ["a", "<unk>"]}, ValueError, "must be a list that begins with '<unk>'"),
        ({"tokens": ["<unk>", "a", "a"]}, ValueError, "must differ from each other"),
        ({"tokens": ["<unk>", 1]}, TypeError, "a token must be a string, got 1"),
        ({"tokens": ["<unk>", ["a"]]}, TypeError, r"a token must be a string, got \['a'\]"),
        ({"token": "byte"}, ValueError, "token must be one of 'word', 'char', 'jieba'"),
        ({"token_freqs": {"a": 1}}, ValueError, r"must be a list of pairs \[token, count\]"),
        ({"token_freqs": [["a", 1.5]]}, ValueError, r"must be a list of pairs \[token, count\]"),
        ({"token_freqs": [["a", 1], ["b", 2]]}, ValueError, "must be positive and fall"),
        ({"token_freqs": [["a", 0]]}, ValueError, "must be positive and fall"),
    ],
)
def test_a_damaged_stored_vocabulary_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        Vocabulary.from_dict(Vocabulary("aab").to_dict() | change)


def test_what_is_no_stored_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"must hold exactly .*, got list"):
        Vocabulary.from_dict(["<unk>"])
    with pytest.raises(ValueError, match=r"must hold exactly .*, got \[\]"):
        Vocabulary.from_dict({})


def test_a_largest_size_leaves_out_the_rarest():
    tokens = list("aaabbc")
    assert Vocabulary(tokens, max_size=3).tokens == ("<unk>", "a", "b")
    assert Vocabulary(tokens, max_size=3, reserved_tokens=["<eos>"]).tokens == ("<unk>", "<eos>", "a")
    assert Vocabulary(tokens, max_size=9).tokens == ("<unk>", "a", "b", "c")
    assert Vocabulary(tokens, max_size=9, min_freq=2).tokens == ("<unk>", "a", "b")
    with pytest.raises(ValueError, match="max_size must be an integer of at least 2, got 1"):
        Vocabulary(tokens, max_size=1, reserved_tokens=["<eos>"])


def test_a_text_is_split_as_it_is_encoded():
    characters = Vocabulary(list("ab"), reserved_tokens=["<eos>", "<e"], token="char")
    assert characters.tokenize("ab<eos><e?") == ["a", "b", "<eos>", "<e", "?"]
    words = Vocabulary(["a", "b"], reserved_tokens=["<eos>"], token="word")
    assert words.tokenize("a <eos> c") == ["a", "<eos>", "c"]


def test_words_in_chinese_are_encoded_and_decoded():
    pytest.importorskip("jieba")
    text = "历史总是不断重演"
    vocabulary = Vocabulary([["历史", "总是", "不断", "<eos>"]], reserved_tokens=["<eos>"], token="jieba")
    assert vocabulary.tokenize(f"{text}<eos>{text}") == [
        "历史",
        "总是",
        "不断",
        "重演",
        "<eos>",
        "历史",
        "总是",
        "不断",
        "重演",
    ]
    assert vocabulary.encode(f"{text}<eos>").tolist() == [2, 3, 4, 0, 1]
    assert vocabulary.decode([2, 3, 1]) == "历史总是<eos>"
    assert Vocabulary.from_dict(vocabulary.to_dict()) == vocabulary
