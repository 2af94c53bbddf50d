"""A fused cell hands its cell's arrays to kernels by name, and the traced program is what the cell's lines compute.

No device is needed: `evaluate` runs a program with NumPy, one assignment at a time.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from gpu.cell_blocks import CELLS, calls, mapped, run
from layers.recurrent_cases import assert_close, given, make
from layers.recurrent_cases import every_cell as every_layer
from layers.recurrent_cases import run as run_layer

from npseq.backend import erfc
from npseq.bptt import loop
from npseq.cell import Cell
from npseq.gpu import cell as fusing
from npseq.gpu.cell import FusedCell, fused, traced
from npseq.gpu.program import Untraceable
from npseq.layers.lstm import LSTMCell
from npseq.layers.recurrent import Recurrent

every_cell = pytest.mark.parametrize("name", CELLS)


def block_of(arrays, ref):
    return arrays[ref.array] if ref.gate is None else arrays[ref.array][ref.gate]


def evaluate(program, arrays, product=None):
    """Runs a program on NumPy arrays by name, as its kernels would: all reads of a kernel come before its stores."""
    for step in program.steps:
        if hasattr(step, "operand"):
            operand = block_of(arrays, step.operand)
            reduction = {"mean": np.mean, "sum": np.sum}.get(getattr(step, "op", None))
            arrays[step.result] = reduction(operand, axis=0, keepdims=True) if reduction else product(operand)
            continue
        values = []
        for op, args in step.assignments:
            if op == "load":
                values.append(block_of(arrays, args[0]).copy())
            elif op == "constant":
                values.append(args[0])
            elif op == "number":
                values.append(np.where(values[args[0]], 1.0, 0.0))
            else:
                values.append((erfc if op == "erfc" else getattr(np, op))(*(values[k] for k in args)))
        for ref, k in step.stores:
            if ref.array in arrays:
                block_of(arrays, ref)[...] = values[k]
            else:
                arrays[ref.array] = values[k].copy()
    return [None if ref is None else block_of(arrays, ref) for ref in program.results]


@pytest.fixture
def evaluated(monkeypatch):
    """Kernels are run by NumPy; the methods that were asked for."""
    methods = []

    def runner(cell, method, kind, dtype, inputs):
        methods.append(method)
        program = traced(cell, method, dtype, inputs)
        return lambda arrays, product=None: evaluate(program, arrays, product)

    monkeypatch.setattr(fusing, "_runner", runner)
    return methods


@dataclass(frozen=True)
class Leaky(Cell):
    """h' = h + k (relu(a) - h)."""

    k: float = 0.25
    gates = ("u",)

    def forward(self, a, old, new, p, project):
        (u,), (h,), (h_new,) = a, old, new
        np.multiply(u, u > 0, out=u)
        h_new[...] = h + self.k * (u - h)

    def local_derivatives(self, a, old, new, s):
        s[0] = self.k * (a[0] > 0)

    def backward(self, dnew, a, s, da, p, project):
        np.multiply(dnew[0], s[0], out=da[0])
        return (dnew[0] * (1 - self.k),)


@every_cell
def test_a_program_computes_what_the_cells_lines_compute(name, evaluated):
    for call in calls(name, np.float64):
        copied = {key: mapped(value, np.copy) for key, value in call.given.items()}
        expected = run(CELLS[name], call._replace(given=copied))
        found = run(FusedCell(CELLS[name]), call)
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)
    assert evaluated == [call.method for call in calls(name, np.float64)]


@every_layer
def test_a_layer_runs_on_programs_as_on_its_cell(cell, evaluated, monkeypatch):
    layer, lengths = make(cell, bidirectional=True), np.array([2, 4, 0])
    data = given(layer, 4, 3)
    expected = run_layer(layer, data, lengths)
    monkeypatch.setattr(loop, "where", lambda cell, like: fused(cell))
    assert_close(run_layer(layer, data, lengths), expected, 1e-13)
    assert set(evaluated) == {"forward", "local_derivatives", "backward"}


def test_a_cell_of_ones_own_is_traced_as_well(evaluated, monkeypatch):
    layer = Recurrent(Leaky(), 2, 3, num_layers=2, dtype=np.float64, rng=0)
    data = given(layer, 4, 3)
    expected = run_layer(layer, data)
    monkeypatch.setattr(loop, "where", lambda cell, like: fused(cell))
    assert_close(run_layer(layer, data), expected, 1e-14)
    assert evaluated


def test_a_fused_cell_is_its_cell_in_all_else():
    for cell in CELLS.values():
        other = FusedCell(cell)
        for member in (
            "gates",
            "state",
            "h_blocks",
            "local",
            "projection",
            "vectors",
            "reads_gates",
            "vector_gradients",
        ):
            assert getattr(other, member) == getattr(cell, member)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = FusedCell(LSTMCell()).nothing


def test_numbers_that_no_kernel_takes_run_the_cells_own_lines(evaluated):
    for call in calls("gru before", np.complex128):
        copied = {key: mapped(value, np.copy) for key, value in call.given.items()}
        expected = run(CELLS["gru before"], call._replace(given=copied))
        for ours, theirs in zip(run(FusedCell(CELLS["gru before"]), call), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert not evaluated


def test_arrays_go_by_name_and_a_states_parts_by_theirs():
    a, h, c = np.zeros((4, 3, 2)), np.zeros((3, 2)), np.ones((3, 2))
    found = FusedCell(LSTMCell())._given(a=a, p=None, old=(h, c))
    assert found.keys() == {"a", "old_h", "old_c"}
    assert found["old_c"] is c
    assert fusing._inputs(found) == (("a", 4), ("old_h", None), ("old_c", None))


def test_equal_cells_share_their_kernels_whose_label_is_cell_and_method():
    inputs = (("a", 4), ("old_h", None), ("old_c", None), ("new_h", None), ("new_c", None))
    first, again = (fusing._runner(LSTMCell(), "forward", np.ndarray, np.dtype(float), inputs) for _ in range(2))
    assert first is again
    assert first.label == "lstm_forward"
    assert fusing._runner(LSTMCell(), "forward", np.ndarray, np.dtype("float32"), inputs) is not first
    leaky = (("a", 1), ("old_h", None), ("new_h", None))
    assert fusing._runner(Leaky(), "forward", np.ndarray, np.dtype(float), leaky).label == "leaky_forward"
    assert fused(LSTMCell()) is fused(LSTMCell())


def test_a_line_that_no_kernel_can_hold_is_named():
    class Cosine(Leaky):
        def forward(self, a, old, new, p, project):
            np.arctan(a[0], out=new[0])

    with pytest.raises(Untraceable, match="no kernel has the operation arctan; there are add"):
        traced(Cosine(), "forward", np.dtype(float), (("a", 1), ("old_h", None), ("new_h", None)))
