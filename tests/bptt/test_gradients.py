"""Sums over time and batch against einsum, name by name, from random adjoints; in one piece and in several."""

import numpy as np
import pytest
from bptt.strands import LENGTHS, B, D, H, T, every_cell, inputs, made, named, random_adjoints

from npseq.bptt import gradients, loop
from npseq.bptt.tape import Weights
from npseq.bptt.workspace import Workspace

options = pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"batch": 1}, {"ids": True}, {"ids": True, "bias": False, "lengths": LENGTHS}],
    ids=str,
)


def run(name, **options):
    """A strand after forward, and random adjoints, zero past each length as backward leaves them."""
    one = made(name, **options)
    loop.forward(one.cell, one.w, one.strand)
    adjoints = random_adjoints(one)
    if one.strand.mask is not None:
        running = np.moveaxis(one.strand.mask, 1, 0)[0]
        adjoints.da[...] *= running
        if adjoints.dv is not None:
            adjoints.dv[...] *= running
    return one, adjoints


def expected_gradients(one, adjoints):
    """Every parameter's sum of operand x adjoint, in einsum's words: t steps, b sequences, i rows, j columns."""
    da = dict(zip(one.blocks, adjoints.da, strict=True))
    x, h = inputs(one), one.strand.s[:-1, : one.w.state]
    found = {}
    for k, gate in enumerate(one.gates):
        found[f"W_x{gate}"] = np.einsum("tib,jtb->ij", x, da[gate])
        if one.w.bias:
            found[f"b_{gate}"] = np.einsum("jtb->j", da[gate])
        if k < one.with_h:
            found[f"W_h{gate}"] = np.einsum("tib,jtb->ij", h, adjoints.da[k])
    if "hn" in one.blocks and one.w.bias:
        found["b_hn"] = np.einsum("jtb->j", da["hn"])
    if one.cell.projection is not None:
        found[one.cell.projection] = np.einsum("tib,jtb->ij", one.strand.m, adjoints.dv)
    if one.w.vectors is not None:
        before, after = one.strand.c[:-1], one.strand.c[1:]
        for gate, c in (("o", after), ("i", before), ("f", before)):
            found[f"p_{gate}"] = np.einsum("tjb,jtb->j", c, da[gate])
    return found


def nothing(w):
    """Gradients laid out as the weights are, of nan."""
    W = np.full_like(w.W, np.nan)
    parts = (None if part is None else np.full_like(part, np.nan) for part in (w.U, w.vectors, w.h_biases))
    out = Weights(W, *parts, w.state, w.bias, w.blocks)
    return out._replace(U=W[: w.state, 2 * H :]) if w.U is not None and np.shares_memory(w.U, w.W) else out


def gradients_of(one, adjoints, workspace=None):
    out = nothing(one.w)
    gradients.weight_gradients(one.cell, one.w, one.strand, adjoints, out, workspace)
    return named(one, out)


def assert_gradients(found, expected, tolerance=1e-13):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance * np.abs(value).max(), err_msg=name)


@options
@every_cell
def test_every_gradient_is_the_sum_of_operand_times_adjoint(name, options):
    one, adjoints = run(name, **options)
    assert_gradients(gradients_of(one, adjoints), expected_gradients(one, adjoints))


@pytest.mark.parametrize("largest", [1, 60, 100])
@options
@every_cell
def test_sums_in_several_chunks_equal_one(name, options, largest, monkeypatch):
    one, adjoints = run(name, **options)
    whole = {key: value.copy() for key, value in gradients_of(one, adjoints).items()}
    monkeypatch.setattr(gradients, "LARGEST", largest)
    assert_gradients(gradients_of(one, adjoints), whole, 1e-14)


@every_cell
def test_a_long_sequence_is_cut_also_where_its_copy_would_be_small(name, monkeypatch):
    one, adjoints = run(name)
    whole = {key: value.copy() for key, value in gradients_of(one, adjoints).items()}
    monkeypatch.setattr(gradients, "ENOUGH", 1)
    assert len(list(gradients.steps_at_once(T, B, 1))) == gradients.CHUNKS
    assert_gradients(gradients_of(one, adjoints), whole, 1e-14)


@every_cell
def test_a_workspace_changes_no_bit(name):
    (one, adjoints), workspace = run(name), Workspace()
    expected = gradients_of(one, adjoints)
    for _ in range(2):
        found = gradients_of(one, adjoints, workspace)
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value)
    assert workspace.arrays()


@every_cell
def test_no_steps_have_zero_gradients(name):
    one, adjoints = run(name, steps=0)
    for value in gradients_of(one, adjoints).values():
        np.testing.assert_array_equal(value, 0)


@pytest.mark.parametrize(
    ("steps", "batch", "features", "expected"),
    [
        (10, 3, 4, [(0, 10)]),
        (0, 3, 4, [(0, 0)]),
        (10, 3, 8, [(0, 5), (5, 10)]),  # 240 numbers, at most 120 at a time
        (7, 5, 12, [(0, 2), (2, 4), (4, 6), (6, 7)]),
        (3, 100, 12, [(0, 1), (1, 2), (2, 3)]),  # a step is never cut
    ],
)
def test_steps_at_once_keep_a_copy_below_the_limit(steps, batch, features, expected, monkeypatch):
    monkeypatch.setattr(gradients, "LARGEST", 120)
    assert [(at.start, at.stop) for at in gradients.steps_at_once(steps, batch, features)] == expected


def test_steps_at_once_are_a_few_chunks_of_enough_columns():
    assert len(list(gradients.steps_at_once(100, 5, 1))) == 1
    assert len(list(gradients.steps_at_once(100, 8, 1))) == 3
    assert len(list(gradients.steps_at_once(10_000, 100, 1))) == gradients.CHUNKS


# columns side by side ------------------------------------------------------------------------------------------------


def columns(block):
    """The same by a loop over every step and sequence."""
    steps = [block[index] for index in np.ndindex(block.shape[:-2])]
    return np.stack([step[:, b] for step in steps for b in range(block.shape[-1])], axis=1)


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 3, 1), (1, 3, 5), (2, 4, 3, 5)])
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_columns_of_all_steps_lie_side_by_side(shape, dtype):
    block = np.random.default_rng(0).normal(size=shape).astype(dtype)
    found = gradients.side_by_side(block)
    assert found.shape == (shape[-2], np.prod(shape) // shape[-2])
    np.testing.assert_array_equal(found, columns(block))


def test_they_are_a_view_where_they_lie_so_already():
    one_sequence, features_last = np.arange(12.0).reshape(4, 3, 1), np.arange(24.0).reshape(3, 4, 2).swapaxes(0, 1)
    for block in (one_sequence, features_last):
        found = gradients.side_by_side(block)
        assert np.shares_memory(found, block)
        np.testing.assert_array_equal(found, columns(block))
    copied = np.arange(24.0).reshape(4, 3, 2)
    assert not np.shares_memory(gradients.side_by_side(copied), copied)


def test_a_copy_lies_in_the_workspace():
    workspace, block = Workspace(), np.arange(24.0).reshape(4, 3, 2)
    found = gradients.side_by_side(block, workspace, "name")
    (memory,) = workspace.arrays()
    assert np.shares_memory(found, memory)
    assert gradients.side_by_side(block + 1, workspace, "name")[0, 0] == found[0, 0] == 1


def test_columns_of_every_other_sequence_are_copied_number_by_number():
    block = np.arange(48.0).reshape(4, 3, 4)[..., ::2]
    np.testing.assert_array_equal(gradients.side_by_side(block), columns(block))


# inputs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lags", [(), (2,)])
@pytest.mark.parametrize("bias", [True, False])
@every_cell
def test_the_gradient_of_x_is_W_x_times_the_adjoints_of_its_gates(name, bias, lags):
    one = made(name, bias=bias)
    adjoints = random_adjoints(one, lags)
    da = dict(zip(one.blocks, adjoints.da, strict=True))
    weights = named(one, one.w)
    expected = sum(np.einsum("ij,jt...->ti...", weights[f"W_x{gate}"], da[gate]) for gate in one.gates)
    found = gradients.input_gradient(one.cell, one.w, adjoints)
    assert found.shape == (T, D, *lags, B)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@every_cell
def test_states_of_a_strand_are_those_before_and_after_each_step(name):
    one, _ = run(name)
    old, new = gradients.states_of(one.cell, one.strand, one.w.state)
    given = (
        (one.strand.s[:, : one.w.state],) if one.strand.c is None else (one.strand.s[:, : one.w.state], one.strand.c)
    )
    for before, after, states in zip(old, new, given, strict=True):
        for t in range(T):
            np.testing.assert_array_equal(before[:, t], states[t])
            np.testing.assert_array_equal(after[:, t], states[t + 1])
