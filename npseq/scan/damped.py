"""A Newton step within a trust region: the least-squares solution of all steps, no step moved far.

Levenberg and Marquardt's method, as a Kalman smoother that believes in every state a little (Gonzalez et al. 2024,
arXiv 2407.19115), whose filter is an associative scan too (Särkkä & García-Fernández 2021, arXiv 1905.13002).

    (P10)  minimise over d_1, ..., d_T   sum_t |d_t - J_t d_{t-1} - e_t|^2 + k |d_t|^2,   d_0 = 0

A filter's element (A, b, C, v, G) says of the states at both ends of some steps: the later one is A d + b, with the
covariance C, and what was seen in between tells of the earlier one by v and G.
"""

import numpy as np

from npseq.backend import Array, array_module
from npseq.scan.associative import Elements, prefixes, solve, times


def smoothed(J: Array, e: Array, damping: float) -> Array:
    """All d_t of (P10). J (T, ..., m, m), e (T, ..., m), damping k > 0."""
    m, share, back = e.shape[-1], 1 / (1 + damping), J.swapaxes(-1, -2)
    one = array_module(J).eye(m, dtype=J.dtype)
    C = np.zeros_like(J) + share * one
    elements = (share * J, share * e, C, -damping * share * times(back, e), damping * share * np.matmul(back, J))
    for part in (elements[0], elements[3], elements[4]):
        part[0] = 0  # the state before the first step is known
    _, mean, cov, _, _ = prefixes(_in_a_row, elements)
    later = J[1:]
    spread = np.matmul(later, cov[:-1])
    gain = np.linalg.solve(np.matmul(spread, later.swapaxes(-1, -2)) + one, spread).swapaxes(-1, -2)
    rest = mean.copy()
    rest[:-1] -= times(gain, times(later, mean[:-1]) + e[1:])
    back_gain = np.zeros_like(J)
    back_gain[1:] = gain[::-1]
    return solve(back_gain, rest[::-1])[::-1]


def _in_a_row(earlier: Elements, later: Elements) -> Elements:
    """Two elements as one."""
    (A_1, b_1, C_1, v_1, G_1), (A_2, b_2, C_2, v_2, G_2) = earlier, later
    one = array_module(b_1).eye(b_1.shape[-1], dtype=b_1.dtype)
    forth = np.linalg.solve((one + np.matmul(C_1, G_2)).swapaxes(-1, -2), A_2.swapaxes(-1, -2)).swapaxes(-1, -2)
    back = np.linalg.solve((one + np.matmul(C_1, G_2)), A_1).swapaxes(-1, -2)  # A_1^T (1 + G_2 C_1)^-1
    return (
        np.matmul(forth, A_1),
        times(forth, b_1 + times(C_1, v_2)) + b_2,
        np.matmul(np.matmul(forth, C_1), A_2.swapaxes(-1, -2)) + C_2,
        times(back, v_2 - times(G_2, b_1)) + v_1,
        np.matmul(np.matmul(back, G_2), A_1) + G_1,
    )
