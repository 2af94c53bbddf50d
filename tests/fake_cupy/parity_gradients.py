"""Truncated, decomposed, online and checkpointed gradients are the host's on a device."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from layers.recurrent_cases import every_cell, given, make, parts

import npseq as ns
from npseq import inspect
from npseq.layers import GRU, LSTM, RNN, Bidirectional
from npseq.layers.checkpointing import checkpointed
from npseq.online import rtrl, uoro

T, B = 5, 3
LENGTHS = np.array([2, 5, 3])
TRUNCATIONS = {
    "steps": lambda: ns.Truncated(2),
    "all": lambda: ns.Truncated(100),
    "random": lambda: ns.RandomTruncation(0.6, rng=4),
    "roulette": lambda: ns.RouletteTruncation(lambda k: 0.5**k, rng=4),
}

DETACHED = {"detached": lambda: inspect.HDetach(0.5, rng=4), "carousel": lambda: ns.CarouselTruncation()}


def two(layer):
    return copy.deepcopy(layer).to("gpu"), layer


@every_cell
@pytest.mark.parametrize("name", TRUNCATIONS)
def test_truncated_gradients_are_the_hosts(device, cell, name):
    check_truncation(device, cell, name)


@pytest.mark.parametrize("name", DETACHED)
@pytest.mark.parametrize("cell", ["lstm", "lstm both"])
def test_gradients_with_h_detached_are_the_hosts(device, cell, name):
    check_truncation(device, cell, name)


def check_truncation(device, cell, name):
    there, here = two(make(cell, bidirectional=name == "random"))
    data = given(here, T, B)

    def truncated(layer, data):
        *_, tape = layer.forward(data.x, data.state, LENGTHS)
        return layer.backward(data.dy, tape, data.dstate, (TRUNCATIONS | DETACHED)[name]())

    ours = device.put(data)
    with device.no_sync():
        dx, dstate, grads = truncated(there, ours)
    expected = truncated(here, data)
    device.assert_same((dx, parts(dstate), grads.flat), (expected[0], parts(expected[1]), expected[2].flat))


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@every_cell
def test_ledgers_are_the_hosts(device, cell, lengths):
    there, here = two(make(cell, num_layers=1, bidirectional=True))
    check_ledger(device, there, here, lengths)


@pytest.mark.parametrize(
    "layer",
    [
        LSTM(4, 2, num_layers=2, dtype=np.float64, rng=0),
        Bidirectional(GRU(4, 2, dtype=np.float64, rng=0), LSTM(4, 3, dtype=np.float64, rng=1)),
    ],
)
def test_ledgers_of_ids_are_the_hosts(device, layer):
    there, here = two(layer)
    check_ledger(device, there, here, LENGTHS, ids=True)


def check_ledger(device, there, here, lengths, ids=False):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(T, B, here.input_size)), rng.normal(size=(T, B, here.output_size))
    if ids:
        x = rng.integers(0, 4, (T, B))

    def apart(layer, x, dy):
        *_, tape = layer.forward(x, lengths=lengths)
        return inspect.ledger(layer, dy, tape), inspect.ghost_norms(layer, dy, tape)

    (found, norms), (expected, host_norms) = apart(there, *device.put((x, dy))), apart(here, x, dy)
    for name, part in expected._replace(of=None)._asdict().items():
        device.assert_same(found._replace(of=None)._asdict()[name], part)
    device.assert_same(norms, host_norms)
    assert "gradient norm" in repr(found)


@pytest.mark.parametrize("method", ["central", "complex", "directional", "taylor"])
def test_gradcheck_passes_right_gradients_and_fails_wrong_ones(device, method):
    layer = RNN(1, 2, dtype=np.float64, rng=0).to("gpu")
    data = device.put(given(layer, 3, 2))

    def f(at):
        return (layer.bind(at["flat"]).forward(data.x.astype(at["flat"].dtype))[0] * data.dy).sum()

    *_, tape = layer.forward(data.x)
    gradient = layer.backward(data.dy, tape)[2].flat
    assert ns.gradcheck(f, {"flat": layer.params.flat}, {"flat": gradient}, method=method)
    wrong = gradient.copy()
    wrong[3] *= 1.5
    report = ns.gradcheck(f, {"flat": layer.params.flat}, {"flat": wrong}, method=method)
    assert not report
    assert "flat" in str(report)


@pytest.mark.parametrize("factor", [1, 1.5])
def test_check_vjp_has_the_hosts_verdict(device, factor):
    def forward(x, y):
        return x * y**2, (x, y)

    def backward(dz, saved):
        x, y = saved
        return factor * dz * y**2, 2 * dz * x * y

    x, y = np.random.default_rng(0).normal(size=(2, 3, 2))
    found, expected = (ns.check_vjp(forward, backward, at) for at in (device.put((x, y)), (x, y)))
    assert found.passed == expected.passed == (factor == 1)
    assert [one.status for one in found.tensors] == [one.status for one in expected.tensors]


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@every_cell
def test_gradients_forward_in_time_are_the_hosts(device, cell, lengths):
    there, here = two(make(cell))
    data = given(here, T, B)
    for method, options in ((rtrl, {}), (uoro, {"rng": 0}), (ns.snap, {"n": 1})):
        ours = device.put(data)
        found = method(there, ours.x, ours.dy, ours.state, lengths, ours.dstate, **options)
        expected = method(here, data.x, data.dy, data.state, lengths, data.dstate, **options)
        device.assert_same((found.grads.flat, found.y, parts(found.state)),
                           (expected.grads.flat, expected.y, parts(expected.state)))  # fmt: skip


@pytest.mark.parametrize("cell", ["rnn relu", "gru after", "gru before"])
def test_rflo_and_its_alignment_are_the_hosts(device, cell):
    there, here = two(make(cell, num_layers=1))
    data = given(here, T, B)
    ours = device.put(data)
    with device.no_sync():
        found = ns.rflo(there, ours.x, ours.dy, ours.state, LENGTHS, ours.dstate)
    expected = ns.rflo(here, data.x, data.dy, data.state, LENGTHS, data.dstate)
    device.assert_same((found.grads.flat, found.influence), (expected.grads.flat, expected.influence))
    true = [
        layer.backward(numbers.dy, layer.forward(numbers.x)[2])[2] for layer, numbers in ((there, ours), (here, data))
    ]
    angles = [inspect.alignment(one.grads, grads) for one, grads in zip((found, expected), true, strict=True)]
    assert angles[0] == pytest.approx(angles[1], rel=1e-9)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@every_cell
def test_checkpointed_gradients_are_the_hosts(device, cell, lengths):
    there, here = two(make(cell))
    data = given(here, T, B)

    def less_memory(layer, data):
        return checkpointed(layer, data.x, data.dy, data.state, lengths, data.dstate)

    ours = device.put(data)
    with device.no_sync():
        found = less_memory(there, ours)
    expected = less_memory(here, data)
    device.assert_same((found.dx, parts(found.dstate), found.grads.flat),
                       (expected.dx, parts(expected.dstate), expected.grads.flat))  # fmt: skip


@pytest.mark.parametrize("lengths", [None, LENGTHS])
@every_cell
def test_jacobians_and_paths_are_the_hosts(device, cell, lengths):
    there, here = two(make(cell, num_layers=1))
    x = given(here, T, B).x
    tapes = [layer.forward(x, lengths=lengths)[2] for layer, x in ((there, device.put(x)), (here, x))]
    found, expected = (inspect.jacobian_spectrum(*pair) for pair in zip((there, here), tapes, strict=True))
    device.assert_same(found[:2], expected[:2])
    found, expected = (inspect.lyapunov_exponents(*pair) for pair in zip((there, here), tapes, strict=True))
    device.assert_same(found, expected)
    if isinstance(here, LSTM):
        found, expected = (inspect.path_split(*pair) for pair in zip((there, here), tapes, strict=True))
        device.assert_same(found, expected)


def test_costs_of_truncations_are_the_hosts(device):
    there, here = two(GRU(3, 2, dtype=np.float64, rng=0))
    data = given(here, T, B)
    ledgers = []
    for layer, numbers in ((there, device.put(data)), (here, data)):
        *_, tape = layer.forward(numbers.x)
        ledgers.append(inspect.ledger(layer, numbers.dy, tape))
    for cost in (
        lambda ledger: list(inspect.truncation_bias(ledger)),
        lambda ledger: inspect.random_truncation_variance(ledger, 0.5),
        lambda ledger: inspect.random_truncation_variance(ledger._replace(crossing_norms=None), 0.5),
        lambda ledger: inspect.roulette_variance(ledger, lambda k: 0.5**k),
        lambda ledger: [inspect.best_survival(ledger, 2.5)(k) for k in range(T)],
    ):
        np.testing.assert_allclose(cost(ledgers[0]), cost(ledgers[1]), rtol=1e-10)


def test_second_derivatives_are_the_hosts(device):
    there, here = two(LSTM(2, 3, dtype=np.float64, rng=0))
    rng = np.random.default_rng(0)
    x, target, v = rng.normal(size=(4, 2, 2)), rng.normal(size=(4, 2, 3)), rng.normal(size=here.params.flat.shape)

    def product(layer, x, target, v):
        def gradient(flat):
            y, _, tape = layer.bind(flat).forward(x.astype(flat.dtype))
            return layer.bind(flat).backward(ns.mean_squared_error(y, target)[1], tape)[2].flat

        return inspect.hvp(gradient, layer.params.flat, v)

    device.assert_same(product(there, *device.put((x, target, v))), product(here, x, target, v))


@pytest.mark.parametrize("options", [{}, {"jacobian": "diagonal"}, {"damping": 0.1}, {"iterations": 2}])
def test_all_steps_at_once_are_the_hosts(device, options):
    found = []
    for cell in ("lstm both", "gru before"):
        there, here = two(make(cell))
        data = given(here, T, B)
        for layer, ours in ((there, device.put(data)), (here, data)):
            result = ns.scan.forward(layer, ours.x, ours.state, LENGTHS, **options)
            gradient = ns.scan.backward(layer, ours.dy, result.tape, ours.dstate)
            found.append((result.y, parts(result.state), gradient[0], gradient[2].flat))
            assert result.iterations.min() > 1
    device.assert_same(*found[:2])
    device.assert_same(*found[2:])


def test_an_affine_recurrence_is_the_hosts(device):
    rng = np.random.default_rng(0)
    A, b, start = rng.normal(size=(T, B, 2, 2)), rng.normal(size=(T, B, 2)), rng.normal(size=(B, 2))
    device.assert_same(ns.scan.affine(*device.put((A, b, start))), ns.scan.affine(A, b, start))
