"""Kernels, compiled by a C compiler, compute what a cell's own lines compute, and are launched by layout."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest
from fake_cupy import device_module
from fake_cupy.device_kernels import COMPILER, RawKernel
from gpu.cell_blocks import CELLS, Call, calls, mapped, run

import npseq as ns
from npseq.bptt.blocks import of_blocks
from npseq.gpu import cell as fusing
from npseq.gpu import kernels, settings
from npseq.gpu.cell import FusedCell
from npseq.gpu.program import Assignment, Kernel, Ref

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
compiled = pytest.mark.skipif(COMPILER is None, reason="no C compiler: the kernels' text is not run")
every_cell = pytest.mark.parametrize("name", CELLS)


@pytest.fixture
def cupy(monkeypatch):
    module = device_module.make()
    monkeypatch.setitem(sys.modules, "cupy", module)
    fusing._runner.cache_clear()
    yield module
    fusing._runner.cache_clear()


def distance(name: str, dtype: type, cupy) -> float:
    """The largest of all results' distances from the array code's, each to its own scale."""
    worst = 0.0
    for call in calls(name, dtype):
        expected = run(CELLS[name], call._replace(given=copied(call)))
        found = run(FusedCell(CELLS[name]), call, cupy.asarray)
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
            worst = max(worst, float(abs(ours.get() - theirs).max() / abs(theirs).max()))
    return worst


def copied(call: Call) -> dict:
    return {name: mapped(value, np.copy) for name, value in call.given.items()}


@compiled
@every_cell
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_kernels_give_what_the_lines_give(name, dtype, cupy):
    assert distance(name, dtype, cupy) < TOLERANCE[dtype]


@compiled
@every_cell
def test_a_state_that_is_written_over(name, cupy):
    """Generation keeps one state, which a step reads and writes."""
    cell, (call, *_) = CELLS[name], calls(name, np.float64)
    expected = run(cell, call._replace(given=copied(call)))
    host = copied(call)
    ours = {key: mapped(value, cupy.asarray) for key, value in host.items()}
    matrix = None if call.matrix is None else cupy.asarray(call.matrix)
    state = ours["old"]
    project = of_blocks(lambda m: np.matmul(matrix, m)) if call.operands > 1 else lambda m: np.matmul(matrix, m)
    FusedCell(cell).forward(ours["a"], state, state, ours["p"], project)
    for found, wanted in zip([ours["a"], *state], expected, strict=True):
        np.testing.assert_allclose(found.get(), wanted, rtol=0, atol=1e-13)


@compiled
@pytest.mark.parametrize("forget", ["gate", "row", "column"])
def test_a_wrong_stride_is_caught(forget, cupy, monkeypatch):
    """The stride of a gate, a row or a column of the arrays that a kernel reads and writes is zero."""
    right = kernels._strides

    def wrong(array, by_gate, ndim, itemsize):
        found = right(array, by_gate, ndim, itemsize)
        at = {"gate": 0, "row": -2, "column": -1}[forget]
        return [*found[: at % len(found)], 0, *found[at % len(found) + 1 :]] if by_gate else found

    monkeypatch.setattr(kernels, "_strides", wrong)
    assert distance("lstm", np.float64, cupy) > 1e-3


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("rnn tanh", 1, 1),
        ("rnn relu", 1, 1),
        ("lstm", 1, 1),
        ("lstm peepholes", 1, 1),
        ("lstm both", 2, 1),
        ("gru after", 1, 1),
        ("gru before", 2, 2),
    ],
)
def test_as_few_kernels_as_products_allow(name, forward, backward):
    """One a step, and two where a cell computes what its second product reads."""
    counts = {call.method: len(programs(name, call)) for call in calls(name, np.float64)}
    assert counts == {"forward": forward, "local_derivatives": 1, "backward": backward}


def programs(name: str, call: Call) -> list[Kernel]:
    cell, given = CELLS[name], dict(call.given)
    if not cell.reads_gates and call.method != "forward":
        given.pop("a", None)
    arrays = FusedCell(cell)._given(**given)
    program = fusing.traced(cell, call.method, np.dtype(float), fusing._inputs(arrays))
    return [step for step in program.steps if isinstance(step, Kernel)]


@compiled
def test_the_loop_takes_them(cupy, monkeypatch):
    """A layer on a device launches one kernel a step forward and one a step backward; switched off, none."""
    launched: Counter = Counter()
    right = RawKernel.__call__

    def counted(self, *args):
        launched[self.name.rsplit("_", 2)[0]] += 1
        return right(self, *args)

    monkeypatch.setattr(RawKernel, "__call__", counted)
    x = cupy.asarray(np.ones((6, 2, 3), np.float32))
    layer = ns.LSTM(3, 4, rng=0).to("gpu")
    y, _, tape = layer.forward(x)
    layer.backward(y, tape)
    assert launched == {"npseq_lstm_forward": 6, "npseq_lstm_local_derivatives": 1, "npseq_lstm_backward": 6}
    launched.clear()
    with settings(fused=False):
        layer.backward(layer.forward(x)[0], tape)
    assert not launched


@compiled
def test_complex_numbers_take_the_lines_as_they_stand(cupy, monkeypatch):
    monkeypatch.setattr(RawKernel, "__call__", lambda *_: pytest.fail("a kernel of complex numbers"))
    layer = ns.GRU(3, 4, rng=0).astype(np.complex128).to("gpu")
    x = np.random.default_rng(0).normal(size=(3, 2, 3)) + 1e-20j
    y, _, tape = layer.forward(cupy.asarray(x))
    layer.backward(y, tape)
    np.testing.assert_allclose(y.get(), ns.GRU(3, 4, rng=0).astype(np.complex128).forward(x)[0], rtol=1e-12)


@compiled
def test_no_sequences_launch_nothing(cupy):
    y, _, _ = ns.LSTM(3, 4, rng=0).to("gpu").forward(cupy.zeros((2, 0, 3), np.float32))
    assert y.shape == (2, 0, 4)


def test_arrays_that_do_not_fit_are_refused(cupy):
    cell = FusedCell(CELLS["rnn tanh"])
    a, h = cupy.zeros((1, 3, 2)), cupy.zeros((3, 2))
    with pytest.raises(ValueError, match=r"a kernel over \(3, 2\) must write on arrays of that shape, got \(3, 1\)"):
        cell.forward(a, (h,), (cupy.zeros((3, 1)),), None, None)
    with pytest.raises(TypeError, match="all arrays of one kernel must be float64, got float32"):
        cell.forward(a, (h,), (cupy.zeros((3, 2), np.float32),), None, None)


def adding(created=(), by_gate=()):
    """out = x + y, of arrays with or without gates."""
    stores = ((Ref("out", 0 if "out" in by_gate else None), 2),)
    loads = [Assignment("load", (Ref(name, 1 if name in by_gate else None),)) for name in "xy"]
    return Kernel(("x", "y", "out"), frozenset(by_gate), created, (*loads, Assignment("add", (0, 1))), stores)


def test_the_numbers_of_a_launch_are_sizes_and_strides_in_entries():
    arrays = {"x": np.zeros((2, 3, 4)), "y": np.zeros((3, 1)), "out": np.zeros((4, 3)).T}
    shape, numbers = kernels.launch_numbers(adding(by_gate=("x",)), arrays, itemsize=8)
    assert shape == (3, 4)
    entries, size1, x, y, out = numbers[0], numbers[1], numbers[2:5], numbers[5:7], numbers[7:]
    assert (entries, size1, x, y, out) == (12, 4, (12, 4, 1), (1, 0), (1, 3))


def test_an_array_that_the_kernel_creates_is_contiguous():
    shape, numbers = kernels.launch_numbers(adding(created=("out",)), {n: np.zeros((3, 4)) for n in "xy"}, itemsize=8)
    assert shape == (3, 4)
    assert numbers[-2:] == (4, 1)


def test_too_many_entries_for_one_launch_are_refused():
    arrays = dict.fromkeys(("x", "y", "out"), np.broadcast_to(np.zeros(1), (1 << 16, 1 << 15)))
    with pytest.raises(ValueError, match=r"less than 2147483648 entries, got \(65536, 32768\); take shorter or fewer"):
        kernels.launch_numbers(adding(), arrays, itemsize=8)


def test_a_launch_is_prepared_once_for_each_layout(cupy, monkeypatch):
    cell, prepared = FusedCell(CELLS["rnn tanh"]), []
    right = kernels.Runner._prepare
    monkeypatch.setattr(kernels.Runner, "_prepare", lambda *given: prepared.append(1) or right(*given))
    for size in (2, 2, 0, 3, 2):
        a, h = cupy.zeros((1, 3, size)), cupy.zeros((3, size))
        cell.forward(a, (h,), (h.copy(),), None, None)
    assert len(prepared) == 3
