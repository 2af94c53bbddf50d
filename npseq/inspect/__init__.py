"""The gradient analysed: by step, lag and example; Jacobians; curvature; where a nan comes from."""

from npseq.bptt.truncation import HDetach
from npseq.inspect import figures
from npseq.inspect.alignment import alignment
from npseq.inspect.certificate import Certificate, truncation_certificate
from npseq.inspect.curvature import Spectrum, gauss_newton_product, hvp, jvp, lanczos, softmax_curvature
from npseq.inspect.examples import ghost_norms
from npseq.inspect.jacobians import JacobianSpectrum, jacobian_spectrum, lyapunov_exponents, state_jacobians
from npseq.inspect.ledger import Ledger, adjoint_norms, lag_norms, ledger
from npseq.inspect.nonfinite import first_nonfinite
from npseq.inspect.nonfinite_values import Nonfinite
from npseq.inspect.page import Page, page
from npseq.inspect.pairs import crossing_norms, pair_norms
from npseq.inspect.paths import PathSplit, path_split
from npseq.inspect.report import Case, report
from npseq.inspect.stale import stale_state_bias
from npseq.inspect.truncations import (
    Bias,
    best_survival,
    expected_lags,
    random_truncation_variance,
    roulette_variance,
    tail_norms,
    truncation_bias,
)
from npseq.inspect.vanishing import VanishingPenalty, vanishing_penalty

__all__ = [
    "Bias",
    "Case",
    "Certificate",
    "HDetach",
    "JacobianSpectrum",
    "Ledger",
    "Nonfinite",
    "Page",
    "PathSplit",
    "Spectrum",
    "VanishingPenalty",
    "adjoint_norms",
    "alignment",
    "best_survival",
    "crossing_norms",
    "expected_lags",
    "figures",
    "first_nonfinite",
    "gauss_newton_product",
    "ghost_norms",
    "hvp",
    "jacobian_spectrum",
    "jvp",
    "lag_norms",
    "lanczos",
    "ledger",
    "lyapunov_exponents",
    "page",
    "pair_norms",
    "path_split",
    "random_truncation_variance",
    "report",
    "roulette_variance",
    "softmax_curvature",
    "stale_state_bias",
    "state_jacobians",
    "tail_norms",
    "truncation_bias",
    "truncation_certificate",
    "vanishing_penalty",
]
