"""The order of a step's blocks, written out by hand for every cell, and for one whose gates are not adjacent."""

from dataclasses import dataclass

import numpy as np
import pytest

from npseq.bptt.blocks import Blocks, blocks_of, of_blocks, to_blocks, x_runs
from npseq.cell import Cell
from npseq.layers.gru import GRUCell
from npseq.layers.lstm import LSTMCell
from npseq.layers.rnn import RNNCell


@dataclass(frozen=True)
class Scattered(Cell):
    """Of its gates p, q, r and s, h enters only r and p, in this order, and a block between them that x does not."""

    gates = ("p", "q", "r", "s")

    @property
    def h_blocks(self):
        return ("r", "hq", "p")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (RNNCell(), Blocks(("h",), 1, (), True, ("W_hh",))),
        (RNNCell("relu"), Blocks(("h",), 1, (), True, ("W_hh",))),
        (GRUCell("after"), Blocks(("r", "z", "hn", "n"), 3, (2,), False, ("W_hr", "W_hz", "W_hn"))),
        (GRUCell("before"), Blocks(("r", "z", "n"), 2, (), False, ("W_hr", "W_hz", "W_hn"))),
        (LSTMCell(), Blocks(("o", "i", "f", "g"), 4, (), True, ("W_ho", "W_hi", "W_hf", "W_hg"), parts=1)),
        (LSTMCell(True, True), Blocks(("o", "i", "f", "g"), 4, (), True, ("W_ho", "W_hi", "W_hf", "W_hg"), parts=1)),
        (Scattered(), Blocks(("r", "hq", "p", "q", "s"), 3, (1,), False, ("W_hr", "W_hq", "W_hp"), derived=False)),
    ],
    ids=str,
)
def test_blocks_that_h_enters_come_first(cell, expected):
    assert blocks_of(cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (RNNCell(), [(0, 1, 0, 1)]),
        (GRUCell("after"), [(0, 2, 0, 2), (3, 4, 2, 3)]),
        (GRUCell("before"), [(0, 3, 0, 3)]),
        (LSTMCell(), [(0, 4, 0, 4)]),
        (Scattered(), [(2, 4, 0, 2), (0, 1, 2, 3), (4, 5, 3, 4)]),
    ],
    ids=str,
)
def test_runs_pair_the_rows_of_a_step_with_the_columns_of_x(cell, expected):
    """Of Scattered: p and q lie side by side in both, then r alone, then s alone."""
    units = 7
    found = x_runs(cell, units)
    assert found == tuple(
        (slice(units * first, units * last), slice(units * left, units * right))
        for first, last, left, right in expected
    )


@pytest.mark.parametrize("cell", [RNNCell(), GRUCell("after"), GRUCell("before"), LSTMCell(), Scattered()], ids=str)
def test_runs_take_every_gate_to_the_block_of_its_name_once(cell):
    taken = {}
    for rows, columns in x_runs(cell, 2):
        for row, column in zip(range(10)[rows], range(10)[columns], strict=True):
            assert column not in taken
            taken[column] = row
    names = blocks_of(cell).names
    assert taken == {2 * g + j: 2 * names.index(gate) + j for g, gate in enumerate(cell.gates) for j in range(2)}


def test_the_layout_of_equal_cells_is_worked_out_once():
    assert blocks_of(LSTMCell(peepholes=True)) is blocks_of(LSTMCell(peepholes=True))
    assert x_runs(GRUCell(), 5) is x_runs(GRUCell(), 5)
    assert x_runs(GRUCell(), 5) != x_runs(GRUCell(), 6)


def test_a_product_of_several_blocks_sees_them_side_by_side_and_gives_them_back():
    matrix, blocks, v = np.arange(12.0).reshape(2, 6), np.arange(24.0).reshape(3, 2, 4), np.arange(8.0).reshape(2, 2, 2)
    np.testing.assert_array_equal(of_blocks(matrix.dot)(blocks), matrix @ blocks.reshape(6, 4))
    back = to_blocks(lambda x: np.tensordot(matrix.T, x, 1), 3)(v)
    np.testing.assert_array_equal(back, np.einsum("pbh,pkl->bhkl", matrix.reshape(2, 3, 2), v))
