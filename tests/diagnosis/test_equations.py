"""A cell's own lines become the equations that its derivation prints."""

import numpy as np
import pytest
from diagnosis.cases import CASES, Leaky

import npseq as ns
from npseq.cell import Cell
from npseq.diagnosis.equations import equations
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell

PLUMBING = {"dv", "dh_total", "dc_new", "dh_out", "dc_out"}  # what masks and a second product bring


@pytest.mark.parametrize(
    ("cell", "name", "text"),
    [
        (RNNCell(), "da_h", "dh_new * dtanh(h_new)"),
        (RNNCell("relu"), "da_h", "dh_new * drelu(h_new)"),
        (LSTMCell(), "da_f", "dc_all * c * dsigmoid(f)"),
        (LSTMCell(), "dc", "dc_all * f"),
        (LSTMCell(peepholes=True), "dc", "dc_all * f + da_i * p_i + da_f * p_f"),
        (LSTMCell(projected=True), "dm", "W_hp(dh_new)"),
        (GRUCell(), "da_r", "da_n * v * dsigmoid(r)"),
        (GRUCell(reset="before"), "dh", "dh_new * z + dm * r + W_hr(da_r) + W_hz(da_z)"),
        (Leaky(), "da_u", "dh_new * k * dtanh(u)"),
        (Leaky(), "dh", "dh_new * (1 - k) + W_hk(da_k) + W_hu(da_u)"),
    ],
)
def test_a_step_backward(cell, name, text):
    found = equations(cell, False, True)
    assert found.graph.names[name] == found.parse(text)


@pytest.mark.parametrize("name", CASES)
def test_every_equation_of_npseqs_cells_has_a_label(name):
    for strand in CASES[name]().problem.strands:
        own = strand.equations
        unlabelled = {n for n in [*own.sums, *own.named()] if not own.label(n)} - PLUMBING
        assert unlabelled == set() or type(strand.part.layer.cell) not in (RNNCell, GRUCell, LSTMCell)


class Looped(Cell):
    gates = ("u",)

    def local_derivatives(self, a, old, new, s):
        s[0] = np.sinc(a[0])


def test_a_cell_that_cannot_be_traced_is_refused():
    with pytest.raises(
        TypeError, match=r"traced entry by entry, Looped's cannot be: .*sinc.*; gradcheck_layer checks it"
    ):
        equations(Looped(), False, True)
    with pytest.raises(
        TypeError, match="LRUCell's cannot be: its second product has several operands; gradcheck_layer"
    ):
        equations(ns.gallery.LRUCell(), False, True)
