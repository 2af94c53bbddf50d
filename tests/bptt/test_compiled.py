"""Loops are compiled where they are asked for, for sequences on the host, and nowhere else."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import npseq as ns
from npseq.bptt.compiled import FEW, FEW_COLUMNS, batched_product, compiled


@pytest.fixture
def small(monkeypatch):
    """Batches of few columns are compiled too."""
    monkeypatch.setattr("npseq.bptt.compiled.FEW_COLUMNS", 0)


def strand(batch: int, lengths=None, steps: int = FEW + 1):
    return ns.GRU(2, 3, rng=0).forward(np.ones((steps, batch, 2), np.float32), lengths=lengths)[2].strands[0][0]


def test_nothing_is_compiled_that_is_not_asked_for():
    assert compiled(ns.GRU(2, 3).cell, strand(1)) is None


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast` is not installed")
def test_sequences_on_the_host_are(small):
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
def test_large_steps_are_left_to_several_threads_of_blas(threads, small, monkeypatch):
    monkeypatch.setattr("npseq.bptt.compiled.WIDE", 2 * 6 * 9 * 2 - 1)  # rows [h; 1; x], gates times units, sequences
    monkeypatch.setattr("npseq.bptt.compiled.pools", lambda: [(lambda: threads, None)])
    with ns.settings(compiled=True):
        cell = ns.GRU(2, 3).cell
        assert (compiled(cell, strand(3)) is None) == (threads == 2)
        assert compiled(cell, strand(1)) is not None


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast` is not installed")
@pytest.mark.parametrize("threads", [1, 2])
def test_one_sequence_of_large_weights_is_left_to_them_too(threads, small, monkeypatch):
    monkeypatch.setattr("npseq.bptt.compiled.ALONE", 2 * 6 * 9 - 1)
    monkeypatch.setattr("npseq.bptt.compiled.pools", lambda: [(lambda: threads, None)])
    with ns.settings(compiled=True):
        cell, model = ns.GRU(2, 3).cell, ns.LanguageModel(2, "gru", 3, rng=0)
        assert (compiled(cell, strand(1)) is None) == (threads == 2)
        assert compiled(cell, strand(2)) is not None
        model.step(np.ones((3, 1), int), np.ones((3, 1), int), None, ns.SGD(0.1))
        assert (model._compiled is None) == (threads == 2)


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast` is not installed")
def test_few_columns_and_what_fits_no_cache_are_left_to_blas(monkeypatch):
    with ns.settings(compiled=True):
        cell = ns.GRU(2, 3).cell
        assert compiled(cell, strand(2, steps=FEW_COLUMNS // 2)) is not None
        assert compiled(cell, strand(2, steps=FEW_COLUMNS // 2 - 1)) is None
        monkeypatch.setattr("npseq.bptt.compiled.LARGE", 2 * 6 - 1)  # rows [h; 1; x] of two sequences
        assert compiled(cell, strand(2, steps=FEW_COLUMNS)) is None


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="the extra `fast` is not installed")
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.complex128])
def test_a_batched_product_is_that_of_each_step(small, order, kind):
    rng = np.random.default_rng(0)
    a, blocks = np.asarray(rng.normal(size=(37, 80)), kind, order=order), rng.normal(size=(6, 90, 7)).astype(kind)
    out = np.zeros((6, 40, 7), kind)
    with ns.settings(compiled=True):
        found = batched_product(a, blocks[:, 5:85])
        batched_product(a[:, :70], blocks[:, :70], out[:, 2:39])
    exact = 1e-5 if kind == np.float32 else 1e-13
    np.testing.assert_allclose(found, [a @ block[5:85] for block in blocks], rtol=exact, atol=exact)
    np.testing.assert_allclose(out[:, 2:39], [a[:, :70] @ block[:70] for block in blocks], rtol=exact, atol=exact)
    assert not out[:, [0, 1, 39]].any()
