"""Inspections of gradients give the host's numbers on a device."""

from __future__ import annotations

import copy
import json
import re
from base64 import b64decode

import numpy as np
import pytest
from layers.recurrent_cases import given, make

import npseq as ns
from npseq import inspect
from npseq.layers import GRU, LSTM, Bidirectional
from npseq.layers.checkpointing import Schedule

T, B = 5, 3
LENGTHS = np.array([2, 5, 3])


def both(device, layer, lengths=None):
    """(layer, its numbers, its tape) on the device and on the host."""
    there, data = copy.deepcopy(layer).to("gpu"), given(layer, T, B)
    pairs = ((there, device.put(data)), (layer, data))
    return [(model, numbers, model.forward(numbers.x, numbers.state, lengths)[2]) for model, numbers in pairs]


def ledgers(device, layer, **options):
    return [inspect.ledger(model, numbers.dy, tape, **options) for model, numbers, tape in both(device, layer)]


@pytest.mark.parametrize("cell", ["rnn relu", "gru before", "lstm both"])
def test_norms_of_pairs_are_the_hosts(device, cell):
    for norms in (inspect.pair_norms, inspect.crossing_norms):
        found, expected = (
            norms(layer, data.dy, tape, data.dstate)
            for layer, data, tape in both(device, make(cell, num_layers=1, bidirectional=True), LENGTHS)
        )
        device.assert_same(found, expected)


@pytest.mark.parametrize("cell", ["rnn tanh", "gru after", "lstm both"])
def test_state_jacobians_are_the_hosts(device, cell):
    found, expected = (inspect.state_jacobians(layer, tape) for layer, _, tape in both(device, make(cell), LENGTHS))
    device.assert_same(found, expected)
    found, expected = (
        inspect.lyapunov_exponents(layer, tape, 2, warmup=1) for layer, _, tape in both(device, make(cell), LENGTHS)
    )
    device.assert_same(found, expected)


def test_a_ledger_of_some_names_and_lags_is_the_hosts(device):
    found, expected = ledgers(device, make("lstm"), max_lag=2, names=["W_hf", "b_i_l1"], pairs=False)
    device.assert_same(found._replace(of=None), expected._replace(of=None))


def test_tails_and_best_survivals_are_the_hosts(device):
    found, expected = ledgers(device, make("gru after", num_layers=1))
    for norms in (inspect.tail_norms, inspect.lag_norms, inspect.adjoint_norms):
        np.testing.assert_allclose(norms(found), norms(expected), rtol=1e-10)
    survivals = [inspect.best_survival(one, 2.5) for one in (found, expected)]
    lags = [inspect.expected_lags(survival, T) for survival in survivals]
    assert lags == pytest.approx([2.5, 2.5], rel=1e-9)
    assert "bias norm" in repr(inspect.truncation_bias(found))


@pytest.mark.parametrize("cell", ["rnn tanh", "gru before", "lstm both"])
def test_a_certificate_is_the_hosts(device, cell):
    """Its numbers are on the host: they are printed, and nothing is computed with them."""
    found, expected = (inspect.truncation_certificate(one) for one in ledgers(device, make(cell, num_layers=1)))
    np.testing.assert_allclose(found.phi, expected.phi, rtol=1e-10)
    assert found.largest_use == pytest.approx(expected.largest_use, rel=1e-10)
    assert (found.tau, found.steps) == (expected.tau, expected.steps)


def test_the_bias_of_a_stale_state_is_the_hosts(device):
    biases = []
    for layer, data, _ in both(device, make("lstm")):

        def gradient(state, layer=layer, data=data):
            *_, tape = layer.forward(data.x, state)
            return dict(layer.backward(data.dy, tape)[2])

        biases.append(inspect.stale_state_bias(layer, gradient, data.state, data.x, None, lengths=LENGTHS))
    np.testing.assert_allclose(biases[0], biases[1], rtol=1e-10)


@pytest.mark.parametrize("cell", ["rnn relu", "gru before", "lstm both"])
def test_the_vanishing_penalty_is_the_hosts(device, cell):
    found, expected = (
        inspect.vanishing_penalty(layer, data.dy, tape, data.dstate)
        for layer, data, tape in both(device, make(cell), LENGTHS)
    )
    device.assert_same((found.ratios, found.grads.flat), (expected.ratios, expected.grads.flat))
    assert found.value == pytest.approx(expected.value, rel=1e-12)


def test_directional_derivatives_are_the_hosts(device):
    rng, found = np.random.default_rng(0), []
    v = rng.normal(size=LSTM(3, 4, rng=0).params.flat.shape)
    for layer, data, _ in both(device, LSTM(3, 4, dtype=np.float64, rng=0)):
        along = v if layer.params.flat.__class__ is np.ndarray else device.put(v)

        def f(at, layer=layer, x=data.x):
            return layer.bind(at["flat"]).forward(x.astype(at["flat"].dtype))[0]

        found.append(inspect.jvp(f, {"flat": layer.params.flat}, {"flat": along}))
    device.assert_same(*found)


def test_curvature_is_the_hosts(device):
    """The Gauss-Newton product of a linear classifier, and its outermost eigenvalues."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(6, 3)), rng.normal(size=12)
    layer = ns.Linear(3, 4, bias=False, dtype=np.float64, rng=0)
    found = []
    for place, model in ((device.put, copy.deepcopy(layer).to("gpu")), (lambda value: value, layer)):
        here, flat = place(x), model.params.flat

        def product(v, model=model, here=here, flat=flat):
            return inspect.gauss_newton_product(
                lambda at: model.bind(at).forward(here.astype(at.dtype))[0],
                lambda at, d: model.bind(at).backward(d, model.bind(at).forward(here)[1])[1].flat,
                inspect.softmax_curvature,
                flat,
                v,
            )

        found.append((product(place(v)), inspect.lanczos(lambda v, f=product, put=place: f(put(v)), 12, 3)))
    device.assert_same(found[0][0], found[1][0])
    np.testing.assert_allclose(found[0][1].values, found[1][1].values, rtol=1e-10)


def test_the_report_is_the_hosts(device, tmp_path, monkeypatch):
    """Its figures are drawn on the host, of numbers that it copies."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *args, **options: None)
    tables = []
    for place, case in zip("ab", both(device, make("gru after", num_layers=1)), strict=True):
        layer, data, tape = case
        tables.append(inspect.report({"gru": inspect.Case(layer, tape, data.dy)}, tmp_path / place))
    assert tables[0] == tables[1]
    assert "Lyapunov" in tables[0]


def test_checkpoints_by_a_schedule_give_the_hosts_gradients(device):
    """dy is a function of each unit's y; lengths may be on the device."""
    found = []
    for layer, data, _ in both(device, make("lstm")):
        lengths = LENGTHS if layer.params.flat.__class__ is np.ndarray else device.put(LENGTHS)
        units = []
        one = ns.checkpointed(
            layer, data.x, lambda first, y: 2 * y, None, lengths, schedule=Schedule(2, 1),
            visit=lambda first, adjoints, units=units: units.append(first),
        )  # fmt: skip
        found.append((one.dx, one.dstate, one.grads.flat))
        assert units == [4, 2, 0]
    device.assert_same(*found)


@pytest.mark.parametrize("method", [ns.rtrl, ns.uoro])
def test_online_gradients_continue_and_never_wait(device, method):
    """A sequence in two halves, its losses known step by step; no step waits for the device."""
    found, options = [], {} if method is ns.rtrl else {"rng": np.random.default_rng(0)}
    for layer, data, _ in both(device, make("lstm")):
        with device.no_sync():
            first = method(layer, data.x[:3], lambda t, y: 2 * y, data.state, np.minimum(LENGTHS, 3), **options)
            options["influence"] = first.influence
            rest = method(layer, data.x[3:], data.dy[3:], first.state, None, data.dstate, **options)
        found.append((first.grads.flat, rest.grads.flat, rest.y, rest.state, rest.influence))
        options = {} if method is ns.rtrl else {"rng": np.random.default_rng(0)}
    device.assert_same(*found)


@pytest.mark.parametrize("method", [ns.online.diagonal_rtrl, ns.online.eprop, ns.online.kf_rtrl, ns.online.ok])
def test_traces_and_products_are_the_hosts(device, method):
    alone = method in (ns.online.diagonal_rtrl, ns.online.eprop)
    cell = ns.gallery.MinGRUCell() if alone else GRU(3, 4).cell
    found = []
    for layer, data, _ in both(device, ns.Recurrent(cell, 3, 4, num_layers=2, dtype=np.float64, rng=0)):
        options = {} if alone else {"rng": np.random.default_rng(0)}
        first = method(layer, data.x[:3], lambda t, y: 2 * y, data.state, np.minimum(LENGTHS, 3), **options)
        options["influence"] = first.influence
        rest = method(layer, data.x[3:], data.dy[3:], first.state, None, data.dstate, **options)
        found.append((first.grads.flat, rest.grads.flat, rest.y, rest.state))
    device.assert_same(*found)


def test_masks_clamps_and_losses_of_c_are_the_hosts(device):
    mask, found = np.random.default_rng(0).random((T, B)) < 0.6, []
    for layer, data, _ in both(device, make("lstm both", num_layers=2, bidirectional=True)):
        y, state, tape = layer.forward(data.x, data.state, mask)
        rng, xp = np.random.default_rng(1), np if isinstance(y, np.ndarray) else device.xp
        dc = xp.asarray(rng.normal(size=(T, B, 2 * layer.hidden_size)))
        options = {"dc": [None, dc], "clip_adjoint": 0.1}
        dx, dstate, grads = layer.backward(data.dy, tape, data.dstate, **options)
        cut = layer.backward(data.dy, tape, data.dstate, ns.Truncated(2), **options)[2]
        ledger = inspect.ledger(layer, data.dy, tape, data.dstate, pairs=False, **options)
        found.append((y, state, dx, dstate, grads.flat, cut.flat, ledger.per_lag["W_xf"]))
    device.assert_same(*found)


def test_bidirectional_ledgers_are_the_hosts(device):
    layer = Bidirectional(GRU(3, 2, 2, dtype=np.float64, rng=0), LSTM(3, 3, dtype=np.float64, rng=1))
    x, dy = np.random.default_rng(0).normal(size=(T, B, 3)), np.random.default_rng(1).normal(size=(T, B, 5))
    found = []
    for model, (ours, upstream) in ((copy.deepcopy(layer).to("gpu"), device.put((x, dy))), (layer, (x, dy))):
        *_, tape = model.forward(ours, lengths=LENGTHS)
        found.append(inspect.ledger(model, upstream, tape)._replace(of=None))
    device.assert_same(*found)


@pytest.mark.parametrize("name", ["W_xf", "W_hp_l1"])
def test_a_nan_of_a_layer_is_traced_to_the_same_origin(device, name):
    found = []
    for layer, data, _ in both(device, make("lstm both")):
        assert inspect.first_nonfinite(layer, data.x, dy=data.dy, lengths=LENGTHS) is None
        layer.params[name][0, 1] = np.inf
        found.append(str(inspect.first_nonfinite(layer, data.x, dy=data.dy)))
    assert found[0] == found[1]
    assert name in found[0]


def test_a_nan_of_a_model_is_traced_to_the_same_origin(device):
    ids, found = np.arange(T * B).reshape(T, B) % 6, []
    for place, move in (("gpu", device.put), ("cpu", lambda value: value)):
        model = ns.LanguageModel(6, "gru", 4, dtype=np.float64, rng=0).to(place)
        batch = move(ids), move(ids[::-1].copy())
        assert inspect.first_nonfinite(model, *batch, optimizer=ns.SGD(0.1), clip=1.0) is None
        found.append(str(inspect.first_nonfinite(model, *batch, optimizer=ns.SGD(1e308))))
        model.params["output.b"][2] = np.nan
        found.append(str(inspect.first_nonfinite(model, *batch)))
    assert found[:2] == found[2:]


def shown(page):
    """The arrays of a page, by name."""
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page.html, re.DOTALL)[1])
    return {name: np.frombuffer(b64decode(a["data"]), "<f8").reshape(a["shape"]) for name, a in data["arrays"].items()}


def test_a_page_shows_the_hosts_numbers(device):
    layer = LSTM(3, 4, dtype=np.float64, rng=0)
    there, ids = copy.deepcopy(layer).to("gpu"), np.random.default_rng(0).integers(0, 3, (T, B))
    dy = np.random.default_rng(1).normal(size=(T, B, 4))
    found, expected = shown(inspect.page(there, *device.put((ids, dy)))), shown(inspect.page(layer, ids, dy))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12 * np.abs(value).max(), err_msg=name)
