import pytest

from npseq.data.reading import read_text, split_lines


def test_a_mark_is_no_text_and_every_line_end_is_one(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n\n")
    assert split_lines(read_text(path)) == ["one", "two", "three", ""]
    assert split_lines("") == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "a text must hold something, the file .*text.txt' is empty"),
        (
            b"one\ntwo \xff\n",
            "must be UTF-8, the file .* is not: byte 0xff at offset 8 in line 2 .*; convert it to UTF-8",
        ),
    ],
)
def test_what_is_no_text_is_refused(raw, message, tmp_path):
    (tmp_path / "text.txt").write_bytes(raw)
    with pytest.raises(ValueError, match=message):
        read_text(tmp_path / "text.txt")
    with pytest.raises(FileNotFoundError, match=r"a text must be an existing file, found none at .*other"):
        read_text(tmp_path / "other")
