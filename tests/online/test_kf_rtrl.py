"""KF-RTRL is unbiased: its mean over every choice of signs is the gradient of backward."""

import numpy as np
import pytest
from online.kronecker_cases import LAYERS, LENGTHS, B, D, H, T, all_signs, given

import npseq as ns
from npseq.online import kf_rtrl
from npseq.online.kf_rtrl import mixed


@pytest.mark.parametrize(("layers", "lengths"), [(1, None), (2, LENGTHS)])
@pytest.mark.parametrize("kind", LAYERS)
def test_the_mean_of_all_signs_is_the_gradient(kind, layers, lengths):
    layer = LAYERS[kind](num_layers=layers)
    arguments, options, exact = given(layer, lengths)
    found = [kf_rtrl(layer, *arguments, **options, signs=signs).grads.flat for signs in all_signs(layer, 1)]
    np.testing.assert_allclose(np.mean(found, axis=0), exact, rtol=0, atol=1e-12 * abs(exact).max())
    assert np.std(found, axis=0).max() > 1e-3 * abs(exact).max()


def test_without_biases_and_of_ids():
    rng = np.random.default_rng(0)
    for layer, x in (
        (ns.GRU(D, H, bias=False, dtype=np.float64, rng=0), rng.normal(size=(T, B, D))),
        (ns.LSTM(200, H, dtype=np.float64, rng=0), rng.integers(0, 200, (T, B))),
    ):
        dy = rng.normal(size=(T, B, H))
        exact = layer.backward(dy, layer.forward(x)[2])[2].flat
        found = [kf_rtrl(layer, x, dy, signs=signs).grads.flat for signs in all_signs(layer, 1)]
        np.testing.assert_allclose(np.mean(found, axis=0), exact, rtol=0, atol=1e-12 * abs(exact).max())


def test_it_varies_less_than_uoro():
    """Of 200 draws each, the mean squared distance from the gradient."""
    layer = LAYERS["rnn"]()
    arguments, options, exact = given(layer, None)
    far = [
        np.mean(
            [((method(layer, *arguments, **options, rng=seed).grads.flat - exact) ** 2).sum() for seed in range(200)]
        )
        for method in (kf_rtrl, ns.uoro)
    ]
    assert 10 * far[0] < far[1]


def test_a_product_of_nothing_adds_no_noise():
    rng = np.random.default_rng(0)
    u, A = rng.normal(size=(1, 2, 3)), rng.normal(size=(1, 2, 4, 5))
    A[:, 1] = 0
    new_u, new_A = mixed(u, A, np.array([[1.0, -1.0]]))
    np.testing.assert_allclose(
        np.einsum("brk,brnm->bknm", new_u, new_A), np.einsum("k,nm->knm", u[0, 0], A[0, 0])[None]
    )


def test_a_sequence_continues_and_its_seed_fixes_it():
    layer = LAYERS["lstm"](num_layers=2)
    (x, dy, state, _, dlast), _, _ = given(layer, None)
    signs = next(all_signs(layer, 1))
    whole = kf_rtrl(layer, x, dy, state, None, dlast, signs=signs)
    first = kf_rtrl(layer, x[:2], dy[:2], state, signs=signs[:2])
    second = kf_rtrl(layer, x[2:], dy[2:], first.state, None, dlast, influence=first.influence, signs=signs[2:])
    np.testing.assert_allclose(first.grads.flat + second.grads.flat, whole.grads.flat, rtol=1e-12, atol=1e-13)
    again = [kf_rtrl(layer, x, dy, rng=seed).grads.flat for seed in (0, 0, 1)]
    np.testing.assert_array_equal(again[0], again[1])
    assert (again[0] != again[2]).any()


@pytest.mark.parametrize(
    ("layer", "options", "error", "text"),
    [
        (ns.LSTM(D, H, peepholes=True), {}, ValueError, "which has p_o, p_i, p_f; use rtrl or uoro"),
        (
            ns.GRU(D, H, reset="before"),
            {},
            ValueError,
            "needs a cell all of whose parameters multiply h, 1 or x",
        ),
        (ns.RNN(D, H, bidirectional=True), {}, ValueError, "kf_rtrl needs a layer of one direction"),
        (ns.RNN(D, H), {"signs": np.ones((T, 1, B, 3))}, ValueError, r"signs must have shape \(4, 1, 3, 2\)"),
        (ns.RNN(D, H), {"influence": {}}, TypeError, r"influence must be a list of \(u, A\) a layer"),
        (ns.RNN(D, H), {"clip_adjoint": 1.0}, ValueError, "clip_adjoint must be None in kf_rtrl"),
    ],
)
def test_what_does_not_fit_is_refused(layer, options, error, text):
    with pytest.raises(error, match=text):
        kf_rtrl(layer.astype(np.float64), np.zeros((T, B, D)), np.zeros((T, B, H)), **options)
