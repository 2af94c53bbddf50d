"""S1 to S11: wrong in the sums over time and batch that make gradients of adjoints."""

from typing import Any

import numpy as np

from npseq.diagnosis.mistake import Mistake, SumChange

SUM = "the gradient is a sum over all steps and the whole batch, of operand^T da"


def transposed(value: np.ndarray, of: Any) -> np.ndarray:
    return value.swapaxes(1, 2) if value.ndim == 3 and value.shape[1] == value.shape[2] else value


def one_entry(value: np.ndarray, of: Any) -> np.ndarray:
    wrong = value.copy()
    wrong[:, 0, 0] *= 1.001
    return wrong


def last_token_only(value: np.ndarray, of: Any) -> np.ndarray:
    """Of every one-hot operand's row, the adjoint of its last column."""
    wrong = np.zeros_like(value)
    for t, b in np.ndindex(len(of.operand), of.operand.shape[2]):
        wrong[:, of.operand[t, :, b].argmax()] = of.adjoint[t, :, :, b]
    return wrong if of.problem.is_ids else value


def step_early(value: np.ndarray, of: Any) -> np.ndarray:
    from npseq.diagnosis.passes import total

    return total(np.roll(of.operand, 1, axis=0), of.adjoint) if of.problem.is_ids else value


SUMS = (
    Mistake("S1", "bias gradient summed over time only, the first sequence's", SUM, "T8",
            sums={"b_*": SumChange(weights=lambda T, B: np.arange(B) < np.ones((T, 1)))}),
    Mistake("S2", "bias gradient a mean over the batch", SUM, "T8",
            sums={"b_*": SumChange(after=lambda value, of: value / of.problem.B)}),
    Mistake("S3", "weight gradients a mean over time", SUM, "T6, T7",
            sums={"W_*": SumChange(after=lambda value, of: value / of.problem.T),
                  "b_*": SumChange(after=lambda value, of: value / of.problem.T)}),
    Mistake("S4", "dW_h transposed", "dW_hh = h_{t-1}^T da_t", "T7",
            sums={"W_h*": SumChange(after=transposed)}),
    Mistake("S5", "weight gradients rounded to half precision", "gradients have the dtype of the parameters", "T10",
            sums={name: SumChange(after=lambda value, of: value.astype(np.float16).astype(float))
                  for name in ("W_*", "b_*")}),
    Mistake("S6", "one entry of dW_ho off by a thousandth", SUM, "L23",
            sums={"W_ho": SumChange(after=one_entry)}),
    Mistake("S7", "the projection's operand one step off", "dW_hp = m_t^T dh_t", "L27",
            sums={"W_hp": SumChange(operand="m.wrapped_before for m")}),
    Mistake("S8", "dx three times too large", "dx_t = da_t W_xh^T", "T5",
            sums={"x": SumChange(after=lambda value, of: 3 * value)}),
    Mistake("S9", "a repeated token's gradient overwritten, not added", "a token's row sums over its places", "T6",
            sums={"W_x*": SumChange(after=last_token_only)}),
    Mistake("S10", "a repeated token's embedding gradient overwritten", "a token's row sums over its places", "T6"),
    Mistake("S11", "gradients of token rows one step early", "dW_xh = x_t^T da_t", "T6",
            sums={"W_x*": SumChange(after=step_early)}),
)  # fmt: skip
