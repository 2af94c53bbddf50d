"""Norms over pairs of steps against ledgers of single losses."""

import numpy as np
import pytest
from layers.recurrent_cases import both_directions, every_cell
from ledger_cases import LENGTHS, T, case, depths, norm, ragged, row

from npseq.inspect import crossing_norms, ledger, pair_norms


@ragged
@both_directions
@depths
@every_cell
def test_a_pair_is_one_loss_at_one_step(cell, layers, bidirectional, lengths):
    layer, data, tape = case(cell, layers, bidirectional, lengths)
    table = pair_norms(layer, data.dy, tape)
    scale = table.max()
    for t in range(T):
        only = np.zeros_like(data.dy)
        only[t] = data.dy[t]
        alone = ledger(layer, only, tape, pairs=False)
        expected = [norm(row(alone.per_step, s)) for s in range(T)]
        np.testing.assert_allclose(table[t], expected, rtol=0, atol=1e-7 * scale)  # roots of sums that cancel


def test_pairs_of_one_sequence_are_exact_and_a_triangle():
    layer, data, tape = case("lstm", batch=1)
    found = ledger(layer, data.dy, tape)
    assert not np.triu(found.pair_norms, 1).any()
    for t in range(T):
        only = np.zeros_like(data.dy)
        only[t] = data.dy[t]
        alone = ledger(layer, only, tape, pairs=False)
        expected = [norm(row(alone.per_step, s)) for s in range(T)]
        np.testing.assert_allclose(found.pair_norms[t], expected, rtol=1e-12)


@both_directions
def test_a_last_state_counts_to_the_step_that_made_it(bidirectional):
    layer, data, tape = case("lstm", 1, bidirectional, LENGTHS)
    table = pair_norms(layer, None, tape, data.dstate)
    assert table.any(axis=1).tolist() == [bidirectional, False, True, False, True]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_what_crosses_two_edges(bidirectional):
    """Losses from step j on, uses before step i, by leaving out losses and adding up steps."""
    layer, data, tape = case("gru after", 1, bidirectional, LENGTHS)
    table = crossing_norms(layer, data.dy, tape)
    assert table.shape == (layer.directions, T, T)
    for d, ending in enumerate(["", "_reverse"][: layer.directions]):
        for j in range(T):
            only = data.dy.copy()
            own = only[::-1] if d else only
            own[:j] = 0
            per_step = ledger(layer, only, tape, pairs=False).per_step
            mine = {n: v[::-1] if d else v for n, v in per_step.items() if n.endswith("_reverse") == bool(ending)}
            for i in range(T):
                expected = norm({n: v[:i].sum(axis=0) for n, v in mine.items()}) if i <= j else 0
                assert table[d, i, j] == pytest.approx(expected, rel=1e-11, abs=1e-13)


def test_crossings_of_a_stack_are_refused():
    layer, data, tape = case("lstm", 2)
    with pytest.raises(ValueError, match="crossing norms are for one layer, got num_layers=2"):
        crossing_norms(layer, data.dy, tape)


def test_many_losses_are_computed_in_blocks_with_the_same_result(monkeypatch):
    layer, data, tape = case("gru after", lengths=LENGTHS)
    whole = pair_norms(layer, data.dy, tape), crossing_norms(layer, data.dy, tape)
    monkeypatch.setattr("npseq.inspect.pairs.BLOCK", 1)
    np.testing.assert_allclose(pair_norms(layer, data.dy, tape), whole[0], rtol=1e-12)
    np.testing.assert_allclose(crossing_norms(layer, data.dy, tape), whole[1], rtol=1e-12)
