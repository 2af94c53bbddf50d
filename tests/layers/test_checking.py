"""gradcheck_layer: right gradients pass, wrong ones fail, and the note names the place."""

from __future__ import annotations

import numpy as np
import pytest
from layers.recurrent_cases import CELLS, make

import npseq as ns
from npseq.bptt import gradients, loop
from npseq.layercheck.check import layer_problem
from npseq.layers import recurrent

T, B, D = 4, 2, 2
LENGTHS = np.array([3, 4])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def small(cell, **options):
    own = CELLS[cell][1]
    return make(cell, D, 3 if "proj_size" in own else 2, **({"num_layers": 1, "dtype": np.float32} | options))


# right ones ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_passes_whatever_the_dtype(cell):
    report = ns.gradcheck_layer(small(cell, bidirectional=cell != "lstm both"), numbers(T, B, D), lengths=LENGTHS)
    assert report, report
    assert report.max_error < 1e-13
    assert report.note == ""
    assert {"x", "h0"} <= {row.name for row in report.tensors}


@pytest.mark.parametrize(
    ("layer", "x", "tensors"),
    [
        (ns.Linear(3, 2, rng=0), numbers(2, 4, 3), ["x", "W", "b"]),
        (ns.Embedding(4, 3, padding_idx=1, rng=0), np.array([[1, 2], [2, 0]]), ["W"]),
        (ns.Dropout(0.5, rng=0), numbers(3, 4), ["x"]),
    ],
)
def test_layers_without_time(layer, x, tensors):
    report = ns.gradcheck_layer(layer, x)
    assert report, report
    assert [row.name for row in report.tensors] == tensors


def test_bidirectional_names_its_parts_and_takes_ids_states_and_dropout():
    layer = ns.Bidirectional(ns.GRU(3, 2, num_layers=2, dropout=0.5, rng=0), ns.LSTM(3, 2, rng=1))
    state = (numbers(2, B, 2).astype(np.float32), (numbers(1, B, 2), None))
    report = ns.gradcheck_layer(layer, np.array([[0, 2], [1, 1]]), state)
    assert report, report
    names = [row.name for row in report.tensors]
    assert names[:4] == ["forward.h0", "backward.h0", "backward.c0", "forward.W_xr"]
    assert "x" not in names


def test_dropout_is_drawn_once_from_rng_and_the_layers_own_generator_is_left_alone():
    layer = ns.GRU(2, 2, num_layers=2, dropout=0.5, rng=3)
    before = layer.dropout.rng.bit_generator.state
    at = {rng: layer_problem(layer, numbers(T, B, D), rng=rng) for rng in (0, 1)}
    losses = [[problem.loss(problem.at) for _ in range(2)] for problem in at.values()]
    assert losses[0][0] == losses[0][1] != losses[1][0]
    assert layer.dropout.rng.bit_generator.state == before


@pytest.mark.parametrize("method", ["central", "directional", "taylor"])
def test_the_other_methods(method):
    report = ns.gradcheck_layer(small("gru after"), numbers(3, B, D), method=method)
    assert report, report
    assert report.method == method


def test_neither_layer_nor_arguments_are_written_on():
    layer, x, state = small("lstm", num_layers=2), numbers(T, B, D), (numbers(2, B, 2), numbers(2, B, 2))
    kept = [array.copy() for array in (layer.params.flat, x, *state, LENGTHS)]
    for array in (layer.params.flat, x, *state, LENGTHS):
        array.flags.writeable = False
    assert ns.gradcheck_layer(layer, x, state, LENGTHS)
    for array, copy in zip((layer.params.flat, x, *state, LENGTHS), kept, strict=True):
        array.flags.writeable = True
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (0, 0)])
def test_nothing_to_run_over(steps, batch):
    report = ns.gradcheck_layer(small("lstm both"), numbers(steps, batch, D))
    assert report, report


# truncated ones ------------------------------------------------------------------------------------------------------


def surrogate_loss(layer, at, base, weights, lengths, k):
    """C04 said in loops: each sequence alone, each loss anew from the states k steps before it, held still."""
    total = 0.0
    for b, length in enumerate(lengths):
        one = slice(b, b + 1)
        if length == 0:
            total += (weights["h0"][:, one] * at["h0"][:, one]).sum() + (weights["c0"][:, one] * at["c0"][:, one]).sum()
        for t in range(length):
            start = t - k + 1
            state = at["h0"][:, one], at["c0"][:, one]
            if start >= 0:
                fixed = base["h0"][:, one], base["c0"][:, one]
                state = base["layer"].forward(base["x"][:start, one], fixed)[1]
            y, (h, c), _ = layer.forward(at["x"][max(start, 0) : t + 1, one], state)
            total += (weights["y"][t, b] * y[-1, 0]).sum()
            if t == length - 1:
                total += (weights["h0"][:, one] * h).sum() + (weights["c0"][:, one] * c).sum()
    return total


@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_the_truncated_gradient_is_that_of_the_surrogate_written_in_loops(k):
    """Along a random direction of all tensors, by a complex step."""
    lengths, rng = [4, 0, 2], np.random.default_rng(5)
    layer = small("lstm", num_layers=2, dtype=np.float64)
    base = {"layer": layer, "x": numbers(T, 3, D), "h0": numbers(2, 3, 2, seed=1), "c0": numbers(2, 3, 2, seed=2)}
    weights = {"y": numbers(T, 3, 2, seed=3), "h0": numbers(2, 3, 2, seed=4), "c0": numbers(2, 3, 2, seed=5)}
    _, _, tape = layer.forward(base["x"], (base["h0"], base["c0"]), np.array(lengths))
    dx, dstate, grads = layer.backward(weights["y"], tape, (weights["h0"], weights["c0"]), ns.Truncated(k))
    gradient = {"x": dx, "h0": dstate[0], "c0": dstate[1], "flat": grads.flat}
    v = {name: rng.normal(size=value.shape) for name, value in gradient.items()}
    at = {name: base[name] + 1e-30j * v[name] for name in ("x", "h0", "c0")}
    moved = layer.astype(np.complex128).bind(layer.params.flat + 1e-30j * v["flat"])
    numeric = surrogate_loss(moved, at, base, weights, lengths, k).imag / 1e-30
    assert sum((gradient[name] * v[name]).sum() for name in v) == pytest.approx(numeric, rel=1e-13)
    assert ns.gradcheck_layer(layer, base["x"], (base["h0"], base["c0"]), np.array(lengths), truncation=ns.Truncated(k))


@pytest.mark.parametrize("cell", ["rnn tanh", "gru before", "lstm both"])
@pytest.mark.parametrize("k", [1, 3])
def test_two_directions_truncated(cell, k):
    layer = small(cell, bidirectional=True)
    report = ns.gradcheck_layer(layer, numbers(T, B, D), lengths=LENGTHS, truncation=ns.Truncated(k))
    assert report, report


def test_truncated_stacks_with_dropout_in_both_parts_of_bidirectional():
    layer = ns.Bidirectional(ns.RNN(D, 3, num_layers=2, dropout=0.4, rng=0), ns.GRU(D, 2, rng=1))
    report = ns.gradcheck_layer(layer, numbers(T, B, D), lengths=LENGTHS, truncation=ns.Truncated(2))
    assert report, report


def test_one_step_too_many_does_not_pass(monkeypatch):
    layer, x = small("rnn tanh"), numbers(T, B, D)
    monkeypatch.setattr(ns.Truncated, "plan", lambda self, *sizes: recurrent.Plan(np.ones(self.steps + 1), None))
    assert not ns.gradcheck_layer(layer, x, truncation=ns.Truncated(2))


# wrong ones, and the place that is named -----------------------------------------------------------------------------


def spoil(monkeypatch, step, strand_is=lambda strand: True):
    """The adjoint of h is a thousandth too large at one step of the loop backward."""
    right = loop.backward

    def wrong(cell, w, strand, dy, dh, dc, *rest):
        if strand_is(strand) and step < strand.steps:
            dy = np.zeros_like(dh, shape=(strand.steps, *dh.shape)) if dy is None else dy.copy()
            dy[step] *= 1.001
        return right(cell, w, strand, dy, dh, dc, *rest)

    monkeypatch.setattr(loop, "backward", wrong)


@pytest.mark.parametrize("cell", ["rnn tanh", "gru after", "lstm"])
def test_the_wrong_time_step_is_named(monkeypatch, cell):
    spoil(monkeypatch, 1)
    report = ns.gradcheck_layer(small(cell), numbers(T, B, D))
    assert not report
    assert report.note.startswith("dx is right after step 1 and wrong at it, in sequence ")
    assert "look at step 1 of the backward loop, or at what step 2 hands to it" in report.note
    assert report.note in str(report)


def test_the_wrong_time_step_of_a_truncated_gradient_is_named(monkeypatch):
    spoil(monkeypatch, 2)
    report = ns.gradcheck_layer(small("gru after"), numbers(T, B, D), truncation=ns.Truncated(2))
    assert report.note.startswith("dx is right after step 2 and wrong at it")


def test_what_is_wrong_from_the_last_step_on_is_told(monkeypatch):
    spoil(monkeypatch, 3)
    report = ns.gradcheck_layer(small("lstm"), numbers(T, B, D), lengths=LENGTHS)
    assert report.note.startswith("dx is wrong from the first step that backward takes, step 3 of sequence 1: look at")


def test_the_reverse_direction_goes_the_other_way(monkeypatch):
    layer, x = small("gru after", bidirectional=True), numbers(T, B, D)
    spoil(monkeypatch, 2, lambda strand: np.array_equal(strand.s[0, -D:], x[-1].T))
    report = ns.gradcheck_layer(layer, x)  # its own step 2 is x's step 1
    assert "dx is right before step 1 and wrong at it" in report.note
    assert "step 1 of the reverse direction's backward loop, or at what step 0 hands to it" in report.note


def test_in_a_stack_the_topmost_wrong_layer_is_named(monkeypatch):
    seen = []

    def is_second(strand):
        seen.append(strand)
        return len(seen) % 3 == 2

    spoil(monkeypatch, 2, is_second)  # of three, from the top
    report = ns.gradcheck_layer(small("rnn tanh", num_layers=3), numbers(T, B, D))
    assert "dx is right after step 2 and wrong at it" in report.note
    assert "of layer 1, the topmost with a wrong parameter" in report.note


def test_two_directions_in_a_stack_name_no_step(monkeypatch):
    spoil(monkeypatch, 1)
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


def test_a_wrong_gradient_of_the_initial_state_is_told_apart(monkeypatch):
    right = loop.backward
    monkeypatch.setattr(loop, "backward", lambda *given: (a := right(*given))._replace(dh=a.dh * 1.001))
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D))
    assert report.note == "dx is right at every step: look at what the first step hands to the initial state (h0)"


def test_a_wrong_product_for_dx_is_told_apart(monkeypatch):
    right = gradients.input_gradient
    monkeypatch.setattr(gradients, "input_gradient", lambda *given: right(*given) * 1.001)
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D))
    assert "dx is wrong at steps 0, 1, 2, 3, every parameter is right: look at the product that makes dx" in report.note


def test_a_gradient_past_a_length_is_told(monkeypatch):
    right = gradients.input_gradient
    monkeypatch.setattr(gradients, "input_gradient", lambda *given: right(*given) + 1e-3)
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D), lengths=LENGTHS)
    assert report.note == "dx is not zero past the length of sequence 0, at step 3: look at the mask"


def test_what_cannot_be_named_is_said(monkeypatch):
    spoil(monkeypatch, 1)
    assert "check with one-hot vectors" in ns.gradcheck_layer(small("rnn tanh"), np.array([[0], [1], [1]])).note
    report = ns.gradcheck_layer(small("rnn tanh"), numbers(3, B, D), method="directional")
    assert "'directional' looks along directions, so no time step can be named" in report.note


def test_a_backward_that_writes_on_its_tape_fails(monkeypatch):
    right = loop.backward

    def wrong(cell, w, strand, *rest):
        found = right(cell, w, strand, *rest)
        strand.s[1:] *= 1.001
        return found

    monkeypatch.setattr(loop, "backward", wrong)
    assert not ns.gradcheck_layer(small("rnn tanh"), numbers(T, B, D))


# refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truncation", "message"),
    [
        (ns.RandomTruncation(0.5), r"must be Truncated\(k\) to be checked, got RandomTruncation\(keep=0.5\)"),
        (ns.RouletteTruncation(lambda k: 0.5**k), "right in the mean over its draws"),
    ],
)
def test_random_truncations_are_refused(truncation, message):
    with pytest.raises(ValueError, match=message):
        ns.gradcheck_layer(small("gru after"), numbers(T, B, D), truncation=truncation)


@pytest.mark.parametrize(
    "layer",
    [
        small("gru after", bidirectional=True, num_layers=2),
        ns.Bidirectional(small("gru after", bidirectional=True), small("lstm")),
    ],
)
def test_truncation_of_what_turns_in_time_is_refused(layer):
    with pytest.raises(ValueError, match="in a stack of two directions a path turns in time"):
        ns.gradcheck_layer(layer, numbers(T, B, D), truncation=ns.Truncated(2))


@pytest.mark.parametrize(
    ("layer", "given", "message"),
    [
        (np.tanh, {}, "layer must be a layer of npseq, got ufunc; for a function, use gradcheck"),
        (small("lstm", dtype=np.complex128), {}, "layer must be real to be checked, got complex128"),
        (small("lstm"), {"x": 1j * numbers(T, B, D)}, "x must be real to be checked, got complex128"),
        (ns.Linear(2, 2), {"lengths": LENGTHS}, "Linear has no time, so it takes no lengths; leave that out"),
        (small("lstm"), {"x": [[1.0]]}, "x must be an array, got list"),
        (small("lstm"), {"state": numbers(1, B, 2)}, r"state of an LSTM must be a pair \(h, c\)"),
    ],
)
def test_misfits_are_refused(layer, given, message):
    with pytest.raises(TypeError, match=message):
        ns.gradcheck_layer(layer, **({"x": numbers(T, B, D)} | given))


@pytest.mark.parametrize("truncation", [ns.HDetach(0.5), ns.CarouselTruncation()])
def test_what_blocks_h_alone_is_not_called_unbiased(truncation):
    layer = ns.LSTM(2, 3, dtype=np.float64, rng=0)
    with pytest.raises(ValueError, match=r"must be Truncated\(k\) to be checked, got .*, which blocks h and not c"):
        ns.gradcheck_layer(layer, np.zeros((3, 2, 2)), truncation=truncation)
