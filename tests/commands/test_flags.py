"""A flag's number is read as its type, or named with what it should be."""

from argparse import ArgumentTypeError

import pytest

from npseq.commands.flags import CELLS, CORPORA, number
from npseq.training import TrainingConfig


def test_a_number_is_read_as_its_type():
    assert number(int)("12") == 12
    assert number(float)("1e-3") == 1e-3
    assert number(int, nullable=True)("none") is None
    assert number(float, nullable=True)("2") == 2.0


@pytest.mark.parametrize(
    ("kind", "nullable", "text", "message"),
    [
        (int, False, "2.5", "must be an integer, got '2.5'"),
        (int, False, "none", "must be an integer, got 'none'"),
        (int, True, "many", "must be an integer or none, got 'many'"),
        (float, False, "", "must be a number, got ''"),
        (float, True, "None", "must be a number or none, got 'None'"),
    ],
)
def test_anything_else_is_refused_with_the_type_wanted(kind, nullable, text, message):
    with pytest.raises(ArgumentTypeError) as caught:
        number(kind, nullable)(text)
    assert str(caught.value) == message


def test_the_cells_and_corpora_are_those_of_a_configuration():
    for cell in CELLS:
        assert TrainingConfig(cell=cell).cell == cell
    assert TrainingConfig().corpus in CORPORA
