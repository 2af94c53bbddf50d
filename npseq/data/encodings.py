"""This module guesses of bytes that are no UTF-8 text what they are: another encoding, or no text at all."""

import codecs
import re

BEGINNINGS = {  # of other files than text, and of texts with a mark of another encoding
    b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16",
    b"%PDF-": "a PDF", b"{\\rtf": "RTF", b"PK\3\4": "a zip archive, as .xlsx, .docx and .epub are",
    b"BZh": "a file packed by bzip2", b"\xfd7zXZ\0": "a file packed by xz",
    b"\x28\xb5\x2f\xfd": "a file packed by zstd",
    b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture",
}  # fmt: skip
SEVEN_BIT = {  # encodings of other scripts that use only the bytes of ASCII
    "ISO-2022-JP": re.compile(rb"\x1b\$[@B]"),
    "ISO-2022-CN": re.compile(rb"\x1b\$A|\x1b\$\)[AEG]"),
    "ISO-2022-KR": re.compile(rb"\x1b\$\)C"),
    "HZ": re.compile(rb"~\{(?:[\x21-\x77][\x21-\x7e]){2,}~\}"),
}
ALONE = re.compile(  # at a Latin letter, no letter of Pinyin
    r"(?<=[A-Za-z])[^\0-\u024f](?![^\0-\u024f])|(?<![^\0-\u024f])[^\0-\u024f](?=[A-Za-z])"
)
OTHERS = re.compile(r"[^\0-\x7f]+")
EVERYDAY = {  # encodings of two bytes a letter, and the first bytes of their everyday letters
    "SHIFT_JIS": rb"[\x82\x83\x88-\x97]",
    "EUC-KR": rb"[\xb0-\xc8]",
    "EUC-JP": rb"[\xa4\xa5\xb0-\xcf]",
    "BIG5": rb"[\xa4-\xc6]",
    "GB18030": rb"[\xb0-\xd7]",
}
TWO_BYTES = tuple(EVERYDAY)


def no_utf8(raw: bytes, first: bool) -> tuple[str, str, int] | None:
    """Returns (what it is, by which sign, at which byte) of bytes that pass for UTF-8 but are no text, else None.

    first: whether they begin a file.
    """
    if like := next((name for sign, name in BEGINNINGS.items() if first and raw.startswith(sign)), ""):
        return like, "its first bytes", 0
    if (at := raw.find(b"\0")) >= 0:
        return _with_zeros(raw), "the byte 0", at
    for name, pattern in SEVEN_BIT.items():
        if found := pattern.search(raw):
            return name, f"the bytes {found[0][:4]!r}", found.start()
    return None


def _with_zeros(raw: bytes) -> str:
    """Returns what bytes look like that have zeros among them."""
    a, b, c, d = (raw[k::4].count(0) / max(len(raw[k::4]), 1) for k in range(4))  # shares of zeros
    if min(c, d) > 0.9 > 10 * a:
        return "UTF-32LE"
    if min(a, b) > 0.9 > 10 * d:
        return "UTF-32BE"
    few = 0.2 if raw.decode("utf-8", "replace").count("\ufffd") < 2 else 0.02  # in UTF-16 there are more
    if min(b, d) > few > 2 * max(a, c):
        return "UTF-16LE"
    return "UTF-16BE" if min(a, c) > few > 2 * max(b, d) else "a file of bytes"


def is_encoding(like: str) -> bool:
    """Whether `no_utf8` has named an encoding, which iconv knows, and no other kind of file."""
    return "-" in like or like == "HZ"


def candidates(raw: bytes) -> list[str]:
    """Returns the encodings that bytes may be in that are not UTF-8, the likeliest first, by the names of iconv.

    Those of two bytes a letter refuse most other texts, and have everyday letters in their own; where most letters
    stand alone beside Latin ones, as the last two bytes of "sch\\xf6n" do in GB18030, the text is another. One
    byte a letter can be any of many: the name is of the usual one of Cyrillic where most letters are not ASCII's, else
    of Western Europe, with Windows' own signs or without.
    """
    shares = {name: _everyday(raw, name) for name in TWO_BYTES}
    if fits := [name for name in TWO_BYTES if shares[name] > 1 / 2]:
        return sorted(fits, key=lambda name: -shares[name])
    if 2 * sum(byte < 128 for byte in raw) < len(raw):
        return ["CP1251"]
    return ["CP1252" if any(0x80 <= byte < 0xA0 for byte in raw) else "LATIN1"]


def _everyday(raw: bytes, encoding: str) -> float:
    """Returns the share of everyday letters among those that are not Latin, or 0 for what is no text in an encoding."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw)  # whose last letter may be cut off
    except UnicodeDecodeError:
        return 0.0
    others = OTHERS.findall(text)
    letters = [letter for letter in "".join(others) if letter.isalpha() and letter > "\u024f"]
    usual = sum(re.match(EVERYDAY[encoding], letter.encode(encoding)) is not None for letter in letters)
    return usual / len(letters) if letters and 2 * len(ALONE.findall(text)) <= len(others) else 0.0
