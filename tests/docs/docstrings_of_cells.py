"""These checks evaluate the docstrings of the cells."""

from typing import Any

import numpy as np
from cell_pages import printed_names
from docstrings import Docstring, check
from evaluation import holds, solve, value
from mathematics import Equation
from printed import assert_same

import npseq as ns


def on(variant: str, *equations: Equation, **more: Any) -> None:
    for equation in equations:
        holds(equation, printed_names(variant) | more)


@check("npseq.layers.rnn:")
def rnn_cell(printed: Docstring) -> None:
    printed.notation("phi = tanh or relu", "which functions a letter stands for")
    for equation in (printed("a = x W_xh + h W_hh + b_h"), printed("h' = phi(a)")):
        on("rnn tanh", equation)
        on("rnn relu", equation)


@check("npseq.layers.gru:")
def gru_cell(printed: Docstring) -> None:
    both = printed("r = sigmoid(x W_xr + h W_hr + b_r)"), printed("z = sigmoid(x W_xz + h W_hz + b_z)")
    before = printed("v = m W_hn"), printed("m = r * h"), printed("n = tanh(x W_xn + b_n + v)")
    after = printed("v = h W_hn + b_hn"), printed("n = tanh(x W_xn + b_n + r * v)")
    state = printed("h' = z * h + (1 - z) * n")
    on("gru before", *both, *before, state)
    on("gru after", *both, *after, state)


@check("npseq.layers.lstm:")
def lstm_cell(printed: Docstring) -> None:
    gates = printed("i = sigmoid(x W_xi + h W_hi + b_i [+ p_i * c])"), printed("g = tanh (x W_xg + h W_hg + b_g)")
    forget = printed("f = sigmoid(x W_xf + h W_hf + b_f [+ p_f * c])")
    output = printed("o = sigmoid(x W_xo + h W_ho + b_o [+ p_o * c'])")
    cell, m = printed("c' = f * c + i * g"), printed("m = o * tanh(c')")
    alone, projected = printed("h' = m"), printed("m W_hp")
    on("lstm both", *gates, forget, output, cell, m)
    on("lstm peepholes", *gates, forget, output, cell, m, alone)
    names = printed_names("lstm both")
    assert_same(value(projected.sides[0], names), names["h'"], projected.text)


@check("npseq.cell:")
def products(printed: Docstring) -> None:
    """Of the reset gate, whose sigmoid is known, and of the GRU's second product; in columns, as the cells have it."""
    first, second = printed("a = W' [h; 1; x]"), printed("v = U' m")
    names = printed_names("gru before")
    block = np.concatenate([names["W_hr"], names["b_r"][None], names["W_xr"]])
    columns: Any = {"W'": block.T, "h": names["h"].T, "x": names["x"].T}
    assert_same(1 / (1 + np.exp(-solve(first, columns))), names["r"].T, first.text)
    holds(second, {"U'": names["W_hn"].T, "m": names["m"].T, "v": names["v"].T})


@check("npseq.layers.gru:GRU", "npseq.layers.lstm:LSTM")
def first_values(printed: Docstring) -> None:
    bounds = printed("U(-1/sqrt(H), 1/sqrt(H))")
    for make in (ns.RNN, ns.GRU, ns.LSTM):
        within(bounds, make(60, 16, dtype=np.float64, rng=0), {"H": 16})


def within(formula: Equation, layer: Any, names: dict[str, Any]) -> None:
    """All values lie between the bounds, and thousands of them come within a hundredth of both."""
    low, high = value(formula.sides[0], names | {"U": lambda low, high: (low, high)})
    values = layer.params.flat
    assert low <= values.min() <= low + 0.01 * (high - low) < high - 0.01 * (high - low) <= values.max() <= high


@check("npseq.layers.rnn:RNN")
def rnn_layer(printed: Docstring) -> None:
    equation = printed("h' = phi(x W_xh + h W_hh + b_h)")
    on("rnn tanh", equation)
    on("rnn relu", equation)
    first_values(printed)
