"""Looking into a gradient: by step, lag and example; Jacobians; curvature."""

from npseq.inspect.curvature import Spectrum, gauss_newton_product, hvp, jvp, lanczos, softmax_curvature
from npseq.inspect.examples import ghost_norms
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
    "Spectrum",
    "best_survival",
    "crossing_norms",
    "expected_lags",
    "gauss_newton_product",
    "ghost_norms",
    "hvp",
    "jvp",
    "lanczos",
    "ledger",
    "pair_norms",
    "random_truncation_variance",
    "roulette_variance",
    "softmax_curvature",
    "tail_norms",
    "truncation_bias",
]
