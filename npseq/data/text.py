"""This module turns a text into token ids: lines, tokens, and the vocabulary that numbers the tokens.

The cleaning, the tokens and the order of the ids are those of Dive into Deep Learning ("d2l", chapter 8, "Text
Preprocessing"), so that its published counts and ids hold here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np

from npseq.arguments import array, number
from npseq.arguments import text as a_text
from npseq.data.reading import read_text, split_lines

UNKNOWN = "<unk>"


def clean_lines(text: str, clean: str = "letters") -> list[str]:
    """Returns the lines of a text without their line ends ("\\n", "\\r\\n" or "\\r"), cleaned.

    Args:
        text: the text.
        clean: "letters" replaces every run of other characters than A-Z and a-z by one space, strips the line and makes
            it lower case, as d2l does; "none" keeps the lines as they are, for any other script.

    Raises:
        ValueError: for an unknown `clean`, and if cleaning leaves nothing.

    Example:
        >>> ns.data.clean_lines("The Time Machine, by H. G. Wells")
        ['the time machine by h g wells']
    """
    if not isinstance(clean, str) or clean not in ("letters", "none"):
        raise ValueError(f"clean must be 'letters' or 'none', got {clean!r}")
    lines = split_lines(a_text("text", text))
    cleaned = [re.sub("[^A-Za-z]+", " ", line).strip().lower() for line in lines] if clean == "letters" else lines
    if not any(cleaned):
        remedy = "; use clean='none' for a text in another script" if any(lines) else ""
        raise ValueError(f"a text must hold something after cleaning, got {len(lines)} empty lines{remedy}")
    return cleaned


def read_lines(path: str | PathLike[str], clean: str = "letters") -> list[str]:
    """Returns the lines of a UTF-8 text file without its byte order mark, cleaned as by `clean_lines`.

    Args:
        path: the file.
        clean: "letters" or "none".

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for an empty file, one that is not UTF-8 (naming the offset of the first bad byte), and one of which
            cleaning leaves nothing.

    Example:
        >>> np.savetxt("words.txt", ["The time", "machine!"], fmt="%s")
        >>> ns.data.read_lines("words.txt")
        ['the time', 'machine']
    """
    try:
        return clean_lines(read_text(path), clean)
    except ValueError as error:
        where = "" if repr(str(path)) in str(error) else f" (file {str(path)!r})"
        raise ValueError(f"{error}{where}") from error


def tokenize(lines: Sequence[str], token: str = "word") -> list[list[str]]:
    """Returns the tokens of every line: its words, split at white space, or its characters.

    Args:
        lines: strings.
        token: "word" or "char".

    Raises:
        TypeError: if `lines` is a single string.
        ValueError: for another `token`.

    Example:
        >>> ns.data.tokenize(["time flies"])
        [['time', 'flies']]
    """
    if isinstance(lines, str):
        raise TypeError("lines must be a list of strings, got one string; pass [text]")
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        raise TypeError(f"lines must be a list of strings, got {lines!r}")
    _check_token_kind(token)
    return [line.split() if token == "word" else list(line) for line in lines]


class Vocabulary:
    """Tokens numbered from 0: `<unk>`, the reserved tokens, then the others from the most to the least frequent.

    Tokens of equal frequency are in the order of their first appearance, as in d2l's `Vocab`.

    Args:
        tokens: the tokens of a text, as one list or a list of lines of tokens.
        min_freq: tokens that appear less often are left out and become `<unk>`.
        reserved_tokens: tokens that get the first ids after `<unk>`, in the text or not, say
            ("<pad>", "<bos>", "<eos>").
        token: "char" or "word", how `encode` splits and `decode` joins; None takes "char" if every token of the text,
            apart from the reserved ones, is a single character.

    Raises:
        TypeError: for tokens that are no strings.
        ValueError: for a token reserved twice.

    Example:
        >>> vocabulary = ns.data.Vocabulary(list("aba"))
        >>> vocabulary.encode("abc").tolist(), vocabulary.decode([2, 1])
        ([1, 2, 0], 'ba')
    """

    def __init__(
        self,
        tokens: Iterable[str] | Iterable[Iterable[str]] = (),
        *,
        min_freq: int = 0,
        reserved_tokens: Sequence[str] = (),
        token: str | None = None,
    ) -> None:
        if isinstance(reserved_tokens, str):
            raise TypeError(f"reserved_tokens must be a list of strings, got one string; pass [{reserved_tokens!r}]")
        if not isinstance(reserved_tokens, list | tuple):
            raise TypeError(f"reserved_tokens must be a list of strings, got {reserved_tokens!r}")
        if not_text := [name for name in reserved_tokens if not isinstance(name, str)]:
            raise TypeError(f"a token must be a string, got {not_text[0]!r}")
        number("min_freq", min_freq)
        special = [UNKNOWN, *reserved_tokens]
        if repeated := [name for name, count in Counter(special).items() if count > 1]:
            raise ValueError(f"reserved_tokens must name each token once and leave out {UNKNOWN}, got {repeated} twice")
        counts = Counter(_flat(tokens))
        if token is None:
            token = "char" if all(len(name) == 1 for name in counts.keys() - set(special)) else "word"
        freqs = sorted(counts.items(), key=lambda item: item[1], reverse=True)
        frequent = [name for name, count in freqs if count >= min_freq and name not in special]
        self._fill([*special, *frequent], freqs, token)

    def _fill(self, tokens: Sequence[str], token_freqs: Sequence[tuple[str, int]], token: str) -> None:
        _check_token_kind(token)
        if not_text := [name for name in tokens if not isinstance(name, str)]:
            raise TypeError(f"a token must be a string, got {not_text[0]!r}")
        self.token = token
        self.tokens = tuple(tokens)
        self.token_freqs = list(token_freqs)
        self._ids = {name: index for index, name in enumerate(self.tokens)}

    @property
    def unk(self) -> int:
        """The id of every token that is not in the vocabulary: 0."""
        return 0

    def __len__(self) -> int:
        return len(self.tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._ids

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, Vocabulary) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal by content

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, token={self.token!r})"

    def __getitem__(self, tokens: str | Sequence[Any]) -> Any:
        """Returns the id of a token, 0 if it is unknown; for a list or tuple, however nested, the list of its ids."""
        if isinstance(tokens, str):
            return self._ids.get(tokens, self.unk)
        if not isinstance(tokens, list | tuple):
            raise TypeError(f"a token must be a string, got {tokens!r}; to_tokens turns ids into tokens")
        return [self[token] for token in tokens]

    def to_tokens(self, ids: Any) -> Any:
        """Returns the token of an id; for a list or an array of ids, however nested, the list of their tokens.

        Args:
            ids: an integer, or lists or an array of them.

        Raises:
            TypeError: for ids that are no integers.
            ValueError: for ids outside 0 to len(self) - 1.
        """
        if not isinstance(ids, list | tuple | int | float | str | None):
            ids = array("ids", ids).tolist()
        if isinstance(ids, list | tuple):
            return [self.to_tokens(index) for index in ids]
        if isinstance(ids, bool) or not isinstance(ids, int):
            raise TypeError(f"an id must be an integer, got {ids!r}")
        if not 0 <= ids < len(self):
            raise ValueError(
                f"an id must lie in 0 to {len(self) - 1}, got {ids}; these ids come from another vocabulary"
            )
        return self.tokens[ids]

    def encode(self, text: str) -> np.ndarray:
        """Returns the ids (N,), int64, of the characters or the words of a text, which is not cleaned.

        Among characters a reserved token, say "<eos>", is one token, as `decode` writes it.

        Args:
            text: a string.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {type(text).__name__}; vocabulary[tokens] takes lists")
        tokens = tokenize([text], self.token)[0]
        if self.token == "char" and (longer := [name for name in self.tokens if len(name) > 1 and name in text]):
            longer = sorted(map(re.escape, longer), key=len, reverse=True)
            tokens = re.findall("|".join([*longer, "."]), text, re.DOTALL)
        return np.array(self[tokens], dtype=np.int64)

    def decode(self, ids: Any) -> str:
        """Returns the text of ids: its characters joined, or its words with a space between.

        Args:
            ids: integers (N,).

        Raises:
            TypeError, ValueError: as `to_tokens` does, and for ids of another rank.
        """
        tokens = self.to_tokens(ids)
        if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
            raise ValueError("ids must be one sequence of shape (N,), got a scalar or a nested one; decode row by row")
        return ("" if self.token == "char" else " ").join(tokens)

    def to_dict(self) -> dict[str, Any]:
        """Returns the whole vocabulary as strings, numbers and lists, which JSON has."""
        return {
            "token": self.token,
            "tokens": list(self.tokens),
            "token_freqs": [[name, count] for name, count in self.token_freqs],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Returns the vocabulary that `to_dict` wrote.

        Args:
            content: what `to_dict` returned.

        Raises:
            ValueError, TypeError: for any other content.
        """
        expected = {"token", "tokens", "token_freqs"}
        if not isinstance(content, Mapping) or set(content) != expected:
            given = sorted(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
            raise ValueError(f"a stored vocabulary must hold exactly {sorted(expected)}, got {given}")
        tokens, freqs = content["tokens"], content["token_freqs"]
        if not isinstance(tokens, list) or tokens[:1] != [UNKNOWN]:
            raise ValueError(f"a stored vocabulary's tokens must be a list that begins with {UNKNOWN!r}")
        vocabulary = cls.__new__(cls)
        vocabulary._fill(tokens, _stored_freqs(freqs), content["token"])
        if len(vocabulary._ids) != len(tokens):
            raise ValueError("a stored vocabulary's tokens must differ from each other, got a token twice")
        return vocabulary


def _check_token_kind(token: object) -> None:
    if not isinstance(token, str) or token not in ("word", "char"):
        raise ValueError(f"token must be 'word' or 'char', got {token!r}")


def _flat(tokens: Iterable[Any]) -> Iterator[str]:
    if not isinstance(tokens, Iterable) or getattr(tokens, "shape", None) == ():
        raise TypeError(f"tokens must be a list of tokens or of lists of tokens, got {tokens!r}")
    for entry in tokens:
        for token in [entry] if isinstance(entry, str) or not isinstance(entry, Iterable) else entry:
            if not isinstance(token, str):
                raise TypeError(f"a token must be a string, got {token!r}; pass a list of tokens or of lists of tokens")
            yield token


def _stored_freqs(freqs: object) -> list[tuple[str, int]]:
    """Returns the pairs of a stored vocabulary, checked: each a string and a count, the counts falling."""
    if not isinstance(freqs, list) or not all(_is_count(pair) for pair in freqs):
        raise ValueError("a stored vocabulary's token_freqs must be a list of pairs [token, count]")
    counts = [count for _, count in freqs]
    if counts != sorted(counts, reverse=True) or (counts and counts[-1] < 1):
        raise ValueError("a stored vocabulary's token_freqs must be positive and fall from pair to pair")
    return [(name, count) for name, count in freqs]


def _is_count(pair: object) -> bool:
    return isinstance(pair, list | tuple) and [type(part) for part in pair] == [str, int]
