"""The note of a wrong gradient names the place in backward to look at."""

from __future__ import annotations

import numpy as np
import pytest
from layercheck.small_layers import LENGTHS, B, D, T, numbers, small

import npseq as ns
from npseq.bptt import gradients, loop


def damage(monkeypatch, step, strand_is=lambda strand: True):
    """Makes the adjoint of h a thousandth too large at one step of the backward loop."""
    right = loop.backward

    def wrong(cell, w, strand, dy, dh, dc, *rest):
        if strand_is(strand) and step < strand.steps:
            dy = np.zeros_like(dh, shape=(strand.steps, *dh.shape)) if dy is None else dy.copy()
            dy[step] *= 1.001
        return right(cell, w, strand, dy, dh, dc, *rest)

    monkeypatch.setattr(loop, "backward", wrong)


@pytest.mark.parametrize("cell", ["rnn tanh", "gru after", "lstm"])
def test_the_wrong_time_step_is_named(monkeypatch, cell):
    damage(monkeypatch, 1)
    report = ns.gradcheck_layer(small(cell), numbers(T, B, D))
    assert not report
    assert report.note.startswith("dx is right after step 1 and wrong at it, in sequence ")
    assert "look at step 1 of the backward loop, or at what step 2 passes to it" in report.note
    assert report.note in str(report)


def test_the_wrong_time_step_of_a_truncated_gradient_is_named(monkeypatch):
    damage(monkeypatch, 2)
    report = ns.gradcheck_layer(small("gru after"), numbers(T, B, D), truncation=ns.Truncated(2))
    assert report.note.startswith("dx is right after step 2 and wrong at it")


def test_an_error_from_the_last_step_on_is_named_as_such(monkeypatch):
    damage(monkeypatch, 3)
    report = ns.gradcheck_layer(small("lstm"), numbers(T, B, D), lengths=LENGTHS)
    assert report.note.startswith("dx is wrong from the first step that backward takes, step 3 of sequence 1: look at")


def test_in_the_reverse_direction_the_earliest_wrong_step_is_named(monkeypatch):
    layer, x = small("gru after", bidirectional=True), numbers(T, B, D)
    damage(monkeypatch, 2, lambda strand: np.array_equal(strand.s[0, -D:], x[-1].T))
    report = ns.gradcheck_layer(layer, x)  # its own step 2 is x's step 1
    assert "dx is right before step 1 and wrong at it" in report.note
    assert "step 1 of the reverse direction's backward loop, or at what step 0 passes to it" in report.note


def test_in_a_stack_the_topmost_wrong_layer_is_named(monkeypatch):
    seen = []

    def is_second(strand):
        seen.append(strand)
        return len(seen) % 3 == 2

    damage(monkeypatch, 2, is_second)  # of three, from the top
    report = ns.gradcheck_layer(small("rnn tanh", num_layers=3), numbers(T, B, D))
    assert "dx is right after step 2 and wrong at it" in report.note
    assert "of layer 1, the topmost with a wrong parameter" in report.note


def test_two_directions_in_a_stack_name_no_step(monkeypatch):
    damage(monkeypatch, 1)
    note = ns.gradcheck_layer(small("rnn tanh", bidirectional=True, num_layers=2), numbers(3, B, D)).note
    assert "errors of two directions travel both ways, so no time step can be named" in note


def test_with_dx_right_the_sums_over_time_are_named(monkeypatch):
    right = gradients.weight_gradients

    def wrong(cell, w, strand, adjoints, out, workspace=None):
        right(cell, w, strand, adjoints, out, workspace)
        out.W[0] *= 1.001

    monkeypatch.setattr(gradients, "weight_gradients", wrong)
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D))
    assert report.note == "dx is right at every step: look at the sums over time (weight gradients) of W_hh"


def test_with_dx_right_a_wrong_gradient_of_the_initial_state_is_named(monkeypatch):
    right = loop.backward
    monkeypatch.setattr(loop, "backward", lambda *given: (a := right(*given))._replace(dh=a.dh * 1.001))
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D))
    assert report.note == "dx is right at every step: look at what the first step passes to the initial state (h0)"


def test_with_every_parameter_right_the_product_for_dx_is_named(monkeypatch):
    right = gradients.input_gradient
    monkeypatch.setattr(gradients, "input_gradient", lambda *given: right(*given) * 1.001)
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D))
    assert "dx is wrong at steps 0, 1, 2, 3, every parameter is right: look at the product that makes dx" in report.note


def test_a_gradient_past_a_length_points_to_the_mask(monkeypatch):
    right = gradients.input_gradient
    monkeypatch.setattr(gradients, "input_gradient", lambda *given: right(*given) + 1e-3)
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D), lengths=LENGTHS)
    assert report.note == "dx is not zero past the length of sequence 0, at step 3: look at the mask"


def test_without_dx_or_entries_the_note_says_why_no_step_is_named(monkeypatch):
    damage(monkeypatch, 1)
    assert "check with one-hot vectors" in ns.gradcheck_layer(small("rnn tanh"), np.array([[0], [1], [1]])).note
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(3, B, D), method="directional")
    assert "'directional' looks along directions, so no time step can be named" in report.note


def test_a_wrong_layer_without_time_has_no_note(monkeypatch):
    right = ns.Linear.backward
    monkeypatch.setattr(ns.Linear, "backward", lambda self, dy, *rest: right(self, 1.001 * dy, *rest))
    report = ns.gradcheck_layer(ns.Linear(3, 2, rng=0), numbers(2, 4, 3))
    assert not report
    assert report.note == ""


def test_in_two_directions_only_the_steps_are_named(monkeypatch):
    damage(monkeypatch, 1)
    layer = ns.Bidirectional(small("rnn tanh"), small("gru after"))
    note = ns.gradcheck_layer(layer, numbers(T, B, D)).note
    assert note.startswith("dx is wrong at steps ")
    assert "errors of two directions travel both ways" in note
