"""Each loss returns (loss, derivative of the loss by its first argument).

T time steps, B sequences, V classes; every loss takes any leading shape. With l the losses of the single positions and
w their weights (1 where none are given, 0 where a target is ignored):

    reduction   loss                    derivative
    "mean"      sum(w * l) / sum(w)     of that number
    "sum"       sum(w * l)              of that number
    "none"      w * l, not added up     of their sum

A position of weight 0 adds nothing to a loss or derivative, whatever it holds: inf, nan, a target out of range.
The mean over nothing (no positions, or all of weight 0) is 0 and has gradient 0, where PyTorch returns nan.
Complex input stays complex: every line is analytic, branches and shifts look at the real part.
"""

from npseq.losses.cross_entropy import perplexity, softmax_cross_entropy
from npseq.losses.pointwise import binary_cross_entropy, mean_squared_error

__all__ = ["binary_cross_entropy", "mean_squared_error", "perplexity", "softmax_cross_entropy"]
