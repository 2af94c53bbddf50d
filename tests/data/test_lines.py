"""Cleaning and tokens, of a whole text and of one that comes in parts."""

import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from npseq.data import clean_lines, read_lines, tokenize
from npseq.data.lines import tokens_of


@pytest.fixture
def text_file(tmp_path):
    def write(content: str | bytes):
        path = tmp_path / "text.txt"
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    return write


def test_read_lines_cleans_as_d2l_does(text_file):
    path = text_file("The Time-Machine, by H. G. Wells [1898]\n\n  \u00c9t\u00e9 2nd\tI'm\n")
    assert read_lines(path) == ["the time machine by h g wells", "", "t nd i m"]


def test_read_lines_with_none_keeps_other_scripts_as_they_are(text_file):
    assert read_lines(text_file("春眠不觉晓，\n 处处闻啼鸟。 \n"), clean="none") == ["春眠不觉晓，", " 处处闻啼鸟。 "]


def test_lines_end_where_text_files_end_them_and_nowhere_else():
    assert clean_lines("a\r\nb\rc\n\nd\x0ce\u2028f", clean="none") == ["a", "b", "c", "", "d\x0ce\u2028f"]


def test_read_lines_takes_a_str_path(text_file):
    assert read_lines(str(text_file("Hello"))) == ["hello"]


def test_a_text_of_which_cleaning_leaves_nothing_is_refused_with_the_remedy(text_file):
    with pytest.raises(ValueError, match=r"got 2 empty lines; use clean='none' for a text in another script \(file "):
        read_lines(text_file("春眠\n不觉晓\n"))
    with pytest.raises(ValueError, match=r"got 2 empty lines \(file "):
        read_lines(text_file("\n\n"), clean="none")


def test_an_unknown_cleaning_is_refused(text_file):
    with pytest.raises(ValueError, match="clean must be 'letters' or 'none', got 'lower'"):
        read_lines(text_file("a"), clean="lower")


def test_tokenize_words_and_characters():
    assert tokenize(["a bc", ""]) == [["a", "bc"], []]
    assert tokenize(["a bc", ""], token="char") == [["a", " ", "b", "c"], []]


def test_tokenize_refuses_one_string_and_an_unknown_kind():
    with pytest.raises(TypeError, match=r"must be a list of strings, got one string; pass \[text\]"):
        tokenize("a bc")
    with pytest.raises(ValueError, match="token must be one of 'word', 'char', 'jieba', got 'byte'"):
        tokenize(["a"], token="byte")


# in parts ------------------------------------------------------------------------------------------------------------

ALPHABET = "aZé 春1\n\t\x0c\x1c\u2028'"


def whole(text, clean, token):
    """The tokens of a text: all of it as it is, or those of all lines, one line after the other, as in d2l."""
    if clean == "none":
        return list(text) if token == "char" else [w for w in text.replace("\n", " \0 ").split()]
    return [entry for line in tokenize(clean_lines(text, clean), token) for entry in line]


@settings(max_examples=400, deadline=None)
@given(parts=st.lists(st.text(ALPHABET, max_size=6), max_size=8), clean=st.sampled_from(["letters", "none"]),
       token=st.sampled_from(["char", "word"]))  # fmt: skip
def test_a_text_in_parts_has_the_tokens_of_the_whole(parts, clean, token):
    text, found = "".join(parts), tokens_of(iter(parts), clean, token, between="")
    kept = [letter for letter in text if letter in "aZ" or clean == "none"]
    if all(letter.isspace() for letter in kept):
        with pytest.raises(ValueError, match=r"^a text must hold something after cleaning, got none"):
            list(found)
    else:
        joined = [entry for tokens in found for entry in tokens]
        assert ["\0" if token == "word" and entry == "\n" else entry for entry in joined] == whole(text, clean, token)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(st.text(ALPHABET, max_size=6), max_size=8))
def test_the_lines_of_a_cleaned_text_are_joined_with_a_space(parts):
    joined = " ".join(re.findall("[a-z]+", "".join(parts).lower()))
    if joined:
        assert "".join("".join(part) for part in tokens_of(iter(parts), "letters", "char")) == joined


def test_what_is_left_of_nothing_is_told_with_its_source():
    told = r"must hold something after cleaning, got none; use clean='none' for a text in another script \(file 'x'\)$"
    with pytest.raises(ValueError, match=told):
        list(tokens_of(["春", "眠"], "letters", "char", " (file 'x')"))
    with pytest.raises(ValueError, match=r"got none$"):
        list(tokens_of(["\n", " "], "letters", "word"))
    with pytest.raises(ValueError, match="clean must be 'letters' or 'none', got 'soap'"):
        next(tokens_of(["a"], "soap", "char"))
    with pytest.raises(ValueError, match="token must be one of 'word', 'char', 'jieba', got 'byte'"):
        next(tokens_of(["a"], "none", "byte"))


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.text(ALPHABET, max_size=6), max_size=8), clean=st.sampled_from(["letters", "none"]),
       token=st.sampled_from(["char", "word"]))  # fmt: skip
def test_an_end_stands_behind_each_line_that_holds_something(parts, clean, token):
    lines = [[*tokens, "<eos>"] for tokens in tokenize(cleaned_lines("".join(parts), clean), token)]
    found = tokens_of(iter(parts), clean, token, end_of_line="<eos>")
    if lines:
        assert [entry for tokens in found for entry in tokens] == [entry for line in lines for entry in line]
    else:
        with pytest.raises(ValueError, match="a text must hold something after cleaning"):
            list(found)


def cleaned_lines(text, clean):
    """The lines that hold something."""
    lines = text.split("\n")
    if clean == "letters":
        lines = [" ".join("".join(c if c in "aZ" else " " for c in line).split()).lower() for line in lines]
    return [line for line in lines if line.strip()]


def test_words_in_chinese_are_those_of_jieba():
    pytest.importorskip("jieba")
    assert tokenize(["历史总是不断重演", "ab c"], "jieba") == [["历史", "总是", "不断", "重演"], ["ab", " ", "c"]]
    parts = ["历史总", "是不断重演\n", "\n味道非常好"]
    found = [entry for tokens in tokens_of(parts, "none", "jieba") for entry in tokens]
    assert found == ["历史", "总是", "不断", "重演", "味道", "非常", "好"]


def test_without_jieba_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(ImportError, match=r"needs jieba, which is not installed; pip install 'npseq\[chinese\]'"):
        tokenize(["历史"], "jieba")
