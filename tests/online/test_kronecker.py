"""The influence as a sum of Kronecker products: of one step it is RTRL's, entry by entry."""

import numpy as np
import pytest
from online.kronecker_cases import LAYERS, B, D, H, given

import npseq as ns
from npseq.online.kronecker import run_kronecker


@pytest.mark.parametrize("kind", LAYERS)
def test_one_step_is_one_product(kind):
    """u (x) A, put where the parameters are, is ds/dtheta of the one step."""
    layer = LAYERS[kind](num_layers=2)
    (x, dy, state, _, _), _, _ = given(layer, None)
    exact = ns.rtrl(layer, x[:1], dy[:1], state).influence
    found = ns.online.kf_rtrl(layer, x[:1], dy[:1], state, rng=0).influence
    for l, ending in enumerate(("", "_l1")):
        u, A = found[l]
        w = layer.weights(l, 0)
        whole = np.einsum("bk,bnm->bnkm", u[:, 0], A[:, 0])
        for gate in layer.cell.gates:
            block = w.blocks.names.index(gate)
            rows = whole[:, :, w.state + 1 :, block * H : (block + 1) * H]
            np.testing.assert_allclose(rows, exact[f"W_x{gate}{ending}"], rtol=1e-11, atol=1e-14)


def test_the_signs_of_every_step_layer_and_sequence_are_drawn():
    layer, seen = LAYERS["rnn"](num_layers=2), []
    (x, dy, state, _, _), _, _ = given(layer, None)

    def keep_new(u, A, signs):
        seen.append(signs)
        return u[:, 1:], A[:, 1:]

    found = run_kronecker("mine", keep_new, 1, layer, x, dy, state, None, None, None, None, None, 0, None)
    assert {signs.shape for signs in seen} == {(B, 2)}
    assert set(np.unique(seen)) == {-1.0, 1.0}
    one = layer.backward(dy, layer.forward(x, state)[2], None, ns.Truncated(1))[2]  # what is new each step alone
    np.testing.assert_allclose(found.grads["W_xh_l1"], one["W_xh_l1"], rtol=1e-11, atol=1e-14)
    assert x.shape[2] == D
