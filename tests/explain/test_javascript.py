"""The lines of a cell as JavaScript: what it reads and writes; tests/site/test_playground.py runs it in a browser."""

import pytest

import npseq as ns
from npseq.explain.javascript import javascript


def test_an_lstms_lines_are_there_in_their_order():
    text = javascript(ns.LSTM(1, 1).cell)
    written = ["v.a_f = ", "v.f = ", "v.c_new = ", "v.h_new = ", "v.dh_new = ", "v.dc_all = ", "v.da_f = ", "v.dh = "]
    places = [text.index(line) for line in written]
    assert places == sorted(places)
    assert '"W_hf": ["h", "da_f"]' in text


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
