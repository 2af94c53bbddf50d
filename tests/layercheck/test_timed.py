"""What is checked of a layer over time."""

from __future__ import annotations

import numpy as np
from layercheck.small_layers import LENGTHS, B, D, T, numbers, small

import npseq as ns
from npseq.bptt import loop
from npseq.layercheck.timed import timed_problem


def problem_of(layer, x, rng=0, limit=None, lengths=None):
    return timed_problem(layer, x, None, lengths, None, np.random.default_rng(rng), limit)


def test_dropout_is_drawn_once_from_rng_and_the_layers_generator_stays_as_it_was():
    layer = ns.GRU(2, 2, num_layers=2, dropout=0.5, rng=3)
    before = layer.dropout.rng.bit_generator.state
    at = {rng: problem_of(layer, numbers(T, B, D), rng) for rng in (0, 1)}
    losses = [[problem.loss(problem.at) for _ in range(2)] for problem in at.values()]
    assert losses[0][0] == losses[0][1] != losses[1][0]
    assert layer.dropout.rng.bit_generator.state == before


def test_a_backward_that_writes_on_its_tape_fails(monkeypatch):
    right = loop.backward

    def wrong(cell, w, strand, *rest):
        found = right(cell, w, strand, *rest)
        strand.s[1:] *= 1.001
        return found

    monkeypatch.setattr(loop, "backward", wrong)
    assert not ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D))


def test_one_step_no_sequence_or_a_clamp_has_no_time_to_look_at():
    layer = small("lstm")
    assert problem_of(layer, numbers(T, B, D)).time is not None
    for x, limit in ((numbers(1, B, D), None), (numbers(T, 0, D), None), (numbers(T, B, D), 0.1)):
        assert problem_of(layer, x, limit=limit).time is None


def test_padding_that_is_no_number_is_0_at_the_point_and_ids_are_no_part_of_it():
    x = numbers(T, B, D)
    x[LENGTHS[0] :, 0] = np.nan
    assert np.isfinite(problem_of(small("gru after"), x, lengths=LENGTHS).at["x"]).all()
    assert "x" not in problem_of(small("gru after"), np.zeros((T, B), int)).at
