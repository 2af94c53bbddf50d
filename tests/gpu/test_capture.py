"""A capture returns the result of its work and a graph of the same work, and ends after an error too."""

from __future__ import annotations

import numpy as np
import pytest
from fake_cupy import device_cublas
from fake_cupy.device_queue import Stream, state

from npseq.backend import matmul
from npseq.gpu.capture import capture

pytestmark = pytest.mark.skipif(device_cublas.library() is None, reason="no C compiler for the fake cuBLAS")


def test_streams_wait_for_each_other_and_a_launch_runs_on_the_same_memory(cupy):
    x = cupy.ones(3)
    results = []

    def work():
        results.append(cupy.cuda.get_current_stream())
        return x * 2

    first, captured = capture(cupy, work)
    side = results[0]
    assert results == [side, side]
    assert not side.is_null
    assert [stream.is_null for stream in side.waited] == [True]
    assert side in Stream.null.waited
    assert first.get().tolist() == [2, 2, 2]
    assert np.isnan(captured.results.get()).all()  # the capture ran nothing
    x += 1
    captured.launch()
    assert captured.results.get().tolist() == [4, 4, 4]


@pytest.mark.parametrize("wait", [float, lambda x: x.get(), lambda x: x.item(), bool])
def test_work_that_makes_the_host_wait_cannot_be_captured(cupy, wait):
    x, taken = cupy.ones(()), []

    def work():
        taken.append(None)
        if len(taken) == 2:
            wait(x)

    with pytest.raises(RuntimeError, match="StreamCaptureUnsupported"):
        capture(cupy, work)
    assert state.recording is None
    assert float(x + 1) == 2


@pytest.mark.parametrize("at", [1, 2])
def test_an_error_of_the_work_ends_the_capture_and_the_streams_still_wait(cupy, at):
    """In the plain run, or while the work is captured."""
    taken, waits = [], len(Stream.null.waited)

    def work():
        taken.append(cupy.cuda.get_current_stream())
        if len(taken) == at:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        capture(cupy, work)
    assert state.recording is None
    assert len(taken) == at
    assert Stream.null.waited[waits:] == [taken[0]]


def test_its_products_run_again_at_every_launch(cupy):
    x, y = cupy.ones((2, 3)), cupy.ones((3, 2))
    first, captured = capture(cupy, lambda: matmul(x, y))
    assert first.get().tolist() == [[3, 3], [3, 3]]
    x *= 2
    captured.launch()
    assert captured.results.get().tolist() == [[6, 6], [6, 6]]
