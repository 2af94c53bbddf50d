"""The lines of a cell as JavaScript: what it reads and writes; tests/site/test_playground.py runs it in a browser."""

import pytest

import npseq as ns
from npseq.explain.javascript import javascript


def test_an_lstms_lines_are_there_in_their_order():
    text = javascript(ns.LSTM(1, 1).cell)
    written = ["a_f", "f", "c_new", "h_new", "dh_new", "dc_all", "da_f", "dh"]
    places = [text.index(f"out = v.{line} ??= ") for line in written]
    assert places == sorted(places)
    assert '"W_hf": ["h", "da_f"]' in text


def test_what_is_passed_back_needs_no_gradient_of_the_inputs():
    carry = javascript(ns.LSTM(1, 1).cell).partition("carry(v, w)")[2]
    assert "v.dh ??=" in carry
    assert "v.dx ??=" not in carry


def test_products_go_forward_by_rows_and_back_by_the_transpose():
    text = javascript(ns.RNN(1, 1).cell)
    assert "row(v.h, w.W_hh)" in text
    assert "back(v.da_h, w.W_hh)" in text


def test_means_and_products_of_several_operands():
    assert "mean(v.a_o)" in javascript(ns.gallery.LayerNormLSTMCell())
    assert "back(v.dh_new, w.W_zh_1)" in javascript(ns.gallery.LRUCell())


def test_a_cell_that_cannot_be_traced_is_refused():
    with pytest.raises(TypeError, match="RNNOverUnitsCell cannot be explained"):
        javascript(ns.layers.RNNOverUnitsCell("softmax"))
