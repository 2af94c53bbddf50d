"""Gradients before they are summed: every contraction against einsum, and its norm against the formed matrix."""

import numpy as np
import pytest
from bptt.strands import LENGTHS, B, every_cell, inputs, made, random_adjoints

from npseq.bptt import factors, loop
from npseq.bptt.factors import Factors, contract, norms
from npseq.layers import LSTM

A, C, T, K, N = 4, 3, 5, 2, 3


CUTS = [("tb", keep) for keep in ("", "t", "b", "tb", "bt")]
CUTS += [("tkb", keep) for keep in ("k", "tk", "kt", "kb", "bk", "tkb")]  # k has to be kept where it is there
every_cut = pytest.mark.parametrize(("axes", "keep"), CUTS)
every_operand = pytest.mark.parametrize("operand", ["matrix", "ids", "none"])


def made_factors(operand, axes, seed=0):
    rng = np.random.default_rng(seed)
    adjoint = rng.normal(size=(C, *({"t": T, "k": K, "b": N}[axis] for axis in axes)))
    if operand == "ids":
        return Factors(rng.integers(0, A, (T, N)), adjoint, A)
    return Factors(rng.normal(size=(A, T, N)) if operand == "matrix" else None, adjoint)


def by_einsum(f, axes, keep):
    """(*keep, A, C), one-hot columns in the place of ids."""
    if f.operand is None:
        return np.einsum(f"j{axes}->{keep}j", f.adjoint)
    operand = np.moveaxis(np.eye(A)[f.operand], 2, 0) if f.rows else f.operand
    return np.einsum(f"itb,j{axes}->{keep}ij", operand, f.adjoint)


@every_operand
@every_cut
def test_contract_keeps_the_axes_that_it_is_asked_for(axes, keep, operand):
    f = made_factors(operand, axes)
    expected = by_einsum(f, axes, keep)
    found = contract(f, keep)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@every_operand
@every_cut
def test_norms_are_those_of_the_contraction_which_they_do_not_form(axes, keep, operand):
    f = made_factors(operand, axes)
    summed = by_einsum(f, axes, keep)
    expected = (summed**2).sum(axis=-1 if operand == "none" else (-2, -1))
    found = norms(f, keep) ** 2
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_norms_are_never_negative():
    """Terms of 1e16 cancel: rounding must not leave less than nothing."""
    big = np.full((1, 2, 1), 1e8)
    f = Factors(big + np.random.default_rng(0).normal(size=(1, 2, 1)), big * np.array([1.0, -1.0])[None, :, None])
    assert norms(f, "") >= 0


@every_operand
def test_every_cut_adds_up_to_the_same_gradient(operand):
    f = made_factors(operand, "tb")
    whole = contract(f, "")
    for keep in ("t", "b", "tb"):
        np.testing.assert_allclose(contract(f, keep).sum(axis=tuple(range(len(keep)))), whole, rtol=0, atol=1e-13)


def test_an_axis_that_only_the_adjoint_has_stands_before_those_of_the_operand():
    """By loss and time, the operand knows no losses: each loss sees the same operand."""
    f = made_factors("matrix", "tkb")
    found = contract(f, "kt")
    for k in range(K):
        np.testing.assert_allclose(found[k], contract(f._replace(adjoint=f.adjoint[:, :, k]), "t"), rtol=0, atol=1e-14)


@pytest.mark.parametrize("options", [{}, {"bias": False}, {"ids": True}, {"lengths": LENGTHS}], ids=str)
@every_cell
def test_a_strands_factors_are_named_as_its_parameters_and_hold_what_was_multiplied(name, options):
    one = made(name, **options)
    loop.forward(one.cell, one.w, one.strand)
    adjoints = random_adjoints(one)
    found = factors.strand_factors(one.cell, one.w, one.strand, adjoints)
    h, x = np.moveaxis(one.strand.s[:-1, : one.w.state], 1, 0), np.moveaxis(inputs(one), 1, 0)
    da = dict(zip(one.blocks, adjoints.da, strict=True))
    for k, gate in enumerate(one.gates):
        np.testing.assert_array_equal(found[f"W_x{gate}"].adjoint, da[gate])
        assert found[f"W_x{gate}"].rows == (len(x) if one.strand.ids is not None else 0)
        if one.strand.ids is None:
            np.testing.assert_array_equal(found[f"W_x{gate}"].operand, x)
        if k < one.with_h:
            np.testing.assert_array_equal(found[f"W_h{gate}"].operand, h)
            np.testing.assert_array_equal(found[f"W_h{gate}"].adjoint, adjoints.da[k])
        assert (f"b_{gate}" in found) == bool(one.w.bias)
    if one.cell.projection is not None:
        np.testing.assert_array_equal(found[one.cell.projection].operand, np.moveaxis(one.strand.m, 1, 0))
        np.testing.assert_array_equal(found[one.cell.projection].adjoint, adjoints.dv)
    assert ("b_hn" in found) == (name == "gru after" and bool(one.w.bias))


@pytest.mark.parametrize("name", ["lstm peepholes", "lstm both"])
def test_peepholes_enter_by_their_gradients_of_each_step_also_by_loss(name):
    one = made(name)
    loop.forward(one.cell, one.w, one.strand)
    before, after = np.moveaxis(one.strand.c[:-1], 1, 0), np.moveaxis(one.strand.c[1:], 1, 0)
    for lags, beside in (((), (...,)), ((K,), (slice(None), slice(None), None))):
        adjoints = random_adjoints(one, lags)
        found = factors.strand_factors(one.cell, one.w, one.strand, adjoints)
        for gate, block, c in (("o", 0, after), ("i", 1, before), ("f", 2, before)):
            assert found[f"p_{gate}"].operand is None
            np.testing.assert_allclose(found[f"p_{gate}"].adjoint, adjoints.da[block] * c[beside], rtol=0, atol=1e-15)


def test_a_layers_gradients_are_its_factors_contracted():
    """Through a whole layer, whose names have no ending in layer 0."""
    layer = LSTM(2, 4, peepholes=True, proj_size=3, dtype=np.float64, rng=0)
    rng = np.random.default_rng(0)
    y, _, tape = layer.forward(rng.normal(size=(6, B, 2)))
    rows = layer.adjoints(y, tape)
    _, _, grads = layer.gradients(rows, tape)
    found = factors.strand_factors(layer.cell, layer.weights(0, 0), tape.strands[0][0], rows[0][0])
    assert found.keys() == set(grads)
    for name, gradient in grads.items():
        np.testing.assert_allclose(contract(found[name], ""), gradient, rtol=0, atol=1e-13)
