"""A text file is read in parts; what is no UTF-8 text is refused with what it looks like, and where."""

import gzip
import io
import re
import zipfile

import pytest

from npseq.cli import main
from npseq.data import load_corpus, load_pairs, read_lines
from npseq.data.reading import CHUNK, decoded

ENGLISH = "It was the best of times,\nit was the worst of times.\n" * 3
JAPANESE = "吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。\n"
CHINESE = "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n"


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("text", ["", "a", "é" * 9, "春眠", "a\nb", "\n\n", "𝄞 x"])
@pytest.mark.parametrize("before", [0, CHUNK - 4, CHUNK - 3, CHUNK - 2, CHUNK - 1, CHUNK, 2 * CHUNK - 1])
def test_parts_join_to_the_text(tmp_path, text, before):
    whole = "x" * before + text + "\nthe end"
    assert "".join(decoded(write(tmp_path / "t", whole))) == whole


@pytest.mark.parametrize("before", [0, 1, CHUNK - 2, CHUNK - 1, CHUNK])
def test_line_ends_are_newlines_and_a_mark_is_no_text(tmp_path, before):
    raw = b"\xef\xbb\xbf" + b"x" * before + b"a\r\nb\rc\n\xef\xbb\xbfd\r"
    assert "".join(decoded(write(tmp_path / "t", raw))) == "x" * before + "a\nb\nc\n\ufeffd\n"


def test_no_part_is_large(tmp_path):
    assert max(map(len, decoded(write(tmp_path / "t", "x" * 5 * CHUNK)))) <= CHUNK


@pytest.mark.parametrize(
    ("content", "like", "offset"),
    [
        (ENGLISH.encode("utf-16-le"), "UTF-16LE", 1),
        (ENGLISH.encode("utf-16-be"), "UTF-16BE", 0),
        ((JAPANESE + "A. B. C. 1 2 3\n").encode("utf-16-le"), "UTF-16LE", 33),
        (("年 1905 " + JAPANESE + "A. B. C. 1 2 3\n").encode("utf-16-be"), "UTF-16BE", 2),
        (ENGLISH.encode("utf-16"), "UTF-16", 0),
        (b"\xfe\xff" + ENGLISH.encode("utf-16-be"), "UTF-16", 0),
        (ENGLISH.encode("utf-32-le"), "UTF-32LE", 1),
        (CHINESE.encode("utf-32-be"), "UTF-32BE", 0),
        (ENGLISH.encode("utf-32"), "UTF-32", 0),
        (JAPANESE.encode("iso-2022-jp"), "ISO-2022-JP", 0),
        (b"x" * (CHUNK - 2) + JAPANESE.encode("iso-2022-jp"), "ISO-2022-JP", CHUNK - 2),
        (b"ab " + "안녕하세요".encode("iso-2022-kr"), "ISO-2022-KR", 3),
        (CHINESE.encode("hz"), "HZ", 0),
    ],
)
def test_another_encoding_is_named_and_the_remedy_works(tmp_path, content, like, offset):
    path = write(tmp_path / "t", content)
    told = rf"^a text must be UTF-8, the file .*t' looks like {like}, by .* at offset {offset}; "
    told += f"convert it: iconv -f {like} -t UTF-8 {path} > utf8.txt$"
    for read in (read_lines, load_corpus):
        with pytest.raises(ValueError, match=told):
            read(path)
    text = content.decode(like)  # what iconv does
    assert "".join(decoded(write(path, text.encode()))) == text


@pytest.mark.parametrize(
    ("content", "like"),
    [
        (b"a text with one\0 byte of zero", "a file of bytes, by the byte 0 at offset 15; take its text"),
        (bytes(range(256)) * 2, "a file of bytes, by the byte 0 at offset 0"),
        (bytes(4096), "a file of bytes, by the byte 0 at offset 0"),
        (b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n", "a PDF, by its first bytes at offset 0"),
        (b"{\\rtf1\\ansi It was the best of times.}", "RTF, by its first bytes"),
        (b"\x89PNG\r\n\x1a\n", "a picture, by its first bytes"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, content, like):
    with pytest.raises(ValueError, match=rf"^a text must be UTF-8, the file .*t' looks like {re.escape(like)}"):
        read_lines(write(tmp_path / "t", content), "none")


def test_a_document_that_is_an_archive_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "book.docx", "w") as archive:
        archive.writestr("word/document.xml", ENGLISH)
    with pytest.raises(
        ValueError, match=r"looks like a zip archive, as \.xlsx, \.docx and \.epub are, .*; take its text"
    ):
        load_corpus(tmp_path / "book.docx")


@pytest.mark.parametrize(
    ("content", "offset", "like"),
    [
        (b"ab\n\xffcd", 3, "it looks like one byte a letter, as LATIN1 is; convert it: iconv -f LATIN1"),
        (b"caf\xe9 au lait", 3, "LATIN1"),
        (CHINESE.encode("gb18030"), 0, "GB18030 or BIG5; convert it: iconv -f GB18030"),
        (JAPANESE.encode("shift-jis"), 0, "SHIFT_JIS; convert it: iconv -f SHIFT_JIS"),
        (b"x" * (2 * CHUNK) + b"\xff", 2 * CHUNK, ""),
        (b"x" * (CHUNK - 1) + b"\xe6\x98x", CHUNK - 1, ""),
        ("\ud800".encode("utf-8", "surrogatepass"), 0, ""),
    ],
)
def test_a_byte_that_utf8_lacks_is_told_with_its_place(tmp_path, content, offset, like):
    path = write(tmp_path / "t", content)
    told = rf"^a text must be UTF-8, the file .*t' is not: byte 0x{content[offset]:02x} at offset {offset} \(.*{like}.*"
    with pytest.raises(ValueError, match=rf"{told} -t UTF-8 {path} > utf8.txt \(iconv -l lists other encodings\)$"):
        read_lines(path)


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbfabc\xe9", b"x" * (CHUNK - 1) + "é".encode()[:1]])
def test_a_file_that_was_cut_off_is_told(tmp_path, raw):
    with pytest.raises(ValueError, match=rf"offset {len(raw) - 1} .*it looks like a file that was cut off; take the"):
        read_lines(write(tmp_path / "t", raw))


def test_what_is_packed_or_piped_is_converted_there(tmp_path, monkeypatch):
    path = tmp_path / "t.gz"
    with pytest.raises(ValueError, match=rf"gzip -dc {path} \| iconv -f LATIN1 -t UTF-8 > utf8.txt"):
        read_lines(write(path, gzip.compress(b"caf\xe9 au lait")))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"caf\xe9 au lait"))))
    with pytest.raises(ValueError, match=r"the standard input is not: .*convert it in the pipe: iconv -f LATIN1 -t"):
        read_lines("-")


@pytest.mark.parametrize("text", ["\x1b[31mred\x1b(B\x1b[m is ANSI\n", "(format t \"~{~a~^, ~}\" list)\n", "~{ab}\n",
                                  "a tab\tand\x0ba\x0cfeed\x7f\n", "\x01"])  # fmt: skip
def test_odd_characters_are_text(tmp_path, text):
    assert "".join(decoded(write(tmp_path / "t", text))) == text


def test_a_missing_file_a_folder_and_an_empty_file_are_told(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"a text must be an existing file, found none at .*nowhere\.txt'; check"
    ):
        read_lines(tmp_path / "nowhere.txt")
    with pytest.raises(FileNotFoundError, match=r"a text must be a file, .* is a folder; .* join its files into one"):
        read_lines(tmp_path)
    with pytest.raises(ValueError, match=r"a text must hold something, the file .*t' is empty$"):
        read_lines(write(tmp_path / "t", b""))
    with pytest.raises(ValueError, match="path must name a file or a folder, got ''"):
        read_lines("")


def test_the_same_is_refused_of_sentence_pairs_and_on_the_command_line(tmp_path, capsys):
    path = write(tmp_path / "t", "go .\tva !\n".encode("utf-16-le"))
    with pytest.raises(
        ValueError, match=r"a table of sentence pairs must be UTF-8, the file .* looks like UTF-16LE, by"
    ):
        load_pairs(path)
    assert main(["train", "--text", str(path), "--out", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "looks like UTF-16LE" in err
    assert not (tmp_path / "out").exists()
