"""Figures show the numbers of their ledgers, with labelled axes."""

import numpy as np
import pytest
from layers.recurrent_cases import given, make

from npseq import GRU, LSTM, RNN, Bidirectional
from npseq.inspect import (
    Case,
    adjoint_norms,
    figures,
    jacobian_spectrum,
    ledger,
    truncation_bias,
)


def case(cell, **options):
    layer = make(cell, **({"num_layers": 1} | options))
    data = given(layer, 6, 2)
    return Case(layer, layer.forward(data.x, data.state)[2], data.dy)


def ledger_of(one, **options):
    return ledger(one.layer, one.dy, one.tape, **options)


@pytest.fixture(scope="module")
def ledgers():
    return {label: ledger_of(case(cell)) for label, cell in (("RNN", "rnn tanh"), ("LSTM", "lstm"))}


def test_gradient_by_lag(ledgers):
    axes = figures.gradient_by_lag(ledgers).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["RNN", "LSTM"]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "lag k (steps that a path goes back)"
    for line, one in zip(axes.lines, ledgers.values(), strict=True):
        whole = np.sqrt(sum((g**2).sum() for g in one.gradient.values()))
        norms = [np.sqrt(sum((part[k] ** 2).sum() for part in one.per_lag.values())) for k in range(6)]
        np.testing.assert_allclose(line.get_ydata(), np.array(norms) / whole, rtol=1e-12)
    assert "last lag with 1 % of its norm: RNN " in axes.get_title()
    extra = figures.gradient_by_lag({"RNN": ledgers["RNN"]}, {"LSTM": ledgers["LSTM"]}).axes[0]
    for thin, line in zip(extra.lines, axes.lines, strict=True):
        np.testing.assert_array_equal(thin.get_ydata(), line.get_ydata())
    assert [line.get_linestyle() for line in extra.lines] == ["-", "--"]
    assert "LSTM" not in extra.get_title()


def test_bias_by_length(ledgers):
    above, below = figures.bias_by_length(ledgers).axes
    bias = truncation_bias(ledgers["LSTM"])
    np.testing.assert_array_equal(above.lines[1].get_xdata(), np.arange(1, 7))
    np.testing.assert_allclose(above.lines[1].get_ydata()[:-1], bias.relative[:-1], rtol=1e-12)
    assert np.isnan(above.lines[1].get_ydata()[-1])
    angle = below.lines[1].get_ydata()
    np.testing.assert_allclose(np.cos(np.radians(angle[:-1])), bias.cosine[:-1], rtol=1e-12)
    assert np.isnan(angle[-1])
    needed = 1 + np.flatnonzero(bias.relative > 0.1)[-1] + 1
    assert above.get_title().endswith(f"LSTM {needed}")
    assert below.get_ylabel() == "angle (degrees)"


def test_pair_triangle(ledgers):
    axes = figures.pair_triangle(ledgers["LSTM"], title="LSTM. ").axes[0]
    shown = axes.images[0].get_array()
    np.testing.assert_array_equal(shown.mask, np.triu(np.ones((6, 6), bool), 1))
    np.testing.assert_allclose(shown.filled(0), ledgers["LSTM"].pair_norms)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step s at which the parameters act", "step t of the loss")
    assert axes.get_title().startswith("LSTM. From which loss")
    with pytest.raises(ValueError, match=r"the ledger must hold pair norms: ledger\(..., pairs=True\)"):
        figures.pair_triangle(ledgers["LSTM"]._replace(pair_norms=None))


@pytest.mark.parametrize("cell", ["lstm", "gru after"])
def test_gates_over_time(cell):
    found = ledger_of(case(cell, num_layers=2, bidirectional=True))
    figure = figures.gates_over_time(found, example=1)
    maps = [axes for axes in figure.axes if axes.images]
    order = ["", "_reverse", "_l1", "_l1_reverse"]
    letters = "ifog" if cell == "lstm" else "rzn"
    names = [axes.get_title().split(",")[0] for axes in maps]
    assert names == [f"{letter}{ending}" for ending in order for letter in letters]
    keeping = "f" if cell == "lstm" else "z"
    shown = maps[names.index(keeping)].images[0].get_array()
    assert (np.diff(shown.mean(axis=1)) <= 1e-15).all()
    np.testing.assert_allclose(np.sort(shown, axis=0), np.sort(found.gates[keeping][:, 1].T, axis=0))
    saturated = np.mean((shown > 0.9) | (shown < 0.1))
    assert maps[names.index(keeping)].get_title().endswith(f"gate\n{saturated:.0%} saturated")
    assert maps[-1].get_xlabel() == "time step"
    assert f"where {keeping} is near 1 a unit keeps what it holds" in figure.get_suptitle()


def test_gates_of_two_different_directions():
    layer = Bidirectional(LSTM(3, 2, dtype=np.float64, rng=0), GRU(3, 4, dtype=np.float64, rng=1))
    x, dy = np.random.default_rng(0).normal(size=(2, 5, 1, 6))[:, :, :, :3], np.ones((5, 1, 6))
    figure = figures.gates_over_time(ledger(layer, dy, layer.forward(x[0])[2], pairs=False))
    names = [axes.get_title().split(",")[0] for axes in figure.axes if axes.images]
    assert names == [*(f"forward.{letter}" for letter in "ifog"), *(f"backward.{letter}" for letter in "rzn")]


def test_a_plain_rnn_has_no_gates(ledgers):
    with pytest.raises(ValueError, match="the ledger must be of a cell with gates: a plain RNN's"):
        figures.gates_over_time(ledgers["RNN"])


def test_singular_values_by_lag():
    rnn, lstm = case("rnn tanh"), case("lstm")
    spectra = {"RNN": jacobian_spectrum(rnn.layer, rnn.tape), "LSTM": jacobian_spectrum(lstm.layer, lstm.tape)}
    figure = figures.singular_values_by_lag(spectra)
    axes = figure.axes[0]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["RNN, largest", "RNN, median", "RNN, bound", "LSTM, largest", "LSTM, median"]
    largest = np.median(spectra["LSTM"].singular_values[:, :, 0], axis=1)
    np.testing.assert_allclose(axes.lines[3].get_ydata(), largest)
    assert axes.get_title().endswith(f"LSTM {largest[-1] ** (1 / 6):.3f}")


def test_a_median_lost_in_rounding_is_not_draw():
    one = case("lstm")
    spectrum = jacobian_spectrum(one.layer, one.tape)
    values = spectrum.singular_values.copy()
    values[2:, :, 1:] = 1e-17 * values[2:, :, :1]
    largest, median, _ = (
        figures.singular_values_by_lag({"LSTM": spectrum._replace(singular_values=values)}).axes[0].lines
    )
    assert not np.isnan(largest.get_ydata()).any()
    assert np.isnan(median.get_ydata()).tolist() == [False, False, True, True, True, True]


def test_adjoints_over_training(ledgers):
    norms = adjoint_norms(ledgers["LSTM"])
    np.testing.assert_allclose(norms**2, (ledgers["LSTM"].adjoints["h"] ** 2).sum(axis=(1, 2)))
    axes = figures.adjoints_over_training(np.stack([norms, 2 * norms]), np.array([1, 5])).axes[0]
    np.testing.assert_allclose(axes.collections[0].get_array().reshape(2, 6), [norms, 2 * norms])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time step t", "epoch")
    assert f"median norm {np.median(norms):.2g} at first, {2 * np.median(norms):.2g} at the end" in axes.get_title()


def test_a_gradient_of_zero_is_drawn():
    layer = RNN(2, 3, rng=0)
    y, _, tape = layer.forward(np.ones((4, 1, 2), np.float32))
    figure = figures.gradient_by_lag({"nothing": ledger(layer, 0 * y, tape)})
    assert len(figure.axes[0].lines) == 1
