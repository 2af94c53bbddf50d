"""Activations: functions of one number, entry by entry, each with its derivative, by name.

A cell's own lines use those of `basic`, which write in place; `ns.Activation` makes any of the table, with parameters.
NumPy's ufuncs pass a CuPy array on to CuPy, so these lines serve both. They hold for complex numbers too: what branches
looks at the real part, so that each piece of a function is the analytic one.
"""

from npseq.activations.activated import Activated
from npseq.activations.activation import Activation
from npseq.activations.basic import add, drelu, dsigmoid, dtanh, multiply, relu, sigmoid, tanh
from npseq.activations.table import KINDS

__all__ = [
    "KINDS",
    "Activated",
    "Activation",
    "add",
    "drelu",
    "dsigmoid",
    "dtanh",
    "multiply",
    "relu",
    "sigmoid",
    "tanh",
]
