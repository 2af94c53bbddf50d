"""This package reads texts, sentence pairs and series, and makes minibatches of them; it loads nothing but NumPy."""

from npseq.data.agreement import AGREEMENT_VOCABULARY, agreement_sentences
from npseq.data.batches import one_hot, pad_sequences, random_windows, sequence_mask, sequential_windows
from npseq.data.corpora import load_corpus
from npseq.data.epochs import Epochs, sentence_batches
from npseq.data.labelled import Labelled, load_labelled
from npseq.data.lines import clean_lines, read_lines, tokenize
from npseq.data.pairs import Pairs, load_pairs
from npseq.data.series import Series, lagged_windows, load_co2, load_sunspots, noisy_sine
from npseq.data.tagged import load_tagged
from npseq.data.text import UNKNOWN, Vocabulary
from npseq.data.timeseries import read_series

__all__ = [
    "AGREEMENT_VOCABULARY",
    "UNKNOWN",
    "Epochs",
    "Labelled",
    "Pairs",
    "Series",
    "Vocabulary",
    "agreement_sentences",
    "clean_lines",
    "lagged_windows",
    "load_co2",
    "load_corpus",
    "load_labelled",
    "load_pairs",
    "load_sunspots",
    "load_tagged",
    "noisy_sine",
    "one_hot",
    "pad_sequences",
    "random_windows",
    "read_lines",
    "read_series",
    "sentence_batches",
    "sequence_mask",
    "sequential_windows",
    "tokenize",
]
