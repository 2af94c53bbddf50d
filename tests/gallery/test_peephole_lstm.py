"""The LSTM whose gates all see the old cell state, beside PyTorch's operations."""

from gallery.conformance import affine, check

from npseq.gallery import PeepholeLSTMCell


def step(p, x, s):
    o, i, f = ((affine(p, k, x, s["h"]) + p[f"p_{k}"] * s["c"]).sigmoid() for k in "oif")
    c = f * s["c"] + i * affine(p, "g", x, s["h"]).tanh()
    return {"h": o * c.tanh(), "c": c}


def test_it_is_its_equations():
    check(PeepholeLSTMCell(), step)
