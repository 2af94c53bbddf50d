"""BLEU counts how many n-grams of a translation are in the reference, in the form of Dive into Deep Learning, 10.7.

d2l weighs the precision of n-grams by 1 / 2^n, so that longer ones count less. BLEU as it is published and compared
(Papineni et al. 2002) weighs each by 1 / k, counts over a whole corpus, and depends on how words are cut: sacrebleu
computes that one, from the same counts of n-grams and with the same penalty for few words.
"""

from collections import Counter
from collections.abc import Sequence
from math import exp
from typing import Any

from npseq.arguments import amount


def ngram_matches(prediction: Sequence[str], label: Sequence[str], n: int) -> tuple[int, int]:
    """How many n-grams of the prediction are in the label, each of the label's used once, and how many there are.

    Their ratio is the precision p_n.
    """
    found, wanted = _ngrams(prediction, n), _ngrams(label, n)
    return sum((found & wanted).values()), sum(found.values())


def d2l_bleu(prediction: str | Sequence[str], label: str | Sequence[str], k: int) -> float:
    """Returns exp(min(0, 1 - len(label) / len(prediction))) * prod_{n=1..k} p_n^(1 / 2^n), in [0, 1].

    It is 1 if the two agree. An empty prediction scores 0. This is d2l's form; the published one is sacrebleu's.

    Args:
        prediction, label: tokens, or strings that are split at white space.
        k: the longest n-grams; a prediction of fewer tokens is measured up to its own length, as in d2l since 2.0
            (before, it divided by zero).

    Raises:
        ValueError: if k is below 1, or the label empty.

    Example:
        >>> round(ns.models.d2l_bleu("il est riche .", "il est calme .", k=2), 3)
        0.658
    """
    k = amount("k", k)
    prediction, label = _tokens("prediction", prediction), _tokens("label", label)
    if not label:
        raise ValueError("label must hold at least one token, got none")
    if not prediction:
        return 0.0
    score = exp(min(0, 1 - len(label) / len(prediction)))
    for n in range(1, min(k, len(prediction)) + 1):
        matches, total = ngram_matches(prediction, label, n)
        score *= (matches / total) ** 0.5**n
    return score


def _tokens(name: str, text: Any) -> list[Any]:
    if isinstance(text, str):
        return text.split()
    if not isinstance(text, list | tuple) or not all(isinstance(token, str | int) for token in text):
        raise TypeError(f"{name} must be a string or a list of tokens, got {text!r:.100}")
    if texts := [token for token in text if isinstance(token, str) and len(token.split()) > 1]:
        raise ValueError(f"{name} must be one text, got a list with {texts[0]!r:.60}; take the mean over all texts")
    return list(text)


def _ngrams(tokens: Sequence[str], n: int) -> Counter[Any]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
