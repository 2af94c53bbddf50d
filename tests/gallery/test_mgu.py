"""The minimal gated unit beside PyTorch's operations."""

from gallery.conformance import affine, check

from npseq.gallery import MGUCell


def step(p, x, s):
    f = affine(p, "f", x, s["h"]).sigmoid()
    n = affine(p, "n", x, f * s["h"]).tanh()
    return {"h": (1 - f) * s["h"] + f * n}


def test_it_is_its_equations():
    check(MGUCell(), step)
