"""Text, corpora, minibatches and series. Importing this loads NumPy, nothing heavier."""

from npseq.data.batches import one_hot, pad_sequences, random_windows, sequence_mask, sequential_windows
from npseq.data.corpora import load_corpus
from npseq.data.pairs import Pairs, load_pairs
from npseq.data.series import Series, lagged_windows, load_co2, load_sunspots, noisy_sine
from npseq.data.text import UNKNOWN, Vocabulary, clean_lines, read_lines, tokenize

__all__ = [
    "UNKNOWN",
    "Pairs",
    "Series",
    "Vocabulary",
    "clean_lines",
    "lagged_windows",
    "load_co2",
    "load_corpus",
    "load_pairs",
    "load_sunspots",
    "noisy_sine",
    "one_hot",
    "pad_sequences",
    "random_windows",
    "read_lines",
    "sequence_mask",
    "sequential_windows",
    "tokenize",
]
