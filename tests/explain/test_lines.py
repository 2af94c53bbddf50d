"""What several places of a step read is a line of its own, forward and backward alike."""

import numpy as np

import npseq as ns
from npseq.explain.lines import lines_of
from npseq.explain.words import Words


class Shared(ns.Cell):
    gates = ("u",)

    def forward(self, a, old, new, p, project):
        new[0][...] = np.tanh(a[0] * old[0] * 0.5)

    def backward(self, dnew, a, s, da, p, project):
        (h,), _ = s
        slope = 1 - np.tanh(a[0] * h * 0.5) ** 2
        da[0] = dnew[0] * slope * h * 0.5
        return (dnew[0] * slope * a[0] * 0.5,)


def test_backward_reads_what_forward_has_computed():
    found = lines_of(Shared())
    forward, backward = ([Words(found.graph).equation(n) for n in its] for its in (found.forward, found.backward))
    assert forward == ["a = x W_xu + h W_hu + b_u", "h' = tanh(0.5 h a)"]
    assert backward == [
        "dh' = dy + dh[t+1]",
        "s_1 = dh' (1 - h'^2)",
        "da_u = 0.5 h s_1",
        "dh = 0.5 a s_1 + da_u W_hu^T",
        "dx = da_u W_xu^T",
    ]


def test_an_lstms_lines_stand_in_an_order_in_which_each_reads_those_before_it():
    found = lines_of(ns.LSTM(1, 1, peepholes=True).cell)
    known = {"x", "h", "c", "dy", "p", "dc_next"}
    for name in (*found.forward, *found.backward):
        reached = found.graph.reached([found.graph.names[name]])
        read = {found.graph.nodes[node].args[0] for node in reached if found.graph.nodes[node].op == "leaf"}
        assert {leaf for leaf in read if leaf[:2] not in ("W_", "b_", "p_")} <= known
        known.add(name)


def test_the_name_of_a_line_that_a_name_is_another_one_of():
    found = lines_of(ns.gallery.LRUCell())
    names = ("kept_d", "operand_1", "dnu", "x")
    assert [found.line(name) for name in names] == ["dh_new", "r_new", "dnu", "x"]
    assert found.over_units is False
