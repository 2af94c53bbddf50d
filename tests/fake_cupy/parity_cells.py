"""A cell of one's own and every cell of the gallery give the host's numbers on a device, where they stay."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from layers.recurrent_cases import outcome

import npseq as ns
from npseq.activations import KINDS, dtanh, multiply, tanh
from npseq.layers import Recurrent

T, B = 6, 3
LENGTHS = {"full": None, "ragged": np.array([2, 6, 0])}


class Slowed(ns.Cell):
    """h' = h + rate q (tanh(a) - h)."""

    rate: float = 0.5
    gates, vectors = ("u",), ("q",)

    def forward(self, a, old, new, p, project):
        tanh(a[0], a[0])
        new[0][...] = old[0] + self.rate * p[0] * (a[0] - old[0])

    def backward(self, dnew, a, s, da, p, project):
        (old, _), k = s, self.rate * p[0]
        multiply(dnew[0] * k, dtanh(a[0]), da[0])
        da[1] = dnew[0] * self.rate * (a[0] - old[0])
        return (dnew[0] * (1 - k),)


CELLS = [
    Slowed(0.2),
    ns.gallery.CoupledLSTMCell(),
    ns.gallery.IndRNNCell(),
    ns.gallery.InputForgetLSTMCell(True, "softsign", "elu", "silu"),
    ns.gallery.JANETCell(),
    ns.gallery.LayerNormLSTMCell(),
    ns.gallery.LRUCell(),
    ns.gallery.LeakyRNNCell(),
    ns.gallery.MGUCell(),
    ns.gallery.MinGRUCell(),
    ns.gallery.MinLSTMCell(),
    ns.gallery.NgGRUCell(),
    ns.gallery.PeepholeLSTMCell(),
    ns.gallery.RecurrentDropoutLSTMCell(),
    ns.gallery.SLSTMCell(),
    ns.gallery.ZoneoutLSTMCell(),
]
OVER_UNITS = [  # which no kernel has
    ns.layers.RNNOverUnitsCell("softmax"),
    ns.layers.GRUOverUnitsCell("before", "sparsemax", "gelu"),
    ns.layers.LSTMOverUnitsCell(True, False, "softmax", "log_softmax", "softplus"),
]
every_cell = pytest.mark.parametrize("cell", CELLS, ids=lambda cell: type(cell).__name__)


def moved(cell, **options):
    """The same layer of two on the device, and one that stays."""
    layer = Recurrent(cell, 3, 4, num_layers=2, dtype=np.float64, rng=0, **options)
    return copy.deepcopy(layer).to("gpu"), layer


def numbers(layer):
    """x, an initial state, and the gradients of y and of the last state; parts beside h are positive."""
    rng, rows = np.random.default_rng(0), layer.num_layers * layer.directions

    def state():
        h = rng.normal(size=(rows, B, 4))
        return (h, rng.uniform(0.2, 1.2, (rows, B, layer.c_size))) if layer.c_size else h

    return rng.normal(size=(T, B, 3)), state(), rng.normal(size=(T, B, layer.output_size)), state()


def run(layer, x, state, dy, dstate, lengths, **options):
    y, last, tape = layer.forward(x, state, lengths, **options)
    return outcome(y, last, *layer.backward(dy, tape, dstate))


@every_cell
@pytest.mark.parametrize("lengths", LENGTHS)
def test_cells_give_the_hosts_numbers(device, cell, lengths):
    there, here = moved(cell, bidirectional=True)
    data = numbers(here)
    device.assert_same(run(there, *device.put(data), LENGTHS[lengths]), run(here, *data, LENGTHS[lengths]))


@every_cell
def test_cells_with_masks_drawn_give_the_hosts_numbers(device, cell):
    there, here = moved(cell)
    data = numbers(here)
    found, expected = (run(*given, None, training=True) for given in ((there, *device.put(data)), (here, *data)))
    device.assert_same(found, expected)


@every_cell
def test_a_cell_never_copies_to_the_host(device, cell):
    there, here = moved(cell, bidirectional=True)
    data = device.put(numbers(here))
    with device.no_sync():
        found = run(there, *data, LENGTHS["ragged"])
    assert found["y"].shape == (T, B, 8)


@pytest.mark.parametrize("name", KINDS)
def test_activations_give_the_hosts_numbers(device, name):
    one, x = ns.Activation(name), np.linspace(-3.1, 3.2, 8)
    there = device.put(x)
    with device.no_sync():
        found = one(there), one.derivative(there)
    device.assert_same(found, (one(x), one.derivative(x)))
    device.assert_same(one(device.put(x + 1e-3j)), one(x + 1e-3j))  # erfc of complex numbers goes over the host


@pytest.mark.parametrize("cell", OVER_UNITS, ids=lambda cell: type(cell).__name__)
def test_cells_over_units_give_the_hosts_numbers(device, cell):
    there, here = moved(cell, bidirectional=True)
    given = numbers(here)
    device.assert_same(run(there, *device.put(given), None), run(here, *given, None))
