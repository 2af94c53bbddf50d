"""KINDS lists the activations by name; docs/derivations/activations.md prints their equations.

A derivative is written by the output where that keeps its digits, since the tape holds the output anyway. Where it does
not, or the output does not tell the input, a cell keeps the input too, and each of its derivatives is by the input.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from npseq.activations import piecewise, smooth
from npseq.activations.basic import drelu, dsigmoid, dtanh, relu, sigmoid, tanh
from npseq.backend import Array

Function = Callable[..., Array]
OVER_UNITS = ("softmax", "log_softmax", "sparsemax")  # of over_units.py: no functions of single numbers


class Kind(NamedTuple):
    """One activation for all values of its parameters, alpha and beta, which follow the array."""

    function: Function
    derivative: Function  # by the input
    by_output: Function | None = None  # the derivative by the output
    defaults: tuple[float, ...] = ()  # of alpha, or of alpha and beta
    writes: bool = False  # whether function and by_output write in place: (x, out)
    positive: bool = False  # whether alpha must be above 0


def dsigmoid_of_input(x: Array) -> Array:
    return sigmoid(x) * sigmoid(-x)


KINDS = {
    "linear": Kind(smooth.linear, smooth.daffine, smooth.daffine),
    "affine": Kind(smooth.affine, smooth.daffine, smooth.daffine, (1.0, 0.0)),
    "tanh": Kind(tanh, smooth.dtanh, dtanh, writes=True),
    "scaled_tanh": Kind(smooth.scaled_tanh, smooth.dscaled_tanh, None, (1.0, 1.0)),
    "hard_tanh": Kind(piecewise.hard_tanh, piecewise.dhard_tanh, piecewise.dhard_tanh),
    "tanh_shrink": Kind(smooth.tanh_shrink, smooth.dtanh_shrink),
    "sigmoid": Kind(sigmoid, dsigmoid_of_input, dsigmoid, writes=True),
    "hard_sigmoid": Kind(piecewise.hard_sigmoid, piecewise.dhard_sigmoid, piecewise.slope_of_hard_sigmoid, (0.2, 0.5)),
    "sparse_sigmoid": Kind(piecewise.sparse_sigmoid, piecewise.dsparse_sigmoid),
    "log_sigmoid": Kind(smooth.log_sigmoid, smooth.dlog_sigmoid, smooth.slope_of_log_sigmoid),
    "softsign": Kind(smooth.softsign, smooth.dsoftsign),
    "softplus": Kind(smooth.softplus, sigmoid, smooth.slope_of_softplus),
    "sparse_plus": Kind(piecewise.sparse_plus, piecewise.sparse_sigmoid),
    "squareplus": Kind(smooth.squareplus, smooth.dsquareplus, None, (4.0,), positive=True),
    "relu": Kind(relu, drelu, drelu, writes=True),
    "relu6": Kind(piecewise.relu6, piecewise.drelu6, piecewise.drelu6),
    "leaky_relu": Kind(piecewise.leaky_relu, piecewise.dleaky_relu, None, (0.01,)),
    "thresholded_relu": Kind(piecewise.thresholded_relu, piecewise.dthresholded_relu, None, (1.0,)),
    "elu": Kind(smooth.elu, smooth.delu, None, (1.0,)),
    "celu": Kind(smooth.celu, smooth.dcelu, None, (1.0,), positive=True),
    "selu": Kind(smooth.selu, smooth.dselu),
    "gelu": Kind(smooth.gelu, smooth.dgelu),
    "gelu_tanh": Kind(smooth.gelu_tanh, smooth.dgelu_tanh),
    "silu": Kind(smooth.silu, smooth.dsilu),
    "hard_silu": Kind(piecewise.hard_silu, piecewise.dhard_silu),
    "mish": Kind(smooth.mish, smooth.dmish),
    "exponential": Kind(np.exp, np.exp, np.positive),
    "soft_shrink": Kind(piecewise.soft_shrink, piecewise.dshrink, None, (0.5,)),
    "hard_shrink": Kind(piecewise.hard_shrink, piecewise.dshrink, None, (0.5,)),
}
