"""This module makes Ng's sentences (course 5, week 1) whose verb agrees with a distant subject.

"The cat, which already ate ..., was full", but "the cats, which already ate ..., were full".
"""

import numpy as np

from npseq.arguments import amount, check_room
from npseq.backend import Seed, generator
from npseq.data.text import Vocabulary

SUBJECTS = ("cat", "cats")
VERBS = ("was", "were")
CLAUSE = ("already", "ate", "the", "apple", "apples", "and", "saw", "mouse", "mice", "big", "red")
AGREEMENT_VOCABULARY = Vocabulary(["the", *SUBJECTS, "which", *CLAUSE, *VERBS, "full"], token="word")


def agreement_sentences(count: int, lag: int, rng: Seed = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns sentences up to their verb, ids (lag + 2, N), and the verb (N,) of each: 0 "was", 1 "were".

    "the cat which <words> [verb]": lag steps lie between reading the subject and naming the verb after the last word.
    The words, lag - 1 of them after "which", are random, so that nouns of either number come in between.

    Args:
        count: N, how many sentences.
        lag: steps from the subject to the verb, at least 1.
        rng: a seed or a Generator.

    Raises:
        ValueError: for a lag below 1.

    Example:
        >>> ids, plural = ns.data.agreement_sentences(4, lag=3, rng=0)
        >>> ns.data.AGREEMENT_VOCABULARY.decode(ids[:, 0]), int(plural[0])
        ('the cats which apple ate', 1)
    """
    count, lag = amount("count", count, least=0), amount("lag", lag)
    check_room("the shape of the sentences", (lag + 2, count))
    rng, vocabulary = generator(rng), AGREEMENT_VOCABULARY
    plural = rng.integers(0, 2, count)
    clause = np.array(vocabulary[list(CLAUSE)])[rng.integers(0, len(CLAUSE), (lag - 1, count))]
    subjects = np.array(vocabulary[list(SUBJECTS)])[plural]
    opening = [np.full(count, vocabulary["the"]), subjects, np.full(count, vocabulary["which"])]
    return np.concatenate([np.stack(opening), clause]), plural
