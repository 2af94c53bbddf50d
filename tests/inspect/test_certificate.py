"""The certificate's numbers against scalar loops, and its bound against the exact bias."""

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, every_cell, given, make, parts
from oracles.recurrent import gradient, weighted
from oracles.sequences import Sequences

from npseq import RNN
from npseq.inspect import ledger, truncation_bias, truncation_certificate

T, B = 5, 2
LENGTHS = np.array([5, 3])


def case(cell, steps=T, lengths=None, scale=1.0, dtype=np.float64, max_lag=None, names=None):
    """A layer of recurrent weights `scale` times as large as at first, and its ledger."""
    layer = make(cell, size=2, hidden=3, num_layers=1, dtype=dtype)
    for name in layer.params:
        if name.startswith("W_h"):
            layer.params[name] = scale * layer.params[name]
    data = given(layer, steps, B)
    tape = layer.forward(data.x, data.state, lengths)[2]
    return layer, data, ledger(layer, data.dy, tape, data.dstate, max_lag=max_lag, names=names, pairs=False)


def norms_by_lag(sequences, data):
    """phi: the gradient of each loss by the state k steps before, the states taken as they are."""
    phi = np.zeros(T)
    for b, length in enumerate(sequences.lengths):
        for t in range(length):

            def loss(at, first, b=b, t=t, length=length):
                y, last = sequences.go_on(sequences.params, b, first + 1, list(at["s"]), t + 1)
                h = y[-1] if y else list(at["s"][: len(data.dy[t][b])])
                own = [k for part in parts(data.dstate) for k in part[0][b]] if t == length - 1 else [0.0] * len(last)
                return weighted(h, data.dy[t][b]) + weighted(last, own)

            for k in range(t + 1):
                slope = gradient(lambda at, k=k, t=t, loss=loss: loss(at, t - k), {"s": sequences.after(b, t - k)})["s"]
                phi[k] += np.linalg.norm(slope)
    return phi


def largest_use(sequences, names):
    largest = 0.0
    for b, length in enumerate(sequences.lengths):
        for t in range(length):
            before, rows = list(sequences.before(b, t)), []
            for j in range(len(before)):
                some = {name: sequences.params[name] for name in names}

                def state(at, b=b, t=t, j=j, before=before):
                    return sequences.go_on({**sequences.params, **at}, b, t, before, t + 1)[1][j]

                rows.append(np.concatenate([part.ravel() for part in gradient(state, some).values()]))
            largest = max(largest, np.linalg.norm(rows, 2))
    return largest


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@every_cell
def test_phi_and_the_largest_use(cell, lengths):
    layer, data, found = case(cell, lengths=lengths)
    sequences = Sequences(CELLS[cell][2], layer, data, [T, T] if lengths is None else lengths)
    certificate = truncation_certificate(found)
    np.testing.assert_allclose(certificate.phi, norms_by_lag(sequences, data), rtol=1e-12)
    assert certificate.largest_use == pytest.approx(largest_use(sequences, list(layer.params)), rel=1e-12)


def test_of_some_parameters():
    layer, data, found = case("lstm both", names=["W_hf", "W_hp", "p_i"])
    sequences = Sequences("lstm", layer, data, [T, T])
    expected = largest_use(sequences, ["W_hf", "W_hp", "p_i"])
    assert truncation_certificate(found).largest_use == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("max_lag", [None, 8])
@every_cell
def test_where_the_lags_decay_the_bound_is_above_the_bias(cell, max_lag):
    """Contracting networks. A ledger of 8 lags is given the beta that holds for all 24; without it beta is a guess."""
    every, found = (case(cell, 24, scale=0.3, max_lag=lags)[2] for lags in (None, max_lag))
    whole, exact = truncation_certificate(every, tau=0), truncation_bias(every)
    assert (whole.phi[1:] <= whole.beta * (1 + 1e-15) * whole.phi[:-1]).all()
    assert whole.beta < 1
    certificate = truncation_certificate(found, 1e-3, tau=0, beta=whole.beta if max_lag else None)
    K = max_lag or 24
    assert len(certificate.bias) == K
    assert (certificate.bias >= exact.norm[:K]).all()
    assert (certificate.relative >= exact.relative[:K]).all()
    assert np.isfinite(certificate.relative[-1])
    if max_lag is None:
        assert exact.relative[certificate.steps - 1] <= certificate.relative[certificate.steps - 1] <= 1e-3
        assert (certificate.relative[: certificate.steps - 1] > 1e-3).all()


def test_with_the_largest_singular_value_nothing_is_assumed():
    """Of a plain RNN: no loss's adjoint can fall by less a step, whatever the ledger did not hold."""
    layer, _, found = case("rnn tanh", 24, max_lag=4)
    sigma = np.linalg.norm(layer.params["W_hh"], 2)
    certificate = truncation_certificate(found, beta=sigma)
    exact = truncation_bias(case("rnn tanh", 24)[2])
    assert certificate.beta == sigma < 1
    assert (certificate.bias >= exact.norm[:4]).all()


def test_a_beta_that_does_not_hold_is_refused():
    certificate = truncation_certificate(case("rnn tanh", 24)[2], tau=0, beta=0.1)
    assert certificate.bias is None
    assert "phi must decay by a factor below 1, and by beta at least, but at lag" in certificate.reason


@pytest.mark.parametrize("tau", [0, 3, 11])
def test_any_onset_is_sound_and_lags_before_it_are_added(tau):
    _, _, found = case("gru after", 24, scale=0.5)
    certificate, exact = truncation_certificate(found, tau=tau), truncation_bias(found)
    phi, beta, M = certificate.phi, certificate.beta, certificate.largest_use
    for k in range(1, 25):
        tail = phi[k:tau].sum() + phi[tau] * beta ** max(k - tau, 0) / (1 - beta)
        assert certificate.bias[k - 1] == pytest.approx(M * tail, rel=1e-12)
        room = np.sqrt(sum((part[:k].sum(axis=0) ** 2).sum() for part in found.per_lag.values())) - M * tail
        expected = M * tail / room if room > 0 else np.inf
        assert certificate.relative[k - 1] == pytest.approx(expected, rel=1e-9)
    assert beta == max(phi[k + 1] / phi[k] for k in range(tau, 23))
    assert (certificate.bias >= exact.norm).all()


def test_lags_may_rise_at_first():
    """Only the last loss counts, and two units hand a signal on, so that it is largest at lag 1."""
    layer = RNN(1, 2, nonlinearity="relu", dtype=np.float64)
    layer.params["W_hh"], layer.params["W_xh"] = np.array([[0.5, 4.0], [0.0, 0.5]]), np.ones((1, 2))
    layer.params["b_h"] = np.ones(2)
    dy = np.zeros((16, 1, 2))
    dy[-1, 0, 1] = 1
    found = ledger(layer, dy, layer.forward(np.ones((16, 1, 1)))[2], pairs=False)
    assert truncation_certificate(found, tau=0).bias is None
    certificate = truncation_certificate(found)
    assert certificate.tau == 7
    assert certificate.beta < 1
    assert (certificate.bias >= truncation_bias(found).norm).all()


def test_where_the_lags_do_not_decay_it_says_so():
    _, _, found = case("rnn relu", 12, scale=6.0)
    certificate = truncation_certificate(found)
    assert certificate.beta >= 1
    assert certificate.steps is certificate.bias is certificate.relative is None
    assert "phi must decay by a factor below 1, and by beta at least, but at lag" in certificate.reason
    assert "nothing is certain: phi must decay" in repr(certificate)


def test_its_repr_names_the_length_and_the_assumption():
    _, _, found = case("rnn tanh", 24, scale=0.3)
    certificate = truncation_certificate(found)
    assert f"Truncated({certificate.steps}) is certain to do\n" in repr(certificate)
    assert not certificate.assumed
    guess = truncation_certificate(case("rnn tanh", 24, scale=0.3, max_lag=8)[2])
    assert guess.assumed
    assert f"Truncated({guess.steps}) is certain to do, if phi continues to decay so beyond lag 7\n" in repr(guess)
    unreachable = truncation_certificate(found, 1e-30)
    assert unreachable.steps is None
    assert "no length up to 24 is certain to have a relative bias of 1e-30" in repr(unreachable)


def test_float32_has_the_same_numbers():
    narrow, wide = (truncation_certificate(case("lstm", 24, dtype=dtype)[2]) for dtype in (np.float32, np.float64))
    np.testing.assert_allclose(narrow.phi, wide.phi, rtol=1e-4)
    assert narrow.largest_use == pytest.approx(wide.largest_use, rel=1e-5)


def test_nothing_to_learn_has_a_bound_of_zero():
    layer, data, _ = case("gru before")
    found = ledger(layer, None, layer.forward(data.x)[2], pairs=False)
    certificate = truncation_certificate(found)
    assert not certificate.phi.any()
    assert not certificate.bias.any()


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (1, 1), (3, 0)])
def test_no_steps_no_sequences_and_one_of_each_are_taken(steps, batch):
    layer = make("lstm", num_layers=1)
    data = given(layer, steps, batch)
    certificate = truncation_certificate(ledger(layer, data.dy, layer.forward(data.x)[2], pairs=False))
    assert len(certificate.phi) == max(steps, 1)


def test_what_does_not_fit_is_refused():
    layer, data, found = case("gru after")
    with pytest.raises(TypeError, match=r"ledger must be what inspect.ledger returned, got int"):
        truncation_certificate(3)
    with pytest.raises(ValueError, match="the ledger must hold what it is of"):
        truncation_certificate(found._replace(of=None))
    for options in ({"num_layers": 2}, {"num_layers": 1, "bidirectional": True}):
        other = make("gru after", size=2, hidden=3, **options)
        deep = ledger(other, None, other.forward(data.x)[2], pairs=False)
        with pytest.raises(ValueError, match="a certificate is for one layer in one direction, got GRU"):
            truncation_certificate(deep)
    with pytest.raises(ValueError, match="a decay shows in 3 lags or more, got a ledger of 2; give a larger max_lag"):
        truncation_certificate(case("gru after", max_lag=2)[2])
    with pytest.raises(ValueError, match="relative must be a positive number, the relative bias wanted, got 0"):
        truncation_certificate(found, 0)
    for tau in (-1, 5, 1.0, True):
        with pytest.raises(ValueError, match=f"tau must be .*, got {tau}"):
            truncation_certificate(found, tau=tau)
    for beta in (1.0, -0.1):
        with pytest.raises(ValueError, match=rf"beta must be a factor in \[0, 1\) .*, got {beta}"):
            truncation_certificate(found, beta=beta)
    with pytest.raises(MemoryError, match=r"this certificate would need about .*; give a ledger of a smaller max_lag"):
        truncation_certificate(found, max_bytes=10)
    layer.params.flat[:] *= 1.1
    with pytest.raises(ValueError, match=r"parameters .* since"):
        truncation_certificate(found)


def test_nothing_is_certain_where_no_decay_was_seen():
    """All weights 1, nothing decays; after the last lag of a ledger that lacks lags there is no ratio to look at."""
    layer = RNN(1, 1, nonlinearity="relu", bias=False, dtype=np.float64, rng=0)
    layer.params.flat[:] = 1
    y, _, tape = layer.forward(np.ones((12, 1, 1)))
    found = ledger(layer, np.ones_like(y), tape, max_lag=4)
    lags = len(found.per_lag["W_hh"])
    with pytest.raises(ValueError, match=rf"a lag of the ledger's, 0 to {lags - 2}, got {lags - 1}; after it a decay"):
        truncation_certificate(found, tau=lags - 1)
    assert truncation_certificate(found, tau=lags - 2).steps is None
    assert truncation_certificate(found, tau=lags - 1, beta=0.5).assumed
