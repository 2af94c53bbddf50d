"""docs/derivations/time.md, run beside the layers, and the cells' printed lines in the loop that it describes."""

import re

import numpy as np
import pytest
from cell_pages import by_entry
from printed import assert_same, blocks, labels_of, run, text_of
from time_page import CLAMP, LENGTHS, OPTIONS, TEXT, B, D, H, T, drawn, memory, names_of, numbered

from npseq.inspect import vanishing_penalty
from npseq.layers import GRU, LSTM, RNN


def stacked(steps):
    return np.stack([steps[t] for t in range(1, T + 1)])


@pytest.mark.parametrize("variant", ["plain", "stack", "bidirectional", "lengths"])
def test_the_loop(variant):
    names, endings = names_of(variant), OPTIONS[variant][1]
    layer, (x, dy, first, last) = names["layer"], names["arrays"]
    y, _, tape = layer.forward(x, first, LENGTHS if variant == "lengths" else None)
    dx, dfirst, grads = layer.backward(dy, tape, last)
    outputs = names.get("y", names["h_l1" if variant == "stack" else "h"])
    assert_same(stacked(outputs), y, "y")
    assert_same(stacked(names["dx"]), dx, "dx")
    for k, ending in enumerate(endings):
        assert_same(names[f"dh_0{ending}"], dfirst[k], f"dh_0{ending}")
    for name, value in grads.items():
        assert_same(names[f"d{name}"], value, f"d{name}")


def test_the_closed_form_of_a_linear_network():
    """A relu layer whose every number is positive is linear."""
    layer = RNN(D, H, nonlinearity="relu", bias=False, dtype=np.float64)
    x, do, first, _ = drawn(layer)
    layer.params.flat[:] = np.abs(layer.params.flat)
    x, first = np.abs(x), np.abs(first)
    W_hq = np.random.default_rng(1).normal(size=(H, H))
    y, _, tape = layer.forward(x, first)
    _, _, grads = layer.backward(do @ W_hq.T, tape)
    given = {"T": T, "x": numbered(x), "do": numbered(do), "h_0": first[0], "W_hq": W_hq, **layer.params}
    names = run(blocks(TEXT, "linear"), given)
    assert_same(stacked(names["o"]), y @ W_hq, "o")
    for name, value in grads.items():
        assert_same(names[f"d{name}"], value, f"d{name}")
    assert_same(names["dW_hq"], np.einsum("tbh,tbq->hq", y, do), "dW_hq")


def test_the_recursion_forward_in_time():
    names = names_of("recursion")
    layer, (x, dy, first, last) = names["layer"], names["arrays"]
    _, _, tape = layer.forward(x, first)
    assert_same(names["dW_hh"], layer.backward(dy, tape, last)[2]["W_hh"], "dW_hh")


def test_the_penalty_on_what_vanishes():
    names = names_of("vanishing", batch=1)
    layer, (x, dy, first, last) = names["layer"], names["arrays"]
    found = vanishing_penalty(layer, dy, layer.forward(x, first)[2], last)
    assert_same(names["Omega"], found.value, "Omega")
    for name, value in found.grads.items():
        assert_same(names[f"g{name}"], value, f"g{name}")


def test_a_loss_of_the_cell_state():
    names, lines = memory(), run(blocks(TEXT, "memory"), memory())
    assert_same(lines["p"][1], names["p"][1], "p_1")

    def loss(W):
        c, total = names["c_0"], 0
        for t in range(1, T + 1):
            c = names["f"] * c + names["x"][t] @ W
            total = total + (names["u"][t] * c).sum()
        return total + (names["dc_last"] * c).sum()

    assert_same(lines["dW_xc"], by_entry(loss, names["W_xc"]), "dW_xc")


def test_the_clamp_and_the_function_that_it_is_the_gradient_of():
    names = names_of("clamp")
    layer, (x, dy, first, last) = names["layer"], names["arrays"]
    dx, dfirst, grads = layer.backward(dy, layer.forward(x, first)[2], last, clip_adjoint=CLAMP)
    assert_same(stacked({t: names["da"][t] @ names["W_xh"].T for t in names["da"]}), dx, "dx")
    assert_same(names["p"][1], dfirst[0], "dh_0")
    weights = {name: names[name] for name in ("W_xh", "W_hh", "b_h")}

    def loss(name, value):
        _, h = names["forward_held"](names["x"], names["h_0"], **{**weights, name: value})
        return sum((dy[t - 1] * h[t]).sum() for t in range(1, T + 1)) + (last[0] * h[T]).sum()

    for name, value in weights.items():
        assert_same(by_entry(lambda at, name=name: loss(name, at), value), grads[name], name)
    clipped = np.abs(stacked(names["da"])) == CLAMP
    assert clipped.any()
    assert not clipped.all()


@pytest.mark.parametrize(
    ("cell", "word", "make", "options"),
    [("gru", "before", GRU, {"reset": "before"}), ("gru", "after", GRU, {}), ("lstm", "", LSTM, {"peepholes": True})],
)
def test_every_cell_in_the_same_loop(cell, word, make, options):
    """(T2) with the cell's own printed lines in the place of (T1), (T3), (T4)."""
    layer = make(D, H, dtype=np.float64, **options)
    x, dy, first, last = drawn(layer)
    parts = ("h", "c") if make is LSTM else ("h",)
    before, after = ([start, start + 1] if make is LSTM else start for start in (first, last))
    _, _, tape = layer.forward(x, before)
    dx, dfirst, grads = layer.backward(dy, tape, after)
    code = blocks(text_of(f"docs/derivations/{cell}.md"), word)
    weights = {"W_hp": np.eye(H), **layer.params}
    state = {part: first[0] + k for k, part in enumerate(parts)}
    passed = {part: last[0] + k for k, part in enumerate(parts)}
    states = []
    for t in range(T):
        states.append(state)
        zeros = {f"d{part}_new": np.zeros((B, H)) for part in parts}
        names = run(code, weights | state | zeros | {"x": x[t]})
        state = {part: names[f"{part}_new"] for part in parts}
    total = dict.fromkeys(grads, 0)
    for t in reversed(range(T)):
        adjoints = {f"d{part}_new": passed[part] + (dy[t] if part == "h" else 0) for part in parts}
        names = run(code, weights | states[t] | adjoints | {"x": x[t]})
        passed = {part: names[f"d{part}"] for part in parts}
        total = {name: total[name] + names[f"d{name}"] for name in total}
        assert_same(names["dx"], dx[t], f"dx_{t + 1}")
    for name, value in grads.items():
        assert_same(total[name], value, f"d{name}")
    for part, value in zip(parts, dfirst if make is LSTM else (dfirst,), strict=True):
        assert_same(passed[part], value[0], f"d{part}_0")


def test_every_label_has_a_formula_and_a_line():
    formulas = re.findall(r"\\text\{\((T\d+)\)\}", TEXT)
    assert formulas == [f"T{k}" for k in range(1, len(formulas) + 1)]
    assert labels_of(re.findall(r"^```python[^\n]*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)) == set(formulas)
