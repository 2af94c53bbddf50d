"""Models that count: n-grams, Markov chains, and forecasts of a series."""

from npseq.models.counting.forecasting import error_growth, k_step, multi_step, naive, one_step, root_mean_square
from npseq.models.counting.markov import log_prob, propagate, sample_states, stationary, transition_matrix
from npseq.models.counting.ngrams import NGramModel, ZipfFit, fit_zipf, ngram_counts, table_size

__all__ = [
    "NGramModel",
    "ZipfFit",
    "error_growth",
    "fit_zipf",
    "k_step",
    "log_prob",
    "multi_step",
    "naive",
    "ngram_counts",
    "one_step",
    "propagate",
    "root_mean_square",
    "sample_states",
    "stationary",
    "table_size",
    "transition_matrix",
]
