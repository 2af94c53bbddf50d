"""A file that is not there is named, with the name that may have been meant."""

import os

import pytest

from npseq.files import existing


def test_a_file_and_a_pipe_are_found(tmp_path):
    (tmp_path / "book.txt").write_text("x")
    assert existing(str(tmp_path / "book.txt"), "a text") == tmp_path / "book.txt"
    os.mkfifo(tmp_path / "pipe")
    assert existing(tmp_path / "pipe", "a text", pipe=True) == tmp_path / "pipe"
    with pytest.raises(FileNotFoundError, match="a text must be an existing file"):
        existing(tmp_path / "pipe", "a text")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("bok.txt", r"a text must be an existing file, found none at '.*bok\.txt'; did you mean 'book\.txt'\?$"),
        ("time-machin", r"did you mean 'time-machine'\?$"),
        ("https://example.org/book.txt", "found none at 'https://example.org/book.txt'; download it first$"),
        ("~/another", r"did you mean '/.*/another'\?$"),
        ("another", "found none at '.*another'; check the path$"),
        ("no/book.txt", "check the path$"),
        ("folder", "a text must be a file, '.*folder' is a folder; look into it$"),
    ],
)
def test_what_is_not_there_is_told(tmp_path, monkeypatch, name, told):
    (tmp_path / "book.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=told):
        existing(name, "a text", others=("time-machine",), of_a_folder="look into it")
