"""The tape's fields, what prints them, and when an old strand is written over."""

import numpy as np
import pytest
from bptt.strands import B, D, H, T, every_cell, made

from npseq.bptt.tape import LARGE, WIDE, Tape, Weights, new_strand
from npseq.layers import GRU, LSTM, RNN


def fresh(layer, steps=3, batch=2, looked_up=False, old=None):
    return new_strand(np, layer.cell, layer.weights(0, 0), steps, batch, looked_up, old)


@pytest.mark.parametrize("bias", [0, 1])
def test_weights_name_the_rows_of_x_with_and_without_the_bias(bias):
    W = np.arange(24.0).reshape(6, 4)
    w = Weights(W, None, None, None, 2, bias, RNN(2, 4).weights(0, 0).blocks)
    np.testing.assert_array_equal(w.inputs, W[2:])
    np.testing.assert_array_equal(w.x, W[2 + bias :])
    assert np.shares_memory(w.x, W)


@every_cell
def test_a_strand_has_one_step_less_than_states(name):
    assert made(name, steps=5).strand.steps == 5
    assert made(name, steps=0).strand.steps == 0


@pytest.mark.parametrize(
    ("layer", "looked_up", "shapes"),
    [
        (RNN(3, 4), False, {"s": (4, 8, 2), "c": None, "a": (1, 1, 4, 2), "m": None}),
        (RNN(3, 4), True, {"s": (4, 4, 2), "c": None, "a": (3, 1, 4, 2), "m": None}),
        (GRU(3, 4), False, {"s": (4, 8, 2), "c": None, "a": (3, 4, 4, 2), "m": None}),
        (GRU(3, 4, reset="before"), False, {"s": (4, 8, 2), "c": None, "a": (3, 3, 4, 2), "m": (3, 4, 2)}),
        (LSTM(3, 4, bias=False), False, {"s": (4, 7, 2), "c": (4, 4, 2), "a": (3, 4, 4, 2), "m": None}),
        (LSTM(3, 4, proj_size=2), False, {"s": (4, 6, 2), "c": (4, 4, 2), "a": (3, 4, 4, 2), "m": (3, 4, 2)}),
    ],
)
def test_a_new_strand_has_the_documented_shapes(layer, looked_up, shapes):
    strand = fresh(layer, looked_up=looked_up)
    found = {name: None if getattr(strand, name) is None else getattr(strand, name).shape for name in shapes}
    assert found == shapes
    assert (strand.ids, strand.mask, strand.ragged) == (None, None, (False,) * 3)
    assert {strand.s.dtype, strand.a.dtype} == {np.dtype(np.float32)}


def test_x_is_multiplied_before_the_loop_where_h_does_not_enter_the_same_blocks_or_one_sequence_has_a_large_W_x():
    assert not fresh(LSTM(3, 4)).x_first
    assert fresh(LSTM(3, 4), looked_up=True).x_first
    assert fresh(GRU(3, 4)).x_first
    assert fresh(GRU(3, 4, reset="before")).x_first
    large = RNN(LARGE // 4, 4)
    assert fresh(large, batch=1).x_first
    assert not fresh(large, batch=2).x_first
    assert not fresh(RNN(LARGE // 4 - 1, 4), batch=1).x_first


@pytest.mark.parametrize(
    ("layer", "looked_up", "shape"),
    [(RNN(3, 4), False, (4, 8)), (RNN(3, 4), True, (4, 4)), (GRU(3, 4), False, (12, 4)), (LSTM(3, 4), False, (16, 8))],
)
def test_weights_are_transposed_for_many_wide_steps_only(layer, looked_up, shape):
    assert fresh(layer, WIDE, WIDE, looked_up).transposed.shape == shape
    assert fresh(layer, WIDE - 1, WIDE, looked_up).transposed is None
    assert fresh(layer, WIDE, WIDE - 1, looked_up).transposed is None


def test_an_old_strand_is_written_over_only_if_it_fits():
    layer = LSTM(3, 4)
    old = fresh(layer)
    assert fresh(layer, old=old) is old
    for other in (
        fresh(layer, steps=4, old=old),
        fresh(layer, batch=3, old=old),
        fresh(layer, looked_up=True, old=old),
    ):
        assert not np.shares_memory(other.s, old.s)


def test_an_old_strands_lengths_are_forgotten():
    layer = LSTM(3, 4)
    old = fresh(layer)._replace(mask=np.ones((3, 1, 2), bool), ragged=(True,) * 3)
    again = fresh(layer, old=old)
    assert again.s is old.s
    assert (again.mask, again.ragged) == (None, (False,) * 3)


def test_a_tape_prints_its_fields_by_shape_and_dtype():
    layer = LSTM(3, 4, peepholes=True)
    text = repr(layer.forward(np.zeros((2, 1, 3), np.float32))[2])
    for line in ("Tape: T = 2, B = 1,", "layer 0:", "s: (3, 8, 1) float32", "c: (3, 4, 1) float32", "ragged: 0 of 2"):
        assert line in text


def test_a_tape_prints_the_bytes_of_its_strands():
    strand = made("gru before").strand
    size = strand.s.nbytes + strand.a.nbytes + strand.m.nbytes
    assert repr(Tape(((strand,),), (None,), False, (), ())).startswith(
        f"Tape: T = {T}, B = {B}, {size / 1024:.3g} KiB\n"
    )


def test_a_strand_prints_what_it_has():
    strand = made("rnn tanh").strand
    lines = repr(strand).splitlines()
    assert lines[0] == "Strand:"
    assert f"  s: ({T + 1}, {H + 1 + D}, {B}) float64" in lines
    assert len(lines) == 1 + sum(field is not None for field in strand)
