"""The smooth activations keep their digits where a plain formula loses them, and are PyTorch's."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

import npseq as ns


def exp(x):
    return Decimal(x).exp()


def tanh(x):
    return 1 - 2 / (exp(2 * x) + 1)


EXACT = {  # of Decimals, with 60 digits
    "softplus": lambda x: (1 + exp(x)).ln(),
    "log_sigmoid": lambda x: -(1 + exp(-x)).ln(),
    "elu": lambda x: x if x > 0 else exp(x) - 1,
    "silu": lambda x: x / (1 + exp(-x)),
    "mish": lambda x: x * tanh((1 + exp(x)).ln()),
    "tanh_shrink": lambda x: x - tanh(x),
    "squareplus": lambda x: (x + (x * x + 4).sqrt()) / 2,
    "gelu_tanh": lambda x: x / (1 + exp(-2 * Decimal(2 / math.pi).sqrt() * (x + Decimal("0.044715") * x**3))),
}
X = np.concatenate([np.linspace(-30.3, 30.1, 41), [-1e-3, 1e-3, -1e-6, 0.3, -0.9]])


@pytest.mark.parametrize("name", EXACT)
def test_it_keeps_its_digits(name):
    activation = ns.Activation(name)
    with localcontext() as context:
        context.prec = 60
        exact = [float(EXACT[name](Decimal(x))) for x in X.tolist()]
        h = Decimal(10) ** -20
        slopes = [float((EXACT[name](Decimal(x) + h) - EXACT[name](Decimal(x) - h)) / (2 * h)) for x in X.tolist()]
    for found, expected in ((activation(X), exact), (activation.derivative(X), slopes)):
        size = np.maximum(np.abs(expected), 1e-300)
        assert (
            abs(found - expected) <= 1e-13 * size * (1 + abs(np.log(size))) + 1e-300
        ).all()  # exp's argument is rounded too


def test_gelu_keeps_its_digits():
    exact = [x * math.erfc(-x / math.sqrt(2)) / 2 for x in X.tolist()]
    np.testing.assert_allclose(ns.Activation("gelu")(X), exact, rtol=1e-12)


TORCH = {
    "relu": "relu", "relu6": "relu6", "leaky_relu": "leaky_relu", "elu": "elu", "celu": "celu", "selu": "selu",
    "gelu": "gelu", "silu": "silu", "mish": "mish", "softplus": "softplus", "softsign": "softsign",
    "log_sigmoid": "logsigmoid", "hard_tanh": "hardtanh", "hard_silu": "hardswish", "soft_shrink": "softshrink",
    "hard_shrink": "hardshrink", "tanh_shrink": "tanhshrink",
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
def test_it_is_pytorchs_and_so_is_its_derivative(name):
    torch = pytest.importorskip("torch")
    x = torch.tensor(np.linspace(-8, 8, 33), dtype=torch.float64, requires_grad=True)  # 0 and kinks among them
    y = getattr(torch.nn.functional, TORCH[name])(x)
    y.sum().backward()
    activation = ns.Activation(name)
    np.testing.assert_allclose(activation(x.detach().numpy()), y.detach(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(activation.derivative(x.detach().numpy()), x.grad, rtol=1e-12, atol=1e-13)
