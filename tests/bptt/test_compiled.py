"""Loops are compiled where they are asked for, for sequences on the host, and nowhere else."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import npseq as ns
from npseq.bptt.compiled import FEW, compiled


def strand(batch: int, lengths=None, steps: int = FEW + 1):
    return ns.GRU(2, 3, rng=0).forward(np.ones((steps, batch, 2), np.float32), lengths=lengths)[2].strands[0][0]


def test_nothing_is_compiled_that_is_not_asked_for():
    assert compiled(ns.GRU(2, 3).cell, strand(1)) is None


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast` is not installed")
def test_sequences_on_the_host_are():
    with ns.settings(compiled=True):
        cell = ns.GRU(2, 3).cell
        assert compiled(cell, strand(1)) is not None
        assert compiled(cell, strand(2)) is not None
        assert compiled(cell, strand(1, np.array([3]))) is not None
        assert compiled(cell, strand(2, np.array([3, 0]))) is not None
        assert compiled(cell, strand(1)._replace(x_first=False)) is None
        assert compiled(cell, strand(2)._replace(x_first=False)) is not None
        assert compiled(cell, strand(2, steps=FEW)) is None
        assert compiled(cell, strand(1, steps=FEW)) is not None


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast` is not installed")
@pytest.mark.parametrize("threads", [1, 2])
def test_large_steps_are_left_to_several_threads_of_blas(threads, monkeypatch):
    monkeypatch.setattr("npseq.bptt.compiled.WIDE", 2 * 6 * 9 * 2 - 1)  # rows [h; 1; x], gates times units, sequences
    monkeypatch.setattr("npseq.bptt.compiled.pools", lambda: [(lambda: threads, None)])
    with ns.settings(compiled=True):
        cell = ns.GRU(2, 3).cell
        assert (compiled(cell, strand(3)) is None) == (threads == 2)
        assert compiled(cell, strand(1)) is not None


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast` is not installed")
@pytest.mark.parametrize("threads", [1, 2])
def test_one_sequence_of_large_weights_is_left_to_them_too(threads, monkeypatch):
    monkeypatch.setattr("npseq.bptt.compiled.ALONE", 2 * 6 * 9 - 1)
    monkeypatch.setattr("npseq.bptt.compiled.pools", lambda: [(lambda: threads, None)])
    with ns.settings(compiled=True):
        cell, model = ns.GRU(2, 3).cell, ns.LanguageModel(2, "gru", 3, rng=0)
        assert (compiled(cell, strand(1)) is None) == (threads == 2)
        assert compiled(cell, strand(2)) is not None
        model.step(np.ones((3, 1), int), np.ones((3, 1), int), None, ns.SGD(0.1))
        assert (model._compiled is None) == (threads == 2)
