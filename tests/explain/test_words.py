"""Equations are written in the letters of the derivations, in plain text and in LaTeX."""

import npseq as ns
from npseq.explain.sheet import backward_of
from npseq.explain.words import Words


def test_a_line_in_both_forms():
    graph = backward_of(ns.LSTM(1, 1).cell).graph
    assert Words(graph).equation("da_f") == "da_f = dc_all c f (1 - f)"
    assert Words(graph, latex=True).equation("da_f") == r"da_{f} = dc_{\mathrm{all}} \, c \, f \, (1 - f)"
    assert Words(graph).equation("dx") == "dx = da_o W_xo^T + da_i W_xi^T + da_f W_xf^T + da_g W_xg^T"
    assert Words(graph).equation("dh_new") == "dh' = dy + dh[t+1]"
    assert Words(graph, latex=True).equation("dh_new") == "dh' = dy + dh_{t+1}"
