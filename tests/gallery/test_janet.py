"""JANET beside PyTorch's operations."""

import pytest
from gallery.conformance import affine, check

from npseq.gallery import JANETCell


def step(p, x, s):
    a = affine(p, "f", x, s["h"])
    return {"h": a.sigmoid() * s["h"] + (1 - (a - 0.7).sigmoid()) * affine(p, "g", x, s["h"]).tanh()}


def test_it_is_its_equations():
    check(JANETCell(0.7), step)


def test_beta_is_a_number():
    with pytest.raises((TypeError, ValueError), match="beta must be"):
        JANETCell(float("inf"))
