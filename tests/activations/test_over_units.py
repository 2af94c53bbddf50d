"""Functions over all units: PyTorch's values and gradients, their equations, and complex steps."""

import numpy as np
import pytest

import npseq as ns
from npseq.activations.over_units import FUNCTIONS
from npseq.layers import GRUOverUnitsCell, LSTMOverUnitsCell, RNNOverUnitsCell

every_function = pytest.mark.parametrize("name", FUNCTIONS)
X = np.random.default_rng(0).normal(size=(5, 7)) * 2


@every_function
def test_the_pull_back_is_the_transposed_jacobian(name):
    """Column by column of the Jacobian, by complex steps."""
    function, back = FUNCTIONS[name]
    dy = np.random.default_rng(1).normal(size=X.shape)
    found = back(dy, function(X, 0))
    for i in range(len(X)):
        step = X.astype(complex)
        step[i] += 1e-30j
        np.testing.assert_allclose(found[i], (dy * function(step, 0).imag / 1e-30).sum(axis=0), rtol=0, atol=1e-13)


def test_softmaxes_are_their_formulas():
    e = np.exp(X)
    np.testing.assert_allclose(FUNCTIONS["softmax"].function(X, 0), e / e.sum(axis=0), rtol=1e-14)
    np.testing.assert_allclose(FUNCTIONS["log_softmax"].function(X, 0), X - np.log(e.sum(axis=0)), rtol=1e-13)
    far = np.array([[1e4], [0.0], [-1e4]])
    np.testing.assert_array_equal(FUNCTIONS["softmax"].function(far, 0), [[1], [0], [0]])
    np.testing.assert_array_equal(FUNCTIONS["log_softmax"].function(far, 0), [[0], [-1e4], [-2e4]])


def test_sparsemax_is_the_nearest_distribution():
    """By its definition: no point of a fine grid over the simplex is nearer."""
    x = np.array([0.9, 0.3, -0.8])
    y = FUNCTIONS["sparsemax"].function(x[:, None], 0)[:, 0]
    assert y.sum() == pytest.approx(1)
    assert (y >= 0).all()
    grid = [(a, b, 1 - a - b) for a in np.linspace(0, 1, 101) for b in np.linspace(0, 1 - a, 101)]
    assert min(((x - point) ** 2).sum() for point in np.array(grid)) >= ((x - y) ** 2).sum() - 1e-15


CELLS = [
    RNNOverUnitsCell("softmax"), RNNOverUnitsCell("gelu"), GRUOverUnitsCell("after", "sparsemax", "log_softmax"),
    GRUOverUnitsCell("before", "sigmoid", "softmax"), LSTMOverUnitsCell(False, False, "softmax", "tanh", "log_softmax"),
    LSTMOverUnitsCell(True, True, "log_softmax", "softmax", "sparsemax"),
]  # fmt: skip


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_cell_passes_the_check(cell):
    size = 2 if cell.projection == "W_hp" else None
    layer = ns.Recurrent(cell, 2, 3, state_size=size, bidirectional=True, dtype=np.float64, rng=0)
    x = np.random.default_rng(0).normal(size=(4, 2, 2))
    report = ns.gradcheck_layer(layer, x, lengths=np.array([4, 2]))
    assert report.passed, report
    dy = np.random.default_rng(1).normal(size=(4, 2, layer.output_size))
    tape = layer.forward(x)[2]
    book, grads = ns.inspect.ledger(layer, dy, tape), layer.backward(dy, tape)[2]
    for name, value in grads.items():  # with an axis of lags
        np.testing.assert_allclose(book.per_lag[name].sum(axis=0), value, rtol=0, atol=1e-12 * abs(value).max())


@pytest.mark.parametrize(
    ("usual", "over"),
    [
        (ns.RNN(2, 3, rng=0), RNNOverUnitsCell()),
        (ns.GRU(2, 3, rng=0), GRUOverUnitsCell()),
        (ns.GRU(2, 3, reset="before", rng=0), GRUOverUnitsCell("before")),
        (ns.LSTM(2, 3, peepholes=True, rng=0), LSTMOverUnitsCell(True)),
    ],
)
def test_with_the_usual_functions_it_is_the_usual_cell(usual, over):
    layer = ns.Recurrent(over, 2, 3, rng=1).bind(usual.params.flat)
    x = np.random.default_rng(0).normal(size=(4, 2, 2)).astype(np.float32)
    for one, other in zip(run(layer, x), run(usual, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def run(layer, x):
    y, _, tape = layer.forward(x)
    dx, _, grads = layer.backward(y, tape)
    return y, dx, grads.flat


def test_the_usual_layers_say_which_cell_it_needs():
    with pytest.raises(ValueError, match=r"activation must be a function of each number, .* LSTMOverUnitsCell"):
        ns.LSTM(2, 3, activation="softmax")
