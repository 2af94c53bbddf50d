"""Steps side by side, and back."""

import numpy as np
import pytest
from scan.cells import LENGTHS, B, T, given, layer_of

from npseq.scan.steps import apart, columns, steps_of, write_back


def test_columns_and_back():
    array = np.random.default_rng(0).normal(size=(T, 2, 4, B))
    side = columns(array)
    assert side.shape == (2, 4, T * B)
    np.testing.assert_array_equal(side[1, 2, 5 * B + 1], array[5, 1, 2, 1])
    np.testing.assert_array_equal(apart(side, T, B), array)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU, before", "ZoneoutLSTMCell"])
def test_every_step_keeps_what_it_read(name):
    layer = layer_of(name)
    x, state, *_ = given(layer)
    tape = layer.forward(x, state, LENGTHS)[2]
    own = steps_of(tape)
    assert (own.steps, own.batch) == (T, B)
    for row, made in zip(tape.strands, own.tape.strands, strict=True):
        for d, (strand, step) in enumerate(zip(row, made, strict=True)):
            t, b = 3, 2
            at = (T - 1 - t if d else t) * B + b  # columns are in x's order of time
            np.testing.assert_array_equal(step.s[0, :, at], strand.s[t, :, b])
            np.testing.assert_array_equal(step.s[1, :3, at], strand.s[t + 1, :3, b])
            if strand.c is not None:
                np.testing.assert_array_equal(step.c[:, :, at], strand.c[t : t + 2, :, b])
            before = strand.a.copy()
            strand.a[...] = 0
            write_back(step, strand, d)
            if len(strand.a) == T:
                np.testing.assert_array_equal(strand.a, before)
