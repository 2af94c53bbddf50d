"""The forward lines are the cell's own, traced: names, sigmoids and products as the derivations have them."""

import npseq as ns
from npseq.explain.lines import lines_of
from npseq.explain.words import Words


def lines(cell):
    found = lines_of(cell)
    return [Words(found.graph).equation(name) for name in found.forward]


def test_the_lstms_lines_are_its_equations():
    assert lines(ns.LSTM(1, 1).cell)[4:] == [
        *(f"{gate} = sigmoid(a_{gate})" for gate in "oif"),
        "g = tanh(a_g)",
        "c' = f c + i g",
        "h' = o tanh(c')",
    ]


def test_the_grus_products_are_where_its_reset_gate_acts():
    after, before = lines(ns.GRU(1, 1).cell), lines(ns.GRU(1, 1, reset="before").cell)
    assert "v = h W_hn + b_hn" in after
    assert {"m = h r", "v = m W_hn"} <= set(before)


def test_a_projection_ends_the_lstm():
    found = lines(ns.LSTM(1, 2, proj_size=1).cell)
    assert found[-2:] == ["m = o tanh(c')", "h' = m W_hp"]


def test_a_product_of_two_operands_has_a_matrix_for_each():
    assert lines(ns.gallery.LRUCell())[-1] == "h' = a_d + r' W_zh_1 + i' W_zh_2"
