"""A trace behaves as arrays do, is cut at products, and refuses what no kernel can hold."""

from __future__ import annotations

import numpy as np
import pytest

from npseq.gpu.cell import traced
from npseq.gpu.program import Assignment, Kernel, MatrixProduct, Reduction, Ref, Untraceable
from npseq.gpu.tracing import CellTrace
from npseq.layers.lstm import LSTMCell


def trace_of(work, dtype=np.float32):
    """The program of work(trace, x, y, out): x and out have three gates, y is one block."""
    trace = CellTrace(dtype)
    x, y, out = trace.array("x", 3), trace.array("y"), trace.array("out", 3)
    result = work(trace, x, y, out)
    return trace.finish(result if isinstance(result, tuple) else (result,))


def operations(program) -> list[list[str]]:
    """The operations of each kernel, without loads and constants."""
    kernels = [step for step in program.steps if isinstance(step, Kernel)]
    return [[one.op for one in kernel.assignments if one.op not in ("load", "constant")] for kernel in kernels]


def test_every_expression_is_assigned_once_and_in_order():
    def work(trace, x, y, out):
        np.multiply(x[0] + y, x[0] + y, out=out[1])

    program = trace_of(work)
    (kernel,) = program.steps
    loads = [Assignment("load", (Ref("x", 0),)), Assignment("load", (Ref("y"),))]
    assert kernel.assignments == (*loads, Assignment("add", (0, 1)), Assignment("multiply", (2, 2)))
    assert kernel.stores == ((Ref("out", 1), 3),)
    assert kernel.arrays == ("x", "y", "out")
    assert kernel.by_gate == {"x", "out"}


def test_a_view_shows_what_was_written_last():
    """Gates that were unpacked before they were written: NumPy's views, not copies."""

    def work(trace, x, y, out):
        first, second, _ = out
        np.add(y, y, out=out[:2])
        out[0] *= x[1]
        second -= 1
        return first + second

    program = trace_of(work)
    assert operations(program) == [["add", "multiply", "subtract", "add"]]


def test_intermediate_results_can_be_written():
    def work(trace, x, y, out):
        made = y * 2
        made += x[2]
        made[...] = made - y
        return made, made.copy(), y

    program = trace_of(work)
    assert operations(program) == [["multiply", "add", "subtract"]]
    assert program.results == (Ref("r0"), Ref("r1"), Ref("y"))


def test_one_block_is_broadcast_over_the_gates():
    def work(trace, x, y, out):
        np.multiply(y, x, out=out)

    program = trace_of(work)
    assert operations(program) == [["multiply"] * 3]


def test_before_a_product_only_its_operand_is_computed():
    """What the product does not read waits for the next kernel, which loads what the first one stored."""

    def work(trace, x, y, out):
        r, z, _ = np.tanh(x, out=x)
        v = trace.product(r * y)
        np.add(v, r, out=out[0])
        np.add(v, z, out=out[1])

    program = trace_of(work)
    before, product, after = program.steps
    assert operations(program) == [["tanh", "multiply"], ["tanh", "tanh", "add", "add"]]
    assert product == MatrixProduct(Ref("m0"), "v1")
    assert before.created == ("m0",)
    assert dict(before.stores).keys() == {Ref("m0"), Ref("x", 0)}
    assert dict(after.stores).keys() == {Ref("x", 1), Ref("x", 2), Ref("out", 0), Ref("out", 1)}
    assert Assignment("load", (Ref("x", 0),)) in after.assignments  # r, as it was stored


def test_a_product_of_an_unchanged_array_needs_no_kernel():
    program = trace_of(lambda trace, x, y, out: out.__setitem__(0, trace.product(y)))
    assert [type(step) for step in program.steps] == [MatrixProduct, Kernel]
    assert program.steps[0].operand == Ref("y")


def test_a_product_of_an_overwritten_array_reads_the_new_values():
    def work(trace, x, y, out):
        y += 1
        return trace.product(y)

    program = trace_of(work)
    kernel, product = program.steps
    assert dict(kernel.stores).keys() == {Ref("m0"), Ref("y")}
    assert product.operand == Ref("m0")
    assert program.results == (Ref("v1"),)


def test_an_old_value_that_was_overwritten_before_a_product_is_refused():

    def work(trace, x, y, out):
        old = y * 2
        y += 1
        v = trace.product(y)
        return old + v

    with pytest.raises(Untraceable, match=r"Ref\(array='y', gate=None\) is read after a product, but was written over"):
        trace_of(work)


def test_comparisons_are_numbers_where_they_are_multiplied():
    def work(trace, x, y, out):
        positive = y.real > 0
        assert positive.dtype == bool
        assert y.dtype == np.float32
        out[0] = positive
        out[1] = np.where(positive & (x[0] <= 1), x[0], -y)
        out[2] = positive.astype(y.dtype) * y

    first = trace_of(work)
    assert operations(first) == [["greater", "number", "less_equal", "logical_and", "negative", "where", "multiply"]]


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda x, y: np.arctan(y), "no kernel has the operation arctan"),
        (lambda x, y: np.sum(y), r"no kernel has numpy\.sum"),
        (lambda x, y: y.sum(), r"one block over its units, \.sum\(axis=0, keepdims=True\), got axis=None"),
        (lambda x, y: x.mean(axis=0, keepdims=True), "of a symbol of 3 gates"),
        (lambda x, y: y.mean(axis=1, keepdims=True), "got axis=1"),
        (lambda x, y: y.max(), "a cell that is not entry by entry needs fused = False"),
        (lambda x, y: np.add.reduce(y), r"no kernel has add\.reduce"),
        (lambda x, y: np.add(y, y, where=True), "no kernel has add.__call__ with"),
        (lambda x, y: x[:, 0], "may take gates and slices of gates"),
        (lambda x, y: y[0], "may take gates and slices of gates"),
        (lambda x, y: list(y), "length of a block"),
        pytest.param(
            lambda x, y: y * np.float64(2),
            "must not widen float32",
            marks=pytest.mark.skipif(
                np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="a NumPy scalar is weak there"
            ),
        ),
        (lambda x, y: y * np.ones(3), "arrays and real numbers, got ndarray"),
        (lambda x, y: y * 1j, "arrays and real numbers, got complex"),
        (lambda x, y: y.astype(np.float64), "must keep to float32"),
        (lambda x, y: x[:2] + x, "add of 2 and 3 gates"),
        (lambda x, y: np.where(y, y, y), "where must be of what a comparison gave"),
        (lambda x, y: np.copyto(np.ones(3), y), "must write on its own arrays"),
        (lambda x, y: y.__setitem__(..., x), "3 gates cannot be written on"),
        (lambda x, y: y + CellTrace(np.float32).array("z"), "with its own arrays"),
    ],
)
def test_work_that_no_kernel_can_hold_is_refused(work, message):
    with pytest.raises(Untraceable, match=message):
        trace_of(lambda trace, x, y, out: work(x, y))


def test_a_mean_over_units_cuts_the_trace_as_a_product_does():
    def work(trace, x, y, out):
        centred = x[1] - x[1].mean(axis=0, keepdims=True)
        np.multiply(centred, (centred * centred).sum(axis=0, keepdims=True), out=out[0])

    program = trace_of(work)
    mean, square, total, after = program.steps
    assert mean == Reduction("mean", Ref("x", 1), "v0")
    assert total == Reduction("sum", Ref("m1"), "v2")
    assert operations(program) == [["subtract", "multiply"], ["subtract", "multiply"]]
    assert square.created == ("m1",)
    assert dict(after.stores).keys() == {Ref("out", 0)}


def test_an_unknown_operation_of_a_cell_is_named():
    class Arctangent(LSTMCell):
        def forward(self, a, old, new, p, project):
            np.arctan(a[0], out=new[0])

    with pytest.raises(Untraceable, match="no kernel has the operation arctan; there are add"):
        traced(Arctangent(), "forward", np.dtype(float), (("a", 4), ("old_h", None), ("new_h", None)))
