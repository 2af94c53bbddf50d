"""Text, corpora and minibatches. Importing this loads NumPy, nothing heavier."""

from npseq.data.batches import one_hot, pad_sequences, random_windows, sequence_mask, sequential_windows
from npseq.data.corpora import load_corpus
from npseq.data.pairs import Pairs, load_pairs
from npseq.data.text import UNKNOWN, Vocabulary, clean_lines, read_lines, tokenize

__all__ = [
    "UNKNOWN",
    "Pairs",
    "Vocabulary",
    "clean_lines",
    "load_corpus",
    "load_pairs",
    "one_hot",
    "pad_sequences",
    "random_windows",
    "read_lines",
    "sequence_mask",
    "sequential_windows",
    "tokenize",
]
