"""The LSTM whose forget gate is 1 - i beside PyTorch's operations, and beside the LSTM of coupled gates."""

import numpy as np
import pytest
from gallery.conformance import affine, check

import npseq as ns
from npseq.gallery import CoupledLSTMCell, InputForgetLSTMCell


def step(p, x, s, sigma="sigmoid", phi="tanh", psi="tanh"):
    import torch

    functions = {"softsign": torch.nn.functional.softsign, "elu": torch.nn.functional.elu}
    sigma, phi, psi = (functions.get(name) or getattr(torch, name) for name in (sigma, phi, psi))
    peephole = {k: p.get(f"p_{k}", 0) for k in "io"}
    i = sigma(affine(p, "i", x, s["h"]) + peephole["i"] * s["c"])
    c = (1 - i) * s["c"] + i * phi(affine(p, "g", x, s["h"]))
    return {"h": sigma(affine(p, "o", x, s["h"]) + peephole["o"] * c) * psi(c), "c": c}


@pytest.mark.parametrize("peepholes", [False, True])
def test_it_is_its_equations(peepholes):
    check(InputForgetLSTMCell(peepholes), step)


@pytest.mark.parametrize("peepholes", [False, True])
def test_it_is_its_equations_with_other_activations(peepholes):
    names = ("softsign", "elu", "sigmoid")
    check(InputForgetLSTMCell(peepholes, *names), lambda p, x, s: step(p, x, s, *names))


def test_with_a_sigmoid_it_is_the_coupled_one_at_negative_weights():
    layer, x = ns.Recurrent(InputForgetLSTMCell(), 2, 3, dtype=np.float64, rng=0), np.ones((5, 1, 2))
    twin = ns.Recurrent(CoupledLSTMCell(), 2, 3, dtype=np.float64)
    for name, value in layer.params.items():
        twin.params[name.replace("i", "f")] = -value if name.endswith("i") else value
    np.testing.assert_allclose(twin.forward(x)[0], layer.forward(x)[0], rtol=1e-14)
