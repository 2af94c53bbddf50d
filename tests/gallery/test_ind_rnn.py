"""The independently recurrent network beside PyTorch's operations."""

import pytest
from gallery.conformance import affine, check

import npseq as ns
from npseq.gallery import IndRNNCell


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_it_is_its_equations(name):
    def step(p, x, s):
        return {"h": getattr(affine(p, "h", x) + p["u"] * s["h"], name)()}

    check(IndRNNCell(name), step)


def test_its_recurrent_weights_begin_between_0_and_1():
    layer = ns.Recurrent(IndRNNCell(), 2, 400, num_layers=2, rng=0)
    for name in ("u", "u_l1"):
        assert 0 <= layer.params[name].min() < 0.02 < 0.98 < layer.params[name].max() <= 1


def test_another_activation_is_refused():
    with pytest.raises(ValueError, match="nonlinearity must be"):
        IndRNNCell("gelu")
