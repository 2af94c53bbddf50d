"""Sums over time and batch against einsum, name by name, from random adjoints; in one piece and in several."""

import numpy as np
import pytest
from bptt.strands import LENGTHS, B, D, H, T, every_cell, inputs, made, named, random_adjoints

from npseq.bptt import columns, gradients, loop
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
    monkeypatch.setattr(columns, "LARGEST", largest)
    assert_gradients(gradients_of(one, adjoints), whole, 1e-14)


@every_cell
def test_a_long_sequence_is_cut_also_where_its_copy_would_be_small(name, monkeypatch):
    one, adjoints = run(name)
    whole = {key: value.copy() for key, value in gradients_of(one, adjoints).items()}
    monkeypatch.setattr(columns, "ENOUGH", 1)
    assert len(list(columns.steps_at_once(T, B, 1))) == columns.CHUNKS
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
