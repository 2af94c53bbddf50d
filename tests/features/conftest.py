"""Tests of features share small inputs and one layer."""

from __future__ import annotations

import numpy as np
import pytest
from notes_equations import F64, B, D, H, T

import npseq as ns


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def x(rng):
    return rng.normal(size=(T, B, D))


@pytest.fixture
def h0(rng):
    return rng.normal(size=(1, B, H))


@pytest.fixture
def dy(rng):
    return rng.normal(size=(T, B, H))


@pytest.fixture
def rnn():
    layer = ns.RNN(D, H, rng=1, **F64)
    layer.params["W_hh"][...] *= 1.5
    return layer
