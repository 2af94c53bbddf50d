"""The report's tables against the ledgers they are about, and the files that it writes."""

import numpy as np
import pytest
from layers.recurrent_cases import given, make

from npseq import LSTM, Bidirectional
from npseq.inspect import (
    Bias,
    Case,
    best_survival,
    random_truncation_variance,
    report,
    roulette_variance,
    truncation_bias,
)
from npseq.inspect.report import analyse, bias_table, draw, table


def case(cell, **options):
    layer = make(cell, **({"num_layers": 1} | options))
    data = given(layer, 6, 2)
    return Case(layer, layer.forward(data.x, data.state)[2], data.dy)


def test_a_report_writes_its_figures_and_returns_its_table(tmp_path):
    text = report({"an RNN": case("rnn tanh")}, tmp_path / "new" / "folder")
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["gradient_by_lag.png", "jacobians.png", "pairs_an_rnn.png", "truncation_bias.png"]
    head, row = text.splitlines()[:2]
    assert head.split()[0] == "|gradient|"
    assert row.split()[:2] == ["an", "RNN"]


def test_the_numbers_of_a_table():
    one = case("lstm")._replace(stale=Bias(0.1, 0.0625, 0.9))
    found = analyse(one)
    row = table({"LSTM": found}).splitlines()[1].split()
    grads = one.layer.backward(one.dy, one.tape)[2].flat
    whole = np.sqrt((grads**2).sum())
    assert float(row[1]) == pytest.approx(whole, rel=1e-3)
    bias = truncation_bias(found.ledger)
    assert int(row[3]) == 1 + np.flatnonzero(bias.relative <= 0.1)[0]
    assert int(row[4]) == 1 + np.flatnonzero(bias.relative <= 0.01)[0]
    keep = next(r.real for r in np.roots([1, 1, 1, 1, 1, 1 - 3]) if abs(r.imag) < 1e-9 and 0 < r.real < 1)
    assert float(row[5]) == pytest.approx(np.sqrt(random_truncation_variance(found.ledger, keep)) / whole, rel=0.05)
    best = roulette_variance(found.ledger, best_survival(found.ledger, 3))
    assert float(row[6]) == pytest.approx(np.sqrt(best) / whole, rel=0.05)
    assert row[7] == "0.062"
    assert float(row[8]) == pytest.approx(found.exponent, abs=1e-4)


def test_the_biases_of_a_table():
    found = {"RNN": analyse(case("rnn tanh")), "a stack": analyse(case("lstm", num_layers=2))}
    title, head, *rows = bias_table(found).splitlines()
    assert title == "Truncated to so many steps: relative bias, and angle to the gradient in degrees"
    assert head.split() == ["steps", "RNN", "angle", "a", "stack", "angle"]
    assert [row.split()[0] for row in rows] == ["1", "2", "5"]
    for row, k in zip(rows, (1, 2, 5), strict=True):
        numbers = [float(cell) for cell in row.split()[1:]]
        for one, (relative, angle) in zip(found.values(), (numbers[:2], numbers[2:]), strict=True):
            bias = truncation_bias(one.ledger)
            assert relative == pytest.approx(bias.relative[k - 1], rel=0.05)
            assert np.cos(np.radians(angle)) == pytest.approx(bias.cosine[k - 1], abs=0.01)


def test_both_directions_and_a_largest_lag_have_a_report_too():
    layer = Bidirectional(LSTM(3, 2, dtype=np.float64, rng=0), LSTM(3, 4, num_layers=2, dtype=np.float64, rng=1))
    data = given(make("lstm", num_layers=1), 6, 2)
    dy = np.random.default_rng(0).normal(size=(6, 2, 6))
    found = {"both": analyse(Case(layer, layer.forward(data.x)[2], dy), max_lag=2)}
    assert table(found).splitlines()[1].split()[-4:] == ["-", "-", "-", "nan"]
    assert list(draw(found)) == ["gradient_by_lag", "truncation_bias", "pairs_both", "gates_both"]


def test_a_report_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cases must hold at least one Case, got none"):
        report({}, tmp_path)
