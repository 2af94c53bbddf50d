"""The arrays of a page are the ledger's own, bit by bit, and its connections are derivatives."""

from base64 import b64decode

import numpy as np
import pytest

import npseq as ns
from npseq.inspect.page_data import connections, exponents, numbers_of, packed


def problem(kind=ns.LSTM, **options):
    rng = np.random.default_rng(0)
    layer = kind(3, 4, dtype=np.float64, rng=0, **options)
    x, dy = rng.normal(size=(6, 3, 3)), rng.normal(size=(6, 3, 4))
    _, state, _ = layer.forward(x)
    return layer, x, dy, state


@pytest.mark.parametrize("kind", [ns.RNN, ns.GRU, ns.LSTM])
def test_a_connection_is_the_norm_of_the_derivative_of_one_steps_loss_by_one_input(kind):
    layer, x, dy, state = problem(kind, num_layers=2)
    found = connections(layer, x, dy, state, 3)
    for b, t, s in ((0, 5, 2), (2, 3, 3), (1, 2, 4)):
        derivative = []
        for d in range(3):
            moved = x.astype(complex)
            moved[s, b, d] += 1e-30j
            wide = layer.astype(np.complex128)
            first = tuple(p.astype(complex) for p in state) if isinstance(state, tuple) else state.astype(complex)
            derivative.append((wide.forward(moved, first)[0][t, b] * dy[t, b]).sum().imag / 1e-30)
        assert found[b, t, s] == pytest.approx(np.linalg.norm(derivative), rel=1e-12, abs=1e-300)


def test_connections_of_some_sequences_are_those_of_all():
    layer, x, dy, state = problem()
    np.testing.assert_allclose(connections(layer, x, dy, state, 2), connections(layer, x, dy, state, 3)[:2], rtol=1e-13)


def test_arrays_are_the_ledgers_bit_by_bit():
    layer, x, dy, state = problem()
    ledger = ns.inspect.ledger(layer, dy, layer.forward(x, state)[2], pairs=False)
    found = packed(numbers_of(ledger))
    gate = np.frombuffer(b64decode(found["unit gate f"]["data"])).reshape(found["unit gate f"]["shape"])
    np.testing.assert_array_equal(gate, ledger.gates["f"].swapaxes(0, 1))
    adjoint = np.frombuffer(b64decode(found["unit adjoint of c"]["data"])).reshape(3, 6, 4)
    np.testing.assert_array_equal(adjoint, ledger.adjoints["c"].swapaxes(0, 1))
    norms = np.frombuffer(b64decode(found["adjoint h"]["data"])).reshape(6, 3)
    np.testing.assert_allclose(norms, np.linalg.norm(ledger.adjoints["h"], axis=2), rtol=1e-14)


def test_exponents_are_those_of_the_first_sequences():
    layer, x, _, state = problem()
    wanted = ns.inspect.lyapunov_exponents(layer, layer.forward(x, state)[2], count=4)
    np.testing.assert_allclose(exponents(layer, x, state)["exponents"], wanted, rtol=1e-10)
    large = ns.RNN(1, 600, dtype=np.float64, rng=0)
    assert exponents(large, np.ones((2, 1, 1)), None) == {}
