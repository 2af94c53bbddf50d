"""gradcheck_layer passes and fails layers of a device as on the host, and names the same step."""

from __future__ import annotations

import copy
from itertools import product

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, every_cell, given, make

import npseq as ns
from npseq.bptt import loop
from npseq.layercheck.check import layer_problem


def there_and_here(layer):
    return copy.deepcopy(layer).to("gpu"), layer


def same_report(found, expected):
    """Asserts that both reports agree on every tensor, and on where to look."""
    assert (found.passed, found.note) == (expected.passed, expected.note)
    for ours, theirs in zip(found.tensors, expected.tensors, strict=True):
        assert (ours.name, ours.status) == (theirs.name, theirs.status)


@every_cell
def test_gradcheck_layer_reports_the_same_of_every_cell(device, cell):
    there, here = there_and_here(make(cell, 1, 3 if "proj_size" in CELLS[cell][1] else 1, num_layers=1))
    data = given(here, 2, 1)
    ours = device.put(data)
    report = ns.gradcheck_layer(there, ours.x, ours.state, device.put(np.array([1])))
    assert report, report
    same_report(report, ns.gradcheck_layer(here, data.x, data.state, np.array([1])))


def test_lost_digits_are_measured_on_a_device_too(device):
    there, here = there_and_here(make("lstm", 1, 1, num_layers=1))
    for layer in (there, here):
        layer.params["b_i"][...] = 15
    x = np.ones((2, 1, 1))
    report = ns.gradcheck_layer(there, device.put(x))
    assert report, report
    assert "have lost the digits" in str(report)
    same_report(report, ns.gradcheck_layer(here, x))


@pytest.mark.parametrize(
    ("cell", "gates"), [(ns.gallery.InputForgetLSTMCell(peepholes=True), {"b_i": 15}), (ns.gallery.LRUCell(), {})]
)
def test_lost_digits_of_a_cell_without_local_derivatives_are_measured_on_a_device(device, cell, gates):
    there, here = there_and_here(ns.Recurrent(cell, 2, 2, dtype=np.float64, rng=0))
    for layer, (gate, bias) in product((there, here), gates.items()):
        layer.params[gate][...] = bias
    x = np.ones((2, 1, 2))
    lost = layer_problem(there, device.put(x)).rounding()
    assert all(np.isfinite(bound).all() for bound in lost.values())
    report = ns.gradcheck_layer(there, device.put(x))
    assert ("have lost the digits" in str(report)) == bool(gates)
    same_report(report, ns.gradcheck_layer(here, x))


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
def test_every_other_method_passes_on_a_device(device, method):
    layer = ns.Linear(1, 2, rng=0).to("gpu")
    assert ns.gradcheck_layer(layer, device.put(np.ones((1, 1))), method=method)


@pytest.mark.parametrize(
    "layer",
    [
        ns.RNN(1, 1, 2, dropout=0.5, rng=0),
        ns.RNN(1, 1, bidirectional=True, rng=0),
        ns.Bidirectional(ns.LSTM(1, 1, rng=0), ns.RNN(1, 1, rng=1)),
    ],
)
def test_truncated_gradients_pass_on_a_device(device, layer):
    x, lengths = device.put((np.random.default_rng(0).normal(size=(3, 2, 1)), np.array([1, 3])))
    report = ns.gradcheck_layer(there_and_here(layer)[0], x, lengths=lengths, truncation=ns.Truncated(2))
    assert report, report


@pytest.mark.parametrize("method", ["complex", "directional"])
def test_clamped_gradients_pass_on_a_device(device, method):
    layer, x = ns.GRU(1, 1, rng=0), np.random.default_rng(0).normal(size=(3, 2, 1))
    report = ns.gradcheck_layer(there_and_here(layer)[0], device.put(x), clip_adjoint=0.1, method=method)
    assert report, report


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (ns.Linear(3, 2, rng=0), np.ones((2, 3))),
        (ns.Embedding(4, 2, padding_idx=1, rng=0), np.array([[0, 3], [1, 3]])),
        (ns.Dropout(0.5), np.ones((2, 3))),
        (ns.RNN(4, 1, rng=0), np.array([[0, 3], [1, 3]])),
    ],
)
def test_layers_without_time_and_ids_pass_on_a_device(device, layer, x):
    report = ns.gradcheck_layer(there_and_here(layer)[0], device.put(x))
    assert report, report


def test_a_wrong_backward_fails_and_its_step_is_named(device, monkeypatch):
    there, here = there_and_here(make("rnn tanh", 1, 1, num_layers=1))
    data, right = given(here, 3, 1), loop.backward

    def wrong(cell, w, strand, dy, dh, dc, carry=None, *args):
        return right(cell, w, strand, dy, dh, dc, lambda dh, dc, t: ((1.1 if t == 2 else 1) * dh, dc), *args)

    monkeypatch.setattr(loop, "backward", wrong)
    report = ns.gradcheck_layer(there, device.put(data.x))
    assert not report
    assert "look at step 1" in report.note
    same_report(report, ns.gradcheck_layer(here, data.x))


def test_assert_gradients_takes_arrays_of_a_device(device):
    x = device.put(np.array([0.5, -1.5]))
    ns.testing.assert_gradients(lambda at: (at["x"] ** 3).sum(), {"x": x}, {"x": 3 * x * x}, method="complex")
    with pytest.raises(AssertionError, match="NOT PASSED"):
        ns.testing.assert_gradients(lambda at: (at["x"] ** 3).sum(), {"x": x}, {"x": x})


def test_diagnose_names_the_same_mistake(device):
    there, here = there_and_here(make("rnn tanh", num_layers=1))
    data = given(here, 4, 2)
    _, dstate, grads = here.backward(data.dy, here.forward(data.x, data.state)[2])
    wrong = {"W_hh": grads["W_hh"].T.copy(), "W_xh": grads["W_xh"], "b_h": grads["b_h"], "h0": dstate}
    ours = device.put(data)
    found = ns.diagnose(there, ours.x, ours.dy, device.put(wrong), ours.state)
    assert found.bug == ns.diagnose(here, data.x, data.dy, wrong, data.state).bug == "S4"
    ids = np.arange(8).reshape(4, 2) % here.input_size
    grads = here.backward(data.dy, here.forward(ids)[2])[2]
    assert ns.diagnose(there, device.put(ids), ours.dy, device.put(dict(grads))).wrong == ()
