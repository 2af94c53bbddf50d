"""The linear recurrent unit beside PyTorch's complex operations."""

import numpy as np
from gallery.conformance import affine, check, layer_of

import npseq as ns
from npseq.gallery import LRUCell


def step(p, x, s):
    import torch

    eigenvalue = torch.exp(torch.complex(-p["nu"].exp(), p["theta"].exp()))
    inputs = torch.complex(affine(p, "r", x), affine(p, "i", x))
    z = eigenvalue * torch.complex(s["r"], s["i"]) + p["gamma"].exp() * inputs
    C = torch.complex(p["W_zh"][: len(z)], -p["W_zh"][len(z) :])
    return {"h": (z @ C).real + affine(p, "d", x), "r": z.real, "i": z.imag}


def test_it_is_its_equations():
    check(LRUCell(), step)


def test_it_is_the_sum_of_the_powers_of_its_eigenvalues():
    """z_t = sum_k eigenvalue^k gamma u_{t-k}: no loop, and complex numbers."""
    layer, x = layer_of(LRUCell(), num_layers=1, bidirectional=False), np.random.default_rng(0).normal(size=(7, 1, 2))
    p = layer.params
    u = x[:, 0] @ (p["W_xr"] + 1j * p["W_xi"]) + p["b_r"] + 1j * p["b_i"]
    powers = np.exp(np.arange(7)[:, None] * (-np.exp(p["nu"]) + 1j * np.exp(p["theta"])))
    z = sum(powers[k] * np.exp(p["gamma"]) * u[6 - k] for k in range(7))
    _, (_, c), _ = layer.forward(x)
    np.testing.assert_allclose(c[0, 0], [*z.real, *z.imag], rtol=0, atol=1e-13)


def test_moduli_begin_spread_and_inputs_scaled_so_that_the_state_keeps_its_size():
    layer = ns.Recurrent(LRUCell(), 2, 100, num_layers=2, dtype=np.float64, rng=0)
    for ending in ("", "_l1"):
        modulus = np.exp(-np.exp(layer.params[f"nu{ending}"]))
        np.testing.assert_allclose(modulus**2, np.linspace(0.25, 0.9801, 100), rtol=1e-12)
        np.testing.assert_allclose(np.exp(layer.params[f"gamma{ending}"]) ** 2, 1 - modulus**2, rtol=1e-10)
    angles = np.exp(layer.params["theta"])
    assert 0 < angles.min() < 0.3 < 6 < angles.max() < 2 * np.pi
    assert (angles != np.exp(layer.params["theta_l1"])).all()
