"""Looking into a gradient: by step, lag and example; Jacobians; curvature."""

from npseq.inspect.ledger import Ledger, ledger
from npseq.inspect.pairs import crossing_norms, pair_norms
from npseq.inspect.truncations import (
    Bias,
    best_survival,
    expected_lags,
    random_truncation_variance,
    roulette_variance,
    tail_norms,
    truncation_bias,
)

__all__ = [
    "Bias",
    "Ledger",
    "best_survival",
    "crossing_norms",
    "expected_lags",
    "ledger",
    "pair_norms",
    "random_truncation_variance",
    "roulette_variance",
    "tail_norms",
    "truncation_bias",
]
