"""The minimal GRU beside PyTorch's operations."""

from gallery.conformance import affine, check

from npseq.gallery import MinGRUCell


def step(p, x, s):
    z = affine(p, "z", x).sigmoid()
    return {"h": (1 - z) * s["h"] + z * affine(p, "n", x)}


def test_it_is_its_equations():
    check(MinGRUCell(), step)
