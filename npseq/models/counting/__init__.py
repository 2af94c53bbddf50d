"""Models that count: n-grams, Markov chains, hidden ones, and forecasts of a series."""

from npseq.models.counting.forecasting import error_growth, k_step, multi_step, naive, one_step, root_mean_square
from npseq.models.counting.hmm import Posteriors, forward_backward, viterbi
from npseq.models.counting.markov import log_prob, propagate, sample_states, stationary, transition_matrix
from npseq.models.counting.ngrams import NGramModel, ZipfFit, fit_zipf, ngram_counts, table_size

__all__ = [
    "NGramModel",
    "Posteriors",
    "ZipfFit",
    "error_growth",
    "fit_zipf",
    "forward_backward",
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
    "viterbi",
]
