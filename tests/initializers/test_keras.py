"""First values as Keras draws them: bounds, orthogonality over all gates, biases; and their names."""

import math

import numpy as np
import pytest

import npseq as ns
from npseq.initializers import glorot_normal, glorot_uniform, keras, xavier_normal, xavier_uniform

WIDE = {"dtype": np.float64, "rng": 0}


def gates(layer, letter, end=""):
    return np.hstack([layer.params[f"W_{letter}{gate}{end}"] for gate in layer.cell.gates])


@pytest.mark.parametrize("end", ["", "_l1", "_l1_reverse"])
@pytest.mark.parametrize("kind", [ns.RNN, ns.GRU, ns.LSTM])
def test_all_gates_are_one_matrix(kind, end):
    layer = kind(7, 20, 2, bidirectional=True, **WIDE)
    keras(layer.params, 1)
    W_x, W_h = gates(layer, "x", end), gates(layer, "h", end)
    np.testing.assert_allclose(W_h @ W_h.T, np.eye(20), atol=1e-12)
    bound = math.sqrt(6 / sum(W_x.shape))
    assert 0.97 * bound < abs(W_x).max() <= bound
    assert W_x.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)
    biases = {name: value for name, value in layer.params.items() if name.startswith("b") and name.endswith(end)}
    assert all((value == name.startswith("b_f")).all() for name, value in biases.items())


def test_a_models_embedding_and_output():
    model = ns.LanguageModel(50, "lstm", 30, embedding_size=20, initializer="keras", **WIDE)
    embedding, output = model.params["embedding.W"], model.params["output.W"]
    assert 0.049 < abs(embedding).max() <= 0.05
    assert abs(output).max() <= math.sqrt(6 / 80) < 1.05 * abs(output).max()
    assert not model.params["output.b"].any()
    assert (model.params["recurrent.b_f"] == 1).all()


def test_a_projection_and_peepholes_find_values_too():
    layer = ns.LSTM(3, 6, proj_size=2, peepholes=True, **WIDE)
    peepholes = layer.params["p_i"].copy()
    keras(layer.params, 0)
    assert abs(layer.params["W_hp"]).max() <= math.sqrt(6 / 8)
    np.testing.assert_array_equal(layer.params["p_i"], peepholes)


def test_a_seed_repeats_them_in_every_dtype():
    first, second = (ns.GRU(3, 4, dtype=dtype, rng=0) for dtype in (np.float32, np.float64))
    keras(first.params, 5)
    keras(second.params, 5)
    np.testing.assert_array_equal(first.params.flat, second.params.flat.astype(np.float32))


def test_glorots_values_have_keras_names():
    assert (glorot_uniform, glorot_normal) == (xavier_uniform, xavier_normal)


def test_what_is_no_matrix_is_refused():
    with pytest.raises(ValueError, match=r"params\['W'\] must be a matrix, got shape \(3,\)"):
        keras({"W": np.ones(3)})
    with pytest.raises(TypeError, match="params must map names to arrays, got int"):
        keras(3)
