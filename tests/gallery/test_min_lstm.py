"""The minimal LSTM beside PyTorch's operations."""

from gallery.conformance import affine, check

from npseq.gallery import MinLSTMCell


def step(p, x, s):
    f, i = affine(p, "f", x).sigmoid(), affine(p, "i", x).sigmoid()
    return {"h": f / (f + i) * s["h"] + i / (f + i) * affine(p, "n", x)}


def test_it_is_its_equations():
    check(MinLSTMCell(), step)
