import gzip
import hashlib
import io
import os
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest

from npseq.data import Vocabulary, load_corpus, random_windows, read_lines, sequential_windows, tokenize

SHA1 = "090b5e7e70c295757f55df93cb0a180b9691891a"


# The Time Machine: every number that d2l prints --------------------------------------------------------------------


def test_the_time_machine_is_d2ls_file(time_machine_path):
    raw = time_machine_path.read_bytes()
    assert len(raw) == 178_979
    assert hashlib.sha1(raw).hexdigest() == SHA1
    lines = read_lines(time_machine_path)
    assert len(lines) == 3221
    assert lines[0] == "the time machine by h g wells"
    assert lines[10] == "twinkled and his usually pale face was flushed and animated the"


def test_time_machine_characters(time_machine_path):
    ids, vocabulary = load_corpus("time-machine")
    assert ids.dtype == np.int64
    assert ids.shape == (170_580,)
    assert vocabulary.tokens == ("<unk>", *" etainoshrdlmucfwgypbvkxzjq")
    assert len(vocabulary) == 28
    assert vocabulary.token == "char"
    assert vocabulary.decode(ids[:48]) == "the time machine by h g wellsithe time traveller"


def test_time_machine_words(time_machine_path):
    ids, vocabulary = load_corpus("time-machine", token="word")
    assert ids.shape == (32_775,)
    assert len(vocabulary) == 4580
    assert vocabulary.token == "word"
    assert vocabulary.tokens[:10] == ("<unk>", "the", "i", "and", "of", "a", "to", "was", "in", "that")
    assert vocabulary.token_freqs[:10] == [
        ("the", 2261),
        ("i", 1267),
        ("and", 1245),
        ("of", 1155),
        ("a", 816),
        ("to", 695),
        ("was", 552),
        ("in", 541),
        ("that", 443),
        ("my", 440),
    ]


def test_time_machine_word_ids_of_two_lines(time_machine_path):
    lines = tokenize(read_lines(time_machine_path))
    vocabulary = Vocabulary(lines)
    assert vocabulary[lines[0]] == [1, 19, 50, 40, 2183, 2184, 400]
    assert vocabulary[lines[10]] == [2186, 3, 25, 1044, 362, 113, 7, 1421, 3, 1045, 1]


def test_max_tokens_cuts_the_ids_and_not_the_vocabulary(time_machine_path):
    everything, _ = load_corpus("time-machine")
    ids, vocabulary = load_corpus("time-machine", max_tokens=10_000)
    assert len(vocabulary) == 28
    np.testing.assert_array_equal(ids, everything[:10_000])


@pytest.mark.parametrize("windows", [random_windows, sequential_windows])
def test_an_epoch_of_d2ls_training_has_8_minibatches(time_machine_path, windows):
    ids, _ = load_corpus("time-machine", max_tokens=10_000)
    batches = list(windows(ids, 32, 35, rng=0))
    assert len(batches) == 8
    assert sum(x.size for x, _ in batches) == 8960


# where the files come from -----------------------------------------------------------------------------------------


def test_python_topics_is_the_default_and_needs_no_file(monkeypatch):
    monkeypatch.delenv("NPSEQ_DATA", raising=False)
    ids, vocabulary = load_corpus(clean="letters")
    assert len(ids) > 100_000
    assert vocabulary.tokens[:3] == ("<unk>", " ", "e")
    assert len(vocabulary) == 28
    assert vocabulary.decode(ids[:20]) == "the assert statement"
    ids, vocabulary = load_corpus()
    assert vocabulary.decode(ids[:23]) == 'The "assert" statement\n'


def test_python_topics_missing_from_a_stripped_python(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(ImportError, match="needs the module pydoc_data of a full CPython"):
        load_corpus("python-topics")


def test_a_path_of_any_script(tmp_path):
    path = tmp_path / "poem.txt"
    path.write_text("春眠不觉晓\n处处闻啼鸟\n", encoding="utf-8")
    ids, vocabulary = load_corpus(path, clean="none")
    assert ids.tolist() == [3, 4, 5, 6, 7, 1, 2, 2, 8, 9, 10, 1]
    assert vocabulary.decode(ids) == "春眠不觉晓\n处处闻啼鸟\n"
    words, _ = load_corpus(str(path), token="word", clean="none")
    assert words.tolist() == [2, 1, 3, 1]


def test_a_text_is_taken_as_it_is_and_comes_back(tmp_path):
    text = "ROMEO:\nWhat light? \U0001f600\U0001f469\u200d\U0001f469\n\n  JULIET:\n\tIt is the East.\n"
    (tmp_path / "play.txt").write_text(text, encoding="utf-8")
    ids, vocabulary = load_corpus(tmp_path / "play.txt")
    assert vocabulary.decode(ids) == text
    ids, vocabulary = load_corpus(tmp_path / "play.txt", "word")
    assert vocabulary.decode(ids) == "\n".join(" ".join(line.split()) for line in text.split("\n"))
    np.testing.assert_array_equal(vocabulary.encode(text), ids)


def test_lines_of_a_file_that_is_cleaned_are_joined_with_a_space(tmp_path):
    (tmp_path / "text").write_text("1. The name\n\n  of - the\nrose\n")
    ids, vocabulary = load_corpus(tmp_path / "text", clean="letters")
    assert vocabulary.decode(ids) == "the name of the rose"


def test_a_packed_text_a_pipe_and_the_standard_input_are_read(tmp_path, monkeypatch):
    text = b"it was the best of times\n" * 9
    (tmp_path / "text.gz").write_bytes(gzip.compress(text))
    packed, _ = load_corpus(tmp_path / "text.gz")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(text,))
    writer.start()
    piped, _ = load_corpus(pipe)
    writer.join()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(text))))
    given, _ = load_corpus("-")
    assert packed.tolist() == piped.tolist() == given.tolist()
    assert len(packed) == len(text)
    (tmp_path / "torn.gz").write_bytes(gzip.compress(text)[:-9])
    with pytest.raises(ValueError, match=r"torn.gz' is packed by gzip and broken"):
        load_corpus(tmp_path / "torn.gz")


@pytest.mark.parametrize(("dtype", "kind"), [(np.int64, np.int64), (np.int32, np.int32), (None, np.int8)])
def test_ids_have_the_dtype_that_is_asked_for(tmp_path, dtype, kind):
    (tmp_path / "text").write_text("it was the best of times")
    ids, _ = load_corpus(tmp_path / "text", dtype=dtype)
    assert ids.dtype == kind


@pytest.mark.parametrize("clean", ["letters", "none"])
@pytest.mark.parametrize("token", ["char", "word"])
@pytest.mark.parametrize("end", ["\n", " "])
def test_memory_is_that_of_what_is_learnt(tmp_path, monkeypatch, clean, token, end):
    monkeypatch.setattr("npseq.data.reading.CHUNK", 1 << 12)
    path = tmp_path / "large.txt"
    path.write_text(f"it was the best of times 春眠不觉晓{end}" * 80_000, encoding="utf-8")
    tracemalloc.start()
    ids, _ = load_corpus(path, token, clean=clean, max_tokens=3000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(ids) == 3000
    assert peak < 1_500_000 < path.stat().st_size


def test_neither_a_name_nor_a_file(tmp_path):
    told = r"a text, if not 'python-topics' or 'time-machine', must be an existing file, found none at 'timemachine'"
    with pytest.raises(FileNotFoundError, match=rf"^{told}; did you mean 'time-machine'\?$"):
        load_corpus("timemachine")
    with pytest.raises(FileNotFoundError, match=r"must be a file, .* is a folder; .* cat FOLDER/\* > all\.txt$"):
        load_corpus(tmp_path)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True])
def test_max_tokens_must_be_positive(bad):
    with pytest.raises(ValueError, match="max_tokens must be a positive integer, got"):
        load_corpus(max_tokens=bad)


def test_an_unknown_token_kind_is_refused():
    with pytest.raises(ValueError, match="token must be one of 'word', 'char', 'jieba', got 'byte'"):
        load_corpus(token="byte")


def test_a_folder_without_the_time_machine_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("NPSEQ_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"NPSEQ_DATA names must hold timemachine\.txt.*or unset NPSEQ_DATA"):
        load_corpus("time-machine")


def test_another_file_under_the_name_of_the_time_machine_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("NPSEQ_DATA", str(tmp_path))
    (tmp_path / "timemachine.txt").write_text("The Time Machine, abridged\n")
    with pytest.raises(ValueError, match=r"with sha256:8424dbd9.*' has sha256:[0-9a-f]{64}; take the file from"):
        load_corpus("time-machine")


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"pooch", "requests", "pydoc_data.topics", "scipy", "matplotlib", "torch", "cupy", "safetensors"}
    code = f"import sys, npseq.data; print(sorted({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_lines_with_an_end_and_a_small_vocabulary(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("A cat.\n\na dog!\n  \nA cat", encoding="utf-8")
    ids, vocabulary = load_corpus(path, "word", clean="letters", end_of_line="<eos>", min_freq=2)
    assert vocabulary.tokens == ("<unk>", "<eos>", "a", "cat")
    assert vocabulary.to_tokens(ids) == ["a", "cat", "<eos>", "a", "<unk>", "<eos>", "a", "cat", "<eos>"]
    ids, vocabulary = load_corpus(path, clean="letters", end_of_line="<eos>", max_size=4)
    assert vocabulary.tokens == ("<unk>", "<eos>", "a", " ")
    assert vocabulary.decode(ids) == "a <unk>a<unk><eos>a <unk><unk><unk><eos>a <unk>a<unk><eos>"
    assert len(load_corpus(path, end_of_line="<eos>", max_tokens=5)[0]) == 5


def test_the_lines_of_the_time_machine(time_machine_path):
    ids, vocabulary = load_corpus("time-machine", "word", end_of_line="<eos>", max_size=1000)
    assert len(vocabulary) == 1000
    assert (ids == vocabulary["<eos>"]).sum() == len([line for line in read_lines(time_machine_path) if line])
    assert len(ids) == 32_775 + (ids == vocabulary["<eos>"]).sum()


@pytest.mark.parametrize("end", ["", "a b", "<eos>\n"])
def test_an_end_of_line_is_one_token(end):
    with pytest.raises(ValueError, match="end_of_line must be a token without white space, say '<eos>', got"):
        load_corpus("no file", end_of_line=end)
    with pytest.raises(ValueError, match="max_size must be an integer of at least 2, got 1"):
        load_corpus("no file", end_of_line="<eos>", max_size=1)


@pytest.mark.parametrize("options", [{"min_freq": 10**9}, {"max_size": 1}, {"min_freq": 9999, "end_of_line": "<eos>"}])
def test_a_vocabulary_of_which_nothing_is_left_is_refused(options, tmp_path):
    (tmp_path / "text").write_text("it was the best of times\n")
    with pytest.raises(ValueError, match="min_freq and max_size must leave a token of the text, got"):
        load_corpus(tmp_path / "text", clean="none", **options)
