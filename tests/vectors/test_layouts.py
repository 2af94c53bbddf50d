"""The layouts: names, and cuDNN's vector read back by slices; npseq.interop's own are tested there."""

import numpy as np
import pytest

from npseq.vectors.cases import cases, computed, problem
from npseq.vectors.layouts import LAYOUTS, layouts_of

BY_NAME = {case.name: case for case in cases()}


@pytest.mark.parametrize(
    ("name", "layouts"),
    [
        ("rnn-relu", ["npseq", "torch", "keras", "onnx", "cudnn"]),
        ("gru-before", ["npseq", "keras", "onnx"]),
        ("lstm-peepholes", ["npseq", "onnx"]),
        ("lstm-projection", ["npseq", "torch"]),
    ],
)
def test_a_layout_is_there_where_the_library_has_the_layer(name, layouts):
    assert list(layouts_of(problem(BY_NAME[name]).layer)) == layouts


@pytest.mark.parametrize(
    ("layout", "names"),
    [
        ("npseq", ["W_xh", "W_hh", "b_h", "W_xh_reverse", "W_hh_reverse", "b_h_reverse"]),
        ("torch", [f"{n}_l0{d}" for d in ("", "_reverse") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]),
        ("keras", [f"{n}_l0{d}" for d in ("", "_reverse") for n in ("kernel", "recurrent_kernel", "bias")]),
        ("onnx", ["W_l0", "R_l0", "B_l0"]),
        ("cudnn", ["w"]),
    ],
)
def test_the_names(layout, names):
    layer = problem(BY_NAME["rnn-bidirectional"]).layer
    assert sorted(LAYOUTS[layout](layer, None)) == sorted(names)


def test_cudnn_has_all_matrices_before_all_biases_and_the_gates_in_its_order():
    """An LSTM of two layers runs on slices of the vector."""
    given = problem(BY_NAME["lstm-two-layers"])
    w, at = LAYOUTS["cudnn"](given.layer, None)["w"], 0

    def take(*shape):
        nonlocal at
        at += int(np.prod(shape))
        return w[at - int(np.prod(shape)) : at].reshape(shape)

    matrices = [(take(12, inputs), take(12, 3)) for inputs in (2, 3)]
    biases = [(take(12), take(12)) for _ in range(2)]
    assert at == w.size
    rows = given.inputs["x"]
    for (W, R), (b_w, b_r) in zip(matrices, biases, strict=True):
        h, c, out = np.zeros((4, 3)), np.zeros((4, 3)), []
        for x in rows:
            i, f, g, o = np.split(x @ W.T + h @ R.T + b_w + b_r, 4, axis=1)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            out.append(h)
        rows = np.stack(out)
    np.testing.assert_allclose(rows, computed(given)["y"], rtol=0, atol=1e-15)


@pytest.mark.parametrize("layout", ["torch", "keras", "onnx", "cudnn"])
@pytest.mark.parametrize("name", ["gru-two-layers-bidirectional", "lstm"])
def test_derivatives_have_the_shapes_and_both_biases(layout, name):
    """The sum over a layout of weight times derivative is that of npseq's; the first bias holds b, the second 0."""
    given = problem(BY_NAME[name])
    answer = computed(given)
    grads = {of: answer[of] for of in given.layer.params}
    weights, laid = (LAYOUTS[layout](given.layer, values) for values in (None, grads))
    assert {of: value.shape for of, value in weights.items()} == {of: value.shape for of, value in laid.items()}
    total = sum((weights[of] * laid[of]).sum() for of in weights)
    right = sum((given.layer.params[of] * grad).sum() for of, grad in grads.items())
    np.testing.assert_allclose(total, right, rtol=1e-12)


def test_both_of_onnx_biases_have_the_derivative():
    given = problem(BY_NAME["lstm"])
    answer = computed(given)
    B = LAYOUTS["onnx"](given.layer, {of: answer[of] for of in given.layer.params})["B_l0"][0]
    assert B[:12].tolist() == B[12:].tolist() == np.concatenate([answer[f"b_{gate}"] for gate in "iofg"]).tolist()
