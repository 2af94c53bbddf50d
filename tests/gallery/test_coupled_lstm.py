"""The LSTM of coupled gates beside PyTorch's operations."""

from gallery.conformance import affine, check

from npseq.gallery import CoupledLSTMCell


def step(p, x, s):
    f, o = affine(p, "f", x, s["h"]).sigmoid(), affine(p, "o", x, s["h"]).sigmoid()
    c = f * s["c"] + (1 - f) * affine(p, "g", x, s["h"]).tanh()
    return {"h": o * c.tanh(), "c": c}


def test_it_is_its_equations():
    check(CoupledLSTMCell(), step)
