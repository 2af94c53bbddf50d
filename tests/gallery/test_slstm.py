"""The sLSTM beside PyTorch's operations, and beside its own equations without the stabiliser."""

import numpy as np
from gallery.conformance import affine, check, layer_of

from npseq.gallery import SLSTMCell


def step(p, x, s):
    import torch

    a_o, a_i, a_f, a_z = (affine(p, gate, x, s["h"]) for gate in "oifz")
    m = torch.maximum(a_f + s["m"], a_i)
    i, f = (a_i - m).exp(), (a_f + s["m"] - m).exp()
    c, n = f * s["c"] + i * a_z.tanh(), f * s["n"] + i
    return {"h": a_o.sigmoid() * c / n, "c": c, "n": n, "m": m}


def test_it_is_its_equations():
    check(SLSTMCell(), step)


def test_the_stabiliser_changes_no_output():
    """h is that of c' = exp(a_f) c + exp(a_i) z, n' = exp(a_f) n + exp(a_i), from a state of zeros."""
    layer = layer_of(SLSTMCell(), num_layers=1, bidirectional=False)
    p, x = layer.params, np.random.default_rng(0).normal(size=(6, 1, 2))
    h, c, n = np.zeros((3, 3))
    for t in range(6):
        a = {gate: x[t, 0] @ p[f"W_x{gate}"] + h @ p[f"W_h{gate}"] + p[f"b_{gate}"] for gate in "oifz"}
        c = np.exp(a["f"]) * c + np.exp(a["i"]) * np.tanh(a["z"])
        n = np.exp(a["f"]) * n + np.exp(a["i"])
        h = c / n / (1 + np.exp(-a["o"]))
        np.testing.assert_allclose(layer.forward(x[: t + 1])[0][t, 0], h, rtol=0, atol=1e-14)


def test_exponential_gates_do_not_overflow():
    layer = layer_of(SLSTMCell(), num_layers=1, bidirectional=False).astype(np.float32)
    layer.params["b_i"] = np.full(3, 300.0)
    layer.params["b_f"] = np.full(3, 299.5)
    y, _, tape = layer.forward(np.ones((50, 2, 2), np.float32))
    assert np.isfinite(y).all()
    assert np.isfinite(layer.backward(y, tape)[2].flat).all()
