"""The units of a layer are shared by npseq's own threads, if that pays; a mistake in one of them is raised."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra `fast` is not installed")

import numba

import npseq as ns
from npseq.compiled.meeting import meet
from npseq.compiled.sharing import SMALL, Work, shared


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setattr("npseq.threads._own", 2)
    monkeypatch.setattr("npseq.threads._processors", lambda: 2)


def parts(steps, operations, panels=4):
    found = []
    shared(lambda *given: found.append((given[0], given[2])), ("x",), Work(32, steps, operations, panels))
    return sorted(found)


def test_two_threads_are_two_parts(two):
    assert parts(200, SMALL) == [("x", (32, 0, 2)), ("x", (32, 1, 2))]


def test_one_thread_or_little_work_is_one_part(two, monkeypatch):
    assert parts(10, SMALL) == parts(10_000, SMALL - 1) == parts(200, SMALL, panels=1) == [("x", (32, 0, 1))]
    monkeypatch.setattr("npseq.threads._own", 1)
    assert parts(200, SMALL) == [("x", (32, 0, 1))]


@pytest.mark.parametrize("failing", [0, 1])
def test_a_mistake_on_one_thread_is_raised_and_ends_the_others_waiting(two, failing):
    meets = numba.njit(nogil=True)(lambda arrived: meet(arrived, 0, 2))

    def fails(arrived, of):
        if of[1] == failing:
            raise ZeroDivisionError
        meets(arrived)

    with pytest.raises(ZeroDivisionError):
        shared(fails, (), Work(32, 200, SMALL, 2))


def test_a_step_is_the_same_in_every_bit_on_two_threads(compiled, monkeypatch):
    monkeypatch.setattr("npseq.compiled.sharing.SMALL", 0)
    monkeypatch.setattr("npseq.compiled.sharing.SHORT", 0)
    monkeypatch.setattr("npseq.threads._processors", lambda: 3)
    layer, x = ns.LSTM(3, 70, proj_size=40, rng=0), np.random.default_rng(0).normal(size=(5, 6, 3)).astype(np.float32)
    dy = np.random.default_rng(1).normal(size=(5, 6, 40)).astype(np.float32)
    found = []
    for count in (1, 2, 3):
        monkeypatch.setattr("npseq.threads._own", count)
        y, state, tape = layer.forward(x)
        dx, dstate, grads = layer.backward(dy, tape)
        found.append(np.concatenate([np.ravel(part) for part in (y, *state, dx, *dstate, grads.flat)]))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
