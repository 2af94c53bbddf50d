"""This module holds the vocabulary, which numbers the tokens of a text.

The order of the ids is that of Dive into Deep Learning ("d2l", chapter 8, "Text Preprocessing"), so that its published
ids hold here.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from npseq.arguments import array, check_entries, integer, number
from npseq.data.lines import check_token_kind, split, words

UNKNOWN, LINE_END = "<unk>", "\n"
SPACED_LINE_END = re.compile(" ?\n ?")
LONG, IN_BRACKETS = re.compile("..+", re.DOTALL), re.compile(r"<\S+>")  # tokens that a split would cut


class Vocabulary:
    """Tokens numbered from 0: `<unk>`, the reserved tokens, then the others from the most to the least frequent.

    Tokens of equal frequency are in the order of their first appearance, as in d2l's `Vocab`.

    Args:
        tokens: the tokens of a text, as one list or a list of lines of tokens, or a Counter of them.
        min_freq: tokens that appear less often are left out and become `<unk>`.
        max_size: the most tokens, `<unk>` and the reserved ones among them; the rarest are left out. None is all.
        reserved_tokens: tokens that get the first ids after `<unk>`, in the text or not, say
            ("<pad>", "<bos>", "<eos>").
        token: "char", "word" or "jieba", how `encode` splits and `decode` joins, see `tokenize`; None takes "char" if
            every token of the text, apart from the reserved ones, is a single character, else "word".

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
        max_size: int | None = None,
        reserved_tokens: Sequence[str] = (),
        token: str | None = None,
    ) -> None:
        if isinstance(tokens, str) and token in ("word", "jieba"):
            raise TypeError("tokens must be a list of words, got one string of characters; pass tokens.split()")
        if isinstance(reserved_tokens, str):
            raise TypeError("reserved_tokens must be a list of strings, got one string; pass [reserved_tokens]")
        if not isinstance(reserved_tokens, list | tuple):
            raise TypeError(f"reserved_tokens must be a list of strings, got {reserved_tokens!r:.80}")
        if not_text := [name for name in reserved_tokens if not isinstance(name, str)]:
            raise TypeError(f"a token must be a string, got {not_text[0]!r:.80}")
        number("min_freq", min_freq)
        special = [UNKNOWN, *reserved_tokens]
        if repeated := [name for name, count in Counter(special).items() if count > 1]:
            raise ValueError(f"reserved_tokens must name each token once and leave out {UNKNOWN}, got {repeated} twice")
        if max_size is not None:
            max_size = integer("max_size", max_size, len(special))
        counts = _counted(tokens)
        if token is None:
            token = "char" if all(len(name) == 1 for name in counts.keys() - set(special)) else "word"
        freqs = sorted(counts.items(), key=lambda item: item[1], reverse=True)
        frequent = [name for name, count in freqs if count >= min_freq and name not in special]
        self._fill([*special, *frequent][:max_size], freqs, token)

    def _fill(self, tokens: Sequence[Any], token_freqs: Sequence[tuple[str, int]], token: str) -> None:
        check_token_kind(token)
        if not_text := [name for name in tokens if not isinstance(name, str)]:
            raise TypeError(f"a token must be a string, got {not_text[0]!r:.80}")
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
            raise TypeError(f"a token must be a string, got {tokens!r:.80}; to_tokens turns ids into tokens")
        return [self[token] for token in tokens]

    def to_tokens(self, ids: Any) -> Any:
        """Returns the token of an id; for a list or an array of ids, however nested, the list of their tokens.

        Args:
            ids: an integer, or lists or an array of them.

        Raises:
            TypeError: for ids that are no integers.
            ValueError: for ids outside 0 to len(self) - 1.
        """
        if not isinstance(ids, list | tuple | int | float | str | bytes | None):
            ids = array("ids", ids).tolist()
        if isinstance(ids, list | tuple):
            check_entries("ids", ids)
            return [self.to_tokens(index) for index in ids]
        if isinstance(ids, bool) or not isinstance(ids, int):
            raise TypeError(f"an id must be an integer, got {ids!r:.80}")
        if not 0 <= ids < len(self):
            raise ValueError(
                f"an id must lie in 0 to {len(self) - 1}, got {ids}; these ids come from another vocabulary"
            )
        return self.tokens[ids]

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens of a text, which is not cleaned; the vocabulary need not hold them.

        A reserved token, say "<eos>", is one token, as `decode` writes it; among words of "jieba" if it is in <>. A
        line end is a token among words if the vocabulary has it, and is skipped otherwise.

        Args:
            text: a string.
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a string, got {type(text).__name__}; vocabulary[tokens] takes lists")
        if self.token == "word" and LINE_END in self._ids:
            return words(text)
        long = {"char": LONG, "jieba": IN_BRACKETS}.get(self.token)
        if long is None or not (found := [name for name in self.tokens if name in text and long.fullmatch(name)]):
            return split(text, self.token)
        parts = re.split(f"({'|'.join(sorted(map(re.escape, found), key=len, reverse=True))})", text)
        return [name for k, part in enumerate(parts) for name in ([part] if k % 2 else split(part, self.token))]

    def encode(self, text: str) -> np.ndarray:
        """Returns the ids (N,), int64, of the tokens of a text, see `tokenize`.

        Args:
            text: a string.
        """
        return np.array(self[self.tokenize(text)], dtype=np.int64)

    def decode(self, ids: Any) -> str:
        """Returns the text of ids: characters and words of "jieba" joined, other words with a space between.

        Args:
            ids: integers (N,).

        Raises:
            TypeError, ValueError: as `to_tokens` does, and for ids of another rank.
        """
        tokens = self.to_tokens(ids)
        if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
            raise ValueError("ids must be one sequence of shape (N,), got a scalar or a nested one; decode row by row")
        text = (" " if self.token == "word" else "").join(tokens)
        return SPACED_LINE_END.sub(LINE_END, text) if self.token == "word" else text

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
        given: Any = content
        if not isinstance(given, Mapping) or set(given) != expected:
            held = sorted(map(str, given)) if isinstance(given, Mapping) else type(given).__name__
            raise ValueError(f"a stored vocabulary must hold exactly {sorted(expected)}, got {held!s:.400}")
        tokens, freqs = content["tokens"], content["token_freqs"]
        if not isinstance(tokens, list) or tokens[:1] != [UNKNOWN]:
            raise ValueError(f"a stored vocabulary's tokens must be a list that begins with {UNKNOWN!r}")
        vocabulary = cls.__new__(cls)
        vocabulary._fill(tokens, _stored_freqs(freqs), content["token"])
        if len(vocabulary._ids) != len(tokens):
            raise ValueError("a stored vocabulary's tokens must differ from each other, got a token twice")
        return vocabulary


def folded(tokens: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """Returns tokens, those that a vocabulary lacks in lower case."""
    return [token if token in vocabulary else token.lower() for token in tokens]


def _counted(tokens: Any) -> Counter[str]:
    """Returns how often each token appears, in the order in which they do so first."""
    if not isinstance(tokens, Iterable) or getattr(tokens, "shape", None) == ():
        raise TypeError(f"tokens must be a list of tokens or of lists of tokens, got {tokens!r:.80}")
    counts: Counter[str] = Counter()
    if isinstance(tokens, Counter):
        _check_strings(tokens)
        return Counter({name: integer(f"the count of {name!r}", count) for name, count in tokens.items()})
    for entry in tokens:
        if isinstance(entry, str):
            counts[entry] += 1
            continue
        scalar = not isinstance(entry, Iterable) or getattr(entry, "shape", None) == ()
        line = [entry] if scalar else list(entry)
        try:
            counts.update(line)
        except TypeError:  # a list, say, cannot be counted
            _check_strings(line)
    _check_strings(counts)
    return counts


def _check_strings(tokens: Iterable[Any]) -> None:
    for token in tokens:
        if not isinstance(token, str):
            raise TypeError(f"a token must be a string, got {token!r:.80}; pass a list of tokens or of lists of tokens")


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
