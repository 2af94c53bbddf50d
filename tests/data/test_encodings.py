"""What bytes are that are no UTF-8 is guessed: their encoding by iconv's name, or another kind of file."""

import pytest

from npseq.data.encodings import candidates, is_encoding, no_utf8

JAPANESE = "吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。\n"
CHINESE = "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。\n"
TRADITIONAL = "春眠不覺曉，處處聞啼鳥。\n夜來風雨聲，花落知多少。\n"
KOREAN = "죽는 날까지 하늘을 우러러 한 점 부끄럼이 없기를,\n잎새에 이는 바람에도 나는 괴로워했다.\n"
RUSSIAN = "Мой дядя самых честных правил,\nКогда не в шутку занемог,\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (JAPANESE, "SHIFT_JIS"),
        (JAPANESE, "EUC-JP"),
        (CHINESE, "GB18030"),
        ("你好,nǐ hǎo\n学生,xué shēng\n", "GB18030"),
        (TRADITIONAL, "BIG5"),
        (KOREAN, "EUC-KR"),
        (RUSSIAN, "CP1251"),
        ("Größe, café, “quoted”\n", "CP1252"),
        ("Größe, café\n", "LATIN1"),
        ("text;label\nschöne Bäume;gut\nmüde, größer;schlecht\n", "LATIN1"),  # GB18030 decodes it as well
    ],
)
def test_an_encoding_is_among_the_candidates(text, encoding):
    raw = text.encode(encoding)
    found = candidates(raw)
    assert encoding in found
    assert raw.decode(encoding) == text
    if encoding.startswith(("CP", "LATIN")):
        assert found == [encoding]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("电影很好,1\n太差了,0\n", "GB18030"),
        ("好,正\n坏,负\n", "GB18030"),
        ("좋아요,1\n싫어요,0\n", "EUC-KR"),
        ("いい,1\n悪い,0\n", "SHIFT_JIS"),
        ("いい,1\n悪い,0\n", "EUC-JP"),
        ("好,1\n壞,0\n", "BIG5"),
        ("貓\tcat\n狗\tdog\n", "BIG5"),
    ],
)
def test_of_few_letters_the_encoding_of_everyday_ones_comes_first(text, encoding):
    assert candidates(text.encode(encoding))[0] == encoding


def test_a_letter_that_is_cut_off_does_not_hide_an_encoding():
    assert "GB18030" in candidates(CHINESE.encode("gb18030")[:-2])


def test_text_is_no_other_file():
    assert no_utf8(b"a text\n", first=True) is None
    assert no_utf8(b"a\xff\xfe", first=True) is None
    assert no_utf8(b"\xff\xfea", first=False) is None


@pytest.mark.parametrize(
    ("raw", "found", "encoding"),
    [
        (b"BZh91AY", ("a file packed by bzip2", "its first bytes", 0), False),
        (b"%PDF-1.4", ("a PDF", "its first bytes", 0), False),
        (b"\xff\xfea\0", ("UTF-16", "its first bytes", 0), True),
        ("abc".encode("utf-16-le"), ("UTF-16LE", "the byte 0", 1), True),
        (b"abc\0", ("a file of bytes", "the byte 0", 3), False),
        (b"x~{<:Ky~}", ("HZ", "the bytes b'~{<:'", 1), True),
    ],
)
def test_what_is_no_text_is_named_with_its_place(raw, found, encoding):
    assert no_utf8(raw, first=True) == found
    assert is_encoding(found[0]) is encoding


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("źródło;source\nłąka;meadow\n", "cp1250"), ("кошка\nсобака\n", "koi8-r"), ("قطة\nكلب\n", "cp1256")],
)
def test_one_byte_a_letter_is_not_taken_for_two(text, encoding):
    assert candidates(text.encode(encoding)) in (["CP1251"], ["CP1252"], ["LATIN1"])
