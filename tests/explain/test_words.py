"""Equations are written in the letters of the derivations, in plain text and in LaTeX."""

import npseq as ns
from npseq.explain import worked
from npseq.explain.lines import lines_of
from npseq.explain.words import Words


def test_a_line_in_both_forms():
    graph = lines_of(ns.LSTM(1, 1).cell).graph
    assert Words(graph).equation("da_f") == "da_f = dc_all c f (1 - f)"
    assert Words(graph, latex=True).equation("da_f") == r"da_{f} = dc_{\mathrm{all}} \, c \, f \, (1 - f)"
    assert Words(graph).equation("dx") == "dx = da_o W_xo^T + da_i W_xi^T + da_f W_xf^T + da_g W_xg^T"
    assert Words(graph).equation("dh_new") == "dh' = dy + dh[t+1]"
    assert Words(graph, latex=True).equation("dh_new") == "dh' = dy + dh_{t+1}"


def test_letters_squares_signs_and_small_numbers():
    sheet = worked(ns.gallery.LayerNormLSTMCell())
    (row,) = [row for row in sheet.forward if row.text.startswith("r_o")]
    assert row.text == "r_o = 1 / sqrt(mean(q_o^2) + 0.00001)"
    assert row.latex == r"r_{o} = 1 / \mathrm{sqrt}(\mathrm{mean}(q_{o}^2) + 0.00001)"
    (row,) = [row for row in worked(ns.gallery.LRUCell()).backward if row.name == "dnu"]
    assert row.text == "dnu[t] = -(dl_r l_r + dl_i l_i) exp(nu)"
    assert row.latex == r"d\nu_{t} = -(dl_{r} \, l_{r} + dl_{i} \, l_{i}) \, \exp(\nu)"
