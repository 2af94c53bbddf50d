"""A cell without a backward is told by numbers what it has to be, and a wrong one what it must be instead."""

import re

import numpy as np
import pytest

import npseq as ns
from npseq.layercheck.step import require_backward, step_fault, step_faults
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell


class Scaled(ns.Cell):
    """h' = q tanh(u), c' = c + h, with no backward."""

    gates, state, vectors = ("u",), ("h", "c"), ("q",)

    def forward(self, a, old, new, p, project):
        np.tanh(a[0], out=a[0])
        new[1][...] = old[1] + old[0]
        new[0][...] = p[0] * a[0]


class Right(Scaled):
    def backward(self, dnew, a, s, da, p, project):
        da[0] = dnew[0] * p[0] * (1 - a[0] ** 2)
        da[1] = dnew[0] * a[0]
        return dnew[1] * 1.0, dnew[1]


class Wrong(Right):
    def backward(self, dnew, a, s, da, p, project):
        passed = super().backward(dnew, a, s, da, p, project)
        da[1] = dnew[0] * (1 - a[0])
        return passed


@pytest.mark.parametrize(
    ("cell", "features"),
    [
        (RNNCell(), 2),
        (GRUCell("before"), 2),
        (GRUCell(), 2),
        (LSTMCell(True), 2),
        (LSTMCell(True, True), 3),
        (Right(), 2),
    ],
    ids=str,
)
def test_a_right_cell_has_no_fault(cell, features):
    assert step_fault(cell, features) == ""


def test_a_missing_backward_is_described_by_its_numbers():
    text = step_fault(Scaled())
    given = dict(re_arrays(text))
    u, h, dh, dc, q = (np.array(given[name]) for name in ("a[0] (u)", "old h", "dnew h", "dnew c", "q"))
    assert h.shape == (2,)
    np.testing.assert_allclose(given["da[0] (u)"], dh * q * (1 - np.tanh(u) ** 2), rtol=1e-5)
    np.testing.assert_allclose(given["dq"], dh * np.tanh(u), rtol=1e-5)
    np.testing.assert_allclose(given["dh"], dc, rtol=1e-5)
    np.testing.assert_allclose(given["dc"], dc, rtol=1e-5)
    assert text.startswith("Scaled has no backward; on one sequence and 2 units with a[0] (u) = [")


def re_arrays(text):
    for name, numbers in re.findall(r"([a-z]\w*(?:\[\d\] \(\w+\)| \w)?) = \[([^\]]*)\]", text):
        yield name, [float(number) for number in numbers.split(",")]


def test_the_checker_raises_with_that_text_before_it_computes():
    layer = ns.Recurrent(Scaled(), 2, 3, rng=0)
    with pytest.raises(NotImplementedError, match=r"Scaled has no backward; .* to return da\[0\] \(u\) = \["):
        ns.gradcheck_layer(layer, np.ones((3, 2, 2)))
    with pytest.raises(NotImplementedError, match="Scaled has no backward"):
        require_backward(ns.Bidirectional(ns.GRU(2, 3), layer))
    with pytest.raises(NotImplementedError, match="Scaled has no backward; ns"):
        layer.backward(None, layer.forward(np.ones((3, 2, 2), np.float32))[2])
    assert layer.forward(np.ones((3, 2, 2), np.float32))[0].shape == (3, 2, 3)


def test_a_wrong_step_is_named_with_what_it_must_be():
    layer = ns.Recurrent(Wrong(), 2, 3, rng=0)
    report = ns.gradcheck_layer(layer, np.ones((3, 2, 2)))
    assert not report.passed
    assert "Wrong.backward is wrong in its own step: on one sequence" in report.note
    assert "dq must be [" in report.note
    assert "dh must" not in report.note
    assert step_faults(ns.Recurrent(Right(), 2, 3)) == step_faults(ns.Linear(2, 3)) == ""
    assert ns.gradcheck_layer(ns.Recurrent(Right(), 2, 3, rng=0), np.ones((3, 2, 2))).note == ""


def test_a_saturated_cell_without_local_derivatives_is_not_called_wrong():
    """Its backward reads 1 - tanh(u)^2 off a rounded tanh, as an RNN's local derivatives do."""
    layer = ns.Recurrent(Right(), 1, 1, dtype=np.float64, rng=0)
    layer.params["b_u"] = [12.0]
    report = ns.gradcheck_layer(layer, np.full((2, 1, 1), 0.1))
    assert all(row.status != "fail" for row in report.tensors)
